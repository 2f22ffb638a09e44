package subgraph

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// flights are calls under way, by everything they send.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

type flight struct {
	done   chan struct{}
	answer []byte
	err    error
}

// share returns the answer of the call of this key: of one under way, or of its own, which goes
// on when ctx ends, because others may wait for it.
func (f *flights) share(ctx context.Context, key string, call func(context.Context) ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	if f.all == nil {
		f.all = make(map[string]*flight)
	}
	if x, ok := f.all[key]; ok {
		f.mu.Unlock()
		select {
		case <-x.done:
			return x.answer, x.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	x := &flight{done: make(chan struct{}), err: context.Canceled} // as a panic leaves it
	f.all[key] = x
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.all, key)
		f.mu.Unlock()
		close(x.done)
	}()
	x.answer, x.err = call(context.WithoutCancel(ctx))
	return x.answer, x.err
}

func sortedNames(h http.Header) []string { return slices.Sorted(maps.Keys(h)) }
