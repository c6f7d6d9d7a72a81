// Command provider is a Go rpcx server that registers itself. It writes one line of JSON when it listens; it deregisters and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"
	"rpcxjs.interop/go-registries/places"
)

// Args is nothing that anybody looks at.
type Args struct{ ID int }

// Reply tells who answered.
type Reply struct{ From string }

type where struct{ name string }

// Who answers with the name of this server.
func (w where) Who(_ context.Context, _ *Args, reply *Reply) error {
	reply.From = w.name
	return nil
}

func main() {
	var place places.Place
	flag.StringVar(&place.Kind, "kind", "", "etcd, etcd-single, zookeeper, consul, redis or mdns")
	flag.StringVar(&place.Registry, "registry", "", "host:port")
	flag.StringVar(&place.Base, "base", "", "base path")
	service := flag.String("service", "Where", "its one method is Who")
	metadata := flag.String("metadata", "", "query string")
	name := flag.String("name", "go", "what Who answers")
	every := flag.Duration("every", time.Second, "update interval")
	host := flag.String("host", "127.0.0.1", "the address that it listens at")
	flag.Parse()
	log.SetDummyLogger()

	listener, err := net.Listen("tcp", net.JoinHostPort(*host, "0"))
	exitOn(err)
	address := listener.Addr().String()
	plugin, err := place.Register("tcp@"+address, *every)
	exitOn(err)
	if place.Kind != "mdns" {
		exitOn(plugin.Start())
	}
	s := server.NewServer()
	s.DisableHTTPGateway, s.DisableJSONRPC = true, true
	s.Plugins.Add(plugin)
	exitOn(s.RegisterName(*service, where{*name}, *metadata))
	if place.Kind == "mdns" {
		// It panics in Stop when there was no service yet in Start.
		exitOn(plugin.Start())
	}
	failed := make(chan error, 1)
	go func() { failed <- s.ServeListener("tcp", listener) }()
	select {
	case err := <-failed:
		exitOn(err)
	case <-s.Started:
	}
	ready, _ := json.Marshal(map[string]any{"address": address, "pid": os.Getpid()})
	fmt.Println(string(ready))
	_, _ = io.Copy(io.Discard, os.Stdin)
	exitOn(errors.Join(s.UnregisterAll(), plugin.Stop(), s.Close()))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
