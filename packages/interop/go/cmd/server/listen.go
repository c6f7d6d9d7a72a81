package main

import (
	"crypto/tls"
	"flag"
	"net"
	"net/http"

	"github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"
	"golang.org/x/net/websocket"
	"rpcxjs.interop/go/certs"
)

var path = flag.String("path", "", "of network http, ws or wss; empty is rpcx's own")

// serve starts the server and returns the address that it listens on. It ends the program when serving fails.
func serve(s *server.Server) string {
	if *network == "http" || *network == "ws" || *network == "wss" {
		return serveHTTP(s)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(*network, *address) }()
	select {
	case err := <-failed:
		exitOn(err)
	case <-s.Started:
	}
	return s.Address().String()
}

// serveHTTP listens by itself, because rpcx tells nobody when a server of these networks listens.
func serveHTTP(s *server.Server) string {
	listener, err := net.Listen("tcp", *address)
	exitOn(err)
	bound := listener.Addr().String()
	if *certificate != "" {
		config, err := certs.ServerConfig(*certificate, *key, *authority)
		exitOn(err)
		listener = tls.NewListener(listener, config)
	}
	go func() {
		if *path == "" && *network == "http" {
			exitOn(s.ServeListener("http", listener))
			return
		}
		if *path == "" {
			*path = share.DefaultRPCPath
		}
		mux := http.NewServeMux()
		if *network == "http" {
			mux.Handle(*path, s)
		} else {
			mux.Handle(*path, websocket.Handler(s.ServeWS))
		}
		exitOn(http.Serve(listener, mux))
	}()
	return bound
}
