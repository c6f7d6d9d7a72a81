// Command golden writes what Go puts on the wire into the fixtures of the TypeScript packages. Run it from this module's folder:
//
//	go run ./cmd/golden
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
)

func main() {
	packages := flag.String("packages", filepath.Join("..", ".."), "the folder that the fixtures go below")
	flag.Parse()
	write(filepath.Join(*packages, "protocol", "test", "fixtures", "golden-frames.json"), "frames", frames())
	write(filepath.Join(*packages, "codec-msgpack", "test", "fixtures", "golden-msgpack.json"), "vectors", msgpackVectors())
	write(filepath.Join(*packages, "codec-msgpack", "test", "fixtures", "golden-msgpack-decode.json"), "vectors", msgpackDecodings())
	write(filepath.Join(*packages, "codec-protobuf", "test", "fixtures", "golden-protobuf.json"), "vectors", protobufVectors())
}

// write puts one entry on each line, so that a change shows as the lines that changed.
func write[T any](path, key string, entries []T) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n\"madeBy\": %s,\n\"count\": %d,\n%q: [\n", must(json.Marshal(madeBy())), len(entries), key)
	for i, entry := range entries {
		if i > 0 {
			out.WriteString(",\n")
		}
		out.Write(marshal(entry))
	}
	out.WriteString("\n]\n}\n")
	check(os.MkdirAll(filepath.Dir(path), 0o755))
	check(os.WriteFile(path, out.Bytes(), 0o644))
	fmt.Printf("%s: %d entries, %d bytes\n", path, len(entries), out.Len())
}

// marshal leaves < > & as they are.
func marshal(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(value))
	return bytes.TrimRight(out.Bytes(), "\n")
}

func madeBy() map[string]string {
	versions := map[string]string{"program": "packages/interop/go/cmd/golden"}
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		switch module.Path {
		case "github.com/smallnest/rpcx", "github.com/vmihailenco/msgpack/v5", "google.golang.org/protobuf":
			versions[module.Path] = module.Version
		}
	}
	return versions
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
