package main

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"rpcxjs.interop/go/shapes"
)

// decoding is what Go makes of bytes that another program wrote: `sees` in the words of shapes.Describe, or `error`.
type decoding struct {
	Name  string `json:"name"`
	Into  string `json:"into"`
	Hex   string `json:"hex"`
	Sees  string `json:"sees,omitempty"`
	Error string `json:"error,omitempty"`
}

// msgpackDecodings decodes each of these bytes into each of these types, the mismatches included.
func msgpackDecodings() []decoding {
	sources := [][2]string{
		{"fixint 5", "05"}, {"fixint -1", "ff"}, {"uint8 200", "ccc8"}, {"uint16 300", "cd012c"}, {"uint32 2^31", "ce80000000"}, {"uint64 2^53", "cf0020000000000000"},
		{"uint64 2^64-1", "cfffffffffffffffff"}, {"int8 -128", "d080"}, {"int16 -300", "d1fed4"}, {"int64 -2^63", "d38000000000000000"}, {"int64 5", "d30000000000000005"},
		{"float32 0.5", "ca3f000000"}, {"float64 5", "cb4014000000000000"}, {"float64 0.1", "cb3fb999999999999a"}, {"float64 -0", "cb8000000000000000"}, {"float64 NaN", "cb7ff8000000000000"},
		{"float64 Infinity", "cb7ff0000000000000"}, {"float64 1e300", "cb7e37e43c8800759c"}, {"nil", "c0"}, {"true", "c3"}, {"str \"5\"", "a135"}, {"bin 00ff", "c40200ff"}, {"empty array", "90"}, {"empty map", "80"},
		{"array [1, 2]", "920102"}, {"map {a: 1}", "81a16101"}, {"timestamp of 4 bytes", "d6ff6553f100"}, {"timestamp of 8 bytes", "d7ff1d6f34546553f100"}, {"timestamp of 12 bytes", "c70cff00000001ffffffffffffffff"},
		{"str of RFC 3339", "b4323032332d31312d31345432323a31333a32305a"}, {"bin of 4", "c40401020304"},
	}
	targets := []any{int8(0), int16(0), int32(0), int64(0), int(0), uint8(0), uint16(0), uint32(0), uint64(0), uint(0), float32(0), float64(0), false, "", []byte(nil), [4]byte{},
		time.Time{}, time.Duration(0), []int64(nil), map[string]int64(nil), (*int64)(nil), any(nil)}
	var results []decoding
	for _, source := range sources {
		for _, target := range targets {
			results = append(results, decodeInto(source[0], source[1], target))
		}
	}
	for _, source := range [][2]string{
		{"keys in Go's case", "82a14101a14202"}, {"keys in lower case", "82a16101a16202"}, {"one key more", "83a14101a14202a14303"}, {"one key less", "81a14101"}, {"as an array", "920102"},
		{"as an array, one short", "9101"}, {"a float in an int field", "81a141cb4014000000000000"}, {"nil in an int field", "82a141c0a14202"}, {"a repeated key", "82a14101a14102"}, {"cut off", "82a14101"},
	} {
		results = append(results, decodeInto(source[0], source[1], shapes.Args{}))
	}
	return results
}

func decodeInto(name, source string, target any) decoding {
	into := reflect.New(reflect.TypeOf((*any)(nil)).Elem())
	if target != nil {
		into = reflect.New(reflect.TypeOf(target))
	}
	result := decoding{Name: name, Into: into.Elem().Type().String(), Hex: source}
	if err := decodeSafely(must(hex.DecodeString(source)), into.Interface()); err != nil {
		result.Error = err.Error()
	} else {
		result.Sees = shapes.Describe(into.Elem().Interface())
		if into.Elem().Kind() == reflect.Interface && !into.Elem().IsNil() {
			result.Sees = into.Elem().Elem().Type().String() + "(" + result.Sees + ")"
		}
	}
	return result
}

func decodeSafely(data []byte, into any) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	return msgpackCodec.Decode(data, into)
}
