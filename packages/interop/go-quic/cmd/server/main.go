// Command server is a Go rpcx server over QUIC for tests. It writes one line of JSON when it is ready, and ends when its standard input does.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/server"
)

var (
	address     = flag.String("address", "127.0.0.1:0", "host:port (port 0 is free choice)")
	certificate = flag.String("cert", "", "PEM file")
	key         = flag.String("key", "", "PEM file")
	authority   = flag.String("ca", "", "PEM file; with it clients must show a certificate")
)

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
	config, err := tlsConfig()
	exitOn(err)
	s := server.NewServer(server.WithTLSConfig(config))
	s.DisableHTTPGateway, s.DisableJSONRPC = true, true
	exitOn(errors.Join(s.RegisterName("Arith", Arith{}, ""), s.RegisterName("Bytes", Bytes{}, "")))
	failed := make(chan error, 1)
	go func() { failed <- s.Serve("quic", *address) }()
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

func tlsConfig() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if *authority == "" {
		return config, nil
	}
	pem, err := os.ReadFile(*authority)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	config.ClientCAs.AppendCertsFromPEM(pem)
	return config, nil
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
