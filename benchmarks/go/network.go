package main

import (
	"net"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/server"
)

// network is what a build tag adds to tcp.
type network struct {
	// server gives the options of a server.
	server func(options) []server.OptionFn
	// client completes the options of a client.
	client func(options, *client.Option)
	// tune sets up each connection of either side; nil for none.
	tune func(options, net.Conn)
}

var networks = map[string]network{}

// tuner calls tune for each connection of a server and of a client.
type tuner struct {
	options options
	tune    func(options, net.Conn)
}

// HandleConnAccept is called by servers.
func (t tuner) HandleConnAccept(conn net.Conn) (net.Conn, bool) {
	t.tune(t.options, conn)
	return conn, true
}

// ConnCreated is called by clients.
func (t tuner) ConnCreated(conn net.Conn) (net.Conn, error) {
	t.tune(t.options, conn)
	return conn, nil
}
