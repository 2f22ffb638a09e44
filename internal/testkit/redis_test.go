package testkit

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEveryCallerHasItsOwnRedis(t *testing.T) {
	t.Parallel()
	a, b := client(t, Redis(t)), client(t, Redis(t))
	if err := a.Set(t.Context(), "key", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("the other has %d keys, %v", n, err)
	}
	if info, err := a.Info(t.Context(), "server").Result(); err != nil || !strings.Contains(info, "redis_version") {
		t.Errorf("not a real server: %q, %v", info, err)
	}
}

func TestKilledRedisComesBackEmpty(t *testing.T) {
	t.Parallel()
	start := time.Now()
	r := KillableRedis(t)
	t.Logf("ready after %v", time.Since(start).Round(time.Millisecond))
	c := client(t, r.Addr)
	if err := c.Set(t.Context(), "key", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	r.Kill()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Error("a killed server answers")
	}
	r.Restart()
	if n, err := c.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("after the restart %d keys, %v", n, err)
	}
}
