package main

import (
	"context"
	"net"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
)

// Hello answers as the server of rpcx's own benchmark does.
type Hello struct{}

// Say sets two fields and sends the rest back.
func (*Hello) Say(_ context.Context, args *Message, reply *Message) error {
	args.Field1 = "OK"
	args.Field2 = 100
	*reply = *args
	return nil
}

// Echo sends the bytes back.
func (*Hello) Echo(_ context.Context, args *[]byte, reply *[]byte) error {
	*reply = *args
	return nil
}

func rpcxServer(o options) {
	log.SetDummyLogger()
	var settings []server.OptionFn
	if o.asyncWrite {
		settings = append(settings, server.WithAsyncWrite())
	}
	over := networks[o.network]
	if over.server != nil {
		settings = append(settings, over.server(o)...)
	}
	s := server.NewServer(settings...)
	if over.tune != nil {
		s.Plugins.Add(tuner{o, over.tune})
	}
	if err := s.RegisterName("Hello", new(Hello), ""); err != nil {
		fail(err)
	}
	if o.network != "tcp" {
		s.DisableHTTPGateway, s.DisableJSONRPC = true, true
		go func() { fail(s.Serve(o.network, o.address)) }()
		<-s.Started
		serveUntilInputEnds(s.Address().String())
		return
	}
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		fail(err)
	}
	go func() { fail(s.ServeListener("tcp", listener)) }()
	serveUntilInputEnds(listener.Addr().String())
}

func rpcxClient(o options) {
	log.SetDummyLogger()
	found, err := client.NewPeer2PeerDiscovery(o.network+"@"+o.address, "")
	if err != nil {
		fail(err)
	}
	settings := client.DefaultOption
	settings.SerializeType = map[string]protocol.SerializeType{
		"raw": protocol.SerializeNone, "msgpack": protocol.MsgPack, "json": protocol.JSON,
	}[o.codec]
	over := networks[o.network]
	if over.client != nil {
		over.client(o, &settings)
	}
	clients := make([]client.XClient, o.connections)
	for i := range clients {
		clients[i] = client.NewXClient("Hello", client.Failtry, client.RandomSelect, found, settings)
		if over.tune != nil {
			plugins := client.NewPluginContainer()
			plugins.Add(tuner{o, over.tune})
			clients[i].SetPlugins(plugins)
		}
	}
	background := context.Background()
	if o.codec == "raw" {
		payload := rawPayload(o.payload)
		serveJobs(func(worker int) func() error {
			c := clients[worker%len(clients)]
			return func() error {
				var reply []byte
				if err := c.Call(background, "Echo", payload, &reply); err != nil {
					return err
				}
				return checkBytes(payload, reply)
			}
		})
		return
	}
	args := filled()
	serveJobs(func(worker int) func() error {
		c := clients[worker%len(clients)]
		return func() error {
			var reply Message
			if err := c.Call(background, "Say", args, &reply); err != nil {
				return err
			}
			return checkMessage(&reply)
		}
	})
}
