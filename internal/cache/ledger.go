package cache

import "sync"

type ownedList struct{ owner, list string }

// ledger is what this process was told by the sources: the newest version it heard of per list,
// and whose word it cannot take at the moment. It holds one number per list that exists, so it
// needs no bound. It is the second line behind the version keys: it still holds when Redis lost
// them to an eviction, a failover or a restart.
type ledger struct {
	mu     sync.RWMutex
	floors map[ownedList]int64
	// distrusted owners, each with the lists that were trusted again since.
	distrusted map[string]map[string]bool
}

func newLedger() *ledger {
	return &ledger{floors: map[ownedList]int64{}, distrusted: map[string]map[string]bool{}}
}

func (l *ledger) look(owner, list string) (floor int64, trusted bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.lookLocked(owner, list)
}

func (l *ledger) lookLocked(owner, list string) (floor int64, trusted bool) {
	again, distrusted := l.distrusted[owner]
	return l.floors[ownedList{owner, list}], !distrusted || again[list]
}

func (l *ledger) raise(owner, list string, version int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := ownedList{owner, list}
	l.floors[key] = max(l.floors[key], version)
}

func (l *ledger) distrust(owners []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, owner := range owners {
		l.distrusted[owner] = map[string]bool{}
	}
}

func (l *ledger) trust(owner, list string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if again, distrusted := l.distrusted[owner]; distrusted {
		again[list] = true
	}
}
