// Command server is a Go rpcx server over KCP for tests. It writes one line of JSON when it is ready, and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"
	"rpcxjs.interop/go-kcp/crypt"
)

var address = flag.String("address", "127.0.0.1:0", "host:port (port 0 is free choice)")

// Args of Mul.
type Args struct{ A, B int }

// Reply of Mul.
type Reply struct{ C int }

// Arith has the call that every test needs.
type Arith struct{}

// Mul multiplies.
func (Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// Bytes carries payloads of any size.
type Bytes struct{}

// Echo answers what it was given.
func (Bytes) Echo(_ context.Context, args *[]byte, reply *[]byte) error {
	*reply = append([]byte(nil), *args...)
	return nil
}

func main() {
	flag.Parse()
	log.SetDummyLogger()
	block, err := crypt.FromFlags()
	exitOn(err)
	s := server.NewServer(server.WithBlockCrypt(block))
	s.DisableHTTPGateway, s.DisableJSONRPC = true, true
	s.Plugins.Add(crypt.Plugin{})
	exitOn(errors.Join(s.RegisterName("Arith", Arith{}, ""), s.RegisterName("Bytes", Bytes{}, "")))
	failed := make(chan error, 1)
	go func() { failed <- s.Serve("kcp", *address) }()
	select {
	case err := <-failed:
		exitOn(err)
	case <-s.Started:
	}
	ready, _ := json.Marshal(map[string]any{"ready": true, "address": s.Address().String()})
	fmt.Println(string(ready))
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
