package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"linhui/internal/testkit"
)

// states records the changes of Redis that were reported.
type states struct {
	mu  sync.Mutex
	ups []bool
}

func (s *states) changed(up bool, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ups = append(s.ups, up && cause == nil)
}

func (s *states) seen() []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]bool(nil), s.ups...)
}

func TestRedisKilledMidRunFailsNoGet(t *testing.T) {
	t.Parallel()
	server := testkit.KillableRedis(t)
	var s states
	src := newSource()
	h := New(client(t, "redis://"+server.Addr), Options[rows]{RedisChanged: s.changed})
	var wg sync.WaitGroup
	var gets, hits atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				results, err := h.Get(context.Background(), keysOf(20), nil, src.load)
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				for _, r := range results {
					if r.Err != nil {
						t.Errorf("Get: %v", r.Err)
						return
					}
				}
				gets.Add(1)
				if results[0].Hit {
					hits.Add(1)
				}
			}
		})
	}
	more := func(n *atomic.Int64) func() bool {
		enough := n.Load() + 20
		return func() bool { return n.Load() >= enough }
	}
	waitUntil(t, more(&hits))
	server.Kill()
	waitUntil(t, func() bool { return len(s.seen()) == 1 })
	waitUntil(t, more(&gets))
	server.Restart()
	waitUntil(t, func() bool { return len(s.seen()) >= 2 })
	waitUntil(t, more(&hits))
	close(stop)
	wg.Wait()
	if diff := cmp.Diff([]bool{false, true}, s.seen()); diff != "" {
		t.Errorf("one report per change of state: %s", diff)
	}
}

func TestABlackHoledRedisIsHardlyNoticed(t *testing.T) {
	t.Parallel()
	proxy := testkit.NewProxy(t, testkit.Redis(t))
	var s states
	src := newSource()
	h := New(client(t, "redis://"+proxy.Addr()), Options[rows]{RedisChanged: s.changed})
	get := func() (time.Duration, Result[rows]) {
		began := time.Now()
		results, err := h.Get(t.Context(), []Key{key("gubei")}, nil, src.load)
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
		return time.Since(began), results[0]
	}
	waitUntil(t, func() bool { _, r := get(); return r.Hit })
	before := len(s.seen()) // a busy machine may have lost Redis once already
	proxy.Set(testkit.Blackhole)
	for n := range failuresToOpen {
		if took, r := get(); took > time.Second || r.Hit {
			t.Errorf("Get %d took %v: %s", n, took, r.label())
		}
	}
	if diff := cmp.Diff([]bool{false}, s.seen()[before:]); diff != "" {
		t.Fatal(diff)
	}
	fastest := time.Hour // the best of some: the machine is shared
	for range 20 {
		took, _ := get()
		fastest = min(fastest, took)
	}
	if fastest > time.Millisecond {
		t.Errorf("with the breaker open a Get took %v", fastest)
	}
	began := time.Now()
	if err := h.Invalidate(t.Context(), "gubei", events, 2); err == nil {
		t.Error("an invalidation that did not reach Redis gave no error")
	}
	if took := time.Since(began); took > 20*time.Millisecond {
		t.Errorf("with the breaker open an Invalidate took %v", took)
	}

	src.write("gubei")
	proxy.Set(testkit.Pass)
	waitUntil(t, func() bool { _, r := get(); return r.Hit })
	if _, r := get(); seats(r) != 2 {
		t.Errorf("after the outage: v%d, want the version announced during it", seats(r))
	}
}

func TestABlackHoleInABurstOpensTheBreaker(t *testing.T) {
	t.Parallel()
	proxy := testkit.NewProxy(t, testkit.Redis(t))
	src := newSource()
	h := New(client(t, "redis://"+proxy.Addr()), Options[rows]{})
	if _, err := h.Get(t.Context(), keysOf(50), nil, src.load); err != nil {
		t.Fatal(err)
	}
	proxy.Set(testkit.Blackhole)
	var wg sync.WaitGroup
	var slowest atomic.Int64
	for range 500 {
		wg.Go(func() {
			began := time.Now()
			results, err := h.Get(context.Background(), keysOf(50), nil, src.load)
			if err != nil || results[0].Err != nil {
				t.Errorf("Get: %v", err)
			}
			for took := int64(time.Since(began)); ; {
				if was := slowest.Load(); took <= was || slowest.CompareAndSwap(was, took) {
					return
				}
			}
		})
	}
	wg.Wait()
	// Two trips under way, then one shared by everybody else: not one timeout each in turn.
	if took := time.Duration(slowest.Load()); took > time.Second {
		t.Errorf("the slowest of 500 Gets took %v", took)
	}
}

func TestRubbishIsAMiss(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(ctx context.Context, r redis.UniversalClient) error{
		"text": func(ctx context.Context, r redis.UniversalClient) error {
			return r.Set(ctx, key("gubei").valueKey(0), "rubbish", 0).Err()
		},
		"empty": func(ctx context.Context, r redis.UniversalClient) error {
			return r.Set(ctx, key("gubei").valueKey(0), "", 0).Err()
		},
		"one byte changed": func(ctx context.Context, r redis.UniversalClient) error {
			return r.SetRange(ctx, key("gubei").valueKey(0), headerEnd+10, "?").Err()
		},
		"version in the header changed": func(ctx context.Context, r redis.UniversalClient) error {
			return r.SetRange(ctx, key("gubei").valueKey(0), sumEnd, "\x7f").Err()
		},
		"cut short": func(ctx context.Context, r redis.UniversalClient) error {
			stored := r.Get(ctx, key("gubei").valueKey(0)).Val()
			return r.Set(ctx, key("gubei").valueKey(0), stored[:len(stored)-3], 0).Err()
		},
		"another type": func(ctx context.Context, r redis.UniversalClient) error {
			r.Del(ctx, key("gubei").valueKey(0))
			return r.SAdd(ctx, key("gubei").valueKey(0), "x").Err()
		},
		"version of another type": func(ctx context.Context, r redis.UniversalClient) error {
			r.Del(ctx, key("gubei").versionKey())
			return r.RPush(ctx, key("gubei").versionKey(), "x").Err()
		},
		"version is text": func(ctx context.Context, r redis.UniversalClient) error {
			return r.Set(ctx, key("gubei").versionKey(), "latest", 0).Err()
		},
		"version evicted": func(ctx context.Context, r redis.UniversalClient) error {
			return r.Del(ctx, key("gubei").versionKey()).Err()
		},
		"flushed": func(ctx context.Context, r redis.UniversalClient) error { return r.FlushAll(ctx).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.one(t, key("gubei"))
			if err := spoil(t.Context(), b.redis); err != nil {
				t.Fatal(err)
			}
			reader := b.sibling(t) // without the value in its L1
			expect(t, reader.one(t, key("gubei")), "loaded", 1)
			expect(t, reader.one(t, key("gubei")), "hit", 1)
			expect(t, b.one(t, key("gubei")), "hit", 1)
		})
	}
}

func TestAFullRedisStillInvalidates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.sibling(t)
	b.get(t, key("gubei"), key("ronghua"))
	other.get(t, key("gubei"), key("ronghua"))
	full := func(limit string) {
		for name, value := range map[string]string{"maxmemory-policy": "noeviction", "maxmemory": limit} {
			if err := b.redis.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	full("1")
	expect(t, other.one(t, key("gubei")), "hit", 1)
	b.invalidate(t, "gubei", b.source.write("gubei"))
	expect(t, other.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "loaded", 2) // cannot be stored
	for range failuresToOpen {
		err := b.guard.do(t.Context(), func(ctx context.Context) error { return b.redis.Set(ctx, "x", "x", 0).Err() })
		if !redis.IsOOMError(err) {
			t.Fatalf("got %v", err)
		}
	}
	expect(t, b.one(t, key("ronghua")), "hit", 1) // refusing writes, it is still worth reading
	full("0")
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	expect(t, other.one(t, key("gubei")), "hit", 2)
}

func TestAnInstanceKeepsToAVersionThatRedisForgot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.one(t, key("gubei"))
	stored := b.redis.Get(t.Context(), key("gubei").valueKey(0)).Val()
	b.invalidate(t, "gubei", b.source.write("gubei"))
	// A replica that had not heard of the invalidation takes over.
	for k, v := range map[string]string{key("gubei").versionKey(): "v1", key("gubei").valueKey(0): stored} {
		if err := b.redis.Set(t.Context(), k, v, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "hit", 2)
}

func TestValuesThatCannotBeEncodedAreShownAndNotCached(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options[rows]) {
		o.Encode = func(rows) ([]byte, error) { return nil, errDown }
	})
	expect(t, b.one(t, key("gubei")), "loaded", 1)
	expect(t, b.one(t, key("gubei")), "loaded", 1)
	if n := b.counts.total().Refused; n < 1 {
		t.Errorf("%d refused, want 2, or 1 where Redis was too slow to be tried", n)
	}
}
