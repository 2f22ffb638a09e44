package database_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/internal/testkit"
)

// tlsFront speaks PostgreSQL's TLS negotiation and forwards in the clear to target.
func tlsFront(t testing.TB, target string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(client net.Conn) {
		defer client.Close()
		if _, err := io.ReadFull(client, make([]byte, 8)); err != nil { // SSLRequest
			return
		}
		if _, err := client.Write([]byte("S")); err != nil {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer server.Close()
		secure := tls.Server(client, config)
		go func() {
			_, _ = io.Copy(server, secure)
			server.Close()
		}()
		_, _ = io.Copy(secure, server)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// crypto/tls wraps the errors by which lib/pq recognises a dead connection.
func TestDeadlinesAndCancellationHoldUnderTLS(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	proxy := testkit.NewProxy(t, tlsFront(t, tk.Addr()))
	d := open(t, database.Config{DSN: strings.Replace(tk.Via(proxy.Addr()), "sslmode=disable", "sslmode=require", 1), MaxConns: 1})
	pid := public("SELECT pg_backend_pid()::text")
	before := mustColumn(t, d, pid)
	ask := func(text string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := column(ctx, d, public(text))
		return err
	}
	within(t, 500*time.Millisecond, "cancelled statement", func() {
		if err := ask("SELECT pg_sleep(30)"); !fault.Is(err, fault.SourceTimeout) {
			t.Error(err)
		}
	})
	if after := mustColumn(t, d, pid); after[0] != before[0] {
		t.Error("a cancelled statement cost the connection")
	}
	proxy.Set(testkit.Blackhole)
	within(t, 500*time.Millisecond, "query into a black hole", func() {
		if err := ask("SELECT 1"); !fault.Is(err, fault.SourceTimeout) {
			t.Error(err)
		}
	})
	proxy.Set(testkit.Pass)
	if after := mustColumn(t, d, pid); after[0] == before[0] {
		t.Error("the dead connection was used again")
	}
}
