package services

import (
	"context"

	"rpcxjs.interop/go/shapes"
)

// Numbers echoes each struct of shapes under its own name, and tells in words what it understood under Describe and the name.
type Numbers struct{}

func describe(value any, reply *shapes.Text) error {
	reply.Text = shapes.Describe(value)
	return nil
}

func (Numbers) Integers(_ context.Context, args *shapes.Integers, reply *shapes.Integers) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeIntegers(_ context.Context, args *shapes.Integers, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Floats(_ context.Context, args *shapes.Floats, reply *shapes.Floats) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeFloats(_ context.Context, args *shapes.Floats, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Times(_ context.Context, args *shapes.Times, reply *shapes.Times) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeTimes(_ context.Context, args *shapes.Times, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Binary(_ context.Context, args *shapes.Binary, reply *shapes.Binary) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeBinary(_ context.Context, args *shapes.Binary, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Nils(_ context.Context, args *shapes.Nils, reply *shapes.Nils) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeNils(_ context.Context, args *shapes.Nils, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Nested(_ context.Context, args *shapes.Nested, reply *shapes.Nested) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeNested(_ context.Context, args *shapes.Nested, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Embedded(_ context.Context, args *shapes.Embedded, reply *shapes.Embedded) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeEmbedded(_ context.Context, args *shapes.Embedded, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Renamed(_ context.Context, args *shapes.Renamed, reply *shapes.Renamed) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeRenamed(_ context.Context, args *shapes.Renamed, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Point(_ context.Context, args *shapes.Point, reply *shapes.Point) error {
	reply.X, reply.Y = args.X, args.Y
	return nil
}

func (Numbers) DescribePoint(_ context.Context, args *shapes.Point, reply *shapes.Text) error {
	return describe(*args, reply)
}

func (Numbers) Anything(_ context.Context, args *shapes.Anything, reply *shapes.Anything) error {
	*reply = *args
	return nil
}

func (Numbers) DescribeAnything(_ context.Context, args *shapes.Anything, reply *shapes.Text) error {
	return describe(*args, reply)
}
