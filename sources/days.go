package sources

import (
	"context"
	"time"

	"linhui/store"
)

// dayEvery is how late after midnight subscribers may hear of the new day. Chosen: the clock is looked
// at instead of waited for, so that a machine that slept or whose clock was set is late no longer than that.
const dayEvery = time.Second

// turnDays tells the subscribers of hot lists that are others on another day, such as today's events,
// when the day changes, which no database does.
func (s *Sources) turnDays(ctx context.Context) {
	tick := time.NewTicker(dayEvery)
	defer tick.Stop()
	shown := variants(s.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := variants(s.Now())
		for list, variant := range now {
			if variant == shown[list] {
				continue
			}
			for _, owner := range s.state.Load().owners() {
				s.changes.tell(Change{Owner: owner, Topic: list})
			}
		}
		shown = now
	}
}

// variants are what the hot lists are told apart by at an instant.
func variants(at time.Time) map[string]string {
	all := make(map[string]string)
	for list, h := range store.HotLists() {
		all[list] = h.VariantAt(at)
	}
	return all
}
