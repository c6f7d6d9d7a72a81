package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/smallnest/rpcx/codec"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/share"
	"google.golang.org/protobuf/proto"
	"rpcxjs.interop/go/pb"
	"rpcxjs.interop/go/shapes"

	testutils "github.com/smallnest/rpcx/_testutils"
)

func frames() []frame {
	for number := protocol.CompressType(2); number < 8; number++ {
		protocol.Compressors[number] = &protocol.RawDataCompressor{}
	}
	c := &collector{names: map[string]bool{}}
	c.worked()
	c.flagBytes()
	c.headerBytes()
	c.sequences()
	c.texts()
	c.metadata()
	c.payloads()
	c.codecs()
	c.compressed()
	c.errors()
	return c.frames
}

func call(service, method string, kind protocol.SerializeType, payload []byte) setup {
	return func(m *protocol.Message) {
		m.ServicePath, m.ServiceMethod, m.Payload = service, method, payload
		m.SetSerializeType(kind)
	}
}

func with(first setup, more ...setup) setup {
	return func(m *protocol.Message) {
		first(m)
		for _, next := range more {
			next(m)
		}
	}
}

func response(m *protocol.Message) { m.SetMessageType(protocol.Response) }
func seq(n uint64) setup           { return func(m *protocol.Message) { m.SetSeq(n) } }
func meta(pairs ...string) setup {
	return func(m *protocol.Message) {
		m.Metadata = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m.Metadata[pairs[i]] = pairs[i+1]
		}
	}
}
func failed(text string) setup {
	return func(m *protocol.Message) {
		m.SetMessageType(protocol.Response)
		m.SetMessageStatusType(protocol.Error)
		m.Metadata = map[string]string{protocol.ServiceError: text}
	}
}

func encode(kind protocol.SerializeType, value any) []byte {
	return must(share.Codecs[kind].Encode(value))
}

var mul = call("Arith", "Mul", protocol.MsgPack, encode(protocol.MsgPack, &shapes.Args{A: 10, B: 20}))

// worked has the frames of everyday traffic, as client.go and server.go of rpcx write them.
func (c *collector) worked() {
	c.add("request Arith.Mul", mul)
	c.add("request Arith.Mul with a token", with(mul, meta(share.AuthKey, "bearer x")))
	c.add("request Arith.Mul with a deadline", with(mul, seq(7), meta(share.ServerTimeout, "1500")))
	c.add("response Arith.Mul", with(call("Arith", "Mul", protocol.MsgPack, encode(protocol.MsgPack, &shapes.Reply{C: 200})), response))
	c.add("error: no such method", with(call("Arith", "Mul", protocol.MsgPack, nil), failed("rpcx: can't find method Foo")))
	beat := func(m *protocol.Message) {
		m.SetHeartbeat(true)
		m.SetSerializeType(protocol.MsgPack)
		m.SetSeq(1)
		now := int64(1700000000000000000)
		m.Payload = encode(protocol.MsgPack, &now)
	}
	c.add("heartbeat", beat)
	c.add("heartbeat echo", with(beat, response))
	c.add("heartbeat with metadata", with(beat, meta("_key", "value")))
	c.add("heartbeat with names", with(beat, func(m *protocol.Message) { m.ServicePath, m.ServiceMethod = "a", "b" }))
	c.add("push", with(call("test_service_path", "test_service_method", protocol.SerializeNone, []byte("abcde")), seq(1), oneway))
	c.add("one-way request", with(mul, oneway))
}

func oneway(m *protocol.Message) { m.SetOneway(true) }

// flagBytes has each of the 256 values of the flag byte.
func (c *collector) flagBytes() {
	for flags := range 256 {
		c.add(fmt.Sprintf("flag byte %#02x", flags), func(m *protocol.Message) {
			m.Header[2] = byte(flags)
			m.SetSeq(uint64(flags))
			m.ServicePath, m.ServiceMethod, m.Payload = "S", "M", []byte{byte(flags)}
			m.SetSerializeType(protocol.JSON)
		})
	}
}

func (c *collector) headerBytes() {
	for kind := range 16 {
		c.add(fmt.Sprintf("serialize type %d", kind), call("S", "M", protocol.SerializeType(kind), []byte("x")))
		c.add(fmt.Sprintf("reserved nibble %d", kind), with(mul, func(m *protocol.Message) { m.Header[3] |= byte(kind) }))
	}
	for _, version := range []byte{1, 2, 127, 128, 255} {
		c.add(fmt.Sprintf("version %d", version), with(mul, func(m *protocol.Message) { m.SetVersion(version) }))
	}
}

func (c *collector) sequences() {
	for _, n := range []uint64{1, 127, 128, 255, 256, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<53 - 1, 1 << 53, 1<<53 + 1,
		1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64 - 1, math.MaxUint64} {
		c.add(fmt.Sprintf("seq %d", n), with(mul, seq(n)))
		c.add(fmt.Sprintf("seq %d in a response", n), with(mul, seq(n), response))
	}
}

func (c *collector) texts() {
	c.add("nothing at all", func(*protocol.Message) {})
	c.add("nothing but a path", func(m *protocol.Message) { m.ServicePath = "p" })
	c.add("nothing but a method", func(m *protocol.Message) { m.ServiceMethod = "m" })
	c.add("nothing but metadata", meta("k", "v"))
	c.add("nothing but a payload", func(m *protocol.Message) { m.Payload = []byte{0} })
	texts := map[string]string{
		"Chinese": "服务", "emoji": "🚀🧪", "joined emoji": "👩‍👩‍👧", "combining": "e\u0301", "two-byte": "éßñ", "BOM": "\ufeffx",
		"zero byte": "a\x00b", "slashes and dots": "/a.b/c", "spaces": "  a  ", "controls": "\x01\x1f\x7f", "replacement": "\ufffd", "last code point": "\U0010ffff",
		"invalid byte": "a\xffb", "cut-off character": "a\xe6b", "lone surrogate": "a\xc0b",
	}
	for _, name := range sortedKeys(texts) {
		text := texts[name]
		c.add("names: "+name, call(text, text+text, protocol.JSON, []byte("1")))
		c.add("metadata: "+name, with(mul, meta(text, text)))
	}
	for _, length := range []int{31, 32, 63, 64, 65, 127, 128, 255, 256, 1000} {
		c.add(fmt.Sprintf("names of %d bytes", length), call(strings.Repeat("s", length), strings.Repeat("m", length), protocol.JSON, nil))
	}
}

func (c *collector) metadata() {
	c.add("metadata: empty map", with(mul, meta()))
	c.add("metadata: empty key", with(mul, meta("", "v")))
	c.add("metadata: empty value", with(mul, meta("k", "")))
	c.add("metadata: empty key and value", with(mul, meta("", "")))
	c.add("metadata: key of an object's prototype", with(mul, meta("__proto__", "x", "constructor", "y", "toString", "z")))
	c.add("metadata: integer-like keys", with(mul, meta("10", "a", "2", "b")))
	c.add("metadata: long value", with(mul, meta("k", strings.Repeat("v", 3000))))
	c.add("metadata: long key", with(mul, meta(strings.Repeat("k", 3000), "v")))
	c.add("metadata: trace", with(mul, meta("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate", "a=b", "baggage", "k=v")))
	for count := 2; count <= 8; count++ {
		var pairs []string
		for i := range count {
			pairs = append(pairs, fmt.Sprintf("key%d", i), fmt.Sprintf("value %d", i))
		}
		c.add(fmt.Sprintf("metadata: %d entries", count), with(mul, meta(pairs...)))
		c.add(fmt.Sprintf("metadata: %d entries in a response", count), with(mul, response, meta(pairs...)))
	}
}

func (c *collector) payloads() {
	for _, length := range []int{0, 1, 2, 3, 4, 5, 11, 12, 13, 15, 16, 17, 255, 256, 1023, 1024, 1025, 4096} {
		payload := make([]byte, length)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		c.add(fmt.Sprintf("payload of %d bytes", length), call("Bytes", "Echo", protocol.SerializeNone, payload))
	}
	c.add("payload that looks like a frame", call("Bytes", "Echo", protocol.SerializeNone, bytes.Repeat([]byte{0x08, 0, 0, 0x10}, 8)))
}

func (c *collector) codecs() {
	values := map[protocol.SerializeType][2]any{
		protocol.SerializeNone: {[]byte("10*20"), []byte("200")},
		protocol.JSON:          {&shapes.Args{A: 10, B: 20}, &shapes.Reply{C: 200}},
		protocol.ProtoBuffer:   {&pb.ArithArgs{A: 10, B: 20}, &pb.ArithReply{C: 200}},
		protocol.MsgPack:       {&shapes.Args{A: -10, B: 200000}, &shapes.Reply{C: -2000000}},
		protocol.Thrift:        {&testutils.ThriftArgs_{A: 10, B: 20}, &testutils.ThriftReply{C: 200}},
		shapes.ReversedJSON:    {&shapes.Args{A: 10, B: 20}, &shapes.Reply{C: 200}},
	}
	for kind := range protocol.SerializeType(16) {
		pair, known := values[kind]
		if !known {
			continue
		}
		c.add(fmt.Sprintf("codec %d request", kind), with(call("Arith", "Mul", kind, encode(kind, pair[0])), seq(3)))
		c.add(fmt.Sprintf("codec %d response", kind), with(call("Arith", "Mul", kind, encode(kind, pair[1])), seq(3), response))
		c.add(fmt.Sprintf("codec %d error with the reply", kind), with(call("Arith", "Mul", kind, encode(kind, pair[1])), seq(3), failed("no")))
	}
	filled := shapes.FilledBenchmark()
	c.add("benchmark message", call("Hello", "Say", protocol.ProtoBuffer, must(proto.Marshal(filled))))
	c.add("empty protobuf message", call("Hello", "Say", protocol.ProtoBuffer, must(proto.Marshal(&pb.ArithArgs{}))))
	c.add("nil pointer as JSON", with(call("Arith", "Mul", protocol.JSON, must((codec.JSONCodec{}).Encode((*shapes.Reply)(nil)))), response))
}

func (c *collector) compressed() {
	zipped := func(m *protocol.Message) { m.SetCompressType(protocol.Gzip) }
	for _, length := range []int{1, 10, 1025, 1100, 5000, 9000} {
		c.add(fmt.Sprintf("gzip of %d equal bytes", length), with(call("Arith", "Say", protocol.SerializeNone, bytes.Repeat([]byte("w"), length)), zipped))
	}
	say := encode(protocol.JSON, strings.Repeat("w", 1100))
	c.add("gzip JSON request", with(call("Arith", "Say", protocol.JSON, say), zipped, seq(2)))
	c.add("gzip JSON response", with(call("Arith", "Say", protocol.JSON, say), zipped, seq(2), response, meta("k", "v")))
	c.add("gzip one-way", with(call("Arith", "Say", protocol.JSON, say), zipped, oneway))
	c.add("gzip of the benchmark message", with(call("Hello", "Say", protocol.ProtoBuffer, must(proto.Marshal(shapes.FilledBenchmark()))), zipped))
	mixed := make([]byte, 3000)
	state := uint32(1)
	for i := range mixed {
		state = state*1664525 + 1013904223
		mixed[i] = byte(state >> 24)
	}
	c.add("gzip of bytes that do not shrink", with(call("Bytes", "Echo", protocol.SerializeNone, mixed), zipped))
}

func (c *collector) errors() {
	empty := call("Arith", "Mul", protocol.MsgPack, nil)
	for _, text := range []string{
		"rpcx: can't find service Nope", "rpcx: can't find method Nope", "rpcx: can't find service  for func raw function", "can not find codec for 9",
		"request reached rate limit", "invalid token", "[service internal error]: boom, method: Panic, argv: {}, stack: goroutine 1", "错误", "", "two\nlines",
		errors.New("connection is shut down").Error(),
	} {
		c.add(fmt.Sprintf("error text %q", text), with(empty, failed(text)))
	}
	c.add("error without metadata", with(empty, response, func(m *protocol.Message) { m.SetMessageStatusType(protocol.Error) }))
	c.add("error with metadata and reply", with(call("Arith", "Mul", protocol.MsgPack, encode(protocol.MsgPack, &shapes.Reply{C: 1})), failed("no"),
		func(m *protocol.Message) { m.Metadata["k"] = "v" }))
}
