//go:build quic

package main

import (
	"crypto/tls"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/server"
)

func init() {
	networks["quic"] = network{
		server: func(o options) []server.OptionFn {
			pair, err := tls.LoadX509KeyPair(o.certificate, o.key)
			if err != nil {
				fail(err)
			}
			return []server.OptionFn{server.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}})}
		},
		// The handshake is not measured.
		client: func(_ options, settings *client.Option) { settings.TLSConfig = &tls.Config{InsecureSkipVerify: true} },
	}
}
