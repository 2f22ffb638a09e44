package sources

import (
	"context"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
)

const (
	// atOnce is how many dashboard questions go to the sources at once; the others wait here, where
	// they hold nothing. A question that every source is asked must not be refused by one of them:
	// with 48 clients and without this, hardly an answer was whole. Chosen: as many fit into the
	// bulkheads' queues twice over, and a source that is slow until its breaker opens takes few.
	atOnce = 32
	// longestWait is for a lane. Chosen: twice what a dashboard's sources may take.
	longestWait = 2 * time.Second
)

var errCrowded = fault.Newf(fault.SourceUnavailable, "too many questions are waiting; try again in a second").With("state", database.StateBulkhead)

// lanes are taken in the order of arrival.
type lanes chan struct{}

func (l lanes) enter(ctx context.Context) bool {
	select {
	case l <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case l <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (l lanes) leave() { <-l }
