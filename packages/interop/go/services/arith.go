// Package services is what the Go server offers. Names on the wire are the names of the types and methods here.
package services

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/smallnest/rpcx/share"
	"rpcxjs.interop/go/shapes"
)

// Arith has the calls that every test needs.
type Arith struct{}

// Mul multiplies.
func (Arith) Mul(_ context.Context, args *shapes.Args, reply *shapes.Reply) error {
	reply.C = args.A * args.B
	return nil
}

// Add adds; its argument is no pointer.
func (Arith) Add(_ context.Context, args shapes.Args, reply *shapes.Reply) error {
	reply.C = args.A + args.B
	return nil
}

// Fail ends with the text it is given, and a reply beside it.
func (Arith) Fail(_ context.Context, args *shapes.Text, reply *shapes.Text) error {
	reply.Text = "reply beside the error"
	return errors.New(args.Text)
}

// Panic panics.
func (Arith) Panic(_ context.Context, args *shapes.Text, _ *shapes.Text) error {
	panic(args.Text)
}

// SleepArgs says how long to sleep, and what to answer.
type SleepArgs struct {
	Ms   int
	ID   int
	Obey bool
}

// SleepReply has the ID of the question.
type SleepReply struct {
	ID int
}

// Sleep answers after a while, or, if told to obey, fails when the deadline of the call is over.
func (Arith) Sleep(ctx context.Context, args *SleepArgs, reply *SleepReply) error {
	reply.ID = args.ID
	over := ctx.Done()
	if !args.Obey {
		over = nil
	}
	select {
	case <-over:
		return ctx.Err()
	case <-time.After(time.Duration(args.Ms) * time.Millisecond):
		return nil
	}
}

// MetaReply has the metadata of the request.
type MetaReply struct {
	Metadata map[string]string
}

// EchoMeta returns the request's metadata, and sends back as response metadata every entry whose key begins with "reply-".
func (Arith) EchoMeta(ctx context.Context, _ *shapes.Text, reply *MetaReply) error {
	request, _ := ctx.Value(share.ReqMetaDataKey).(map[string]string)
	response, _ := ctx.Value(share.ResMetaDataKey).(map[string]string)
	reply.Metadata = maps.Clone(request)
	for key, value := range request {
		if strings.HasPrefix(key, "reply-") {
			response[key] = value
		}
	}
	return nil
}

// FailMeta fails and sets response metadata all the same.
func (Arith) FailMeta(ctx context.Context, args *shapes.Text, _ *shapes.Text) error {
	response, _ := ctx.Value(share.ResMetaDataKey).(map[string]string)
	response["reply-why"] = "because"
	return errors.New(args.Text)
}

// DeadlineReply is what the context says of the call's deadline.
type DeadlineReply struct {
	Has         bool
	RemainingMs int64
	Raw         string
}

// Deadline reports the deadline that the handler sees.
func (Arith) Deadline(ctx context.Context, _ *shapes.Text, reply *DeadlineReply) error {
	request, _ := ctx.Value(share.ReqMetaDataKey).(map[string]string)
	reply.Raw = request[share.ServerTimeout]
	at, has := ctx.Deadline()
	reply.Has = has
	if has {
		reply.RemainingMs = time.Until(at).Milliseconds()
	}
	return nil
}

// Notes remembers what one-way calls said.
type Notes struct {
	mu    sync.Mutex
	texts []string
}

// NotesReply has all notes.
type NotesReply struct {
	Texts []string
}

// Add remembers a text; with "fail" it also fails, which a one-way caller never learns.
func (n *Notes) Add(_ context.Context, args *shapes.Text, _ *shapes.Text) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = append(n.texts, args.Text)
	if args.Text == "fail" {
		return errors.New("nobody hears this")
	}
	return nil
}

// List returns what was remembered.
func (n *Notes) List(_ context.Context, _ *shapes.Text, reply *NotesReply) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	reply.Texts = append([]string{}, n.texts...)
	return nil
}

// Say repeats a text some times: a long reply to a short request, for compression.
func (Arith) Say(_ context.Context, args *shapes.Text, reply *shapes.Text) error {
	var times int
	text, count, found := strings.Cut(args.Text, "*")
	if _, err := fmt.Sscan(count, &times); !found || err != nil {
		text, times = args.Text, 1
	}
	reply.Text = strings.Repeat(text, times)
	return nil
}
