package embedded

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a Redis inside this process, enough for the hot lists; its data ends with it.
type Redis struct {
	server *miniredis.Miniredis
	closed chan struct{}
}

// tick is how late a key of the embedded Redis may expire. Its own ClockTTL would look at all
// keys with every command: most of the CPU of an MGET at a thousand keys. Chosen: well below
// the shortest expiry there is, the 2 s of a lease.
const tick = 100 * time.Millisecond

// StartRedis starts one on a free port of 127.0.0.1.
func StartRedis(ctx context.Context) (*Redis, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(net.JoinHostPort("127.0.0.1", "0")); err != nil {
		return nil, fmt.Errorf("embedded Redis: %w", err)
	}
	r := &Redis{server: m, closed: make(chan struct{})}
	go r.keepTime()
	return r, nil
}

// keepTime drives the server's clock, which stands still by itself.
func (r *Redis) keepTime() {
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for last := time.Now(); ; {
		select {
		case now := <-clock.C:
			r.server.FastForward(now.Sub(last))
			last = now
		case <-r.closed:
			return
		}
	}
}

// Addr is host:port.
func (r *Redis) Addr() string { return r.server.Addr() }

// Close ends the server and its connections.
func (r *Redis) Close() {
	close(r.closed)
	r.server.Close()
}
