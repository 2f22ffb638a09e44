package store

import (
	"database/sql"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/seed"
)

// world is a directory and a source with the demonstration's rows.
type world struct {
	directory, source   *database.DB
	directoryDB, admins *sql.DB // the directory's and the source's superuser
	picture             *Directory
	owners              []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	directory, source := testkit.Database(t, testkit.Directory), testkit.Database(t, testkit.Source)
	target := seed.Target{Directory: directory.Open(t), Sources: map[string]*sql.DB{"": source.Open(t)}, Place: func(string) string { return "" }}
	if _, err := seed.Import(t.Context(), target, seed.Facts, nil); err != nil {
		t.Fatal(err)
	}
	var owners []string
	err := target.Sources[""].QueryRow("SELECT array_agg(owner ORDER BY owner) FROM owners").Scan((*pq.StringArray)(&owners))
	if err != nil {
		t.Fatal(err)
	}
	if err := seed.Demo(t.Context(), target, seed.DemoOptions{Seed: 1, Now: noon, Communities: owners, Residents: 20}); err != nil {
		t.Fatal(err)
	}
	// What the demonstration has no reason to show.
	if _, err := target.Sources[""].Exec(`INSERT INTO contest_entries (owner, event_id, title_zh, rank)
		SELECT owner, id, '作品' || i, CASE WHEN i < 3 THEN 1 END FROM (SELECT owner, id FROM events ORDER BY owner, id LIMIT 2) e, generate_series(1, 3) i`); err != nil {
		t.Fatal(err)
	}
	w := &world{directory: openDB(t, directory), source: openDB(t, source), directoryDB: superuser(t, directory), admins: superuser(t, source), owners: owners}
	if w.picture, err = LoadDirectory(t.Context(), w.directory, &Ask{Viewer: &authz.Viewer{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return w
}

func openDB(t *testing.T, db *testkit.DB) *database.DB {
	t.Helper()
	minute := [3]time.Duration{time.Minute, time.Minute, time.Minute}
	d, err := database.Open(database.Config{Key: db.Name, DSN: db.DSN, Budgets: minute, Queue: 1000, QueueWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func superuser(t *testing.T, db *testkit.DB) *sql.DB {
	t.Helper()
	d, err := sql.Open("postgres", db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func (w *world) ask(t *testing.T, v *authz.Viewer, d Demand) *Ask {
	a := askOf(t, v, d)
	a.Directory = w.picture
	return a
}

// all is a viewer who may see everything.
func all() *authz.Viewer {
	return &authz.Viewer{Principal: "all", Roles: authz.Roles(), All: true, Purpose: "test", At: noon}
}

// within is such a viewer of one owner.
func within(owner string) *authz.Viewer {
	v := all()
	v.All, v.Communities = false, []string{owner}
	return v
}

func (t *Table[T]) local() bool { return strings.HasPrefix(t.Table, "(") }

func (t *Table[T]) in(w *world) (src Source, db *sql.DB) {
	if t.local() {
		return w.directory, w.directoryDB
	}
	return w.source, w.admins
}

// owned returns the owners of a table's rows.
func (t *Table[T]) owned(tt *testing.T, w *world) []string {
	tt.Helper()
	_, db := t.in(w)
	var owners []string
	if err := db.QueryRow("SELECT array_agg(DISTINCT owner) FROM " + t.Table + " t").Scan((*pq.StringArray)(&owners)); err != nil {
		tt.Fatal(err)
	}
	slices.Sort(owners)
	return owners
}

func (t *Table[T]) page(tt *testing.T, w *world, ask *Ask, o Ordered[T], q PageQuery) []*T {
	tt.Helper()
	src, _ := t.in(w)
	rows, err := t.Page(tt.Context(), src, ask, o, q)
	if err != nil {
		tt.Fatalf("page by %q: %v", o.Name(), err)
	}
	return rows
}

func (t *Table[T]) nodes(tt *testing.T, w *world, ask *Ask, limit int) []Node {
	tt.Helper()
	o, _ := t.Ordered(nil)
	var out []Node
	for _, r := range t.page(tt, w, ask, o, PageQuery{Owners: t.owned(tt, w), Limit: limit}) {
		out = append(out, any(r).(Node))
	}
	return out
}

func ids(nodes []Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.Base().ID()
	}
	return out
}

func nodesOf[T any](rows []*T) []Node {
	out := make([]Node, len(rows))
	for i, r := range rows {
		out[i] = any(r).(Node)
	}
	return out
}
