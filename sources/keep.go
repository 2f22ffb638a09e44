package sources

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linhui/store"
)

// keepEvery is how long a chore may wait for its time. Chosen: deadlines are of hours and days.
const keepEvery = time.Minute

// Keep does every chore of the domains in all sources at once, as of now, and returns how many
// rows each did. A source that does not answer is left for the next time and named in the error.
func (s *Sources) Keep(ctx context.Context, now time.Time) (map[string]int, error) {
	ask := store.Ask{Directory: s.Directory(), Log: s.opt.Log}
	parts := askAll(ctx, s, func(ctx context.Context, src *Source) (map[string]int, error) {
		owners := s.Owners(src)
		if len(owners) == 0 {
			return nil, nil
		}
		return store.Keep(ctx, src, owners, ask, now)
	})
	total := map[string]int{}
	var failed []error
	for _, p := range parts {
		for chore, n := range p.Value {
			total[chore] += n
		}
		if p.Err != nil {
			failed = append(failed, fmt.Errorf("source %s: %w", p.Source.Key, p.Err))
		}
	}
	s.activity.keep(total)
	return total, errors.Join(failed...)
}

// KeepOn keeps at once and every minute until ctx ends. Any number of gateways may do so over
// the same sources: each chore of a source is done by one of them at a time.
func (s *Sources) KeepOn(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := s.Keep(ctx, s.opt.Now()); err != nil && ctx.Err() == nil {
			s.opt.Log.Warn("some chores were not done; the next time they are", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
