package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"rpcxjs.interop/go/shapes"
)

// call makes one call. `reply` names the type of the answer, which comes back as JSON (`value`), in words (`sees`) and, of bytes, as `hex`.
func call(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	args, err := argumentsOf(c)
	if err != nil {
		return failure(err)
	}
	var reply any
	if !c.Oneway {
		if reply, err = newShape(c.Reply); err != nil {
			return failure(err)
		}
	}
	ctx, metadata, cancel := contextOf(c)
	defer cancel()
	err = connection.call(ctx, c.Service, c.Method, args, reply)
	a := answer{"metadata": maps.Clone(metadata)}
	if reply != nil {
		describeReply(a, reply)
	}
	if err != nil {
		a["error"] = err.Error()
		_, a["serviceError"] = err.(client.ServiceError)
	}
	return a
}

// sendRaw sends a message as it is given: sequence number, serialize type, hex payload.
func sendRaw(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	payload, err := hex.DecodeString(c.ArgsHex)
	if err != nil {
		return failure(err)
	}
	seq, err := strconv.ParseUint(c.Seq, 10, 64)
	if err != nil {
		return failure(err)
	}
	message := protocol.NewMessage()
	message.SetSeq(seq)
	message.SetSerializeType(protocol.SerializeType(c.Serialize))
	message.SetCompressType(protocol.CompressType(c.Compress))
	message.SetOneway(c.Oneway)
	message.SetHeartbeat(c.Heartbeat)
	message.ServicePath, message.ServiceMethod, message.Metadata, message.Payload = c.Service, c.Method, c.Metadata, payload
	limit := time.Duration(c.TimeoutMs) * time.Millisecond
	if limit == 0 {
		limit = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	metadata, answered, err := connection.raw(ctx, message)
	a := answer{"metadata": metadata, "hex": hex.EncodeToString(answered)}
	if err != nil {
		a["error"] = err.Error()
	}
	return a
}

// heartbeat makes one heartbeat as rpcx's own loop does, and says whether the time came back.
func heartbeat(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	now, echo := time.Now().UnixNano(), int64(0)
	ctx, metadata, cancel := contextOf(c)
	defer cancel()
	if err := connection.call(ctx, "", "", &now, &echo); err != nil {
		return failure(err)
	}
	return answer{"echoed": now == echo, "metadata": metadata}
}

// pushes waits until `count` messages have come, and returns all that came since the last time.
func pushes(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	limit := time.After(10 * time.Second)
	messages := []answer{}
	for {
		wait := limit
		if len(messages) >= c.Count {
			wait = time.After(time.Duration(c.SleepMs) * time.Millisecond)
		}
		select {
		case m := <-connection.received:
			messages = append(messages, answer{"service": m.ServicePath, "method": m.ServiceMethod, "metadata": m.Metadata, "hex": hex.EncodeToString(m.Payload),
				"seq": strconv.FormatUint(m.Seq(), 10), "serialize": m.SerializeType(), "oneway": m.IsOneway(), "status": m.MessageStatusType()})
		case <-wait:
			return answer{"messages": messages}
		}
	}
}

// many makes `calls` calls of Arith.Mul, `concurrent` at a time, each with other numbers, and checks each answer.
func many(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	var next, failed atomic.Int64
	var first atomic.Value
	var workers sync.WaitGroup
	begin := time.Now()
	for range max(1, c.Concurrent) {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(c.Calls); n = next.Add(1) {
				if err := mulOnce(connection, c, int(n)); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
				}
			}
		})
	}
	workers.Wait()
	return answer{"calls": c.Calls, "failed": failed.Load(), "firstError": first.Load(), "ms": time.Since(begin).Milliseconds()}
}

func mulOnce(connection *connection, c command, n int) error {
	ctx, _, cancel := contextOf(c)
	defer cancel()
	var reply shapes.Reply
	if err := connection.call(ctx, "Arith", "Mul", &shapes.Args{A: n, B: 3}, &reply); err != nil {
		return err
	}
	if reply.C != 3*n {
		return fmt.Errorf("%d * 3 came back as %d", n, reply.C)
	}
	return nil
}

// survive keeps `concurrent` calls of Arith.Sleep in flight for `sleepMs`, and says how many came back right.
func survive(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	var failed atomic.Int64
	var first atomic.Value
	var sleepers sync.WaitGroup
	for n := range c.Concurrent {
		sleepers.Go(func() {
			args, _ := shapeFromJSON("SleepArgs", fmt.Appendf(nil, `{"Ms":%d,"ID":%d}`, c.SleepMs, n))
			reply, _ := newShape("SleepReply")
			err := connection.call(context.Background(), c.Service, "Sleep", args, reply)
			if expected := fmt.Sprintf("&ID=%d", n); err == nil && shapes.Describe(reply) != expected {
				err = fmt.Errorf("answer %s instead of %s", shapes.Describe(reply), expected)
			}
			if err != nil {
				failed.Add(1)
				first.CompareAndSwap(nil, err.Error())
			}
		})
	}
	sleepers.Wait()
	return answer{"calls": c.Concurrent, "failed": failed.Load(), "firstError": first.Load()}
}

func describeReply(a answer, reply any) {
	if data, ok := reply.(*[]byte); ok {
		a["hex"] = hex.EncodeToString(bytes.Clone(*data))
		return
	}
	a["sees"] = shapes.Describe(reply)
	if text, err := shapeToJSON(reply); err == nil {
		a["value"] = text
	}
}
