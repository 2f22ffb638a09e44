package testkit

import (
	"syscall"
	"testing"

	"linhui/internal/embedded"
)

// RedisServer is a real redis-server of one test's own.
type RedisServer struct {
	Addr string // host:port, the same after a restart

	t      testing.TB
	server *embedded.RedisServer
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
	r.Restart()
	t.Cleanup(r.Kill)
	return r
}

// Kill ends the server as a crash would; its data is gone. Killing twice does nothing.
func (r *RedisServer) Kill() {
	r.server.Signal(syscall.SIGKILL)
	<-r.server.Done()
}

// Restart starts the killed server again, empty, at the same address.
func (r *RedisServer) Restart() {
	r.t.Helper()
	server, err := embedded.StartRedisServer(r.t.Context(), r.Addr)
	if err != nil {
		r.t.Fatalf("testkit: redis-server: %v", err)
	}
	r.server, r.Addr = server, server.Addr
}
