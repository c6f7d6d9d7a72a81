package main

import (
	"net"
	"net/rpc"
)

// NetHello is Hello with the method shape of net/rpc.
type NetHello struct{}

// Say sets two fields and sends the rest back.
func (*NetHello) Say(args *Message, reply *Message) error {
	args.Field1 = "OK"
	args.Field2 = 100
	*reply = *args
	return nil
}

// Echo sends the bytes back.
func (*NetHello) Echo(args *[]byte, reply *[]byte) error {
	*reply = *args
	return nil
}

func netrpcServer(o options) {
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		fail(err)
	}
	s := rpc.NewServer()
	if err := s.RegisterName("Hello", new(NetHello)); err != nil {
		fail(err)
	}
	go s.Accept(listener)
	serveUntilInputEnds(listener.Addr().String())
}

func netrpcClient(o options) {
	clients := make([]*rpc.Client, o.connections)
	for i := range clients {
		c, err := rpc.Dial("tcp", o.address)
		if err != nil {
			fail(err)
		}
		clients[i] = c
	}
	payload := rawPayload(o.payload)
	args := filled()
	serveJobs(func(worker int) func() error {
		c := clients[worker%len(clients)]
		if o.codec == "raw" {
			return func() error {
				var reply []byte
				if err := c.Call("Hello.Echo", &payload, &reply); err != nil {
					return err
				}
				return checkBytes(payload, reply)
			}
		}
		return func() error {
			var reply Message
			if err := c.Call("Hello.Say", args, &reply); err != nil {
				return err
			}
			return checkMessage(&reply)
		}
	})
}
