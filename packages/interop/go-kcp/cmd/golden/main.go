// Command golden writes what kcp-go makes of known input as one JSON value: each cipher over a known datagram, and thirteen datagrams of one session,
// ten of data and three of parity. It is committed as packages/transport-kcp/test/golden.json:
//
//	go run -tags kcp ./cmd/golden > ../../transport-kcp/test/golden.json
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"time"

	kcp "github.com/xtaci/kcp-go"
	"rpcxjs.interop/go-kcp/crypt"
)

type cipherCase struct {
	Cipher    string `json:"cipher"`
	Key       string `json:"key"`
	Plain     string `json:"plain"`
	Encrypted string `json:"encrypted"`
}

type sessionCase struct {
	Cipher       string   `json:"cipher"`
	Key          string   `json:"key"`
	Conversation uint32   `json:"conversation"`
	Payloads     []string `json:"payloads"`
	Datagrams    []string `json:"datagrams"`
}

func main() {
	var ciphers []cipherCase
	for _, name := range slices.Sorted(maps.Keys(crypt.Names)) {
		size := crypt.Names[name]
		for _, length := range []int{60, 203} {
			key, plain := pattern(size, 11), pattern(length, 5)
			block, err := crypt.New(name, key)
			exitOn(err)
			encrypted := make([]byte, length)
			block.Encrypt(encrypted, plain)
			ciphers = append(ciphers, cipherCase{name, hex.EncodeToString(key), hex.EncodeToString(plain), hex.EncodeToString(encrypted)})
		}
	}
	sessions := []sessionCase{session("none"), session("aes-256")}
	out, err := json.MarshalIndent(map[string]any{"ciphers": ciphers, "sessions": sessions}, "", " ")
	exitOn(err)
	fmt.Println(string(out))
}

func pattern(length, step int) []byte {
	bytes := make([]byte, length)
	for i := range bytes {
		bytes[i] = byte(i*step + i/256)
	}
	return bytes
}

// session writes ten times and catches what comes out.
func session(name string) sessionCase {
	key := pattern(crypt.Names[name], 3)
	block, err := crypt.New(name, key)
	exitOn(err)
	catcher, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	exitOn(err)
	dialled, err := kcp.DialWithOptions(catcher.LocalAddr().String(), block, 10, 3)
	exitOn(err)
	dialled.SetNoDelay(0, 5000, 0, 1)
	made := sessionCase{Cipher: name, Key: hex.EncodeToString(key), Conversation: dialled.GetConv()}
	go func() {
		for i := range 10 {
			payload := pattern(20+37*i, i+1)
			made.Payloads = append(made.Payloads, hex.EncodeToString(payload))
			_, err := dialled.Write(payload)
			exitOn(err)
		}
	}()
	buffer := make([]byte, 2000)
	exitOn(catcher.SetReadDeadline(time.Now().Add(5 * time.Second)))
	for range 13 {
		n, _, err := catcher.ReadFrom(buffer)
		exitOn(err)
		made.Datagrams = append(made.Datagrams, hex.EncodeToString(buffer[:n]))
	}
	_ = dialled.Close()
	return made
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
