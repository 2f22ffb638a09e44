package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// RedisServer is a redis-server as a child process. It keeps nothing on disk.
type RedisServer struct {
	*Child
	Addr string // host:port
}

// StartRedisServer starts the machine's redis-server and returns when it answers, or after 10 s.
// With an empty addr it takes a free port of 127.0.0.1. A machine without redis-server is an error
// of kind exec.ErrNotFound.
func StartRedisServer(ctx context.Context, addr string) (*RedisServer, error) {
	path, err := FindExecutable("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/snap/bin")
	if err != nil {
		return nil, fmt.Errorf("not installed, run: apt-get install redis-server: %w", err)
	}
	if addr != "" {
		return startRedisServer(ctx, path, addr)
	}
	var r *RedisServer
	for range 3 { // another process can take the free port before redis-server does
		port, portErr := FreePort()
		if portErr != nil {
			return nil, portErr
		}
		if r, err = startRedisServer(ctx, path, fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
	}
	return r, err
}

func startRedisServer(ctx context.Context, path, addr string) (*RedisServer, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var log strings.Builder
	cmd := exec.Command(path, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning")
	cmd.Stdout, cmd.Stderr = &log, &log
	child, err := StartChild(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for !pong(ctx, addr) {
		select {
		case <-child.Done():
			return nil, fmt.Errorf("redis-server ended: %v: %s", child.Err(), strings.TrimSpace(log.String()))
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("redis-server does not answer: %w", ctx.Err()), child.Stop(ctx, syscall.SIGKILL))
		case <-time.After(2 * time.Millisecond):
		}
	}
	return &RedisServer{child, addr}, nil
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
