package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/fault"
)

func TestAMissIsLoadedOnceAndThenAHit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expect(t, b.one(t, key("gubei")), "loaded", 1)
	expect(t, b.one(t, key("gubei")), "hit", 1)
	expect(t, b.sibling(t).one(t, key("gubei")), "hit", 1)
	if n := b.source.calls.Load(); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
	want := Counts{Hits: 1, Misses: 1, Loads: 1, LoadedKeys: 1, Fills: 1}
	if diff := cmp.Diff(want, b.counts.total()); diff != "" {
		t.Error(diff)
	}
}

func TestResultsStandInKeyOrderAndRepeat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.one(t, key("b"))
	keys := []Key{key("c"), key("b"), key("a"), key("c"), key("b")}
	for range 2 {
		for i, r := range b.get(t, keys...) {
			if r.Err != nil || r.Value[0].ID != keys[i].Owner {
				t.Errorf("result %d is %v (%v), want %s", i, r.Value, r.Err, keys[i].Owner)
			}
		}
	}
	if n := b.source.calls.Load(); n != 2 {
		t.Errorf("%d loads, want 2: one for b, one for a and c together", n)
	}
	if results := b.get(t); len(results) != 0 {
		t.Errorf("no keys gave %v", results)
	}
}

func TestInvalidatedValuesDisappearEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.sibling(t)
	b.one(t, key("gubei"))
	other.one(t, key("gubei"))
	b.invalidate(t, "gubei", b.source.write("gubei"))
	expect(t, other.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "hit", 2)

	b.invalidate(t, "gubei", 1) // late, and older than what is known
	expect(t, b.one(t, key("gubei")), "hit", 2)
}

func TestAVersionOfOneListLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := Key{List: "OPEN_STATIONS_NOW", Owner: "gubei"}
	b.get(t, key("gubei"), open, key("ronghua"))
	b.invalidate(t, "gubei", b.source.write("gubei"))
	var labels []string
	for _, r := range b.get(t, key("gubei"), open, key("ronghua")) {
		labels = append(labels, r.label())
	}
	if diff := cmp.Diff([]string{"loaded", "hit", "hit"}, labels); diff != "" {
		t.Error(diff)
	}
}

func TestTheNextDayIsAnotherKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	today, tomorrow := key("gubei"), key("gubei")
	tomorrow.Variant = "2026-11-22"
	b.one(t, today)
	expect(t, b.one(t, tomorrow), "loaded", 1)
	expect(t, b.one(t, today), "hit", 1)
}

func TestAnotherFormatReadsNoOldShapes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.one(t, key("gubei"))
	opts := options(b.clock)
	opts.Format = 1
	b.Hot = New(b.redis, opts)
	expect(t, b.one(t, key("gubei")), "loaded", 1)
}

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		after   time.Duration
		jitter  float64 // drawn at random
		ttl     time.Duration
		empty   bool
		outcome string
	}{
		{"fresh", 59 * time.Second, 0, time.Minute, false, "hit"},
		{"over", 60 * time.Second, 0, time.Minute, false, "loaded"},
		{"shortened by at most the jitter", 54 * time.Second, 1, time.Minute, false, "loaded"},
		{"shortened by no more than the jitter", 53 * time.Second, 1, time.Minute, false, "hit"},
		{"nothing to show", 15 * time.Second, 0, time.Minute, true, "loaded"},
		{"nothing to show, fresh", 14 * time.Second, 0, time.Minute, true, "hit"},
		{"none", 0, 0, 0, false, "loaded"},
		{"past", 0, 0, -time.Second, false, "loaded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options[rows]) { o.Rand = func() float64 { return c.jitter } })
			get := func() Result[rows] {
				results, err := b.Get(t.Context(), []Key{key("gubei")}, func(Key) time.Duration { return c.ttl },
					func(ctx context.Context, missing []Key) (map[Key]Loaded[rows], error) {
						loaded, err := b.source.load(ctx, missing)
						for k, l := range loaded {
							l.Empty = c.empty
							loaded[k] = l
						}
						return loaded, err
					})
				if err != nil {
					t.Fatal(err)
				}
				return results[0]
			}
			get()
			b.clock.advance(c.after)
			expect(t, get(), c.outcome, 1)
		})
	}
}

func TestAPartialLoadCachesOnlyWhatCame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.source.setDown("ronghua", true)
	for range 2 {
		results := b.get(t, key("gubei"), key("ronghua"))
		if results[0].Err != nil || !errors.Is(results[1].Err, errDown) {
			t.Fatalf("got %v and %v, want rows and the source's error", results[0].Err, results[1].Err)
		}
	}
	b.source.setDown("ronghua", false)
	results := b.get(t, key("gubei"), key("ronghua"))
	expect(t, results[0], "hit", 1)
	expect(t, results[1], "loaded", 1)
}

func TestAKeyLeftOutHasAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := errors.New("its own")
	results, err := b.Get(t.Context(), []Key{key("a"), key("b"), key("c")}, nil,
		func(context.Context, []Key) (map[Key]Loaded[rows], error) {
			return map[Key]Loaded[rows]{key("a"): {Version: 1}, key("b"): {Err: own}}, nil
		})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	if !errors.Is(results[1].Err, own) || !fault.Is(results[2].Err, fault.SourceUnavailable) {
		t.Errorf("got %v and %v", results[1].Err, results[2].Err)
	}
}

func TestStaleStandsInForASourceThatIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asOf := b.clock.Now()
	b.one(t, key("gubei"))
	b.source.setDown("gubei", true)

	b.clock.advance(10*time.Minute + 59*time.Second) // TTL and StaleFor, but a second
	r := b.one(t, key("gubei"))
	expect(t, r, "stale", 1)
	if !r.AsOf.Equal(asOf) {
		t.Errorf("as of %v, want %v", r.AsOf, asOf)
	}
	b.clock.advance(time.Second)
	if r := b.get(t, key("gubei"))[0]; !errors.Is(r.Err, errDown) {
		t.Errorf("past StaleFor: %s", r.label())
	}
}

func TestWithdrawnTextNeverStandsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.sibling(t)
	b.one(t, key("gubei"))
	other.one(t, key("gubei"))
	b.invalidate(t, "gubei", 2)
	b.source.setDown("gubei", true)
	for _, instance := range []*bundle{b, other} {
		if r := instance.get(t, key("gubei"))[0]; r.Err == nil {
			t.Errorf("an outdated value was shown: %s", r.label())
		}
	}
}

func TestDistrustedOwnersAreReadFromTheirSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := Key{List: "OPEN_STATIONS_NOW", Owner: "gubei"}
	b.get(t, key("gubei"), open)
	b.Distrust("gubei")
	b.source.write("gubei") // nobody hears of it
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	if fills := b.counts.total().Fills; fills != 2 {
		t.Errorf("%d fills, want none beside the first two", fills)
	}

	if err := b.Trust(t.Context(), "gubei", events, 2); err != nil {
		t.Fatal(err)
	}
	expect(t, b.one(t, key("gubei")), "loaded", 2)
	expect(t, b.one(t, key("gubei")), "hit", 2)
	expect(t, b.one(t, open), "loaded", 2) // not trusted yet

	b.Distrust("gubei")
	b.source.setDown("gubei", true)
	expect(t, b.one(t, key("gubei")), "stale", 2)
}

// A source that went back, by a restore or a failover that lost commits, is the truth all
// the same; only it is not cached before its version passes what was announced.
func TestASourceThatWentBackIsShownAndNotCached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.invalidate(t, "gubei", 5)
	for range 3 {
		expect(t, b.one(t, key("gubei")), "loaded", 1)
	}
	b.source.mu.Lock()
	b.source.versions["gubei"] = 6
	b.source.mu.Unlock()
	expect(t, b.one(t, key("gubei")), "loaded", 6)
	expect(t, b.one(t, key("gubei")), "hit", 6)
}

func TestAPanicInALoadIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results, err := b.Get(t.Context(), []Key{key("gubei")}, nil,
		func(context.Context, []Key) (map[Key]Loaded[rows], error) { panic("a bug") })
	if err != nil || !fault.Is(results[0].Err, fault.Internal) {
		t.Fatalf("got %v, %v", results, err)
	}
	expect(t, b.one(t, key("gubei")), "loaded", 1)
}

func TestTheLoadEndsWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, ended := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context, _ []Key) (map[Key]Loaded[rows], error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
	var leave [2]context.CancelFunc
	left := make(chan error, 2)
	for i := range leave {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		leave[i] = cancel
		go func() {
			_, err := b.Get(ctx, []Key{key("gubei")}, nil, load)
			left <- err
		}()
	}
	<-started
	waitUntil(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		f := b.flights[key("gubei")]
		return f != nil && f.batch.waiters == 2
	})
	leave[0]()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	select {
	case <-ended:
		t.Fatal("the load ended while one Get still waited")
	default:
	}
	leave[1]()
	<-ended
	<-left
	expect(t, b.one(t, key("gubei")), "loaded", 1) // joins no cancelled load
}

func TestACancelledGetLoadsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range failuresToOpen + 1 {
		if _, err := b.Get(ctx, []Key{key("gubei")}, nil, b.source.load); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := b.source.calls.Load(); n != 0 {
		t.Errorf("%d loads", n)
	}
	b.one(t, key("gubei"))
	expect(t, b.one(t, key("gubei")), "hit", 1) // nor does Redis bear the blame
}

func TestL1IsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options[rows]) { o.L1 = 10 })
	for range 2 {
		for _, r := range b.get(t, keysOf(30)...) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	if n := len(b.l1.items); n != 10 || b.l1.order.Len() != 10 {
		t.Errorf("L1 holds %d values, want 10", n)
	}
}

func TestKeysOfAnOwnerShareASlot(t *testing.T) {
	t.Parallel()
	k := key("gubei")
	got := []string{k.valueKey(3), k.versionKey(), k.leaseKey(3)}
	want := []string{"lh:{gubei}:TODAY_EVENTS:3:2026-11-21", "lh:{gubei}:v:TODAY_EVENTS", "lh:{gubei}:lease:TODAY_EVENTS:3:2026-11-21"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// waitUntil waits for a condition that has no channel.
func waitUntil(t *testing.T, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("waited in vain: %w", ctx.Err()))
		case <-tick.C:
		}
	}
}
