package cache

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

// probe is one key's question to Redis and the answer.
type probe[T any] struct {
	key        Key
	versionKey any  // string, boxed once
	wantsValue bool // else only the version is asked for

	rawVersion, rawValue any // as they came: string, or nil for absent

	floor   int64     // the oldest version that may be shown: known to Redis or to the ledger
	trusted bool      // whether the owner's source keeps us informed
	best    *entry[T] // after confirm: of a version that is current, fresh or not; else nil
	fromL1  bool
}

// local is what the L1 cache keeps of a key.
type local[T any] struct {
	*entry[T]
	versionKey any
}

// look prepares the probes from what is known without Redis.
func (h *Hot[T]) look(keys []Key) []probe[T] {
	probes := make([]probe[T], len(keys))
	now := h.opts.Now()
	h.ledger.mu.RLock()
	for i, key := range keys {
		p := &probes[i]
		p.key, p.wantsValue = key, true
		p.floor, p.trusted = h.ledger.lookLocked(key.Owner, key.List)
	}
	h.ledger.mu.RUnlock()
	h.l1.mu.Lock()
	for i := range probes {
		p := &probes[i]
		if have, ok := h.l1.getLocked(p.key); ok {
			p.versionKey, p.best, p.fromL1 = have.versionKey, have.entry, true
			p.wantsValue = have.version < p.floor || !have.freshAt(now)
		}
	}
	h.l1.mu.Unlock()
	for i := range probes {
		if p := &probes[i]; p.versionKey == nil {
			p.versionKey = p.key.versionKey()
		}
	}
	return probes
}

// read asks Redis about every probe and keeps as best only what Redis confirmed just now, so
// that nothing is shown on the word of this process alone.
func (h *Hot[T]) read(ctx context.Context, probes []probe[T], seen *Counts) error {
	if err := h.trips.read(ctx, probes); err != nil {
		for i := range probes {
			probes[i].best = nil
		}
		return err
	}
	var outdated []probe[T] // in L1, while Redis may hold a newer value
	var at []int
	for i := range probes {
		p := &probes[i]
		h.confirm(p, seen)
		if p.best == nil && p.fromL1 && !p.wantsValue {
			p.wantsValue, p.fromL1 = true, false
			outdated, at = append(outdated, *p), append(at, i)
		}
	}
	if len(outdated) == 0 {
		return nil
	}
	err := h.trips.read(ctx, outdated)
	for i := range outdated {
		if err == nil {
			h.confirm(&outdated[i], seen)
		}
		probes[at[i]] = outdated[i]
	}
	return err
}

// confirm turns a probe's raw answer into its floor and best entry.
func (h *Hot[T]) confirm(p *probe[T], seen *Counts) {
	version, known := parseVersion(p.rawVersion)
	p.floor = max(p.floor, version)
	if stored, ok := p.rawValue.(string); ok {
		switch e, err := h.decode(stored); {
		case err != nil:
			seen.Corrupt++
		case p.best == nil || e.version > p.best.version || e.asOf.After(p.best.asOf):
			p.best, p.fromL1 = e, false
		}
	}
	p.rawVersion, p.rawValue = nil, nil
	if p.best == nil {
		return
	}
	if !known || p.best.version < p.floor {
		p.best = nil
		return
	}
	if !p.fromL1 {
		h.l1.put(p.key, local[T]{p.best, p.versionKey})
	}
}

// trips makes the round trips of reading. While maxTrips are under way, the Gets that arrive
// share the next one: each still reads after it arrived, and a burst of thousands neither queues
// for connections nor takes the wait for a Redis that is down.
type trips[T any] struct {
	client  redis.UniversalClient
	guard   *guard
	sharded bool
	format  int

	mu       sync.Mutex
	underWay int
	next     *sharedTrip[T]
}

const maxTrips = 2 // chosen: one on the wire while the other is being parsed

type sharedTrip[T any] struct {
	probes []*probe[T]
	done   chan struct{}
	err    error // after done
}

func (t *trips[T]) read(ctx context.Context, probes []probe[T]) error {
	asked := make([]*probe[T], len(probes))
	for i := range probes {
		asked[i] = &probes[i]
	}
	t.mu.Lock()
	if t.underWay < maxTrips {
		t.underWay++
		t.mu.Unlock()
		defer t.leave()
		return t.ask(ctx, asked)
	}
	if t.next == nil {
		t.next = &sharedTrip[T]{done: make(chan struct{})}
	}
	shared := t.next
	shared.probes = append(shared.probes, asked...)
	t.mu.Unlock()
	select {
	case <-shared.done:
		return shared.err
	case <-ctx.Done():
		return ctx.Err() // the trip may still write to the probes: the caller must drop them
	}
}

// leave ends a trip and sends those who wait on theirs.
func (t *trips[T]) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	shared := t.next
	if t.next = nil; shared == nil {
		t.underWay--
		return
	}
	go func() {
		defer t.leave()
		shared.err = t.ask(context.Background(), shared.probes)
		close(shared.done)
	}()
}

func (t *trips[T]) ask(ctx context.Context, probes []*probe[T]) error {
	return t.guard.do(ctx, func(ctx context.Context) error {
		if !t.sharded {
			cmd := mget(ctx, probes, t.format)
			_ = t.client.Process(ctx, cmd) // the command keeps its error
			return receive(probes, cmd)
		}
		return t.exec(ctx, t.client.Pipeline(), probes)
	})
}

// exec sends a pipeline with the question of the probes as its end, one MGET per owner.
func (t *trips[T]) exec(ctx context.Context, pipe redis.Pipeliner, probes []*probe[T]) error {
	groups := byOwner(probes)
	cmds := make([]*redis.SliceCmd, len(groups))
	for i, group := range groups {
		cmds[i] = mget(ctx, group, t.format)
		_ = pipe.Process(ctx, cmds[i])
	}
	_, _ = pipe.Exec(ctx) // each command keeps its error
	for i, group := range groups {
		if err := receive(group, cmds[i]); err != nil {
			return err
		}
	}
	return nil
}

func byOwner[T any](probes []*probe[T]) [][]*probe[T] {
	var groups [][]*probe[T]
	at := map[string]int{}
	for _, p := range probes {
		i, ok := at[p.key.Owner]
		if !ok {
			i = len(groups)
			at[p.key.Owner], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// mget reads versions and values at one instant: first every version, then the values asked for.
func mget[T any](ctx context.Context, probes []*probe[T], format int) *redis.SliceCmd {
	args := make([]any, 1, 1+2*len(probes))
	args[0] = "mget"
	for _, p := range probes {
		args = append(args, p.versionKey)
	}
	for _, p := range probes {
		if p.wantsValue {
			args = append(args, p.key.valueKey(format))
		}
	}
	return redis.NewSliceCmd(ctx, args...)
}

func receive[T any](probes []*probe[T], cmd *redis.SliceCmd) error {
	vals, err := cmd.Result()
	if err != nil {
		return err
	}
	values := len(probes)
	if asked := len(cmd.Args()) - 1; len(vals) != asked {
		return fmt.Errorf("redis answered %d of %d keys", len(vals), asked)
	}
	for i, p := range probes {
		p.rawVersion = vals[i]
		if p.wantsValue {
			p.rawValue = vals[values]
			values++
		}
	}
	return nil
}
