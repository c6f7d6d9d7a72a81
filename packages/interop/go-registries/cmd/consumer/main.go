// Command consumer is a Go rpcx client that finds its servers by a registry: one command as JSON on each line of standard input, one answer as JSON on each line of standard
// output. It ends when its standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"rpcxjs.interop/go-registries/places"
)

type command struct {
	ID int `json:"id"`
	// Calls asks for so many calls of Who, one after the other; none asks for the list of servers.
	Calls int `json:"calls"`
}

type args struct{ ID int }
type reply struct{ From string }

func main() {
	var place places.Place
	flag.StringVar(&place.Kind, "kind", "", "etcd, etcd-single, zookeeper, consul, redis or mdns")
	flag.StringVar(&place.Registry, "registry", "", "host:port")
	flag.StringVar(&place.Base, "base", "", "base path")
	service := flag.String("service", "Where", "its method Who is called")
	group := flag.String("group", "", "only servers of it are called")
	weighted := flag.Bool("weighted", false, "weighted round robin instead of plain")
	flag.Parse()
	log.SetDummyLogger()

	discovery, err := place.Discover(*service)
	exitOn(err)
	option := client.DefaultOption
	option.Group = *group
	mode := client.RoundRobin
	if *weighted {
		mode = client.WeightedRoundRobin
	}
	c := client.NewXClient(*service, client.Failtry, mode, discovery, option)
	defer c.Close()
	fmt.Println(`{"ready":true}`)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked command
		exitOn(json.Unmarshal(lines.Bytes(), &asked))
		answer := map[string]any{"id": asked.ID}
		if asked.Calls == 0 {
			list := []map[string]string{}
			for _, pair := range discovery.GetServices() {
				list = append(list, map[string]string{"key": pair.Key, "value": pair.Value})
			}
			answer["list"] = list
		} else {
			answer["answers"], answer["errors"] = callAll(c, asked.Calls)
		}
		text, err := json.Marshal(answer)
		exitOn(err)
		fmt.Println(string(text))
	}
}

func callAll(c client.XClient, count int) (map[string]int, []string) {
	answers, errors := map[string]int{}, []string{}
	for id := range count {
		var got reply
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if err := c.Call(ctx, "Who", &args{id}, &got); err != nil {
			errors = append(errors, err.Error())
		} else {
			answers[got.From]++
		}
		cancel()
	}
	return answers, errors
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
