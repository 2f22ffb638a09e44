package database

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// latencyBounds are upper bounds of the histogram's buckets. Chosen around the budgets.
var latencyBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
	5 * time.Second, 10 * time.Second, 60 * time.Second,
}

type stats struct {
	statements, calls, failures, refused, retries atomic.Int64
	latencySum                                    atomic.Int64
	latency                                       [len(latencyBounds) + 1]atomic.Int64
}

func (s *stats) count(ctx context.Context, source string) {
	s.statements.Add(1)
	if c, ok := ctx.Value(counterKey{}).(*Counter); ok {
		c.add(source)
	}
}

func (s *stats) observe(took time.Duration, o outcome) {
	s.calls.Add(1)
	if o == failing {
		s.failures.Add(1)
	}
	s.latencySum.Add(int64(took))
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i] {
		i++
	}
	s.latency[i].Add(1)
}

// Snapshot is a reading of one source's counters, all since Open.
type Snapshot struct {
	Statements int64  // SELECTs and changes sent; BEGIN, SET and COMMIT are not counted
	Calls      int64  // trips, lone statements and Write calls that got a connection
	Failures   int64  // calls that found no connection, no answer in time, or lost it
	Refused    int64  // calls turned away by the breaker or the bulkhead
	Waits      int64  // calls that queued for a connection
	Retries    int64  // second attempts
	Running    int    // calls now
	Conns      int    // connections now, idle or not
	Breaker    string // CLOSED, OPEN or HALF_OPEN
	Latency    Histogram
}

// Histogram holds durations of calls, without their wait for a connection. Counts[i] is how
// many took at most Bounds[i] (and more than the bound before); the last counts the rest.
type Histogram struct {
	Bounds []time.Duration
	Counts []int64
	Sum    time.Duration
}

// Snapshot reads the counters; they may be a few calls apart from each other.
func (d *DB) Snapshot() Snapshot {
	s := Snapshot{
		Statements: d.stats.statements.Load(),
		Calls:      d.stats.calls.Load(),
		Failures:   d.stats.failures.Load(),
		Refused:    d.stats.refused.Load(),
		Waits:      d.bulkhead.waits.Load(),
		Retries:    d.stats.retries.Load(),
		Running:    len(d.bulkhead.slots),
		Breaker:    d.breaker.state(),
		Latency:    Histogram{Bounds: latencyBounds[:], Sum: time.Duration(d.stats.latencySum.Load())},
	}
	for i := range d.stats.latency {
		s.Latency.Counts = append(s.Latency.Counts, d.stats.latency[i].Load())
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, p := range d.pools {
		s.Conns += p.Stats().OpenConnections
	}
	return s
}

type counterKey struct{}

// Counter counts the statements sent under one context.
type Counter struct {
	mu       sync.Mutex
	bySource map[string]int
}

// CountStatements returns a context whose statements are counted: a test holds the number of
// statements of one request against what it should be.
func CountStatements(ctx context.Context) (context.Context, *Counter) {
	c := &Counter{bySource: make(map[string]int)}
	return context.WithValue(ctx, counterKey{}, c), c
}

func (c *Counter) add(source string) {
	c.mu.Lock()
	c.bySource[source]++
	c.mu.Unlock()
}

// BySource returns the statements sent so far, by Config.Key.
func (c *Counter) BySource() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.bySource)
}
