package embedded

import (
	"context"
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a Redis inside this process, enough for the hot lists; its data ends with it.
type Redis struct{ server *miniredis.Miniredis }

// StartRedis starts one on a free port of 127.0.0.1.
func StartRedis(ctx context.Context) (*Redis, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(net.JoinHostPort("127.0.0.1", "0")); err != nil {
		return nil, fmt.Errorf("embedded Redis: %w", err)
	}
	m.ClockTTL(true) // its clock stands still otherwise, and nothing would ever expire
	return &Redis{m}, nil
}

// Addr is host:port.
func (r *Redis) Addr() string { return r.server.Addr() }

// Close ends the server and its connections.
func (r *Redis) Close() { r.server.Close() }
