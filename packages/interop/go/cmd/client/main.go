// Command client is a Go rpcx client that tests drive: one command as JSON on each line of standard input, one answer as JSON on each line of
// standard output. Commands run side by side; `id` ties an answer to its command. It ends when its standard input does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/smallnest/rpcx/log"
)

// command is all that any operation takes; see the operation for what it reads.
type command struct {
	ID   int    `json:"id"`
	Op   string `json:"op"`
	Conn string `json:"conn"`

	Network            string   `json:"network"`
	Address            string   `json:"address"`
	Servers            []string `json:"servers"`
	Mode               string   `json:"mode"`
	FailMode           string   `json:"failMode"`
	Serialize          int      `json:"serialize"`
	Compress           int      `json:"compress"`
	Token              string   `json:"token"`
	HeartbeatMs        int      `json:"heartbeatMs"`
	MaxWaitHeartbeatMs int      `json:"maxWaitHeartbeatMs"`
	CA                 string   `json:"ca"`
	Cert               string   `json:"cert"`
	Key                string   `json:"key"`
	ServerName         string   `json:"serverName"`
	CustomErrors       bool     `json:"customErrors"`
	Path               string   `json:"path"`

	Service   string            `json:"service"`
	Method    string            `json:"method"`
	Metadata  map[string]string `json:"metadata"`
	TimeoutMs int               `json:"timeoutMs"`
	Oneway    bool              `json:"oneway"`
	Shape     string            `json:"shape"`
	Args      json.RawMessage   `json:"args"`
	ArgsHex   string            `json:"argsHex"`
	Reply     string            `json:"reply"`

	Seq       string `json:"seq"`
	Heartbeat bool   `json:"heartbeat"`

	Calls      int `json:"calls"`
	Concurrent int `json:"concurrent"`
	Count      int `json:"count"`
	SleepMs    int `json:"sleepMs"`
}

// answer is what an operation gives; `error` is Go's own error text.
type answer map[string]any

var operations = map[string]func(c command) answer{
	"connect": connect, "close": closeConnection, "call": call, "raw": sendRaw, "many": many, "survive": survive, "heartbeat": heartbeat, "pushes": pushes,
}

func main() {
	log.SetDummyLogger()
	var writing sync.Mutex
	say := func(id int, a answer) {
		a["id"] = id
		line, err := json.Marshal(a)
		if err != nil {
			line = fmt.Appendf(nil, `{"id":%d,"error":%q}`, id, "cannot write the answer: "+err.Error())
		}
		writing.Lock()
		defer writing.Unlock()
		fmt.Println(string(line))
	}
	say(0, answer{"ready": true, "pid": os.Getpid()})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			say(c.ID, answer{"error": "cannot read the command: " + err.Error()})
			continue
		}
		run, known := operations[c.Op]
		if !known {
			say(c.ID, answer{"error": "unknown operation " + c.Op})
			continue
		}
		go func() { say(c.ID, run(c)) }()
	}
}

func failure(err error) answer {
	return answer{"error": err.Error()}
}
