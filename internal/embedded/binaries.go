package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"linhui/internal/fault"
)

// postgresGlobs are where packages keep the server programs, which they leave out of PATH.
var postgresGlobs = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // PostgreSQL's own packages for Red Hat
	"/usr/libexec/postgresql*",          // Alpine
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew on ARM
	"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
	"/usr/local/pgsql/bin",              // built from source
}

const howToInstall = "PostgreSQL is not installed: install it (Debian, Ubuntu: apt-get install postgresql · Fedora: dnf install postgresql-server · Alpine: apk add postgresql · macOS: brew install postgresql) or name databases of your own"

// binaries are the programs of one PostgreSQL version.
type binaries struct{ initdb, postgres string }

// findBinaries returns the programs that can serve the data directory: of its version when it
// holds data, else the first that is found and not too old, PATH before the globs.
func findBinaries(ctx context.Context, data string, globs []string) (binaries, error) {
	want, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return binaries{}, err
	}
	kept, _ := strconv.Atoi(strings.TrimSpace(string(want))) // 0: no data yet
	var found []string
	for _, dir := range searchDirs(globs) {
		initdb, err1 := executableIn(dir, "initdb")
		postgres, err2 := executableIn(dir, "postgres")
		if err1 != nil || err2 != nil {
			continue
		}
		major := majorOf(ctx, postgres)
		if major == kept || kept == 0 && major >= oldestMajor {
			return binaries{initdb, postgres}, nil
		}
		found = append(found, strconv.Itoa(major))
	}
	switch {
	case found == nil:
		return binaries{}, fault.Newf(fault.SourceUnavailable, howToInstall).Because(exec.ErrNotFound)
	case kept != 0:
		return binaries{}, fault.Newf(fault.Conflict,
			"the data in %s is of PostgreSQL %d and only %s is installed: install that version, or remove the directory to start afresh",
			data, kept, strings.Join(found, ", "))
	default:
		return binaries{}, fault.Newf(fault.SourceUnavailable,
			"PostgreSQL %d or newer is needed and only %s is installed", oldestMajor, strings.Join(found, ", "))
	}
}

// oldestMajor is the first version with what the schemas use (store/migrations).
const oldestMajor = 15

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorOf is the version that the program reports of itself, 0 when it does not.
func majorOf(ctx context.Context, postgres string) int {
	out, err := exec.CommandContext(ctx, postgres, "--version").Output()
	if err != nil {
		return 0
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return major
}

// findOrInstall is findBinaries that, as root where apt-get exists, installs what is missing.
func findOrInstall(ctx context.Context, data string, globs []string, log *slog.Logger) (binaries, error) {
	b, err := findBinaries(ctx, data, globs)
	if !errors.Is(err, exec.ErrNotFound) || os.Geteuid() != 0 {
		return b, err
	}
	apt, lookErr := exec.LookPath("apt-get")
	if lookErr != nil {
		return b, err
	}
	log.Info("embedded: PostgreSQL is not installed; installing it with apt-get")
	for _, args := range [][]string{
		{"update"},
		{"install", "-y", "--no-install-recommends", "postgresql"},
	} {
		if err := runLogged(ctx, log, apt, args...); err != nil {
			return binaries{}, fault.Newf(fault.SourceUnavailable, howToInstall).Because(err)
		}
	}
	return findBinaries(ctx, data, globs)
}

// runLogged runs a program to its end and logs each line that it prints.
func runLogged(ctx context.Context, log *slog.Logger, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.WaitDelay = 5 * time.Second // a service that the package starts may keep the pipe open
	child, err := StartChild(cmd, syscall.SIGTERM)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
			child.Signal(syscall.SIGTERM)
			<-child.Done()
		case <-child.Done():
		}
		w.Close()
	}()
	last := ""
	for lines := bufio.NewScanner(r); lines.Scan(); {
		last = lines.Text()
		log.Info("embedded: "+filepath.Base(name), "output", last)
	}
	_, _ = io.Copy(io.Discard, r) // a line past the scanner's limit ends the logging, not the program
	if err := child.Err(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, last)
	}
	return nil
}
