package testkit

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Mode is what a Proxy does to connections. The zero Mode is Pass.
type Mode struct {
	kind  kind
	delay time.Duration
	bytes int
}

type kind int

const (
	pass kind = iota
	blackhole
	reset
	refuse
	slow
	cut
)

// The modes without a parameter.
var (
	// Pass forwards.
	Pass = Mode{}
	// Blackhole accepts and forwards nothing, in neither direction, as a network that loses every
	// packet. What was held back is delivered when another mode is set, as TCP would.
	Blackhole = Mode{kind: blackhole}
	// Reset ends every connection, existing and new, with RST.
	Reset = Mode{kind: reset}
	// Refuse ends existing connections with RST and listens no more, as after the death of a server.
	Refuse = Mode{kind: refuse}
)

// Slow forwards each chunk, at most 4 KiB and in either direction, d after it came.
func Slow(d time.Duration) Mode { return Mode{kind: slow, delay: d} }

// CutAfter forwards n further bytes of each connection's answers, and then resets it.
func CutAfter(n int) Mode { return Mode{kind: cut, bytes: n} }

// Proxy stands between a client and a server on 127.0.0.1 and breaks what passes.
type Proxy struct {
	t      testing.TB
	addr   string
	target string
	wg     sync.WaitGroup

	mu       sync.Mutex
	mode     Mode
	changed  chan struct{} // closed and replaced by Set
	closed   bool
	listener net.Listener // nil while it refuses
	conns    map[*link]struct{}
}

// link is one connection through the proxy; server is nil until the target was reached.
type link struct {
	client, server *net.TCPConn
}

// reset closes both sides with RST.
func (l *link) reset() {
	for _, c := range []*net.TCPConn{l.client, l.server} {
		if c != nil {
			_ = c.SetLinger(0) // fails when the connection is gone, which is what we want
			_ = c.Close()
		}
	}
}

// NewProxy listens on a free port and forwards to target, host:port, until the end of t.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, addr: "127.0.0.1:0", target: target, changed: make(chan struct{}), conns: map[*link]struct{}{}}
	if err := p.listen(); err != nil {
		t.Fatalf("testkit: proxy: %v", err)
	}
	p.addr = p.listener.Addr().String()
	t.Cleanup(p.close)
	return p
}

// Addr is host:port, the same in all modes.
func (p *Proxy) Addr() string { return p.addr }

// Set changes the mode, for live connections too. When it returns, the change has happened.
func (p *Proxy) Set(mode Mode) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.mode = mode
	close(p.changed)
	p.changed = make(chan struct{})
	if mode.kind == reset || mode.kind == refuse {
		p.resetAll()
	}
	switch {
	case mode.kind == refuse && p.listener != nil:
		p.listener.Close()
		p.listener = nil
	case mode.kind != refuse && p.listener == nil:
		if err := p.listen(); err != nil {
			p.t.Errorf("testkit: proxy: listen again: %v", err)
		}
	}
}

// listen starts accepting; the caller holds mu or is alone.
func (p *Proxy) listen() error {
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.listener = l
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
	return nil
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		p.listener.Close()
	}
	p.resetAll()
	close(p.changed)
	p.mu.Unlock()
	p.wg.Wait()
}

// resetAll ends all connections; the caller holds mu.
func (p *Proxy) resetAll() {
	for l := range p.conns {
		l.reset()
	}
	clear(p.conns)
}

// state is the mode and what closes when it is no longer; open is false for a connection that the
// proxy has ended.
func (p *Proxy) state(l *link) (mode Mode, changed <-chan struct{}, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, open = p.conns[l]
	return p.mode, p.changed, open && !p.closed
}

func (p *Proxy) end(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, l)
	l.reset()
}

// serve forwards one connection.
func (p *Proxy) serve(client *net.TCPConn) {
	l := &link{client: client}
	p.mu.Lock()
	if p.closed || p.mode.kind == reset || p.mode.kind == refuse {
		p.mu.Unlock()
		l.reset()
		return
	}
	p.conns[l] = struct{}{}
	p.mu.Unlock()

	// Behind a black hole the server does not hear of the connection either.
	if !p.pause(l, nil) || !p.dial(l) {
		p.end(l)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.forward(l, l.server, l.client, false) })
	both.Go(func() { p.forward(l, l.client, l.server, true) })
	both.Wait()
	p.end(l)
}

// dial reaches the target.
func (p *Proxy) dial(l *link) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", p.target)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, open := p.conns[l]; !open {
		c.Close()
		return false
	}
	l.server = c.(*net.TCPConn)
	return true
}

// forward copies from src to dst until either ends. Only answers count towards a cut.
func (p *Proxy) forward(l *link, dst, src *net.TCPConn, answers bool) {
	buf := make([]byte, 4096)
	budget := &allowance{}
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !p.pause(l, budget) {
				return
			}
			chunk := buf[:n]
			cutting := answers && budget.limited && n >= budget.left
			if cutting {
				chunk = buf[:budget.left]
			}
			budget.left -= n
			if _, err := dst.Write(chunk); err != nil || cutting {
				p.end(l)
				return
			}
		}
		if err != nil {
			var netErr net.Error
			if errors.As(err, &netErr) {
				p.end(l) // reset by one side: reset the other
				return
			}
			// A polite end passes on in its direction; the other goes on.
			if p.pause(l, nil) {
				_ = dst.CloseWrite()
			}
			return
		}
	}
}

// allowance is what a connection may still forward under the CutAfter that was set last.
type allowance struct {
	since   <-chan struct{}
	limited bool
	left    int
}

// pause holds a chunk back for as long as the mode says, and reports whether it may pass at all.
func (p *Proxy) pause(l *link, budget *allowance) bool {
	var waited time.Duration
	for {
		mode, changed, open := p.state(l)
		if !open {
			return false
		}
		if budget != nil && budget.since != changed {
			*budget = allowance{since: changed, limited: mode.kind == cut, left: mode.bytes}
		}
		switch {
		case mode.kind == blackhole:
			<-changed
		case mode.kind == slow && waited < mode.delay:
			start := time.Now()
			timer := time.NewTimer(mode.delay - waited)
			select {
			case <-timer.C:
				return true
			case <-changed:
				timer.Stop()
				waited += time.Since(start)
			}
		default:
			return true
		}
	}
}
