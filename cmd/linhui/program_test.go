package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; a start takes a few seconds, more under the race detector.
const patience = 2 * time.Minute

// program is linhui as a process of its own.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner // what it prints
	url   string
}

func start(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.cmd.Env = append(append(os.Environ(), asLinhui+"=1"), environ...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = patience
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	return p
}

// until reads what is printed up to a line that matches, and returns its last group.
func (p *program) until(pattern string) string {
	p.t.Helper()
	var seen []string
	for p.lines.Scan() {
		seen = append(seen, p.lines.Text())
		if m := regexp.MustCompile(pattern).FindStringSubmatch(p.lines.Text()); m != nil {
			return m[len(m)-1]
		}
	}
	p.t.Fatalf("it ended without a line like %s:\n%s", pattern, strings.Join(seen, "\n"))
	return ""
}

// end sends a signal, reads to the end and returns the exit code.
func (p *program) end(with os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(with); err != nil {
		p.t.Fatal(err)
	}
	p.until("stopped")
	for p.lines.Scan() { // to the end, or Wait would close the pipe under the writer
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// get reads JSON from a path.
func (p *program) get(path string, into any) {
	p.t.Helper()
	client := http.Client{Timeout: patience}
	resp, err := client.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s %s", path, resp.Status, body)
	}
}
