package testkit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// echo is a server that answers what it hears.
func echo(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends text and reads as much within d.
func ask(c net.Conn, text string, d time.Duration) (string, error) {
	_ = c.SetDeadline(time.Now().Add(d))
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	answer := make([]byte, len(text))
	n, err := io.ReadFull(c, answer)
	return string(answer[:n]), err
}

const (
	plenty = 5 * time.Second       // for what must happen
	short  = 50 * time.Millisecond // for what must not
)

func wantAnswer(t *testing.T, c net.Conn) {
	t.Helper()
	if got, err := ask(c, "hello", plenty); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func wantReset(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := ask(c, "hello", plenty); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("not reset: %v", err)
	}
}

// wantNewReset wants it of a new connection; the reset may come before Dial returns.
func wantNewReset(t *testing.T, p *Proxy) {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("neither accepted nor reset: %v", err)
		}
		return
	}
	defer c.Close()
	wantReset(t, c)
}

func TestProxyPassesAndPassesOnTheEnd(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	wantAnswer(t, c)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); len(rest) != 0 || err != nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestProxyBlackholeHoldsBackUntilRepaired(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	old := dial(t, p.Addr())
	wantAnswer(t, old)
	p.Set(Blackhole)
	fresh := dial(t, p.Addr())
	for name, c := range map[string]net.Conn{"live": old, "new": fresh} {
		if got, err := ask(c, "hello", short); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s connection: %q, %v", name, got, err)
		}
	}
	p.Set(Pass)
	for name, c := range map[string]net.Conn{"live": old, "new": fresh} {
		_ = c.SetDeadline(time.Now().Add(plenty))
		answer := make([]byte, 5)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "hello" {
			t.Errorf("%s connection after the repair: %q, %v", name, answer, err)
		}
	}
}

func TestProxyResetsLiveAndNewConnections(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	old := dial(t, p.Addr())
	wantAnswer(t, old)
	p.Set(Reset)
	wantReset(t, old)
	wantNewReset(t, p)
	p.Set(Pass)
	wantAnswer(t, dial(t, p.Addr()))
}

func TestProxyRefusesAndComesBackAtTheSameAddress(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	old := dial(t, p.Addr())
	wantAnswer(t, old)
	for range 3 { // flapping
		p.Set(Refuse)
		p.Set(Refuse)
		if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("not refused: %v", err)
		}
		p.Set(Pass)
		wantAnswer(t, dial(t, p.Addr()))
	}
	wantReset(t, old)
}

func TestProxySlowsEachChunkUntilRepaired(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	p.Set(Slow(30 * time.Millisecond))
	start := time.Now()
	wantAnswer(t, c)
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("there and back took %v", took)
	}
	p.Set(Slow(time.Hour))
	if _, err := ask(c, "hello", short); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	p.Set(Pass)
	_ = c.SetDeadline(time.Now().Add(plenty))
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Errorf("the chunk that waited: %v", err)
	}
}

func TestProxyCutsAnAnswerInTheMiddle(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t))
	c := dial(t, p.Addr())
	wantAnswer(t, c) // does not count
	p.Set(CutAfter(7000))
	got, err := ask(c, string(bytes.Repeat([]byte("x"), 20000)), plenty)
	if len(got) > 7000 || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%d bytes, then %v", len(got), err)
	}
	if got, err := ask(dial(t, p.Addr()), "hello", plenty); got != "hello" || err != nil {
		t.Errorf("a new connection has an allowance of its own: %q, %v", got, err)
	}
}

func TestProxyOfAServerThatIsGoneEndsTheConnection(t *testing.T) {
	t.Parallel()
	gone := NewProxy(t, "")
	gone.Set(Refuse)
	wantNewReset(t, NewProxy(t, gone.Addr()))
}

func TestProxyLeavesNoGoroutines(t *testing.T) {
	Leaks(t)
	target := echo(t)
	p := NewProxy(t, target)
	for _, mode := range []Mode{Pass, Blackhole, Slow(time.Hour), Refuse, CutAfter(1)} {
		p.Set(mode)
		if c, err := net.Dial("tcp", p.Addr()); err == nil {
			defer c.Close()
			_, _ = ask(c, "hello", short)
		}
	}
}

func TestProxyBreaksTheWayToPostgres(t *testing.T) {
	t.Parallel()
	d := Database(t, notes)
	p := NewProxy(t, d.Addr())
	d = &DB{DSN: d.Via(p.Addr())}
	db := d.Open(t)
	mustExec(t, db, "INSERT INTO notes VALUES ('x')")
	p.Set(Refuse)
	ctx, cancel := context.WithTimeout(t.Context(), plenty)
	defer cancel()
	if err := db.PingContext(ctx); err == nil {
		t.Error("a refusing server answers")
	}
	p.Set(Pass)
	if got := scalar(t, db, "SELECT count(*) FROM notes"); got != "1" {
		t.Errorf("after the repair: %s", got)
	}
}
