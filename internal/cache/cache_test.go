package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"linhui/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const events = "TODAY_EVENTS"

// rows is what the tests cache.
type rows []row

type row struct {
	ID      string `json:"id"`
	TitleZh string `json:"titleZh"`
	Seats   int    `json:"seats"`
}

// source is a database with one row per owner, whose Seats are the version.
type source struct {
	mu       sync.Mutex
	versions map[string]int64
	down     map[string]bool

	calls atomic.Int64
	// hold, if set, is called between the snapshot and the answer.
	hold func(ctx context.Context)
}

func newSource() *source { return &source{versions: map[string]int64{}, down: map[string]bool{}} }

var errDown = errors.New("source is down")

func (s *source) load(ctx context.Context, missing []Key) (map[Key]Loaded[rows], error) {
	s.calls.Add(1)
	loaded := map[Key]Loaded[rows]{}
	var err error
	s.mu.Lock()
	for _, key := range missing {
		if s.down[key.Owner] {
			err = errDown
			continue
		}
		version := max(1, s.versions[key.Owner])
		loaded[key] = Loaded[rows]{Version: version, Value: rows{{ID: key.Owner, TitleZh: "睦邻茶会", Seats: int(version)}}}
	}
	s.mu.Unlock()
	if s.hold != nil {
		s.hold(ctx)
	}
	return loaded, err
}

// write commits a change and returns the list's version.
func (s *source) write(owner string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[owner] = max(1, s.versions[owner]) + 1
	return s.versions[owner]
}

func (s *source) setDown(owner string, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[owner] = down
}

// clock is an injected clock.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	c.now.Store(&start)
	return c
}

func (c *clock) Now() time.Time { return *c.now.Load() }

func (c *clock) advance(d time.Duration) {
	later := c.Now().Add(d)
	c.now.Store(&later)
}

// client connects to a Redis until the test ends.
func client(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	c, err := NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// patient is the URL of a Redis whose timeouts give way to Options.RedisWait: machines that run
// many tests at once are slower than 40 ms now and then.
func patient(addr string) string {
	return "redis://" + addr + "?read_timeout=2s&write_timeout=2s&dial_timeout=2s&pool_timeout=2s"
}

func options(c *clock) Options[rows] {
	return Options[rows]{Now: c.Now, Rand: func() float64 { return 0 }, RedisWait: time.Second}
}

// bundle is one instance over a Redis of its own.
type bundle struct {
	*Hot[rows]
	redis  redis.UniversalClient
	url    string
	clock  *clock
	source *source
	counts *tally
}

func setup(t *testing.T, change ...func(*Options[rows])) *bundle {
	t.Helper()
	b := &bundle{url: patient(testkit.Redis(t)), clock: newClock(), source: newSource(), counts: &tally{}}
	b.redis = client(t, b.url)
	opts := options(b.clock)
	opts.Observe = b.counts.add
	for _, f := range change {
		f(&opts)
	}
	b.Hot = New(b.redis, opts)
	return b
}

// sibling is another instance on the same Redis, as another process would be.
func (b *bundle) sibling(t *testing.T) *bundle {
	other := *b
	other.Hot = New(client(t, b.url), options(b.clock))
	return &other
}

func (b *bundle) get(t *testing.T, keys ...Key) []Result[rows] {
	t.Helper()
	results, err := b.Get(t.Context(), keys, nil, b.source.load)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return results
}

// one gets one key that must have an answer.
func (b *bundle) one(t *testing.T, key Key) Result[rows] {
	t.Helper()
	r := b.get(t, key)[0]
	if r.Err != nil {
		t.Fatalf("%v: %v", key, r.Err)
	}
	return r
}

func (b *bundle) invalidate(t *testing.T, owner string, version int64) {
	t.Helper()
	if err := b.Invalidate(t.Context(), owner, events, version); err != nil {
		t.Fatalf("Invalidate: %v", err)
	}
}

func (r Result[T]) label() string {
	switch {
	case r.Err != nil:
		return "error"
	case r.Stale:
		return "stale"
	case r.Hit:
		return "hit"
	}
	return "loaded"
}

func expect(t *testing.T, r Result[rows], label string, version int64) {
	t.Helper()
	got := fmt.Sprint(r.label(), " v", seats(r))
	if want := fmt.Sprint(label, " v", version); got != want {
		t.Fatalf("got %s (%v), want %s", got, r.Err, want)
	}
}

func seats(r Result[rows]) int64 {
	if len(r.Value) == 0 {
		return 0
	}
	return int64(r.Value[0].Seats)
}

type tally struct {
	mu sync.Mutex
	Counts
}

func (s *tally) add(c Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Hits += c.Hits
	s.Stale += c.Stale
	s.Misses += c.Misses
	s.Failed += c.Failed
	s.Loads += c.Loads
	s.LoadedKeys += c.LoadedKeys
	s.Fills += c.Fills
	s.Refused += c.Refused
	s.Corrupt += c.Corrupt
}

func (s *tally) total() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Counts
}

func key(owner string) Key { return Key{List: events, Owner: owner, Variant: "2026-11-21"} }

func keysOf(n int) []Key {
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = key(fmt.Sprintf("community-%02d", i))
	}
	return keys
}
