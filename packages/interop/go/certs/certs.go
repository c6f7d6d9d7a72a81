// Package certs makes a certificate authority for one test run, and the certificates that it signed.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Write puts ca.pem, and server and client certificates with their keys, into a folder. They are valid for localhost and 127.0.0.1 for a day.
func Write(folder string) error {
	caKey, caTemplate, err := template("interop authority", 1)
	if err != nil {
		return err
	}
	caTemplate.IsCA, caTemplate.BasicConstraintsValid, caTemplate.KeyUsage = true, true, x509.KeyUsageCertSign
	if err := sign(folder, "ca", caTemplate, caTemplate, caKey, caKey); err != nil {
		return err
	}
	for number, name := range []string{"server", "client"} {
		key, leaf, err := template(name, int64(number+2))
		if err != nil {
			return err
		}
		leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		if err := sign(folder, name, leaf, caTemplate, key, caKey); err != nil {
			return err
		}
	}
	return nil
}

func template(name string, serial int64) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return key, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}, err
}

func sign(folder, name string, leaf, authority *x509.Certificate, key, authorityKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(folder, name+".pem"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(filepath.Join(folder, name+".key"), "PRIVATE KEY", secret)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// ServerConfig is TLS for a server; with an authority it asks for a client certificate.
func ServerConfig(certificate, key, authority string) (*tls.Config, error) {
	config, err := withAuthority(authority, func(c *tls.Config, pool *x509.CertPool) {
		c.ClientCAs, c.ClientAuth = pool, tls.RequireAndVerifyClientCert
	})
	return config, addPair(config, certificate, key, err)
}

// ClientConfig is TLS for a client that trusts the authority, and shows a certificate if it has one.
func ClientConfig(certificate, key, authority string) (*tls.Config, error) {
	config, err := withAuthority(authority, func(c *tls.Config, pool *x509.CertPool) { c.RootCAs = pool })
	return config, addPair(config, certificate, key, err)
}

func withAuthority(authority string, use func(*tls.Config, *x509.CertPool)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if authority == "" {
		return config, nil
	}
	text, err := os.ReadFile(authority)
	if err != nil {
		return config, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	use(config, pool)
	return config, nil
}

func addPair(config *tls.Config, certificate, key string, err error) error {
	if err != nil || certificate == "" {
		return err
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	config.Certificates = []tls.Certificate{pair}
	return err
}
