package embedded

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"linhui/internal/fault"
)

var quiet = slog.New(slog.DiscardHandler)

func TestHomeOutOfReachOfTheAccountIsALink(t *testing.T) {
	t.Parallel()
	closed := t.TempDir() // 0700 somewhere above for root; always reachable for ourselves
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	open := filepath.Dir(stateDir(t))
	dir := filepath.Join(closed, "state", "pg")
	var last string
	for range 2 {
		h, acc, err := openHome(dir, []string{closed, open}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if acc.drop != (os.Geteuid() == 0) {
			t.Errorf("steps down: %v, as user %d", acc.drop, os.Geteuid())
		}
		if moved := filepath.Dir(h.dir) == open; moved != acc.drop {
			t.Errorf("lies in %s", h.dir)
		}
		if last != "" && h.dir != last {
			t.Errorf("second time in %s, first in %s", h.dir, last)
		}
		last = h.dir
	}
}

func TestReachesLooksAtEveryDirectory(t *testing.T) {
	t.Parallel()
	root := filepath.Dir(stateDir(t))
	inner := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := account{uid: 54321, gid: 54321}
	if !stranger.reaches(inner) {
		t.Error("open directories are out of reach")
	}
	if err := os.Chmod(filepath.Join(root, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if stranger.reaches(inner) {
		t.Error("a closed parent was not seen")
	}
	owner := account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	if !owner.reaches(inner) {
		t.Error("the owner is locked out")
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	ordered := []string{"/pg/9.6/bin", "/pg/10/bin", "/pg/15/bin", "/pg/015b/bin", "/pg/16/bin", "/pg/16/bin/x"}
	for i := range len(ordered) - 1 {
		if a, b := ordered[i], ordered[i+1]; compareVersions(a, b) >= 0 || compareVersions(b, a) <= 0 {
			t.Errorf("%s is not before %s", a, b)
		}
	}
}

func TestExecutableIsFoundInTheHighestVersion(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"9", "15", "14"} {
		bin := filepath.Join(dir, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "tool"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", "")
	got, err := FindExecutable("tool", filepath.Join(dir, "*", "bin"))
	if want := filepath.Join(dir, "15", "bin", "tool"); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if _, err := FindExecutable("other", filepath.Join(dir, "*", "bin")); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a missing one: %v", err)
	}
}

// fakePostgres are programs that only know their version.
func fakePostgres(dir, version string) string {
	return "mkdir -p " + dir + "\nfor p in initdb postgres; do printf '#!/bin/sh\\necho \"postgres (PostgreSQL) " + version + "\"\\n' > " + dir + "/$p; chmod +x " + dir + "/$p; done\n"
}

func TestMissingPostgresIsInstalledByRootAndElseNamed(t *testing.T) {
	dir := t.TempDir()
	globs := []string{filepath.Join(dir, "lib", "*", "bin")}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(dir, "empty"))
	_, err = findOrInstall(t.Context(), dir, globs, quiet)
	if !fault.Is(err, fault.SourceUnavailable) || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("without apt-get: %v", err)
	}

	tools := filepath.Join(dir, "tools")
	script := "#!" + sh + "\nPATH=/usr/bin:/bin\necho \"$DEBIAN_FRONTEND $*\" >> " + dir + "/calls\ncase $1 in install)\n" + fakePostgres(filepath.Join(dir, "lib", "16", "bin"), "16.4") + ";; esac\n"
	if err := errors.Join(os.Mkdir(tools, 0o755), os.WriteFile(filepath.Join(tools, "apt-get"), []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools)
	b, err := findOrInstall(t.Context(), dir, globs, quiet)
	if os.Geteuid() != 0 {
		if !fault.Is(err, fault.SourceUnavailable) {
			t.Errorf("not root: %v", err)
		}
		return
	}
	if err != nil || b.postgres != filepath.Join(dir, "lib", "16", "bin", "postgres") {
		t.Errorf("installed %+v, %v", b, err)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if want := "noninteractive update\nnoninteractive install -y --no-install-recommends postgresql\n"; err != nil || string(calls) != want {
		t.Errorf("apt-get was called: %q, %v", calls, err)
	}
}

func TestDataIsServedByItsOwnVersion(t *testing.T) {
	dir := t.TempDir()
	// The directory 18 lies about its version; what the program says counts.
	script := fakePostgres(filepath.Join(dir, "18", "bin"), "13.9") + fakePostgres(filepath.Join(dir, "15", "bin"), "15.9") + fakePostgres(filepath.Join(dir, "17", "bin"), "17.1")
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("PATH", "")
	globs := []string{filepath.Join(dir, "*", "bin")}
	for version, want := range map[string]string{"": "17", "13\n": "18", "15\n": "15", "17\n": "17"} {
		data := t.TempDir()
		if version != "" {
			if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(version), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b, err := findBinaries(t.Context(), data, globs)
		if err != nil || b.postgres != filepath.Join(dir, want, "bin", "postgres") {
			t.Errorf("data of %q: %s, %v", version, b.postgres, err)
		}
	}
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := findBinaries(t.Context(), data, globs); !fault.Is(err, fault.Conflict) {
		t.Errorf("data of a version that is not installed: %v", err)
	}
	if _, err := findBinaries(t.Context(), dir, []string{filepath.Join(dir, "18", "bin")}); err == nil || !strings.Contains(err.Error(), "15 or newer") {
		t.Errorf("only an old version: %v", err)
	}
}

func TestRedisExpiresByItself(t *testing.T) {
	t.Parallel()
	r, err := StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client := redis.NewClient(&redis.Options{Addr: r.Addr()})
	t.Cleanup(func() { client.Close() })
	ctx := context.Background()
	if err := client.Set(ctx, "kept", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Do(ctx, "SET", "gone", "x", "PX", "30").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "key expired", func() bool { return client.Exists(ctx, "gone").Val() == 0 })
	if client.Exists(ctx, "kept").Val() != 1 {
		t.Error("a key without expiry is gone")
	}
}
