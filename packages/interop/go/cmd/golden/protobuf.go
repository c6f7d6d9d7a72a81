package main

import (
	"encoding/hex"
	"encoding/json"
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"rpcxjs.interop/go/pb"
	"rpcxjs.interop/go/shapes"
)

// protobufVector is a message of packages/interop/proto, in protobuf's JSON form and as bytes. Fields are in the order of their numbers, map keys sorted.
type protobufVector struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Bytes   int             `json:"bytes"`
	JSON    json.RawMessage `json:"json"`
	Hex     string          `json:"hex"`
}

func protobufVectors() []protobufVector {
	var vectors []protobufVector
	add := func(name string, message proto.Message) {
		data := must(proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(message))
		text := must(protojson.MarshalOptions{AllowPartial: true}.Marshal(message))
		var compact any
		check(json.Unmarshal(text, &compact)) // protojson puts spaces at random places
		vectors = append(vectors, protobufVector{name, string(message.ProtoReflect().Descriptor().FullName()), len(data), marshal(compact), hex.EncodeToString(data)})
	}
	add("benchmark message, filled", shapes.FilledBenchmark())
	add("benchmark message, required fields only", &pb.BenchmarkMessage{Field1: proto.String("OK"), Field2: proto.Int32(100), Field3: proto.Int32(0)})
	add("benchmark message, fixed64 list", &pb.BenchmarkMessage{Field1: proto.String(""), Field2: proto.Int32(-1), Field3: proto.Int32(math.MinInt32), Field5: []uint64{0, 1, 1<<53 + 1, math.MaxUint64}, Field22: proto.Int64(math.MinInt64)})
	add("benchmark message, defaults set", &pb.BenchmarkMessage{Field1: proto.String("a"), Field2: proto.Int32(0), Field3: proto.Int32(0), Field6: proto.Int32(0), Field12: proto.Bool(true), Field60: proto.Int32(-1)})
	add("benchmark message, nothing", &pb.BenchmarkMessage{})
	add("arith args", &pb.ArithArgs{A: 10, B: 20})
	add("arith args, negative", &pb.ArithArgs{A: -1, B: math.MinInt32})
	add("arith args, empty", &pb.ArithArgs{})
	add("sample, empty", &pb.Sample{})
	add("sample, maximum", sampleOf(math.MaxFloat64, math.MaxFloat32, math.MaxInt32, math.MaxInt64, math.MaxUint32, math.MaxUint64))
	add("sample, minimum", sampleOf(-math.MaxFloat64, -math.MaxFloat32, math.MinInt32, math.MinInt64, 0, 0))
	add("sample, above 2^53", sampleOf(1<<53, 0.5, 1, 1<<53+1, 1, 1<<53+1))
	add("sample, not numbers", &pb.Sample{F64: math.NaN(), F32: float32(math.Inf(-1))})
	add("sample, negative zero", &pb.Sample{F64: math.Copysign(0, -1), F32: float32(math.Copysign(0, -1))})
	add("sample, texts and lists", &pb.Sample{Text: "服务🚀", Blob: []byte{0, 255}, Color: pb.Color_COLOR_NEGATIVE, Inner: &pb.Sample_Inner{Name: "x", Value: -5}, Packed: []int32{1, -1, 300},
		Words: []string{"", "a"}, Inners: []*pb.Sample_Inner{{}, {Name: "y"}}, Counts: map[string]int64{"a": 1, "b": -1}, ById: map[int32]*pb.Sample_Inner{-1: {Name: "z"}, 7: {}}})
	add("sample, one of: text", &pb.Sample{Choice: &pb.Sample_ChoiceText{ChoiceText: ""}})
	add("sample, one of: number", &pb.Sample{Choice: &pb.Sample_ChoiceNumber{ChoiceNumber: 0}})
	add("sample, explicit zero", &pb.Sample{Maybe: proto.Int32(0)})
	return vectors
}

func sampleOf(f64 float64, f32 float32, i32 int32, i64 int64, u32 uint32, u64 uint64) *pb.Sample {
	return &pb.Sample{F64: f64, F32: f32, I32: i32, I64: i64, U32: u32, U64: u64, S32: i32, S64: i64, X32: u32, X64: u64, Sx32: i32, Sx64: i64, Flag: true}
}
