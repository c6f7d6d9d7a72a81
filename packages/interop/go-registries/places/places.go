// Package places makes the two ends of each registry that a rpcx server or client of Go knows: what registers a service, and what finds it.
package places

import (
	"fmt"
	"net"
	"strconv"
	"time"

	consulclient "github.com/rpcxio/rpcx-consul/client"
	consulplugin "github.com/rpcxio/rpcx-consul/serverplugin"
	etcdclient "github.com/rpcxio/rpcx-etcd/client"
	etcdplugin "github.com/rpcxio/rpcx-etcd/serverplugin"
	_ "github.com/rpcxio/rpcx-etcd/store/etcdv3singe" // what etcd-single is kept by
	redisclient "github.com/rpcxio/rpcx-redis/client"
	redisplugin "github.com/rpcxio/rpcx-redis/serverplugin"
	zookeeperclient "github.com/rpcxio/rpcx-zookeeper/client"
	zookeeperplugin "github.com/rpcxio/rpcx-zookeeper/serverplugin"
	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/serverplugin"
)

// Place is where a registry runs, and where the services stand in it.
type Place struct {
	Kind, Registry, Base string
}

// Plugin is what registers: a server plugin that is started and stopped.
type Plugin interface {
	Start() error
	Stop() error
}

// Register makes the plugin that registers a server at address, in rpcx form.
func (p Place) Register(address string, every time.Duration) (Plugin, error) {
	servers := []string{p.Registry}
	switch p.Kind {
	case "etcd":
		return &etcdplugin.EtcdV3RegisterPlugin{ServiceAddress: address, EtcdServers: servers, BasePath: p.Base, UpdateInterval: every}, nil
	case "etcd-single":
		return etcdplugin.NewEtcdV3SingleRegisterPlugin(servers, p.Base, address, nil, nil)
	case "zookeeper":
		return &zookeeperplugin.ZooKeeperRegisterPlugin{ServiceAddress: address, ZooKeeperServers: servers, BasePath: p.Base, UpdateInterval: every}, nil
	case "consul":
		return &consulplugin.ConsulRegisterPlugin{ServiceAddress: address, ConsulServers: servers, BasePath: p.Base, UpdateInterval: every}, nil
	case "redis":
		return &redisplugin.RedisRegisterPlugin{ServiceAddress: address, RedisServers: servers, BasePath: p.Base, UpdateInterval: every}, nil
	case "mdns":
		_, text, err := net.SplitHostPort(address[len("tcp@"):])
		if err != nil {
			return nil, err
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		return serverplugin.NewMDNSRegisterPlugin(address, port, nil, every, ""), nil
	}
	return nil, fmt.Errorf("unknown kind of registry %q", p.Kind)
}

// Discover makes what a client finds the servers of a service by.
func (p Place) Discover(service string) (client.ServiceDiscovery, error) {
	servers := []string{p.Registry}
	switch p.Kind {
	case "etcd", "etcd-single":
		return etcdclient.NewEtcdV3Discovery(p.Base, service, servers, true, nil)
	case "zookeeper":
		return zookeeperclient.NewZookeeperDiscovery(p.Base, service, servers, nil)
	case "consul":
		return consulclient.NewConsulDiscovery(p.Base, service, servers, nil)
	case "redis":
		return redisclient.NewRedisDiscovery(p.Base, service, servers, nil)
	case "mdns":
		return client.NewMDNSDiscovery(service, 500*time.Millisecond, 500*time.Millisecond, "")
	}
	return nil, fmt.Errorf("unknown kind of registry %q", p.Kind)
}
