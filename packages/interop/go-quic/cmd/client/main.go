// Command client is one connection of rpcx's client over QUIC. It writes one line of JSON when it is connected, then makes the calls that it reads, one JSON value a line.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
)

var (
	address     = flag.String("address", "", "host:port")
	authority   = flag.String("ca", "", "PEM file; empty trusts whoever answers")
	serverName  = flag.String("name", "localhost", "the name that the server's certificate must have")
	certificate = flag.String("cert", "", "PEM file of this side's own certificate")
	key         = flag.String("key", "", "PEM file")
)

type args struct{ A, B int }
type reply struct{ C int }

// command makes `Calls` calls of Arith.Mul, `Concurrent` at a time, or, with `Echo`, one call of Bytes.Echo with that many bytes.
type command struct {
	ID         int `json:"id"`
	Calls      int `json:"calls"`
	Concurrent int `json:"concurrent"`
	Echo       int `json:"echo"`
}

func main() {
	flag.Parse()
	log.SetDummyLogger()
	config, err := tlsConfig()
	exitOn(err)
	options := client.DefaultOption
	options.TLSConfig, options.ConnectTimeout, options.SerializeType = config, 5*time.Second, protocol.MsgPack
	calls := client.NewClient(options)
	exitOn(calls.Connect("quic", *address))
	options.SerializeType = protocol.SerializeNone
	bytes := client.NewClient(options)
	exitOn(bytes.Connect("quic", *address))
	say(map[string]any{"ready": true})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		exitOn(json.Unmarshal(lines.Bytes(), &c))
		answer := many(calls, c)
		if c.Echo > 0 {
			answer = echo(bytes, c.Echo)
		}
		answer["id"] = c.ID
		say(answer)
	}
	_ = calls.Close()
	_ = bytes.Close()
	// Close ends the streams and waits for nothing; a moment for the other side to hear of it.
	time.Sleep(100 * time.Millisecond)
}

func many(rpc *client.Client, c command) map[string]any {
	var next, failed atomic.Int64
	var first atomic.Value
	var workers sync.WaitGroup
	begin := time.Now()
	for range max(1, c.Concurrent) {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(c.Calls); n = next.Add(1) {
				if err := mul(rpc, int(n)); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
				}
			}
		})
	}
	workers.Wait()
	return map[string]any{"calls": c.Calls, "failed": failed.Load(), "firstError": first.Load(), "ms": time.Since(begin).Milliseconds()}
}

func mul(rpc *client.Client, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var got reply
	if err := rpc.Call(ctx, "Arith", "Mul", &args{A: n, B: 3}, &got); err != nil {
		return err
	}
	if got.C != 3*n {
		return fmt.Errorf("%d * 3 came back as %d", n, got.C)
	}
	return nil
}

func echo(rpc *client.Client, size int) map[string]any {
	sent, got := make([]byte, size), []byte{}
	for i := range sent {
		sent[i] = byte(i*7 + i>>8)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := rpc.Call(ctx, "Bytes", "Echo", &sent, &got); err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"same": string(sent) == string(got)}
}

func tlsConfig() (*tls.Config, error) {
	if *authority == "" {
		return &tls.Config{InsecureSkipVerify: true}, nil
	}
	pem, err := os.ReadFile(*authority)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: *serverName}
	config.RootCAs.AppendCertsFromPEM(pem)
	if *certificate == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	config.Certificates = []tls.Certificate{pair}
	return config, err
}

func say(value map[string]any) {
	line, _ := json.Marshal(value)
	fmt.Println(string(line))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
