package sources

import (
	"context"
	"database/sql"
	"iter"
	"sync"

	"linhui/internal/database"
	"linhui/store"
)

// batcher is a source that takes several statements at once; *database.DB is one.
type batcher interface {
	store.Source
	QueryAll(ctx context.Context, qs []database.Query, each func(i int, rs *sql.Rows) error) []error
}

// statement is what a step waits for.
type statement struct {
	query database.Query
	rows  func(*sql.Rows) error
	err   error
}

// step asks the source that it is handed as if it were alone with it: it is held at each
// statement until the others have come to one or are done.
type step = func(context.Context, store.Source)

// inStep runs steps against one source: the first statements of all go together, then the second
// ones of those that have one. Steps run in turn, never two at once, on one goroutine.
func inStep(ctx context.Context, src batcher, steps []step) {
	if len(steps) == 1 {
		steps[0](ctx, src)
		return
	}
	running := make([]func() (*statement, bool), len(steps))
	for i, s := range steps {
		next, stop := iter.Pull(func(yield func(*statement) bool) { s(ctx, held(yield)) })
		defer stop()
		running[i] = next
	}
	for len(running) > 0 {
		var waiting []*statement
		still := running[:0]
		for _, next := range running {
			if s, ok := next(); ok {
				waiting, still = append(waiting, s), append(still, next)
			}
		}
		running = still
		send(ctx, src, waiting)
	}
}

// held is a source to a step: its statements wait for those of the others.
type held func(*statement) bool

func (h held) Query(_ context.Context, q database.Query, rows func(*sql.Rows) error) error {
	s := &statement{query: q, rows: rows}
	if !h(s) {
		return context.Canceled
	}
	return s.err
}

// send asks what steps wait for, side by side where the database knows no common way.
func send(ctx context.Context, src batcher, waiting []*statement) {
	type way struct {
		access database.Access
		class  database.Budget
	}
	ways := map[way][]*statement{}
	for _, s := range waiting {
		w := way{s.query.Access, s.query.Class}
		ways[w] = append(ways[w], s)
	}
	var wg sync.WaitGroup
	for _, together := range ways {
		wg.Go(func() {
			queries := make([]database.Query, len(together))
			for i, s := range together {
				queries[i] = s.query
			}
			errs := src.QueryAll(ctx, queries, func(i int, rs *sql.Rows) error {
				_, err := guarded(ctx, func(context.Context) (struct{}, error) { return struct{}{}, together[i].rows(rs) })
				return err
			})
			for i, s := range together {
				s.err = errs[i]
			}
		})
	}
	wg.Wait()
}
