package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linhui/internal/testkit"
)

// asLinhui makes the test binary run as the program itself, for tests that need a process.
const asLinhui = "TEST_RUNS_AS_LINHUI"

func TestMain(m *testing.M) {
	if os.Getenv(asLinhui) != "" {
		main()
	}
	testkit.Main(m)
}

// result is what one command line printed and returned.
type result struct {
	out, err string
	code     int
}

// linhui runs one command line in this process.
func linhui(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	p := &process{out: &out, err: &err, environ: environ, soft: t.Context(), hard: context.Background()}
	code := p.run(args)
	return result{out.String(), err.String(), code}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for _, c := range []struct {
		name, args string
		code       int
		want       string // in what was printed
	}{
		{"version", "version", 0, "linhui unreleased go1."},
		{"no command", "", exitUsage, "expected one of"},
		{"unknown command", "serv", exitUsage, "unexpected argument serv"},
		{"no configuration", "serve", exitUsage, "missing flags: --config"},
		{"no such file", "serve --config " + state + "/none.yaml", exitUsage, "none.yaml does not exist"},
		{"unknown role", "token --role KING --state-dir " + state, exitUsage, "--role: KING is no role; there are RESIDENT,"},
		{"a token of the past", "token --role ANALYST --ttl=-1h --state-dir " + state, exitUsage, "--ttl: -1h0m0s is over already"},
		{"a token", "token --role analyst --communities lanxin --state-dir " + state, 0, "ey"},
		{"a level that is none", "demo --log-level loud --state-dir " + state, exitUsage, "--log-level must be one of"},
		{"an address that is none", "demo --addr 127.0.0.1:99999 --state-dir " + state, exitFailed, "127.0.0.1:99999 cannot be listened on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := linhui(t, nil, strings.Fields(c.args)...)
			if got.code != c.code || !strings.Contains(got.out+got.err, c.want) {
				t.Errorf("exit %d, want %d and %q\n%s%s", got.code, c.code, c.want, got.out, got.err)
			}
			if got.code != 0 && strings.Count(got.err, "\n") != 1 {
				t.Errorf("an error is one line:\n%s", got.err)
			}
		})
	}
}
