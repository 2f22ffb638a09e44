package sources

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
)

// Change says that something of an owner changed; what is to be shown is read anew.
type Change struct {
	Owner string
	Topic string // a hot list's name, or the topic of an outbox event
	ID    string // of what the outbox event is about; "" for a hot list
}

// changes hands notices from the databases to those who wait for them.
type changes struct {
	mu   sync.Mutex
	subs map[*subscription]struct{}
}

// subscription is what one subscriber has not heard yet: every change once, oldest first.
type subscription struct {
	topic  string
	owners []string // sorted
	most   int
	unread []Change
	wake   chan struct{} // holds one when unread is not empty
}

// backlog bounds the notices that wait for one subscriber, beside one for each of its owners, so that a
// hot list of many owners loses none. Chosen: a burst of one bulk write.
const backlog = 64

// Subscribe returns the changes of a topic for some owners from now on, until ctx ends. Changes that a
// slow subscriber has not heard of are told once, however often they happen; of too many different ones the
// oldest are dropped. It is ranged over once.
func (s *Sources) Subscribe(ctx context.Context, topic string, owners []string) iter.Seq[Change] {
	sub := &subscription{topic: topic, owners: slices.Sorted(slices.Values(owners)), most: backlog + len(owners),
		wake: make(chan struct{}, 1)}
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
	})
	return func(yield func(Change) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.wake:
			}
			for change, ok := c.next(sub); ok; change, ok = c.next(sub) {
				if ctx.Err() != nil || !yield(change) {
					return
				}
			}
		}
	}
}

// next takes the oldest change that sub has not heard.
func (c *changes) next(sub *subscription) (change Change, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(sub.unread) == 0 {
		return change, false
	}
	change, sub.unread = sub.unread[0], sub.unread[1:]
	return change, true
}

func (c *changes) tell(change Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for sub := range c.subs {
		if _, ok := slices.BinarySearch(sub.owners, change.Owner); !ok || sub.topic != change.Topic || slices.Contains(sub.unread, change) {
			continue
		}
		if len(sub.unread) == sub.most {
			sub.unread = sub.unread[1:]
		}
		sub.unread = append(sub.unread, change)
		select {
		case sub.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// hearOutbox takes the notice of an outbox event: "owner topic id".
func (s *Sources) hearOutbox(payload string) {
	f := strings.Fields(payload)
	if len(f) != 3 {
		s.opt.Log.Warn("notice on linhui_outbox is not: owner topic id")
		return
	}
	s.activity.outbox.Add(1)
	s.changes.tell(Change{Owner: f[0], Topic: f[1], ID: f[2]})
}
