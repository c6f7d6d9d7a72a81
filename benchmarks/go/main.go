// The Go side of the benchmarks: rpcx's own client and server, and net/rpc, behind the driver protocol of ../README.md.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
)

type options struct {
	address     string
	payload     string
	codec       string
	connections int
	asyncWrite  bool
	network     string
	cipher      string
	fast        bool
	certificate string
	key         string
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("which peer? one of rpcx-server, rpcx-client, netrpc-server, netrpc-client"))
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "where the server is, or shall listen")
	flags.StringVar(&o.payload, "payload", "message", "message, or a number of bytes")
	flags.StringVar(&o.codec, "codec", "raw", "raw, msgpack or json")
	flags.IntVar(&o.connections, "connections", 1, "connections of a client")
	flags.BoolVar(&o.asyncWrite, "async-write", false, "the server answers from goroutines of their own")
	flags.StringVar(&o.network, "network", "tcp", "tcp, or what the build tag adds")
	flags.StringVar(&o.cipher, "cipher", "none", "of kcp: none or aes-256")
	flags.BoolVar(&o.fast, "fast", false, "of kcp: its fastest mode, and large windows")
	flags.StringVar(&o.certificate, "cert", "", "of quic: PEM file")
	flags.StringVar(&o.key, "key", "", "of quic: PEM file")
	_ = flags.Parse(os.Args[2:])
	run, known := map[string]func(options){
		"rpcx-server": rpcxServer, "rpcx-client": rpcxClient,
		"netrpc-server": netrpcServer, "netrpc-client": netrpcClient,
	}[os.Args[1]]
	if !known {
		fail(fmt.Errorf("no peer %q", os.Args[1]))
	}
	run(o)
}

// ready tells the driver where the server listens, then stays until the driver closes our input.
func serveUntilInputEnds(address string) {
	line(map[string]any{"ready": address, "go": runtime.Version()})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line(map[string]any{})
	}
}

func line(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
