package sources

import (
	"context"
	"sync"
	"time"
)

// refreshEvery is how often the picture is taken anew without a notice. design.md §4.
const refreshEvery = 30 * time.Second

// Watch keeps the picture of who holds what up to date until ctx ends: at once when the
// directory or a source says that it changed, else every 30 seconds.
func (s *Sources) Watch(ctx context.Context) {
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default: // one refresh will see both changes
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.opt.Directory.Listen(ctx, []string{"linhui_directory"},
			func(string, string) { poke() }, func(up bool) { poke() })
	})
	for _, src := range s.opt.Sources {
		wg.Go(func() { s.listen(ctx, src, poke) })
	}
	wg.Go(func() { s.turnDays(ctx) })
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			poke()
		case <-changed:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.opt.Log.Error("the picture of sources could not be refreshed; the last one stays", "error", err)
			}
			s.trustHeard(ctx)
		}
	}
	wg.Wait()
}

// listen hears what changes in one source. While it cannot hear, the source's hot lists are
// bypassed.
func (s *Sources) listen(ctx context.Context, src *Source, poke func()) {
	_ = src.Listen(ctx, []string{"linhui_owners", "linhui_hot", "linhui_outbox"},
		func(channel, payload string) {
			switch channel {
			case "linhui_owners":
				poke()
			case "linhui_hot":
				s.activity.hot.Add(1)
				s.hear(ctx, src, payload)
			case "linhui_outbox":
				s.hearOutbox(payload)
			}
		},
		func(up bool) {
			s.heard(src, up)
			poke()
		})
}

// CloseDirectory closes the directory's pools.
func (s *Sources) CloseDirectory() error { return s.opt.Directory.Close() }
