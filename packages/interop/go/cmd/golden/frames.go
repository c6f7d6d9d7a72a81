package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/smallnest/rpcx/protocol"
)

// frame is one golden frame and what it says. Numbers above 2^53 are text. `payload` is what the application sees, `wirePayload` what
// travels when that differs (gzip).
type frame struct {
	Name        string      `json:"name"`
	Version     int         `json:"version"`
	Response    bool        `json:"response"`
	Heartbeat   bool        `json:"heartbeat"`
	Oneway      bool        `json:"oneway"`
	Compress    int         `json:"compress"`
	Status      int         `json:"status"`
	Serialize   int         `json:"serialize"`
	Reserved    int         `json:"reserved"`
	Seq         string      `json:"seq"`
	Service     string      `json:"service"`
	Method      string      `json:"method"`
	Metadata    [][2]string `json:"metadata"`
	Payload     string      `json:"payload"`
	WirePayload string      `json:"wirePayload,omitempty"`
	// InvalidUTF8 marks frames whose texts hold bytes that are not UTF-8; the texts above have U+FFFD there.
	InvalidUTF8 bool   `json:"invalidUtf8,omitempty"`
	Hex         string `json:"hex"`
}

// setup fills a fresh message.
type setup func(m *protocol.Message)

type collector struct {
	frames []frame
	names  map[string]bool
}

// add encodes with Go's own encoder, reads the result back with Go's own decoder, and notes what the decoder said.
func (c *collector) add(name string, fill setup) {
	if c.names[name] {
		panic("two frames are called " + name)
	}
	c.names[name] = true
	message := protocol.NewMessage()
	fill(message)
	encoded := encodeSorted(message)
	read := protocol.NewMessage()
	check(read.Decode(bytes.NewReader(encoded)))
	c.frames = append(c.frames, describeFrame(name, read, encoded))
}

func describeFrame(name string, m *protocol.Message, encoded []byte) frame {
	f := frame{
		Name: name, Version: int(m.Version()), Response: m.MessageType() == protocol.Response, Heartbeat: m.IsHeartbeat(), Oneway: m.IsOneway(),
		Compress: int(m.CompressType()), Status: int(m.MessageStatusType()), Serialize: int(m.SerializeType()), Reserved: int(m.Header[3] & 0x0f),
		Seq: fmt.Sprint(m.Seq()), Service: valid(m.ServicePath), Method: valid(m.ServiceMethod), Metadata: [][2]string{},
		Payload: hex.EncodeToString(m.Payload), Hex: hex.EncodeToString(encoded),
	}
	f.InvalidUTF8 = f.Service != m.ServicePath || f.Method != m.ServiceMethod
	for _, key := range sortedKeys(m.Metadata) {
		pair := [2]string{valid(key), valid(m.Metadata[key])}
		f.InvalidUTF8 = f.InvalidUTF8 || pair[0] != key || pair[1] != m.Metadata[key]
		f.Metadata = append(f.Metadata, pair)
	}
	if onWire := encoded[len(encoded)-wirePayloadLength(encoded):]; !bytes.Equal(onWire, m.Payload) {
		f.WirePayload = hex.EncodeToString(onWire)
	}
	return f
}

// encodeSorted repeats until Go's random map order is the sorted one, so that the fixture is the same each time it is made.
func encodeSorted(m *protocol.Message) []byte {
	for range 100_000 {
		encoded := m.Encode()
		if slices.IsSorted(keysOnWire(encoded)) {
			return bytes.Clone(encoded)
		}
	}
	panic("metadata never came out sorted: use fewer keys")
}

func keysOnWire(encoded []byte) []string {
	rest := encoded[16:]
	_, rest = part(rest)
	_, rest = part(rest)
	metadata, _ := part(rest)
	var keys []string
	for len(metadata) > 0 {
		var key []byte
		key, metadata = part(metadata)
		_, metadata = part(metadata)
		keys = append(keys, string(key))
	}
	return keys
}

func wirePayloadLength(encoded []byte) int {
	rest := encoded[16:]
	for range 3 {
		_, rest = part(rest)
	}
	payload, _ := part(rest)
	return len(payload)
}

func part(data []byte) (head, rest []byte) {
	length := int(data[0])<<24 | int(data[1])<<16 | int(data[2])<<8 | int(data[3])
	return data[4 : 4+length], data[4+length:]
}

func sortedKeys(metadata map[string]string) []string {
	keys := make([]string, 0, len(metadata))
	for key := range metadata {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func valid(text string) string {
	return strings.ToValidUTF8(text, "\ufffd")
}
