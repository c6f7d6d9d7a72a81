// Command client is an rpcx client over KCP. It writes one line of JSON when it has dialled, then makes the calls that it reads, one JSON value a line.
package main

import (
	"bufio"
	"context"
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
	kcp "github.com/xtaci/kcp-go"
	"rpcxjs.interop/go-kcp/crypt"
)

var (
	address   = flag.String("address", "", "host:port")
	heartbeat = flag.Duration("heartbeat", 0, "time between heartbeats; 0 is none")
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
	calls, err := connect(protocol.MsgPack)
	exitOn(err)
	bytes, err := connect(protocol.SerializeNone)
	exitOn(err)
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
}

func connect(serialize protocol.SerializeType) (*client.Client, error) {
	block, err := crypt.FromFlags()
	if err != nil {
		return nil, err
	}
	options := client.DefaultOption
	options.Block, options.ConnectTimeout, options.SerializeType = block, 5*time.Second, serialize
	options.Heartbeat, options.HeartbeatInterval = *heartbeat > 0, *heartbeat
	made := client.NewClient(options)
	plugins := client.NewPluginContainer()
	plugins.Add(crypt.Plugin{})
	made.Plugins = plugins
	return made, made.Connect("kcp", *address)
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
	return map[string]any{"calls": c.Calls, "failed": failed.Load(), "firstError": first.Load(), "ms": time.Since(begin).Milliseconds(), "recovered": kcp.DefaultSnmp.Copy().FECRecovered}
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
