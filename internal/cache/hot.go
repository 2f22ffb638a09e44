// Package cache keeps hot lists in Redis: short lists that everybody reads, few write, and whose
// withdrawn rows must disappear at once.
//
// Every list of an owner has a version, which its source raises in the transaction that changes
// the list. A cached value carries the version its rows were read at, and is shown only if Redis
// confirms, in that very Get, that no newer one is known; a fill lands only on the same terms. So
// Invalidate need not find or delete anything: once it returned, no Get in any instance shows an
// older value. Time to live only bounds what changes without a write, such as a station closing.
//
// Redis is never needed for an answer: down, slow, full or holding rubbish, it costs the rows
// a read from their source. Nothing here knows what a value is or where it comes from.
package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Hot is a read-through cache of one kind of list. It is safe for concurrent use. Values are
// shared between callers and must be treated as immutable.
type Hot[T any] struct {
	client redis.UniversalClient
	opts   Options[T]
	guard  *guard
	ledger *ledger
	trips  *trips[T]
	l1     *lru[Key, local[T]]

	order   atomic.Uint64 // numbers Gets and flights in the order they began
	mu      sync.Mutex
	flights map[Key]*flight[T]
}

// Options of a Hot. A zero field takes its default; a negative duration or count is none.
type Options[T any] struct {
	Format int // of the encoded value: raise it when T changes, so that a deploy reads no old shapes

	TTL         time.Duration // where Get is given no ttl; 1 min
	NegativeTTL time.Duration // at most, for Loaded.Empty values; 15 s
	Jitter      float64       // up to which share a TTL is shortened, at random; 0.1
	StaleFor    time.Duration // after its TTL a value stands in for a source that is down; 10 min
	LoaderLease time.Duration // for which one instance loads a key alone; 2 s
	LeaseWait   time.Duration // after which an instance no longer waits for another's load; 250 ms
	RedisWait   time.Duration // for one call to Redis, all its tries together; 40 ms
	L1          int           // decoded values kept in this process; 4096

	Encode func(T) ([]byte, error) // JSON
	Decode func([]byte) (T, error) // JSON; an error counts as a miss

	Now  func() time.Time
	Rand func() float64 // in [0, 1)

	// Observe is told what each Get, and each load behind it, did. It must be quick.
	Observe func(Counts)
	// RedisChanged is called when Redis is given up, with the cause, and when it answers again:
	// once per change. It must not call the cache.
	RedisChanged func(up bool, cause error)
}

// Counts are what happened to keys since the last call of Observe.
type Counts struct {
	Hits, Stale, Misses, Failed int // answers, by key; Stale are not among the Hits
	Loads, LoadedKeys           int // calls of load, and the keys they were asked for
	Fills, Refused, Corrupt     int // values stored, outdated or impossible to store, unreadable
}

// Loaded is what a source holds under a key.
type Loaded[T any] struct {
	Value   T
	Version int64 // of (owner, list), positive, read in the same snapshot as the rows
	Empty   bool  // nothing to show: kept for Options.NegativeTTL at most
	Err     error // why there is no value; such a key is never cached
}

// Loader reads the lists of missing keys, all in one call. A key whose source is down is left out
// or carries an Err; then the returned error, if any, says why. It must read where every change
// announced by Invalidate is visible: the primary, not a lagging replica.
//
// One call serves every Get that waits for its keys, so ctx keeps the first one's values but
// not its deadline: it ends when nobody waits any more. Set a deadline per source.
type Loader[T any] func(ctx context.Context, missing []Key) (map[Key]Loaded[T], error)

// Result is the answer for one key.
type Result[T any] struct {
	Value T
	Hit   bool      // from the cache
	Stale bool      // past its TTL: another Get is refreshing it, or its source is down
	AsOf  time.Time // when the rows were read
	Err   error     // no value: the source is down and nothing cached may stand in
}

// New returns a cache on client, which should come from NewClient: its timeouts matter.
func New[T any](client redis.UniversalClient, opts Options[T]) *Hot[T] {
	opts.TTL = cmp.Or(opts.TTL, time.Minute)
	opts.NegativeTTL = cmp.Or(opts.NegativeTTL, 15*time.Second)
	opts.Jitter = cmp.Or(opts.Jitter, 0.1)
	opts.StaleFor = cmp.Or(opts.StaleFor, 10*time.Minute)
	opts.LoaderLease = cmp.Or(opts.LoaderLease, 2*time.Second)
	opts.LeaseWait = cmp.Or(opts.LeaseWait, 250*time.Millisecond)
	opts.RedisWait = cmp.Or(opts.RedisWait, callTimeout)
	opts.L1 = cmp.Or(opts.L1, 4096)
	if opts.Encode == nil {
		opts.Encode = func(v T) ([]byte, error) { return json.Marshal(v) }
	}
	if opts.Decode == nil {
		opts.Decode = func(b []byte) (v T, err error) { return v, json.Unmarshal(b, &v) }
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Float64
	}
	if opts.Observe == nil {
		opts.Observe = func(Counts) {}
	}
	if opts.RedisChanged == nil {
		opts.RedisChanged = func(bool, error) {}
	}
	guard := newGuard(opts.RedisWait, opts.RedisChanged)
	return &Hot[T]{
		client:  client,
		opts:    opts,
		guard:   guard,
		ledger:  newLedger(),
		trips:   &trips[T]{client: client, guard: guard, sharded: sharded(client), format: opts.Format},
		l1:      newLRU[Key, local[T]](opts.L1),
		flights: map[Key]*flight[T]{},
	}
}

// Get answers the keys in their order. What is missing is loaded, or waited for if another Get,
// here or in another instance, is already loading it. ttl says how long a key's value stays
// fresh (nil: Options.TTL; a value of which that is not positive is not cached).
// Trouble with single keys is in their results; the error is that of ctx alone.
func (h *Hot[T]) Get(ctx context.Context, keys []Key, ttl func(Key) time.Duration, load Loader[T]) ([]Result[T], error) {
	if ttl == nil {
		ttl = func(Key) time.Duration { return h.opts.TTL }
	}
	g := &get[T]{Hot: h, began: h.order.Add(1), ttl: ttl, load: load, results: make([]Result[T], len(keys))}
	g.probes = h.look(keys)
	g.redisDown = len(keys) > 0 && h.read(ctx, g.probes, &g.seen) != nil
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := h.opts.Now()
	var rest []int
	for i := range g.probes {
		if p := &g.probes[i]; p.best != nil && p.trusted && p.best.freshAt(now) {
			g.results[i] = Result[T]{Value: p.best.value, Hit: true, AsOf: p.best.asOf}
		} else {
			rest = append(rest, i)
		}
	}
	for len(rest) > 0 {
		var err error
		if rest, err = g.settle(ctx, rest); err != nil {
			return nil, err
		}
	}
	g.observe()
	return g.results, nil
}

// Invalidate makes every value older than version disappear, here and, once it returned nil, in
// every instance that shares the Redis. After an error this instance still keeps to it; the
// others do as soon as they are told themselves. Call it after the change was committed. An
// older version than is already known changes nothing.
func (h *Hot[T]) Invalidate(ctx context.Context, owner, list string, version int64) error {
	h.ledger.raise(owner, list, version)
	return h.guard.do(ctx, func(ctx context.Context) error {
		return h.client.Eval(ctx, raiseScript, []string{versionKey(owner, list)},
			version, versionLife.Milliseconds()).Err()
	})
}

// versionLife is how long Redis keeps a version that nothing refers to. A fill that took longer
// than this to load could bring back an older value; a version that expires costs one load.
const versionLife = 24 * time.Hour

// Distrust makes Get load the lists of owners from their source, and store nothing, because
// changes can no longer be heard of (the LISTEN connection is lost). Cached values only stand in, marked
// stale, for a source that cannot be read. Trust ends it, list by list.
func (h *Hot[T]) Distrust(owners ...string) { h.ledger.distrust(owners) }

// Trust ends distrust of a list whose version was read from its source after changes could be
// heard of again. Like Invalidate it raises the version; its error means the same.
// Calls of Distrust and Trust for one owner must follow one another.
func (h *Hot[T]) Trust(ctx context.Context, owner, list string, version int64) error {
	err := h.Invalidate(ctx, owner, list, version)
	h.ledger.trust(owner, list)
	return err
}
