package database

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

const (
	// slack is how long after the deadline the server's own answer to the timeout or to the
	// cancellation is still awaited: it saves the connection. Chosen: a round trip within a country, and inside the promised budget + 100 ms.
	slack = 75 * time.Millisecond
	// cancelGrace bounds the same wait when the caller left before its deadline.
	cancelGrace = 500 * time.Millisecond
)

// link is one network connection whose every read and write is bounded. lib/pq looks at
// neither contexts nor deadlines while it reads: without this a dead link blocks for ever.
type link struct {
	net.Conn
	until  atomic.Int64 // unix nanoseconds of the armed deadline
	left   atomic.Bool  // its caller left before the deadline
	failed atomic.Bool  // a read or write failed: TLS hides the kind of error that lib/pq looks for
	onLoss func()       // nil while the session is being opened
}

// arm bounds all reads and writes from now until the next call.
func (l *link) arm(until time.Time) {
	l.until.Store(until.UnixNano())
	_ = l.SetDeadline(until) // fails on a closed connection only, and so does the next read
}

// hurry shortens the deadline when the caller is gone, and returns it.
func (l *link) hurry() time.Time {
	until := time.Now().Add(cancelGrace)
	if armed := time.Unix(0, l.until.Load()); armed.Before(until) {
		until = armed
	} else {
		l.left.Store(true)
	}
	l.arm(until)
	return until
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err != nil {
		l.lost(err)
	}
	return n, err
}

func (l *link) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	if err != nil {
		l.lost(err)
	}
	return n, err
}

// lost tells of a failure unless a caller who left is behind it: lib/pq closes the connection
// then, or the server did not hear of it in time. The other connections are as good as they were.
func (l *link) lost(err error) {
	if !l.failed.Swap(true) && l.onLoss != nil && !l.left.Load() && !errors.Is(err, net.ErrClosed) {
		l.onLoss()
	}
}

// dialer opens the link of one session, and later the short connections over which lib/pq
// asks the server to cancel that session's statement.
type dialer struct {
	net     net.Dialer
	hosts   int // still to be tried; a silent one may use only its share of the time left
	until   time.Time
	session *link
	open    bool // the session stands: what is dialled now is a cancel request
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	until := d.share()
	if d.open {
		until = d.session.hurry()
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	c, err := d.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.open {
		return c, c.SetDeadline(until)
	}
	d.session = &link{Conn: c}
	d.session.arm(until)
	return d.session, nil
}

func (d *dialer) share() time.Time {
	now := time.Now()
	left := max(d.hosts, 1)
	d.hosts--
	return now.Add(d.until.Sub(now) / time.Duration(left))
}

// Dial and DialTimeout complete pq.Dialer; lib/pq prefers DialContext.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d *dialer) DialTimeout(network, address string, _ time.Duration) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}
