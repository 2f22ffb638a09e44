package sources

import (
	"context"
	"sync"

	"linhui/store"
)

// hearing is whose changes can be heard of. Only then may a hot list be shown from the cache,
// and only after the versions of the source's lists were read again: what changed before it
// could be heard of shows in them.
type hearing struct {
	mu      sync.Mutex
	up      map[*Source]bool
	trusted map[*Source]bool
	turn    map[*Source]int // counts what makes a trust under way void
}

// heard notes that a source's changes can be heard of from now on, or no more.
func (s *Sources) heard(src *Source, up bool) {
	h := &s.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	h.up[src] = up
	s.distrust(src, s.Owners(src)...)
}

// distrust bypasses the cache for owners of a source until it is trusted again; hearing.mu is
// held.
func (s *Sources) distrust(src *Source, owners ...string) {
	s.hearing.trusted[src] = false
	s.hearing.turn[src]++
	if s.hot != nil {
		s.hot.Distrust(owners...)
	}
}

// adopt makes next the picture of who holds what. Of an owner that a source did not hold
// before, nothing was heard.
func (s *Sources) adopt(next *state) {
	h := &s.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.up == nil {
		h.up, h.trusted, h.turn = map[*Source]bool{}, map[*Source]bool{}, map[*Source]int{}
	}
	old := s.state.Load()
	for o, src := range next.holder {
		if old == nil || old.holder[o] != src {
			s.distrust(src, o)
		}
	}
	s.state.Store(next)
}

// trustHeard trusts the sources that are heard and not trusted yet. One whose versions cannot
// be read is tried again with the next refresh.
func (s *Sources) trustHeard(ctx context.Context) {
	if s.hot == nil {
		return
	}
	var wg sync.WaitGroup
	for _, src := range s.opt.Sources {
		wg.Go(func() { s.trust(ctx, src) })
	}
	wg.Wait()
}

func (s *Sources) trust(ctx context.Context, src *Source) {
	h := &s.hearing
	h.mu.Lock()
	wanted, turn := h.up[src] && !h.trusted[src], h.turn[src]
	owners := s.Owners(src)
	h.mu.Unlock()
	if !wanted {
		return
	}
	versions, err := store.HotVersions(ctx, src, "", owners)
	if err != nil {
		s.opt.Log.Warn("hot lists stay bypassed: their versions could not be read", "source", src.Key, "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.turn[src] != turn {
		return // whatever happened has asked for another refresh
	}
	for _, o := range owners {
		for list := range store.HotLists() {
			_ = s.hot.Trust(ctx, o, hotKey(src, list), max(versions[o][list], 1)) // its failure is the cache's to tell
		}
	}
	h.trusted[src] = true
}
