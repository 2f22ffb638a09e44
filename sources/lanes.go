package sources

import (
	"context"
	"sync/atomic"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
)

const (
	// atOnce is how many dashboard questions go to the sources at once; the others wait here, where
	// they hold nothing. A question that every source is asked must not be refused by one of them:
	// with 48 clients and without this, hardly an answer was whole. Chosen: a bulkhead's queue holds
	// what as many ask of one source, and at the benchmark's speed a lane is free within 0.2 s. A
	// silent source holds all of them for a second at most, until its breaker opens.
	atOnce = 32
	// longestWait is for a lane. Chosen: twice what a dashboard's sources may take.
	longestWait = 2 * time.Second
)

var errCrowded = fault.Newf(fault.SourceUnavailable, "too many questions are waiting; try again in a second").With("state", database.StateBulkhead)

// lanes are taken in the order of arrival.
type lanes struct {
	taken   chan struct{}
	waiting atomic.Int64
}

func newLanes(n int) *lanes { return &lanes{taken: make(chan struct{}, n)} }

func (l *lanes) enter(ctx context.Context) bool {
	select {
	case l.taken <- struct{}{}:
		return true
	default:
	}
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case l.taken <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (l *lanes) leave() { <-l.taken }
