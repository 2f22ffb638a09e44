package database_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/internal/testkit"
)

// clock is set by hand.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestTheBreakerOpensAndClosesByTheClock(t *testing.T) {
	t.Parallel()
	c := newClock()
	d, proxy, _ := behind(t, database.Config{Now: c.now})
	ask := func() error { _, err := column(t.Context(), d, public("SELECT 'a'")); return err }

	for range 5 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Set(testkit.Refuse)
	for i := range 5 {
		if err := ask(); state(err) != database.StateUnavailable {
			t.Fatalf("failure %d: %v", i, err)
		}
	}
	proxy.Set(testkit.Pass)
	within(t, 50*time.Millisecond, "answer of an open breaker", func() {
		if err := ask(); !fault.Is(err, fault.SourceUnavailable) || state(err) != database.StateBreakerOpen {
			t.Errorf("open: %v", err)
		}
	})
	c.advance(5*time.Second - 1)
	if err := ask(); state(err) != database.StateBreakerOpen {
		t.Errorf("still open: %v", err)
	}

	c.advance(1)
	if s := d.Snapshot().Breaker; s != "HALF_OPEN" {
		t.Error(s)
	}
	proxy.Set(testkit.Refuse)
	if err := ask(); state(err) != database.StateUnavailable {
		t.Errorf("failing probe: %v", err)
	}
	proxy.Set(testkit.Pass)
	if err := ask(); state(err) != database.StateBreakerOpen {
		t.Errorf("after a failed probe: %v", err)
	}

	c.advance(5 * time.Second)
	err := d.Query(t.Context(), public("SELECT 1"), func(*sql.Rows) error {
		if err := ask(); state(err) != database.StateBreakerOpen {
			t.Errorf("beside the probe: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("probe: %v", err)
	}
	if err := ask(); err != nil || d.Snapshot().Breaker != "CLOSED" {
		t.Errorf("after the probe: %v", err)
	}
}

func TestNeitherSQLErrorsNorLeavingCallersNorOldFailuresOpenTheBreaker(t *testing.T) {
	t.Parallel()
	c := newClock()
	d, proxy, _ := behind(t, database.Config{Now: c.now})
	for range 12 {
		if _, err := column(t.Context(), d, public("SELECT 1/0")); database.ViolationOf(err) == nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := d.Query(ctx, public("SELECT generate_series(1, 1000000)"), func(rows *sql.Rows) error {
			cancel()
			for rows.Next() {
			}
			return rows.Err()
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	proxy.Set(testkit.Refuse)
	for range 25 { // 12 failures never share a window with 12 others
		_, _ = column(t.Context(), d, public("SELECT 1"))
		c.advance(1500 * time.Millisecond)
	}
	if s := d.Snapshot().Breaker; s != "CLOSED" {
		t.Error(s)
	}
}
