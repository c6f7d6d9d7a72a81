// Package crypt makes kcp-go's block ciphers by name, and sets sessions up as the rpcx example does.
package crypt

import (
	"crypto/sha1"
	"flag"
	"fmt"
	"net"

	kcp "github.com/xtaci/kcp-go"
	"golang.org/x/crypto/pbkdf2"
)

// Names of the ciphers, and how long their keys are.
var Names = map[string]int{
	"none": 0, "aes-128": 16, "aes-192": 24, "aes-256": 32, "salsa20": 32, "tea": 16, "xtea": 16, "blowfish": 32, "twofish": 32, "cast5": 16, "3des": 24, "sm4": 16, "xor": 32,
}

var makers = map[string]func(key []byte) (kcp.BlockCrypt, error){
	"none": kcp.NewNoneBlockCrypt, "aes-128": kcp.NewAESBlockCrypt, "aes-192": kcp.NewAESBlockCrypt, "aes-256": kcp.NewAESBlockCrypt, "salsa20": kcp.NewSalsa20BlockCrypt,
	"tea": kcp.NewTEABlockCrypt, "xtea": kcp.NewXTEABlockCrypt, "blowfish": kcp.NewBlowfishBlockCrypt, "twofish": kcp.NewTwofishBlockCrypt, "cast5": kcp.NewCast5BlockCrypt,
	"3des": kcp.NewTripleDESBlockCrypt, "sm4": kcp.NewSM4BlockCrypt, "xor": kcp.NewSimpleXORBlockCrypt,
}

// New makes a cipher from the bytes of its key.
func New(name string, key []byte) (kcp.BlockCrypt, error) {
	make, known := makers[name]
	if !known {
		return nil, fmt.Errorf("no cipher is called %q", name)
	}
	return make(key)
}

// Flags of a program that speaks KCP.
var (
	cipher   = flag.String("cipher", "aes-256", "the block cipher")
	password = flag.String("password", "rpcx-key", "what the key is derived from")
	salt     = flag.String("salt", "rpcx-salt", "what the key is derived from")
	tuned    = flag.Bool("tuned", false, "acknowledge without delay and in stream mode, as the rpcx example does")
	fast     = flag.Bool("fast", false, "kcp-go's fastest settings, and large windows")
)

// FromFlags makes the cipher that the flags name; the key is derived as in the rpcx example.
func FromFlags() (kcp.BlockCrypt, error) {
	return New(*cipher, pbkdf2.Key([]byte(*password), []byte(*salt), 4096, Names[*cipher], sha1.New))
}

// Plugin sets sessions up on both sides.
type Plugin struct{}

// HandleConnAccept is called by servers.
func (Plugin) HandleConnAccept(conn net.Conn) (net.Conn, bool) {
	tune(conn)
	return conn, true
}

// ConnCreated is called by clients.
func (Plugin) ConnCreated(conn net.Conn) (net.Conn, error) {
	tune(conn)
	return conn, nil
}

func tune(conn net.Conn) {
	session, ok := conn.(*kcp.UDPSession)
	if ok && (*tuned || *fast) {
		session.SetACKNoDelay(true)
		session.SetStreamMode(true)
	}
	if ok && *fast {
		session.SetNoDelay(1, 10, 2, 1)
		session.SetWindowSize(1024, 1024)
	}
}
