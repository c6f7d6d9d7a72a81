package services

import (
	"context"
	"fmt"
	"net"

	"github.com/smallnest/rpcx/server"
)

// Events pushes to its caller.
type Events struct {
	Server *server.Server
}

// PushArgs says what to push, how often.
type PushArgs struct {
	Count    int
	Path     string
	Method   string
	Metadata map[string]string
	Size     int
}

// PushReply has the number of messages that were written.
type PushReply struct {
	Count int
}

// Push sends the messages one after the other, before its own reply. Each payload is the text "push N", padded with dots to Size bytes.
func (e *Events) Push(ctx context.Context, args *PushArgs, reply *PushReply) error {
	conn := ctx.Value(server.RemoteConnContextKey).(net.Conn)
	for i := range args.Count {
		payload := fmt.Appendf(nil, "push %d", i)
		for len(payload) < args.Size {
			payload = append(payload, '.')
		}
		if err := e.Server.SendMessage(conn, args.Path, args.Method, args.Metadata, payload); err != nil {
			return err
		}
		reply.Count++
	}
	return nil
}

// Drop closes the caller's connection without an answer.
func (e *Events) Drop(ctx context.Context, _ *PushArgs, _ *PushReply) error {
	return ctx.Value(server.RemoteConnContextKey).(net.Conn).Close()
}
