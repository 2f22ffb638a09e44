package sources

import (
	"context"
	"errors"
	"fmt"
	"time"

	"linhui/store"
)

// escalateEvery is how long a passed deadline may go unnoticed. Chosen: deadlines are of hours
// and days.
const escalateEvery = time.Minute

// Escalate tells the ladder about every feedback whose deadline had passed at now, in all
// sources at once, and returns how many entries it told of. A source that does not answer is
// left for the next run and named in the error.
func (s *Sources) Escalate(ctx context.Context, now time.Time) (int, error) {
	parts := askAll(ctx, s, func(ctx context.Context, src *Source) (int, error) {
		owners := s.Owners(src)
		if len(owners) == 0 {
			return 0, nil
		}
		return store.Escalate(ctx, src, owners, now, store.Ladder)
	})
	total := 0
	var failed []error
	for _, p := range parts {
		total += p.Value
		if p.Err != nil {
			failed = append(failed, fmt.Errorf("source %s: %w", p.Source.Key, p.Err))
		}
	}
	return total, errors.Join(failed...)
}

// KeepEscalating runs Escalate at once and every minute until ctx ends. Any number of gateways
// may do so over the same sources.
func (s *Sources) KeepEscalating(ctx context.Context) {
	tick := time.NewTicker(escalateEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := s.Escalate(ctx, s.opt.Now()); err != nil && ctx.Err() == nil {
			s.opt.Log.Warn("some deadlines were not looked at; the next run does", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
