// Package certificate makes certificates for servers of tests on loopback, each of an authority of its own.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files are the names of PEM files, which are there until the test ends.
type Files struct {
	// Authority is the certificate of who has signed, Certificate the server's with that behind it, Key the server's key (PKCS 8),
	// and Both a file with the last two.
	Authority, Certificate, Key, Both string
}

// Make makes an authority and a certificate for a server on 127.0.0.1, good for a day.
func Make(t testing.TB) Files {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := func(name string, blocks ...*pem.Block) string {
		content := make([]byte, 0, 4<<10)
		for _, b := range blocks {
			content = append(content, pem.EncodeToMemory(b)...)
		}
		path := filepath.Join(dir, name+".pem")
		must(os.WriteFile(path, content, 0o600))
		return path
	}
	// certify has a certificate signed, by itself when nobody else is named.
	certify := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*pem.Block, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		if parent == nil {
			parent, signer = c, key
		}
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		must(err)
		return &pem.Block{Type: "CERTIFICATE", Bytes: der}, key
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	authorityBlock, signer := certify(authority, nil, nil)
	serverBlock, key := certify(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server of a test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, signer)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	keyBlock := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	return Files{
		Authority: file("authority", authorityBlock), Certificate: file("certificate", serverBlock, authorityBlock),
		Key: file("key", keyBlock), Both: file("both", keyBlock, serverBlock, authorityBlock),
	}
}
