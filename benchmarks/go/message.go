package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Message has the forty fields of rpcx's own benchmark, under the names that the TypeScript side writes.
type Message struct {
	Field1   string   `msgpack:"field1" json:"field1"`
	Field9   string   `msgpack:"field9" json:"field9"`
	Field18  string   `msgpack:"field18" json:"field18"`
	Field80  bool     `msgpack:"field80" json:"field80"`
	Field81  bool     `msgpack:"field81" json:"field81"`
	Field2   int32    `msgpack:"field2" json:"field2"`
	Field3   int32    `msgpack:"field3" json:"field3"`
	Field280 int32    `msgpack:"field280" json:"field280"`
	Field6   int32    `msgpack:"field6" json:"field6"`
	Field22  int64    `msgpack:"field22" json:"field22"`
	Field4   string   `msgpack:"field4" json:"field4"`
	Field5   []uint64 `msgpack:"field5" json:"field5"`
	Field59  bool     `msgpack:"field59" json:"field59"`
	Field7   string   `msgpack:"field7" json:"field7"`
	Field16  int32    `msgpack:"field16" json:"field16"`
	Field130 int32    `msgpack:"field130" json:"field130"`
	Field12  bool     `msgpack:"field12" json:"field12"`
	Field17  bool     `msgpack:"field17" json:"field17"`
	Field13  bool     `msgpack:"field13" json:"field13"`
	Field14  bool     `msgpack:"field14" json:"field14"`
	Field104 int32    `msgpack:"field104" json:"field104"`
	Field100 int32    `msgpack:"field100" json:"field100"`
	Field101 int32    `msgpack:"field101" json:"field101"`
	Field102 string   `msgpack:"field102" json:"field102"`
	Field103 string   `msgpack:"field103" json:"field103"`
	Field29  int32    `msgpack:"field29" json:"field29"`
	Field30  bool     `msgpack:"field30" json:"field30"`
	Field60  int32    `msgpack:"field60" json:"field60"`
	Field271 int32    `msgpack:"field271" json:"field271"`
	Field272 int32    `msgpack:"field272" json:"field272"`
	Field150 int32    `msgpack:"field150" json:"field150"`
	Field23  int32    `msgpack:"field23" json:"field23"`
	Field24  bool     `msgpack:"field24" json:"field24"`
	Field25  int32    `msgpack:"field25" json:"field25"`
	Field78  bool     `msgpack:"field78" json:"field78"`
	Field67  int32    `msgpack:"field67" json:"field67"`
	Field68  int32    `msgpack:"field68" json:"field68"`
	Field128 int32    `msgpack:"field128" json:"field128"`
	Field129 string   `msgpack:"field129" json:"field129"`
	Field131 int32    `msgpack:"field131" json:"field131"`
}

func filled() *Message {
	const text, number = "许多往事在眼前一幕一幕，变的那麼模糊", 100000
	return &Message{
		Field1: text, Field9: text, Field18: text, Field80: true, Field81: true, Field2: number, Field3: number,
		Field280: number, Field6: number, Field22: number, Field4: text, Field5: []uint64{}, Field59: true, Field7: text,
		Field16: number, Field130: number, Field12: true, Field17: true, Field13: true, Field14: true, Field104: number,
		Field100: number, Field101: number, Field102: text, Field103: text, Field29: number, Field30: true, Field60: number,
		Field271: number, Field272: number, Field150: number, Field23: number, Field24: true, Field25: number, Field78: true,
		Field67: number, Field68: number, Field128: number, Field129: text, Field131: number,
	}
}

var errWrongReply = errors.New("the reply is not the one that the server sends")

func checkMessage(reply *Message) error {
	if reply.Field1 != "OK" || reply.Field2 != 100 {
		return errWrongReply
	}
	return nil
}

func checkBytes(sent, reply []byte) error {
	if len(sent) != len(reply) || sent[0] != reply[0] || sent[len(sent)-1] != reply[len(reply)-1] {
		return errWrongReply
	}
	return nil
}

// rawPayload is what goes through the raw codec: as many bytes as asked, 581 for the message.
func rawPayload(payload string) []byte {
	size := 581
	if payload != "message" {
		n, err := strconv.Atoi(payload)
		if err != nil || n < 1 {
			fail(fmt.Errorf("payload %q is neither message nor a number of bytes", payload))
		}
		size = n
	}
	return bytes.Repeat([]byte{0x5a}, size)
}
