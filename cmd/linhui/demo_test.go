package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"linhui/internal/authz"
)

// serverPID is the PostgreSQL of a state directory.
func serverPID(t *testing.T, state string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, postgresDir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// startDemo starts a demo and waits until it is ready.
func startDemo(t *testing.T, state string) *program {
	t.Helper()
	d := start(t, []string{"ADDR=127.0.0.1:0", "STATE_DIR=" + state}, "demo")
	d.url = d.until(`^ready (http://127\.0\.0\.1:[0-9]+)/$`)
	return d
}

func TestDemo(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	t.Cleanup(func() {
		if err := forget(state); err != nil { // what lies outside the directory, too
			t.Error(err)
		}
	})
	d := startDemo(t, state)
	pid := serverPID(t, state)

	var today struct {
		Data struct {
			Communities struct{ Nodes []struct{ NameZh string } }
			Stations    struct {
				Nodes    []struct{ NameZh string }
				Coverage struct {
					Complete bool
					Sources  []struct{ Key, State string }
				}
			}
		}
	}
	d.get("/graphql?query={communities(first:10){nodes{nameZh}}stations(first:5){nodes{nameZh}coverage{complete,sources{key,state}}}}", &today)
	got := today.Data
	if len(got.Communities.Nodes) != 6 || len(got.Stations.Nodes) != 5 || len(got.Stations.Coverage.Sources) != 6 || !got.Stations.Coverage.Complete {
		t.Errorf("the demo answers %+v", got)
	}
	var offered []grant
	d.get("/playground/roles.json", &offered)
	if len(offered) != len(authz.Roles()) {
		t.Errorf("%d roles are offered, want all %d", len(offered), len(authz.Roles()))
	}
	if code := d.end(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d after Ctrl-C, want 0", code)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PostgreSQL is left behind: %v", err)
	}

	// What was there is there again, and the tokens of before still work.
	key, err := os.ReadFile(filepath.Join(state, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	d = startDemo(t, state)
	if code := d.end(syscall.SIGINT); code != 0 {
		t.Errorf("exit %d of the second start, want 0", code)
	}
	again, err := os.ReadFile(filepath.Join(state, keyFile))
	if err != nil || string(again) != string(key) {
		t.Errorf("the key changed between starts: %v", err)
	}
}

func TestDemoOnATakenPortSaysSoBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	state := filepath.Join(t.TempDir(), "state")
	got := linhui(t, nil, "demo", "--addr", l.Addr().String(), "--state-dir", state)
	if got.code != exitFailed || !strings.Contains(got.err, l.Addr().String()+" is in use by another program") || got.out != "" {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("the state directory was made")
	}
}

func TestOnlyThisMachineIsOfferedTokens(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{"127.0.0.1:8080": true, "localhost": true, "[::1]:8080": true, "10.0.0.7": true, "evil.example:8080": false, "127.0.0.1.evil.example": false} {
		if byAddress(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

func TestForgetLeavesWhatIsNotTheDemos(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	elsewhere := t.TempDir()
	mine := filepath.Join(state, "thesis.txt")
	for _, path := range []string{mine, filepath.Join(state, keyFile), filepath.Join(elsewhere, "password")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(elsewhere, filepath.Join(state, postgresDir)); err != nil {
		t.Fatal(err)
	}
	if err := forget(state); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{mine: true, filepath.Join(state, keyFile): false, filepath.Join(state, postgresDir): false, elsewhere: false} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}
