package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// stampede sends 2,000 Gets of one key at two instances at once and returns the loads they caused,
// and the results.
func stampede(t *testing.T, b *bundle) (loads int64, results []Result[rows]) {
	t.Helper()
	other := b.sibling(t)
	b.source.hold = func(ctx context.Context) { // as long as a slow statement
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	before := b.source.calls.Load()
	const gets = 2000
	results = make([]Result[rows], gets)
	errs := make([]error, gets)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range gets {
		h := []*Hot[rows]{b.Hot, other.Hot}[i%2]
		wg.Go(func() {
			<-start
			got, err := h.Get(context.Background(), []Key{key("gubei")}, nil, b.source.load)
			if errs[i] = err; err == nil {
				results[i] = got[0]
			}
		})
	}
	close(start)
	wg.Wait()
	for i := range gets {
		if errs[i] != nil || results[i].Err != nil {
			t.Fatalf("Get %d: %v, %v", i, errs[i], results[i].Err)
		}
	}
	return b.source.calls.Load() - before, results
}

func TestAStampedeOnAMissingKeyIsOneLoadAnInstanceAtMost(t *testing.T) {
	t.Parallel()
	loads, _ := stampede(t, setup(t))
	if loads < 1 || loads > 2 {
		t.Errorf("%d loads, want 1 or 2", loads)
	}
}

func TestAStampedeOnAnExpiredKeyIsBridged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.one(t, key("gubei"))
	b.clock.advance(90 * time.Second) // between TTL and twice that
	loads, results := stampede(t, b)
	if loads < 1 || loads > 2 {
		t.Errorf("%d loads, want 1 or 2", loads)
	}
	stale := 0
	for _, r := range results {
		if r.Stale {
			stale++
		}
	}
	if stale == 0 {
		t.Error("nobody was served the value that was there")
	}
}

func TestAnInstanceThatDiedWithALeaseIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.redis.Set(t.Context(), key("gubei").leaseKey(0), "the dead", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	expect(t, b.one(t, key("gubei")), "loaded", 1)
	if waited := time.Since(began); waited < b.opts.LeaseWait {
		t.Errorf("waited %v: the lease was not respected", waited)
	}
	expect(t, b.one(t, key("gubei")), "hit", 1)
	if token := b.redis.Get(t.Context(), key("gubei").leaseKey(0)).Val(); token != "the dead" {
		t.Errorf("the lease of another was taken away: %q", token)
	}
}

func TestAFailedLoadEndsItsLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.source.setDown("gubei", true)
	b.get(t, key("gubei"))
	if n := b.redis.Exists(t.Context(), key("gubei").leaseKey(0)).Val(); n != 0 {
		t.Error("the lease is still there: others wait for nothing")
	}
}

func TestAnInstanceThatWaitsGetsWhatTheOtherLoaded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.sibling(t)
	other.opts.LeaseWait = time.Hour
	loading, release := make(chan struct{}), make(chan struct{})
	b.source.hold = func(context.Context) { close(loading); <-release }
	first := make(chan []Result[rows])
	go func() {
		results, _ := b.Get(context.Background(), []Key{key("gubei")}, nil, b.source.load)
		first <- results
	}()
	<-loading
	second := make(chan []Result[rows])
	go func() {
		results, _ := other.Get(context.Background(), []Key{key("gubei")}, nil, b.source.load)
		second <- results
	}()
	waitUntil(t, func() bool {
		other.mu.Lock()
		defer other.mu.Unlock()
		return len(other.flights) == 1
	})
	close(release)
	expect(t, (<-first)[0], "loaded", 1)
	expect(t, (<-second)[0], "hit", 1)
	if n := b.source.calls.Load(); n != 1 {
		t.Errorf("%d loads, want 1", n)
	}
}

// stall is a hook that holds up reads until it is told to let them go.
type stall struct {
	arrived chan struct{}
	release chan struct{}
	trips   atomic.Int64
}

func (s *stall) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *stall) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *stall) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "mget" { // and not what a new connection begins with
			s.trips.Add(1)
			s.arrived <- struct{}{}
			<-s.release
		}
		return next(ctx, cmd)
	}
}

func TestGetsThatArriveDuringATripShareTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.one(t, key("gubei"))
	s := &stall{arrived: make(chan struct{}, maxTrips+1), release: make(chan struct{})}
	b.redis.AddHook(s)
	var wg sync.WaitGroup
	get := func(ctx context.Context) error {
		results, err := b.Get(ctx, []Key{key("gubei")}, nil, b.source.load)
		if err == nil && !results[0].Hit {
			t.Errorf("%s, want a hit", results[0].label())
		}
		return err
	}
	for range maxTrips {
		wg.Go(func() { _ = get(context.Background()) })
		<-s.arrived
	}
	const others = 100
	for range others {
		wg.Go(func() { _ = get(context.Background()) })
	}
	waiting := func(n int) func() bool {
		return func() bool {
			b.trips.mu.Lock()
			defer b.trips.mu.Unlock()
			return b.trips.next != nil && len(b.trips.next.probes) == n
		}
	}
	waitUntil(t, waiting(others))
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- get(ctx) }()
	waitUntil(t, waiting(others+1))
	cancel() // one need not wait with the others
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(s.release)
	wg.Wait()
	if n := s.trips.Load(); n != maxTrips+1 {
		t.Errorf("%d Gets took %d trips, want %d", maxTrips+others, n, maxTrips+1)
	}
}
