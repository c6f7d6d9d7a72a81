// Command server is a Go rpcx server for tests. It writes one line of JSON when it is ready, and ends when its standard input does.
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
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
	"rpcxjs.interop/go/certs"
	"rpcxjs.interop/go/services"
)

var (
	network      = flag.String("network", "tcp", "tcp, unix, http, ws or wss")
	address      = flag.String("address", "127.0.0.1:0", "host:port (port 0 is free choice) or the path of a socket")
	certificate  = flag.String("cert", "", "PEM file; with it the server speaks TLS")
	key          = flag.String("key", "", "PEM file")
	authority    = flag.String("ca", "", "PEM file; with it clients must show a certificate")
	token        = flag.String("token", "", "the only token that is let in; empty lets all in")
	customErrors = flag.Bool("custom-errors", false, "map error texts with ServerErrorFunc")
	readTimeout  = flag.Duration("read-timeout", 0, "ends connections on which no frame begins for so long")
	workers      = flag.Int("workers", 0, "goroutines that serve all requests, heartbeats too; 0 is one for each request")
	asyncWrite   = flag.Bool("async-write", false, "write each reply in a goroutine of its own")
	makeCerts    = flag.String("make-certs", "", "write certificates into this folder and end")
)

func main() {
	flag.Parse()
	log.SetDummyLogger()
	if *makeCerts != "" {
		exitOn(certs.Write(*makeCerts))
		return
	}
	s, err := build()
	exitOn(err)
	bound := serve(s)
	ready, _ := json.Marshal(map[string]any{"ready": true, "network": *network, "address": bound, "pid": os.Getpid()})
	fmt.Println(string(ready))
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
}

func build() (*server.Server, error) {
	var options []server.OptionFn
	if *certificate != "" {
		config, err := certs.ServerConfig(*certificate, *key, *authority)
		if err != nil {
			return nil, err
		}
		options = append(options, server.WithTLSConfig(config))
	}
	if *readTimeout > 0 {
		options = append(options, server.WithReadTimeout(*readTimeout))
	}
	if *workers > 0 {
		options = append(options, server.WithPool(*workers, 100))
	}
	if *asyncWrite {
		options = append(options, server.WithAsyncWrite())
	}
	s := server.NewServer(options...)
	s.DisableHTTPGateway, s.DisableJSONRPC = true, true
	s.Plugins.Add(services.RequestPlugin{})
	if *token != "" {
		s.AuthFunc = func(_ context.Context, _ *protocol.Message, given string) error {
			if given != *token {
				return errors.New("invalid token")
			}
			return nil
		}
	}
	if *customErrors {
		s.ServerErrorFunc = func(response *protocol.Message, err error) string {
			response.Metadata["x-error-kind"] = "custom"
			return "E42: " + err.Error()
		}
	}
	return s, register(s)
}

func register(s *server.Server) error {
	services.AddHandlers(s)
	return errors.Join(
		s.RegisterName("Arith", services.Arith{}, ""),
		s.RegisterName("/a path/with.dots/服务", services.Arith{}, ""),
		s.RegisterName("Numbers", services.Numbers{}, ""),
		s.RegisterName("Bytes", services.Bytes{}, ""),
		s.RegisterName("Proto", services.Proto{}, ""),
		s.RegisterName("Hello", services.Hello{}, ""),
		s.RegisterName("Notes", &services.Notes{}, ""),
		s.RegisterName("Events", &services.Events{Server: s}, ""),
		s.RegisterFunctionName("Functions", "Mul", services.Mul, ""),
	)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
