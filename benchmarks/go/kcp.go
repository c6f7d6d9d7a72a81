//go:build kcp

package main

import (
	"net"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/server"
	kcp "github.com/xtaci/kcp-go"
)

func init() {
	networks["kcp"] = network{
		server: func(o options) []server.OptionFn { return []server.OptionFn{server.WithBlockCrypt(block(o))} },
		client: func(o options, settings *client.Option) { settings.Block = block(o) },
		tune:   tuneKcp,
	}
}

// block is the cipher; its key is that of the other side (peers/rpcxjs-transport.mjs).
func block(o options) kcp.BlockCrypt {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	make := kcp.NewNoneBlockCrypt
	if o.cipher == "aes-256" {
		make = kcp.NewAESBlockCrypt
	}
	made, err := make(key)
	if err != nil {
		fail(err)
	}
	return made
}

// tuneKcp acknowledges at once and in stream mode, as the rpcx example does, and has the fastest mode of kcp-go's README with windows that hold a hundred calls.
func tuneKcp(o options, conn net.Conn) {
	session, ok := conn.(*kcp.UDPSession)
	if !ok || !o.fast {
		return
	}
	session.SetACKNoDelay(true)
	session.SetStreamMode(true)
	session.SetNoDelay(1, 10, 2, 1)
	session.SetWindowSize(1024, 1024)
}
