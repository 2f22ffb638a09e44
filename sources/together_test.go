package sources

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"linhui/internal/database"
	"linhui/store"
)

// trips is a source that writes down what it is asked together, and answers nothing.
type trips struct {
	mu   sync.Mutex
	seen []string
}

func (f *trips) Query(ctx context.Context, q database.Query, rows func(*sql.Rows) error) error {
	return f.QueryAll(ctx, []database.Query{q}, func(_ int, rs *sql.Rows) error { return rows(rs) })[0]
}

func (f *trips) QueryAll(_ context.Context, qs []database.Query, each func(int, *sql.Rows) error) []error {
	errs := make([]error, len(qs))
	var texts []string
	for i, q := range qs {
		texts = append(texts, q.SQL)
		if errs[i] = each(i, nil); strings.HasPrefix(q.SQL, "bad") {
			errs[i] = errors.New(q.SQL)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, strings.Join(texts, " "))
	return errs
}

func TestStepsShareTheirTrips(t *testing.T) {
	t.Parallel()
	asked := map[string]error{}
	query := func(db store.Source, text string, a database.Access, c database.Budget) {
		asked[text] = db.Query(t.Context(), database.Query{SQL: text, Access: a, Class: c}, func(*sql.Rows) error {
			if strings.HasSuffix(text, "panic") {
				panic("in the rows")
			}
			return nil
		})
	}
	public := func(texts ...string) step {
		return func(_ context.Context, db store.Source) {
			for _, text := range texts {
				query(db, text, database.Public, database.Dashboard)
			}
		}
	}
	f := &trips{}
	inStep(t.Context(), f, []step{
		public("a1", "a2", "a3"), public(), public("bad1", "b2"), public("c1 panic"),
		func(_ context.Context, db store.Source) {
			query(db, "scoped", database.Scoped, database.Dashboard)
			query(db, "long", database.Public, database.Analyst)
		},
	})
	slices.Sort(f.seen[:2]) // roles go side by side
	slices.Sort(f.seen[2:4])
	if got := strings.Join(f.seen, ", "); got != "a1 bad1 c1 panic, scoped, a2 b2, long, a3" {
		t.Error(got)
	}
	for text, err := range asked {
		if fails := text == "bad1" || text == "c1 panic"; (err != nil) != fails {
			t.Errorf("%s: %v", text, err)
		}
	}
	if len(asked) != 8 {
		t.Error(asked)
	}
}

func TestAStepAloneAsksTheSourceItself(t *testing.T) {
	t.Parallel()
	f := &trips{}
	inStep(t.Context(), f, []step{func(_ context.Context, db store.Source) {
		if db != store.Source(f) {
			t.Error("it is held up")
		}
	}})
}

func TestALaneIsTakenByOne(t *testing.T) {
	t.Parallel()
	l := newLanes(1)
	if !l.enter(t.Context()) {
		t.Fatal("a free lane was refused")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if l.enter(gone) {
		t.Error("two are in one lane")
	}
	entered := make(chan bool)
	go func() { entered <- l.enter(t.Context()) }()
	l.leave()
	if !<-entered {
		t.Error("who waited was refused when the lane was free")
	}
}
