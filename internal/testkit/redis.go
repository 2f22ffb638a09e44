package testkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"linhui/internal/embedded"
)

// RedisServer is a real redis-server of one test's own.
type RedisServer struct {
	Addr string // host:port, the same after a restart

	t     testing.TB
	port  int
	child *embedded.Child
}

// Redis is the address of a fresh redis-server that ends with t. A server each, not a numbered
// database each: it starts in 10 ms, and FLUSHALL, SCRIPT, MONITOR and pub/sub know no databases.
func Redis(t testing.TB) string {
	t.Helper()
	return KillableRedis(t).Addr
}

// KillableRedis is a fresh redis-server that t may kill and restart.
func KillableRedis(t testing.TB) *RedisServer {
	t.Helper()
	r := &RedisServer{t: t}
	var err error
	for range 3 { // another process can take the free port before redis-server does
		if r.port, err = embedded.FreePort(); err != nil {
			break
		}
		r.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
		if err = r.start(); err == nil || errors.Is(err, exec.ErrNotFound) {
			break
		}
	}
	if err != nil {
		t.Fatalf("testkit: redis-server: %v", err)
	}
	t.Cleanup(r.Kill)
	return r
}

// Kill ends the server as a crash would; its data is gone. Killing twice does nothing.
func (r *RedisServer) Kill() {
	r.child.Signal(syscall.SIGKILL)
	<-r.child.Done()
}

// Restart starts the killed server again, empty, at the same address.
func (r *RedisServer) Restart() {
	r.t.Helper()
	if err := r.start(); err != nil {
		r.t.Fatalf("testkit: restart redis-server: %v", err)
	}
}

func (r *RedisServer) start() error {
	path, err := embedded.FindExecutable("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/snap/bin")
	if err != nil {
		return fmt.Errorf("not installed, run: apt-get install redis-server: %w", err)
	}
	var log strings.Builder
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", tempDir(r.t),
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning")
	cmd.Stdout, cmd.Stderr = &log, &log
	if r.child, err = embedded.StartChild(cmd, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for !pong(ctx, r.Addr) {
		select {
		case <-r.child.Done():
			return fmt.Errorf("it ended: %v: %s", r.child.Err(), strings.TrimSpace(log.String()))
		case <-ctx.Done():
			r.Kill()
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// pong reports whether a Redis answers at addr.
func pong(ctx context.Context, addr string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && line == "+PONG\r\n"
}
