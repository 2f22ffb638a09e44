package cache

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/redis/go-redis/v9"
)

// discipline is how writes are made known to the cache: by versions, or the way versions replace.
type discipline struct {
	announce func(h *Hot[rows], version int64) error
	tag      func(Loaded[rows]) Loaded[rows]
}

var versioned = discipline{
	announce: func(h *Hot[rows], version int64) error {
		return h.Invalidate(context.Background(), "gubei", events, version)
	},
	tag: func(l Loaded[rows]) Loaded[rows] { return l },
}

// unversioned switches the version check off: all values claim one version, and a write deletes
// the cached value.
func unversioned(client redis.UniversalClient) discipline {
	return discipline{
		announce: func(*Hot[rows], int64) error {
			return client.Del(context.Background(), key("gubei").valueKey(0)).Err()
		},
		tag: func(l Loaded[rows]) Loaded[rows] { l.Version = 1; return l },
	}
}

// stepper plays interleavings of fills, writes and reads of two instances. The loads that it began
// stand still between their snapshot and their answer until it lets them go.
type stepper struct {
	source    *source
	instances [2]*Hot[rows]
	discipline
	announced int64
	parked    []parked
	stale     int
}

type parked struct{ release, done chan struct{} }

func (s *stepper) load(hold func()) Loader[rows] {
	return func(ctx context.Context, missing []Key) (map[Key]Loaded[rows], error) {
		loaded, err := s.source.load(ctx, missing)
		for k, l := range loaded {
			loaded[k] = s.tag(l)
		}
		hold()
		return loaded, err
	}
}

// begin starts a Get whose load stands still, unless the Get needs no load of its own.
func (s *stepper) begin(instance int) {
	p := parked{release: make(chan struct{}), done: make(chan struct{})}
	loading := make(chan struct{})
	joined := s.inFlight(instance)
	go func() {
		defer close(p.done)
		_, _ = s.instances[instance].Get(context.Background(), []Key{key("gubei")}, nil, s.load(sync.OnceFunc(func() {
			close(loading)
			<-p.release
		})))
	}()
	if !joined {
		select {
		case <-loading:
		case <-p.done:
		}
	}
	s.parked = append(s.parked, p)
}

func (s *stepper) inFlight(instance int) bool {
	h := s.instances[instance]
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.flights) > 0
}

// finish lets all parked loads go, from the n-th on and round, and waits for their Gets.
func (s *stepper) finish(n int) {
	for i := range s.parked {
		p := s.parked[(n+i)%len(s.parked)]
		close(p.release)
	}
	for _, p := range s.parked {
		<-p.done
	}
	s.parked = nil
}

func (s *stepper) write(instance int) error {
	version := s.source.write("gubei")
	if err := s.announce(s.instances[instance], version); err != nil {
		return err
	}
	s.announced = version
	return nil
}

// read gets the list while the parked loads come in, and counts what is older than announced.
func (s *stepper) read(instance, n int) error {
	var results []Result[rows]
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		results, err = s.instances[instance].Get(context.Background(), []Key{key("gubei")}, nil, s.load(func() {}))
	}()
	s.finish(n)
	<-done
	if err == nil {
		err = results[0].Err
	}
	if err == nil && seats(results[0]) < s.announced {
		s.stale++
	}
	return err
}

func (b *bundle) stepper(t testing.TB, l1 int, d discipline) *stepper {
	s := &stepper{source: newSource(), discipline: d, announced: 1}
	for i := range s.instances {
		opts := options(b.clock)
		opts.L1, opts.LeaseWait = l1, leasePoll
		s.instances[i] = New(b.redis, opts)
	}
	if err := b.redis.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNoInterleavingShowsAStaleRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, l1 := range map[string]int{"L1": 0, "no L1": -1} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				s := b.stepper(t, l1, versioned)
				which := func() int { return rapid.IntRange(0, 1).Draw(rt, "instance") }
				must := func(err error) {
					if err != nil {
						rt.Fatal(err)
					}
				}
				for range rapid.IntRange(1, 12).Draw(rt, "steps") {
					switch rapid.SampledFrom([]string{"begin", "finish", "write", "read"}).Draw(rt, "step") {
					case "begin":
						s.begin(which())
					case "finish":
						if n := len(s.parked); n > 0 {
							s.finish(rapid.IntRange(0, n-1).Draw(rt, "first"))
						}
					case "write":
						must(s.write(which()))
					case "read":
						must(s.read(which(), 0))
					}
				}
				must(s.read(which(), 0))
				if s.stale > 0 {
					rt.Fatalf("%d stale reads", s.stale)
				}
			})
		})
	}
}

// The race that versions are for: rows are read, a write is announced, and then the rows are stored.
func TestOnlyVersionsPreventAStaleRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	staleReads := func(d discipline) int {
		s := b.stepper(t, -1, d)
		s.begin(0)
		if err := s.write(1); err != nil {
			t.Fatal(err)
		}
		s.finish(0)
		if err := s.read(1, 0); err != nil {
			t.Fatal(err)
		}
		return s.stale
	}
	if n := staleReads(versioned); n != 0 {
		t.Errorf("%d stale reads with versions", n)
	}
	if n := staleReads(unversioned(b.redis)); n == 0 {
		t.Error("no stale read without versions: this test proves nothing")
	}
}

// A Get that came after the announcement must not be given the rows of a load that began before.
func TestALaterGetJoinsNoOlderLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for announcer := range 2 {
		s := b.stepper(t, 0, versioned)
		s.begin(0)
		if err := s.write(announcer); err != nil {
			t.Fatal(err)
		}
		if err := s.read(0, 0); err != nil {
			t.Fatal(err)
		}
		if s.stale > 0 {
			t.Errorf("a write announced in instance %d was not seen", announcer)
		}
	}
}

func TestConcurrentReadsAndWritesShowNothingStale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stepper(t, 0, versioned)
	var announced, hits atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for reader := range 8 {
		h := s.instances[reader%2]
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := announced.Load()
				results, err := h.Get(context.Background(), []Key{key("gubei")}, nil, s.load(func() {}))
				if err != nil || results[0].Err != nil || seats(results[0]) < before {
					t.Errorf("announced %d, got %v, %v", before, results, err)
					return
				}
				if results[0].Hit {
					hits.Add(1)
				}
			}
		})
	}
	for range 300 {
		version := s.source.write("gubei")
		if err := s.announce(s.instances[rand.IntN(2)], version); err != nil {
			t.Fatal(err)
		}
		announced.Store(version)
		for range rand.IntN(4) { // let some reads fill and hit
			_, _ = s.instances[rand.IntN(2)].Get(context.Background(), []Key{key("gubei")}, nil, s.load(func() {}))
		}
	}
	close(stop)
	wg.Wait()
	if hits.Load() == 0 {
		t.Error("nothing was ever cached: this test proves nothing")
	}
}

func TestVersionsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for raw, want := range map[any]int64{"v17": 17, "v9007199254740992": 1 << 53, "17": -1, "v": -1, "v-3": -1, "rubbish": -1, nil: -1, 17: -1} {
		got, ok := parseVersion(raw)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%v: got %d, want %d", raw, got, want)
		}
	}
	if _, ok := parseVersion("v" + "99999999999999999999"); ok {
		t.Errorf("beyond %d passed", math.MaxInt64)
	}
}
