package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/smallnest/rpcx/codec"
	"rpcxjs.interop/go/shapes"
)

// vector is a Go value, its Go type, and the bytes that rpcx's MsgpackCodec writes for it. See tagged for the form of `value`.
type vector struct {
	Name  string `json:"name"`
	Go    string `json:"go"`
	Value any    `json:"value"`
	Hex   string `json:"hex"`
}

var msgpackCodec codec.MsgpackCodec

func msgpackVectors() []vector {
	var vectors []vector
	add := func(name string, value any) {
		goType := "nil"
		if value != nil {
			goType = reflect.TypeOf(value).String()
		}
		vectors = append(vectors, vector{name, goType, tagged(reflect.ValueOf(value)), hex.EncodeToString(encodeSmallest(value))})
	}
	integerVectors(add)
	floatVectors(add)
	for _, length := range []int{0, 1, 31, 32, 255, 256, 65535, 65536} {
		if length < 1000 {
			add(fmt.Sprintf("string of %d bytes", length), strings.Repeat("s", length))
			add(fmt.Sprintf("[]byte of %d bytes", length), bytes.Repeat([]byte{0xab}, length))
		}
	}
	for _, text := range []string{"服务", "🚀", "a\x00b", "é"} {
		add(fmt.Sprintf("string %q", text), text)
	}
	add("bool true", true)
	add("bool false", false)
	add("nil", nil)
	timeVectors(add)
	listVectors(add)
	structVectors(add)
	return vectors
}

func integerVectors(add func(string, any)) {
	for _, n := range []int64{0, 1, -1, 5, 42, 127, 128, 255, 256, -32, -33, -128} {
		add(fmt.Sprintf("int %d", n), int(n))
		add(fmt.Sprintf("int64 %d", n), n)
	}
	for _, n := range []int8{math.MinInt8, -1, 0, 5, math.MaxInt8} {
		add(fmt.Sprintf("int8 %d", n), n)
	}
	for _, n := range []int16{math.MinInt16, -1, 0, 5, math.MaxInt16} {
		add(fmt.Sprintf("int16 %d", n), n)
	}
	for _, n := range []int32{math.MinInt32, -1, 0, 5, math.MaxInt32} {
		add(fmt.Sprintf("int32 %d", n), n)
	}
	for _, n := range []int64{math.MinInt64, math.MinInt64 + 1, -(1<<53 + 1), -1 << 53, -(1<<53 - 1), 1<<53 - 1, 1 << 53, 1<<53 + 1, 1763683200123, math.MaxInt64 - 1, math.MaxInt64} {
		add(fmt.Sprintf("int64 %d", n), n)
		add(fmt.Sprintf("int %d", n), int(n))
	}
	for _, n := range []uint8{0, 5, 127, 128, math.MaxUint8} {
		add(fmt.Sprintf("uint8 %d", n), n)
	}
	for _, n := range []uint16{0, 5, 255, 256, math.MaxUint16} {
		add(fmt.Sprintf("uint16 %d", n), n)
	}
	for _, n := range []uint32{0, 5, 65535, 65536, math.MaxUint32} {
		add(fmt.Sprintf("uint32 %d", n), n)
	}
	for _, n := range []uint64{0, 5, math.MaxUint32, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64} {
		add(fmt.Sprintf("uint64 %d", n), n)
		add(fmt.Sprintf("uint %d", n), uint(n))
	}
}

func floatVectors(add func(string, any)) {
	negativeZero := math.Copysign(0, -1)
	for _, f := range []float64{0, negativeZero, 1, -1, 1.5, 0.1, 1e21, 1e300, math.Pi, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		add("float64 "+floatText(f), f)
	}
	for _, f := range []float32{0, float32(negativeZero), 1, -1, 1.5, 0.1, 16777216, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
		add("float32 "+floatText(float64(f)), f)
	}
}

func timeVectors(add func(string, any)) {
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(1700000000, 0), time.Unix(1700000000, 1), time.Unix(1700000000, 123456789), time.Unix(1700000000, 999999999), time.UnixMilli(1763683200123),
		time.Unix(1<<32-1, 0), time.Unix(1<<32, 0), time.Unix(1<<34-1, 5), time.Unix(1<<34, 0), time.Unix(1<<34, 5), time.Unix(-1, 0), time.Unix(-1, 999999999), {},
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		add("time "+at.UTC().Format(time.RFC3339Nano), at.UTC())
	}
	for _, d := range []time.Duration{0, 1, time.Millisecond, -time.Second, math.MaxInt64, math.MinInt64} {
		add(fmt.Sprintf("duration %d ns", int64(d)), d)
	}
}

func listVectors(add func(string, any)) {
	add("[]int64", []int64{1, 2})
	add("[]int32 of 16", make([]int32, 16))
	add("[]string", []string{"a", "", "服务"})
	add("nil []string", []string(nil))
	add("empty []string", []string{})
	add("nil []byte", []byte(nil))
	add("[3]byte", [3]byte{1, 2, 3})
	add("[]float32", []float32{1, 0.5})
	add("[]any", []any{int8(1), "a", nil, true, []byte{1}, 1.5})
	add("[][]int32", [][]int32{{1, 2}, {}, nil})
	add("map[string]string", map[string]string{"a": "1", "b": "2"})
	add("map[string]int64", map[string]int64{"a": 1})
	add("map[int64]string", map[int64]string{-1: "x"})
	add("nil map", map[string]int64(nil))
	add("empty map", map[string]int64{})
	add("nested map", map[string]map[string]int64{"a": {"b": 1}})
	add("nil pointer", (*shapes.Inner)(nil))
}

func structVectors(add func(string, any)) {
	add("struct Args", &shapes.Args{A: 10, B: 20})
	add("struct Integers at their minimum", &shapes.Integers{I8: math.MinInt8, I16: math.MinInt16, I32: math.MinInt32, I64: math.MinInt64, Int: math.MinInt64})
	add("struct Integers at their maximum", &shapes.Integers{
		I8: math.MaxInt8, I16: math.MaxInt16, I32: math.MaxInt32, I64: math.MaxInt64, Int: math.MaxInt64,
		U8: math.MaxUint8, U16: math.MaxUint16, U32: math.MaxUint32, U64: math.MaxUint64, Uin: math.MaxUint64,
	})
	add("struct Integers of zeros", &shapes.Integers{})
	add("struct Floats", &shapes.Floats{F32: 0.5, F64: 0.1})
	at := time.Unix(1700000000, 123456789).UTC()
	add("struct Times", &shapes.Times{At: at, For: 1500 * time.Millisecond, Maybe: &at})
	add("struct Times with a nil pointer", &shapes.Times{At: at})
	add("struct Binary", &shapes.Binary{Data: []byte{0, 255}, Fixed: [4]byte{1, 2, 3, 4}, Text: "t"})
	add("struct Nils of nil", &shapes.Nils{})
	n, s := int64(7), "s"
	add("struct Nils without nil", &shapes.Nils{PtrInt: &n, PtrStr: &s, Slice: []int64{1}, Bytes: []byte{1}, Map: map[string]int64{"a": 1}, Inner: &shapes.Inner{Name: "x", N: 1}, Any: int8(5)})
	add("struct Nested", &shapes.Nested{Maps: map[string]map[string]int64{"a": {"b": 1}}, Matrix: [][]int32{{1}, {2, 3}}, List: []shapes.Inner{{Name: "x", N: 1}, {Name: "y", N: 2}}, Ptrs: []*shapes.Inner{nil, {Name: "z", N: 3}}, ByID: map[int64]string{5: "five"}})
	add("struct Embedded", &shapes.Embedded{Base: shapes.Base{ID: 1, Kind: "k"}, Name: "n"})
	add("struct Renamed", &shapes.Renamed{FileName: "a.txt", Size: 5, Hidden: "h", JSONOnly: "j"})
	add("struct Renamed, omitted", &shapes.Renamed{FileName: "a.txt"})
	add("struct Point as an array", &shapes.Point{X: 1, Y: -1})
	add("struct Anything", &shapes.Anything{V: map[string]any{"a": int64(1)}})
}

// encodeSmallest takes the smallest of many encodings: Go's map order is random, the fixture is not.
func encodeSmallest(value any) []byte {
	smallest := must(msgpackCodec.Encode(value))
	for range 200 {
		if next := must(msgpackCodec.Encode(value)); bytes.Compare(next, smallest) < 0 {
			smallest = next
		}
	}
	return smallest
}
