package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/smallnest/rpcx/codec"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"rpcxjs.interop/go/pb"
	"rpcxjs.interop/go/services"
	"rpcxjs.interop/go/shapes"
)

// known has each type that a command may name.
var known = map[string]any{
	"Args": shapes.Args{}, "Reply": shapes.Reply{}, "Text": shapes.Text{}, "Integers": shapes.Integers{}, "Floats": shapes.Floats{}, "Times": shapes.Times{}, "Binary": shapes.Binary{},
	"Nils": shapes.Nils{}, "Nested": shapes.Nested{}, "Embedded": shapes.Embedded{}, "Renamed": shapes.Renamed{}, "Point": shapes.Point{}, "Anything": shapes.Anything{}, "Inner": shapes.Inner{},
	"SleepArgs": services.SleepArgs{}, "SleepReply": services.SleepReply{}, "MetaReply": services.MetaReply{}, "DeadlineReply": services.DeadlineReply{}, "PushArgs": services.PushArgs{},
	"PushReply": services.PushReply{}, "NotesReply": services.NotesReply{}, "bytes": []byte{}, "map": map[string]any{},
	"ArithArgs": pb.ArithArgs{}, "ArithReply": pb.ArithReply{}, "Sample": pb.Sample{}, "BenchmarkMessage": pb.BenchmarkMessage{},
}

func newShape(name string) (any, error) {
	if sample, found := known[name]; found {
		return reflect.New(reflect.TypeOf(sample)).Interface(), nil
	}
	return nil, errors.New("no type is called " + name)
}

func shapeFromJSON(name string, text []byte) (any, error) {
	value, err := newShape(name)
	if err != nil || len(text) == 0 {
		return value, err
	}
	if message, ok := value.(proto.Message); ok {
		return value, protojson.Unmarshal(text, message)
	}
	return value, json.Unmarshal(text, value)
}

func shapeToJSON(value any) (json.RawMessage, error) {
	if message, ok := value.(proto.Message); ok {
		return protojson.Marshal(message)
	}
	return json.Marshal(value)
}

// argumentsOf reads `args` as JSON, or `argsHex`: the payload itself for bytes, msgpack for other types (the only way to name NaN).
func argumentsOf(c command) (any, error) {
	if c.Shape == "filledBenchmark" {
		return shapes.FilledBenchmark(), nil
	}
	if c.ArgsHex == "" {
		return shapeFromJSON(c.Shape, c.Args)
	}
	data, err := hex.DecodeString(c.ArgsHex)
	if err != nil {
		return nil, err
	}
	if c.Shape == "bytes" {
		return data, nil
	}
	value, err := newShape(c.Shape)
	if err != nil {
		return nil, err
	}
	return value, codec.MsgpackCodec{}.Decode(data, value)
}
