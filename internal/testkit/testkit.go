// Package testkit gives tests real servers: a PostgreSQL and Redis servers as child processes of the
// test binary, and a TCP proxy that breaks the way to them. Only test files import it.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
package testkit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"linhui/internal/embedded"
)

// Main runs the tests of a package and then stops the servers that they started.
func Main(m *testing.M) {
	code := m.Run()
	if err := stopPostgres(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Leaks fails t when, at its end, goroutines run that did not run at the call. The other cleanups of
// t registered after the call have run by then. Not for parallel tests: their goroutines look alike.
func Leaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		t.Helper()
		// The shared server may start during the test and stays.
		goleak.VerifyNone(t, before,
			goleak.IgnoreAnyFunction("linhui/internal/embedded.(*Child).run"),
			goleak.IgnoreAnyFunction("linhui/internal/embedded.(*Postgres).release"))
	})
}

// shared is the server of this test process, started by the first test that needs it.
var shared struct {
	once   sync.Once
	server *embedded.Postgres
	dir    string
	err    error
}

// testSettings trade the safety of data that nobody keeps for speed.
var testSettings = map[string]string{
	"fsync":              "off",
	"full_page_writes":   "off",
	"synchronous_commit": "off",
	"autovacuum":         "off", // a worker in a template would hold up its copying
	"max_connections":    "300",
}

// server returns the shared server.
func server(t testing.TB) *embedded.Postgres {
	t.Helper()
	shared.once.Do(func() {
		sweep()
		if shared.dir, shared.err = makeTemp(); shared.err != nil {
			return
		}
		// It serves all tests of the process, so no single one's context may end it.
		shared.server, shared.err = embedded.StartPostgres(context.Background(), embedded.PostgresOptions{
			Dir: filepath.Join(shared.dir, "postgres"), Settings: testSettings,
		})
	})
	if shared.err != nil {
		t.Fatalf("testkit: PostgreSQL: %v", shared.err)
	}
	return shared.server
}

func stopPostgres() error {
	if shared.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shared.server.Stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return os.RemoveAll(shared.dir)
}
