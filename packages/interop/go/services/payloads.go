package services

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
	"google.golang.org/protobuf/proto"
	"rpcxjs.interop/go/pb"
	"rpcxjs.interop/go/shapes"
)

// Bytes takes payloads as they are (serialize type 0).
type Bytes struct{}

// Echo returns the payload.
func (Bytes) Echo(_ context.Context, args []byte, reply *[]byte) error {
	*reply = slices.Clone(args)
	return nil
}

// Fail answers with status Error, a text, and the payload all the same.
func (Bytes) Fail(_ context.Context, args []byte, reply *[]byte) error {
	*reply = slices.Clone(args)
	return errors.New("failed with a payload")
}

// Proto takes protobuf messages.
type Proto struct{}

// Mul multiplies.
func (Proto) Mul(_ context.Context, args *pb.ArithArgs, reply *pb.ArithReply) error {
	reply.C = args.A * args.B
	return nil
}

// Echo returns the message.
func (Proto) Echo(_ context.Context, args *pb.Sample, reply *pb.Sample) error {
	proto.Merge(reply, args)
	return nil
}

// Hello is the service of rpcx's benchmark.
type Hello struct{}

// Say returns the message, with field1 and field2 set as rpcx's benchmark does.
func (Hello) Say(_ context.Context, args *pb.BenchmarkMessage, reply *pb.BenchmarkMessage) error {
	proto.Merge(reply, args)
	reply.Field1, reply.Field2 = proto.String("OK"), proto.Int32(100)
	return nil
}

// Mul is for registration as a single function.
func Mul(_ context.Context, args *shapes.Args, reply *shapes.Reply) error {
	reply.C = args.A * args.B
	return nil
}

// AddHandlers adds low-level handlers, which see the payload, under the path Router.
func AddHandlers(s *server.Server) {
	s.AddHandler("Router", "Echo", func(ctx *server.Context) error {
		return write(ctx, protocol.Normal, nil, ctx.Payload())
	})
	s.AddHandler("Router", "Mul", func(ctx *server.Context) error {
		var args shapes.Args
		if err := ctx.Bind(&args); err != nil {
			return err
		}
		return ctx.Write(&shapes.Reply{C: args.A * args.B})
	})
	s.AddHandler("Router", "Fail", func(*server.Context) error { return errors.New("the router failed") })
	s.AddHandler("Router", "BareError", func(ctx *server.Context) error { return write(ctx, protocol.Error, nil, nil) })
	s.AddHandler("Router", "ErrorWithPayload", func(ctx *server.Context) error {
		return write(ctx, protocol.Error, map[string]string{protocol.ServiceError: "an error with a payload", "k": "v"}, ctx.Payload())
	})
	s.AddHandler("Router", "Empty", func(ctx *server.Context) error { return ctx.Write(nil) })
	s.AddHandler("Router", "OtherNames", func(ctx *server.Context) error {
		response := answerTo(ctx)
		response.ServicePath, response.ServiceMethod, response.Payload = "Elsewhere", "Other", ctx.Payload()
		return send(ctx, response)
	})
}

type contextKey string

const requestKey = contextKey("request")

// RequestPlugin lets low-level handlers see the header of their request, which server.Context hides.
type RequestPlugin struct{}

// PreHandleRequest is called by rpcx before any handler.
func (RequestPlugin) PreHandleRequest(ctx context.Context, request *protocol.Message) error {
	if setter, ok := ctx.(interface{ SetValue(key, value any) }); ok {
		setter.SetValue(requestKey, request)
		return nil
	}
	return fmt.Errorf("%T cannot hold values", ctx)
}

func answerTo(ctx *server.Context) *protocol.Message {
	request := ctx.Get(requestKey).(*protocol.Message)
	response := request.Clone()
	response.SetMessageType(protocol.Response)
	return response
}

func write(ctx *server.Context, status protocol.MessageStatusType, metadata map[string]string, payload []byte) error {
	response := answerTo(ctx)
	response.SetMessageStatusType(status)
	response.Metadata, response.Payload = metadata, payload
	return send(ctx, response)
}

func send(ctx *server.Context, response *protocol.Message) error {
	conn := ctx.Get(server.RemoteConnContextKey).(interface{ Write([]byte) (int, error) })
	_, err := conn.Write(response.Encode())
	return err
}
