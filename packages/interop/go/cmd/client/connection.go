package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/share"
	"rpcxjs.interop/go/certs"
)

// caller is what client.Client and XClient have in common, by service path.
type caller interface {
	call(ctx context.Context, service, method string, args, reply any) error
	raw(ctx context.Context, message *protocol.Message) (map[string]string, []byte, error)
	close() error
}

// connection is one named connection, or one set of XClients, and the pushes that it received.
type connection struct {
	caller
	options  client.Option
	received chan *protocol.Message
}

var (
	connections   = map[string]*connection{}
	connectionsMu sync.Mutex
)

func find(name string) (*connection, error) {
	connectionsMu.Lock()
	defer connectionsMu.Unlock()
	if c := connections[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no connection is called %q", name)
}

// connect opens a client.Client (mode "client", one connection, the default) or XClients over `servers` (mode "xclient", which know tokens, deadlines and fail modes).
func connect(c command) answer {
	options, err := optionsOf(c)
	if err != nil {
		return failure(err)
	}
	made := &connection{options: options, received: make(chan *protocol.Message, 100_000)}
	if c.Mode == "xclient" {
		made.caller, err = newXClients(c, options, made.received)
	} else {
		single := client.NewClient(options)
		single.RegisterServerMessageChan(made.received)
		made.caller = singleConnection{single}
		err = single.Connect(c.Network, c.Address)
	}
	if err != nil {
		return failure(err)
	}
	if c.CustomErrors {
		client.ClientErrorFunc = func(response *protocol.Message, text string) client.ServiceError {
			return client.NewServiceError("mapped(" + response.Metadata["x-error-kind"] + "): " + text)
		}
	}
	connectionsMu.Lock()
	defer connectionsMu.Unlock()
	connections[c.Conn] = made
	return answer{}
}

func optionsOf(c command) (client.Option, error) {
	options := client.DefaultOption
	options.ConnectTimeout = 5 * time.Second
	options.SerializeType = protocol.SerializeType(c.Serialize)
	options.CompressType = protocol.CompressType(c.Compress)
	options.Heartbeat = c.HeartbeatMs > 0
	options.HeartbeatInterval = time.Duration(c.HeartbeatMs) * time.Millisecond
	if c.Path != "" {
		options.RPCPath = c.Path
	}
	if c.MaxWaitHeartbeatMs > 0 {
		options.MaxWaitForHeartbeat = time.Duration(c.MaxWaitHeartbeatMs) * time.Millisecond
	}
	if c.CA == "" {
		return options, nil
	}
	config, err := certs.ClientConfig(c.Cert, c.Key, c.CA)
	config.ServerName = c.ServerName
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	options.TLSConfig = config
	return options, err
}

func closeConnection(c command) answer {
	connection, err := find(c.Conn)
	if err != nil {
		return failure(err)
	}
	if err := connection.close(); err != nil {
		return failure(err)
	}
	return answer{}
}

type singleConnection struct{ client *client.Client }

func (s singleConnection) call(ctx context.Context, service, method string, args, reply any) error {
	return s.client.Call(ctx, service, method, args, reply)
}

func (s singleConnection) raw(ctx context.Context, message *protocol.Message) (map[string]string, []byte, error) {
	return s.client.SendRaw(ctx, message)
}

func (s singleConnection) close() error { return s.client.Close() }

type xClients struct {
	mu        sync.Mutex
	byService map[string]client.XClient
	make      func(service string) client.XClient
}

var failModes = map[string]client.FailMode{"": client.Failfast, "failfast": client.Failfast, "failtry": client.Failtry, "failover": client.Failover, "failbackup": client.Failbackup}

func newXClients(c command, options client.Option, received chan *protocol.Message) (*xClients, error) {
	mode, known := failModes[c.FailMode]
	if !known {
		return nil, errors.New("unknown fail mode " + c.FailMode)
	}
	servers := c.Servers
	if len(servers) == 0 {
		servers = []string{c.Network + "@" + c.Address}
	}
	pairs := make([]*client.KVPair, len(servers))
	for i, server := range servers {
		pairs[i] = &client.KVPair{Key: server}
	}
	discovery, err := client.NewMultipleServersDiscovery(pairs)
	if err != nil {
		return nil, err
	}
	return &xClients{byService: map[string]client.XClient{}, make: func(service string) client.XClient {
		made := client.NewBidirectionalXClient(service, mode, client.RoundRobin, discovery, options, received)
		if c.Token != "" {
			made.Auth(c.Token)
		}
		return made
	}}, nil
}

func (x *xClients) of(service string) client.XClient {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byService[service] == nil {
		x.byService[service] = x.make(service)
	}
	return x.byService[service]
}

func (x *xClients) call(ctx context.Context, service, method string, args, reply any) error {
	return x.of(service).Call(ctx, method, args, reply)
}

func (x *xClients) raw(ctx context.Context, message *protocol.Message) (map[string]string, []byte, error) {
	return x.of(message.ServicePath).SendRaw(ctx, message)
}

func (x *xClients) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var failed []error
	for _, each := range x.byService {
		failed = append(failed, each.Close())
	}
	return errors.Join(failed...)
}

// contextOf has the metadata and the time limit of a command, and the map that response metadata lands in.
func contextOf(c command) (context.Context, map[string]string, context.CancelFunc) {
	response := map[string]string{}
	request := map[string]string{}
	for key, value := range c.Metadata {
		request[key] = value
	}
	ctx := context.WithValue(context.Background(), share.ReqMetaDataKey, request)
	ctx = context.WithValue(ctx, share.ResMetaDataKey, response)
	if c.TimeoutMs == 0 {
		return ctx, response, func() {}
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(c.TimeoutMs)*time.Millisecond)
	return limited, response, cancel
}
