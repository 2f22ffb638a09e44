package database

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
)

const (
	// heartbeat and pingWait together are how late a dead link is noticed: 2 s.
	heartbeat    = time.Second
	pingWait     = time.Second
	minReconnect = 100 * time.Millisecond
	maxReconnect = 5 * time.Second
)

var errBehindPooler = errors.New("LISTEN needs a connection past the pooler: set ListenDSN")

// Listen hands notifications to handle until ctx ends or the database is closed, over a
// connection of its own that is made again when it is lost. connected(true) follows every
// connect, after which no notification is missed, and connected(false) every loss: until the
// next true, and for what changed before it, the caller must ask the tables. Neither callback
// runs concurrently with the other. It returns ctx's error, nil after Close, or at once
// SOURCE_UNAVAILABLE when only a pooler is configured.
func (d *DB) Listen(ctx context.Context, channels []string, handle func(channel, payload string), connected func(bool)) error {
	if d.cfg.TransactionPooler && d.cfg.ListenDSN == "" {
		return d.unavailable(StateUnavailable, errBehindPooler)
	}
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return d.unavailable(StateUnavailable, errClosed)
	}
	d.running.Add(1)
	d.mu.Unlock()
	defer d.running.Done()

	dsn := d.cfg.DSN
	if d.cfg.ListenDSN != "" {
		dsn = d.cfg.ListenDSN
	}
	dsn = withConnectTimeout(dsn)
	pause := minReconnect
	for {
		if d.listenOnce(ctx, dsn, channels, handle, connected) {
			pause = minReconnect
		}
		// Jitter keeps many gateways from coming back in step.
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-timer.C:
			pause = min(2*pause, maxReconnect)
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-d.closing:
			timer.Stop()
			return nil
		}
	}
}

// listenOnce serves one connection until it is lost, and says whether it ever worked.
func (d *DB) listenOnce(ctx context.Context, dsn string, channels []string, handle func(channel, payload string), connected func(bool)) bool {
	notes := make(chan *pq.Notification, 32)
	c, err := pq.NewListenerConn(dsn, notes)
	if err != nil {
		return false
	}
	defer func() {
		_ = c.Close() // fails when it is closed already
		for range notes {
		} // until lib/pq's reader is gone
	}()

	// Requests run beside the loop: their answers arrive behind notifications, which the
	// loop must keep draining.
	answers := make(chan error, 1)
	request := func(texts ...string) {
		watchdog := time.AfterFunc(pingWait, func() { _ = c.Close() })
		defer watchdog.Stop()
		for _, text := range texts {
			if _, err := c.ExecSimpleQuery(text); err != nil {
				answers <- err
				return
			}
		}
		answers <- nil
	}
	var listen []string
	for _, channel := range channels {
		listen = append(listen, "LISTEN "+pq.QuoteIdentifier(channel))
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	asking, listening := true, false
	go request(listen...)
	defer func() {
		if asking {
			_ = c.Close()
			for range notes {
			}
			<-answers //nolint:errcheck // the link is closed: how its last question ended does not matter
		}
		if listening {
			connected(false)
		}
	}()
	for {
		select {
		case n, ok := <-notes:
			if !ok {
				return listening
			}
			handle(n.Channel, n.Extra)
		case err := <-answers:
			asking = false
			if err != nil {
				return listening
			}
			if !listening {
				listening = true
				connected(true)
			}
		case <-beat.C:
			if !asking {
				asking = true
				go request("")
			}
		case <-ctx.Done():
			return listening
		case <-d.closing:
			return listening
		}
	}
}

// withConnectTimeout bounds a connect, which lib/pq's listener offers no other way to do. The
// last of two settings holds.
func withConnectTimeout(dsn string) string {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " connect_timeout=2"
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // Open has refused it
	}
	q := u.Query()
	q.Set("connect_timeout", "2")
	u.RawQuery = q.Encode()
	return u.String()
}
