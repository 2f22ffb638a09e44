package cache

import (
	"context"
	"time"
)

// get is one call of Get.
type get[T any] struct {
	*Hot[T]
	began     uint64 // see Hot.order
	ttl       func(Key) time.Duration
	load      Loader[T]
	redisDown bool
	probes    []probe[T]
	results   []Result[T]
	seen      Counts
}

// waiter is a probe that waits for a flight.
type waiter[T any] struct {
	at     int
	flight *flight[T]
}

// settle answers the probes at rest, by joining the flights that load their keys and starting
// one batch for all others. It returns those that must be asked again: a flight that began
// before this Get may bring rows older than this Get may show.
func (g *get[T]) settle(ctx context.Context, rest []int) (again []int, err error) {
	waiting := g.board(ctx, rest)
	for n, w := range waiting {
		select {
		case <-w.flight.done:
		case <-ctx.Done():
			g.leave(waiting[n:]...)
			return nil, ctx.Err()
		}
		g.leave(w)
		p, f := &g.probes[w.at], w.flight
		switch {
		case f.err != nil:
			g.results[w.at] = g.standIn(p, f.err)
		case f.began < g.began && f.entry.version < p.floor:
			again = append(again, w.at)
		default:
			g.results[w.at] = Result[T]{Value: f.entry.value, Hit: f.hit, Stale: f.stale, AsOf: f.entry.asOf}
		}
	}
	return again, nil
}

// board finds or starts the flight of each probe, or answers it with a value that bridges the
// refresh under way.
func (g *get[T]) board(ctx context.Context, rest []int) []waiter[T] {
	now := g.opts.Now()
	waiting := make([]waiter[T], 0, len(rest))
	var b *batch[T]
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range rest {
		p := &g.probes[i]
		f := g.flights[p.key]
		if f != nil && p.trusted && p.best != nil && p.best.bridgesAt(now) {
			g.results[i] = Result[T]{Value: p.best.value, Hit: true, Stale: true, AsOf: p.best.asOf}
			continue
		}
		if f == nil {
			if b == nil {
				b = newBatch[T](ctx)
			}
			f = &flight[T]{key: p.key, began: g.order.Add(1), batch: b, done: make(chan struct{})}
			b.flights = append(b.flights, f)
			g.flights[p.key] = f
		}
		f.batch.waiters++
		waiting = append(waiting, waiter[T]{i, f})
	}
	if b != nil {
		go b.run(&loading[T]{Hot: g.Hot, ttl: g.ttl, load: g.load, redisDown: g.redisDown}, b.flights)
	}
	return waiting
}

// leave takes waiters off their flights; a batch that nobody waits for any more is cancelled and
// cannot be joined.
func (g *get[T]) leave(waiting ...waiter[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range waiting {
		b := w.flight.batch
		if b.waiters--; b.waiters > 0 {
			continue
		}
		b.cancel()
		for _, f := range b.flights {
			g.forgetLocked(f)
		}
	}
}

// standIn answers a probe whose load failed: with a value of a current version, within
// Options.StaleFor, or with the error.
func (g *get[T]) standIn(p *probe[T], err error) Result[T] {
	if e := p.best; e != nil && g.opts.Now().Before(e.asOf.Add(e.lifetime(g.opts.StaleFor))) {
		return Result[T]{Value: e.value, Hit: true, Stale: true, AsOf: e.asOf}
	}
	return Result[T]{Err: err}
}

func (g *get[T]) observe() {
	for i := range g.results {
		switch r := &g.results[i]; {
		case r.Err != nil:
			g.seen.Failed++
		case r.Stale:
			g.seen.Stale++
		case r.Hit:
			g.seen.Hits++
		default:
			g.seen.Misses++
		}
	}
	g.opts.Observe(g.seen)
}
