package database_test

import (
	"database/sql"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
)

func TestAFullBulkheadTurnsCallersAway(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN, MaxConns: 2, Queue: 1, QueueWait: 20 * time.Millisecond})
	hold := make(chan struct{})
	var running sync.WaitGroup
	occupy := func(class database.Budget) {
		inside := make(chan struct{})
		running.Go(func() {
			err := d.Query(t.Context(), database.Query{SQL: "SELECT 1", Class: class}, func(*sql.Rows) error {
				close(inside)
				<-hold
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-inside
	}
	occupy(database.Export)
	// Exports hold at most half; a dashboard still finds a connection.
	_, err := column(t.Context(), d, database.Query{SQL: "SELECT 1", Class: database.Analyst})
	if !fault.Is(err, fault.SourceUnavailable) || state(err) != database.StateBulkhead {
		t.Errorf("second slow call: %v", err)
	}
	mustColumn(t, d, public("SELECT 1"))
	occupy(database.Dashboard)

	var refused atomic.Int32
	var callers sync.WaitGroup
	for range 5 {
		callers.Go(func() {
			if _, err := column(t.Context(), d, public("SELECT 1")); state(err) == database.StateBulkhead {
				refused.Add(1)
			}
		})
	}
	callers.Wait()
	if refused.Load() != 5 {
		t.Errorf("%d of 5 refused", refused.Load())
	}
	close(hold)
	running.Wait()
	mustColumn(t, d, public("SELECT 1"))
	if s := d.Snapshot(); s.Running != 0 || s.Refused != 6 || s.Waits < 2 || s.Breaker != "CLOSED" {
		t.Errorf("%+v", s)
	}
}
