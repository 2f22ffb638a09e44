package sources

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Change says that something of an owner changed; what is to be shown is read anew.
type Change struct {
	Owner string
	Topic string // a hot list's name, or the topic of an outbox event
	ID    string // of the outbox event; "" for a hot list
}

// changes hands notices from the databases to those who wait for them.
type changes struct {
	mu   sync.Mutex
	subs map[*subscription]struct{}
}

type subscription struct {
	topic  string
	owners []string // sorted
	out    chan Change
}

// backlog bounds the notices that wait for one subscriber. Chosen: a burst of one bulk write;
// who is further behind gets the newest only, which is enough to read anew.
const backlog = 64

// Subscribe returns the changes of a topic for some owners, until ctx ends and the channel
// is closed. A subscriber that falls behind misses notices, never the last one.
func (s *Sources) Subscribe(ctx context.Context, topic string, owners []string) <-chan Change {
	sub := &subscription{topic: topic, owners: slices.Sorted(slices.Values(owners)), out: make(chan Change, backlog)}
	c := &s.changes
	c.mu.Lock()
	if c.subs == nil {
		c.subs = map[*subscription]struct{}{}
	}
	c.subs[sub] = struct{}{}
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, sub)
		close(sub.out)
	})
	return sub.out
}

func (c *changes) tell(change Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for sub := range c.subs {
		if _, ok := slices.BinarySearch(sub.owners, change.Owner); !ok || sub.topic != change.Topic {
			continue
		}
		select {
		case sub.out <- change:
			continue
		default:
		}
		select {
		case <-sub.out: // the oldest makes room
		default: // it was just taken
		}
		sub.out <- change // nobody else sends: c.mu is held
	}
}

// hearOutbox takes the notice of an outbox event: "owner topic id".
func (s *Sources) hearOutbox(payload string) {
	f := strings.Fields(payload)
	if len(f) != 3 {
		s.opt.Log.Warn("notice on linhui_outbox is not: owner topic id")
		return
	}
	s.changes.tell(Change{Owner: f[0], Topic: f[1], ID: f[2]})
}
