// Package shapes holds the types and the codec that the Go peers share.
package shapes

import "time"

// Integers has every integer type of Go, by its msgpack key.
type Integers struct {
	I8  int8
	I16 int16
	I32 int32
	I64 int64
	Int int
	U8  uint8
	U16 uint16
	U32 uint32
	U64 uint64
	Uin uint
}

// Floats has both float types.
type Floats struct {
	F32 float32
	F64 float64
}

// Times has the time types, once behind a pointer.
type Times struct {
	At    time.Time
	For   time.Duration
	Maybe *time.Time
}

// Binary has a byte slice, an array and a string of bytes.
type Binary struct {
	Data  []byte
	Fixed [4]byte
	Text  string
}

// Inner is the struct that others contain.
type Inner struct {
	Name string
	N    int64
}

// Nils has one field of each type that can be nil.
type Nils struct {
	PtrInt *int64
	PtrStr *string
	Slice  []int64
	Bytes  []byte
	Map    map[string]int64
	Inner  *Inner
	Any    any
}

// Nested has maps and slices inside maps and slices.
type Nested struct {
	Maps   map[string]map[string]int64
	Matrix [][]int32
	List   []Inner
	Ptrs   []*Inner
	ByID   map[int64]string
}

// Base is embedded by Embedded: its fields stand beside those of Embedded on the wire.
type Base struct {
	ID   int64
	Kind string
}

// Embedded embeds Base.
type Embedded struct {
	Base
	Name string
}

// Renamed has tags: msgpack ones count in msgpack, json ones do not.
type Renamed struct {
	FileName string `msgpack:"file_name" json:"file_name"`
	Size     int64  `msgpack:"size,omitempty" json:"size,omitempty"`
	Hidden   string `msgpack:"-" json:"-"`
	JSONOnly string `json:"json_only"`
}

// Point is written as an array.
type Point struct {
	_msgpack struct{} `msgpack:",as_array"`
	X        int32
	Y        int32
}

// Anything has a field without a type.
type Anything struct {
	V any
}

// Args and Reply are what Arith takes and gives.
type Args struct {
	A int
	B int
}

// Reply is the answer of Arith.
type Reply struct {
	C int
}

// Text carries what a peer saw, in words.
type Text struct {
	Text string
}
