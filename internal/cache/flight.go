package cache

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"

	"linhui/internal/fault"
)

// flight is the loading of one key, for all Gets of this process that want it.
type flight[T any] struct {
	key    Key
	began  uint64 // see Hot.order
	batch  *batch[T]
	leased bool // by us, in Redis

	done chan struct{} // closed when what follows is final
	*entry[T]
	hit, stale bool // the entry was found in Redis after all; past its TTL
	err        error
}

// batch is the flights that one Get started: they are loaded together.
type batch[T any] struct {
	ctx     context.Context // of the load: ends when nobody waits
	cancel  context.CancelFunc
	token   string // of its leases
	flights []*flight[T]
	waiters int // guarded by Hot.mu
}

func newBatch[T any](ctx context.Context) *batch[T] {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &batch[T]{ctx: ctx, cancel: cancel, token: rand.Text()}
}

// loading is how a batch gets at values.
type loading[T any] struct {
	*Hot[T]
	ttl       func(Key) time.Duration
	load      Loader[T]
	redisDown bool
	seen      Counts
}

// leasePoll is how often a leased key is looked for; chosen well below a usual load.
const leasePoll = 5 * time.Millisecond

// run ends every flight: those it can lease by loading them, the others when the instance that
// leased them has stored their value, failed, or taken longer than Options.LeaseWait.
func (b *batch[T]) run(l *loading[T], rest []*flight[T]) {
	defer b.cancel()
	patience := time.NewTimer(l.opts.LeaseWait)
	defer patience.Stop()
	poll := time.NewTicker(leasePoll)
	defer poll.Stop()
	for patient := true; ; {
		mine, theirs := l.lease(b, rest)
		if !patient {
			mine, theirs = append(mine, theirs...), nil
		}
		l.fetch(b, mine)
		if rest = theirs; len(rest) == 0 {
			break
		}
		select {
		case <-poll.C:
		case <-patience.C:
			patient = false
		case <-b.ctx.Done():
			patient = false
		}
	}
	l.opts.Observe(l.seen)
}

// lease sorts flights into those to load now and those another instance is loading. It looks
// for their values in the same trip, since they may have been stored in the meantime, and ends
// the flights whose value can be shown.
func (l *loading[T]) lease(b *batch[T], flights []*flight[T]) (mine, theirs []*flight[T]) {
	if l.redisDown {
		return flights, nil
	}
	probes := make([]*probe[T], 0, len(flights))
	leases := make([]*redis.BoolCmd, 0, len(flights))
	asked := make([]*flight[T], 0, len(flights))
	pipe := l.client.Pipeline()
	for _, f := range flights {
		p := &probe[T]{key: f.key, versionKey: f.key.versionKey(), wantsValue: true}
		if p.floor, p.trusted = l.ledger.look(f.key.Owner, f.key.List); !p.trusted {
			mine = append(mine, f)
			continue
		}
		probes, asked = append(probes, p), append(asked, f)
		lease := redis.NewBoolCmd(b.ctx, "set", f.key.leaseKey(l.opts.Format), b.token, "px", l.opts.LoaderLease.Milliseconds(), "nx")
		leases = append(leases, lease)
		_ = pipe.Process(b.ctx, lease)
	}
	if len(asked) == 0 {
		return mine, nil
	}
	if err := l.guard.do(b.ctx, func(ctx context.Context) error { return l.trips.exec(ctx, pipe, probes) }); err != nil {
		l.redisDown = true
		return flights, nil
	}
	now := l.opts.Now()
	var release []*flight[T]
	for i, f := range asked {
		p := probes[i]
		l.confirm(p, &l.seen)
		leased, err := leases[i].Result()
		f.leased = leased
		switch {
		case p.best != nil && p.best.freshAt(now):
			f.entry, f.hit = p.best, true
			release = append(release, f)
		case leased || err != nil: // no lease to be had from a Redis that is full
			mine = append(mine, f)
		case p.best != nil && p.best.bridgesAt(now):
			f.entry, f.hit, f.stale = p.best, true, true
			l.land(f)
		default:
			theirs = append(theirs, f)
		}
	}
	l.store(b, release)
	for _, f := range release {
		l.land(f)
	}
	return mine, theirs
}

// fetch loads the flights in one call, stores what came and ends them.
func (l *loading[T]) fetch(b *batch[T], flights []*flight[T]) {
	if len(flights) == 0 {
		return
	}
	keys := make([]Key, len(flights))
	for i, f := range flights {
		keys[i] = f.key
	}
	l.seen.Loads++
	l.seen.LoadedKeys += len(keys)
	asOf := l.opts.Now()
	loaded, err := l.safely(b.ctx, keys)
	for _, f := range flights {
		value, ok := loaded[f.key]
		switch {
		case ok && value.Err == nil:
			f.entry = &entry[T]{value.Value, value.Version, asOf, l.fresh(f.key, value.Empty)}
		case ok:
			f.err = value.Err
		case err != nil:
			f.err = err
		default:
			f.err = fault.Newf(fault.SourceUnavailable, "this list could not be read from its source")
		}
	}
	l.store(b, flights)
	for _, f := range flights {
		l.land(f)
	}
}

// safely turns a panic, which would end the process from here, into an error.
func (l *loading[T]) safely(ctx context.Context, keys []Key) (loaded map[Key]Loaded[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Of(fmt.Errorf("loading hot lists: panic: %v\n%s", r, debug.Stack()))
		}
	}()
	return l.load(ctx, keys)
}

// fresh is a key's TTL, shortened at random so that what was filled together does not expire
// together; never lengthened, since a TTL may end at a known change.
func (l *loading[T]) fresh(key Key, empty bool) time.Duration {
	ttl := l.ttl(key)
	if empty {
		ttl = min(ttl, l.opts.NegativeTTL)
	}
	ttl -= time.Duration(l.opts.Rand() * max(0, l.opts.Jitter) * float64(ttl))
	return ttl.Truncate(time.Millisecond)
}

// store fills Redis and L1 with the loaded entries and ends the leases of all flights.
func (l *loading[T]) store(b *batch[T], flights []*flight[T]) {
	if l.redisDown {
		return
	}
	ctx := context.WithoutCancel(b.ctx) // a load that was paid for is kept; the guard bounds it
	pipe := l.client.Pipeline()
	var filling []*flight[T]
	var fills []*redis.Cmd
	for _, f := range flights {
		if stored, ok := l.storable(f); ok {
			lifetime := f.lifetime(l.opts.StaleFor)
			filling = append(filling, f)
			fills = append(fills, pipe.Eval(ctx, fillScript,
				[]string{f.key.valueKey(l.opts.Format), f.key.versionKey(), f.key.leaseKey(l.opts.Format)},
				f.version, stored, lifetime.Milliseconds(), (lifetime+versionLife).Milliseconds(), b.token))
		} else if f.leased {
			pipe.Eval(ctx, releaseScript, []string{f.key.leaseKey(l.opts.Format)}, b.token)
		}
	}
	if pipe.Len() == 0 {
		return
	}
	err := l.guard.do(ctx, func(ctx context.Context) error {
		_, err := pipe.Exec(ctx)
		return err
	})
	l.redisDown = err != nil && !redis.IsOOMError(err)
	for i, f := range filling {
		if landed, err := fills[i].Int(); err != nil || landed == 0 {
			l.seen.Refused++
			continue
		}
		l.seen.Fills++
		l.l1.put(f.key, local[T]{f.entry, f.key.versionKey()})
	}
}

// storable encodes what a flight loaded, unless it may not be cached.
func (l *loading[T]) storable(f *flight[T]) (stored []byte, ok bool) {
	if f.err != nil || f.hit || f.fresh <= 0 {
		return nil, false
	}
	floor, trusted := l.ledger.look(f.key.Owner, f.key.List)
	if !trusted {
		return nil, false
	}
	stored, err := l.encode(f.entry)
	if err != nil || f.version < floor {
		l.seen.Refused++
		return nil, false
	}
	return stored, true
}

// land ends a flight.
func (l *loading[T]) land(f *flight[T]) {
	l.mu.Lock()
	l.forgetLocked(f)
	l.mu.Unlock()
	close(f.done)
}

// forgetLocked takes a flight off the list that Gets join; it needs mu.
func (h *Hot[T]) forgetLocked(f *flight[T]) {
	if h.flights[f.key] == f {
		delete(h.flights, f.key)
	}
}
