package sources

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Activity is what happened beside requests, since Open.
type Activity struct {
	Subscribers   int            // now
	Waiting       int            // dashboard questions that wait until others have been asked, now
	HotNotices    int64          // of changed hot lists, from sources
	OutboxNotices int64          // of outbox events, from sources
	Kept          map[string]int // rows that this process's chores did, by chore
}

// activity counts it.
type activity struct {
	hot, outbox atomic.Int64

	mu   sync.Mutex
	kept map[string]int
}

func (a *activity) keep(done map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil {
		a.kept = map[string]int{}
	}
	for chore, n := range done {
		a.kept[chore] += n
	}
}

// Activity reads the counters.
func (s *Sources) Activity() Activity {
	s.changes.mu.Lock()
	subscribers := len(s.changes.subs)
	s.changes.mu.Unlock()
	s.activity.mu.Lock()
	defer s.activity.mu.Unlock()
	return Activity{Subscribers: subscribers, Waiting: int(s.lanes.waiting.Load()), HotNotices: s.activity.hot.Load(), OutboxNotices: s.activity.outbox.Load(), Kept: maps.Clone(s.activity.kept)}
}
