package sources_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

// perOwner is the number of stations of every owner.
const perOwner = 7

// patience is how long a source may take here: enough for a busy machine, and short enough to
// wait for.
const patience = 700 * time.Millisecond

// bundle is a federation over real databases, each behind a proxy that tests can break.
type bundle struct {
	t       *testing.T
	sources *sources.Sources
	opt     sources.Options
	dbs     map[string]*testkit.DB
	proxies map[string]*testkit.Proxy
}

// setup makes databases that hold the given owners, and a directory that knows all of them and
// the owner "nobodys".
func setup(t *testing.T, holds map[string][]string) *bundle {
	t.Helper()
	b := prepare(t, holds)
	b.open()
	return b
}

func prepare(t *testing.T, holds map[string][]string) *bundle {
	t.Helper()
	b := &bundle{t: t, dbs: map[string]*testkit.DB{}, proxies: map[string]*testkit.Proxy{}}
	directory := testkit.Database(t, testkit.Directory)
	known := []string{"nobodys"}
	for _, key := range slices.Sorted(maps.Keys(holds)) {
		b.dbs[key] = testkit.Database(t, testkit.Source)
		b.proxies[key] = testkit.NewProxy(t, b.dbs[key].Addr())
		for _, o := range holds[key] {
			b.give(key, o)
		}
		known = append(known, holds[key]...)
		b.opt.Sources = append(b.opt.Sources, &sources.Source{Key: key, DB: b.connect(key, b.dbs[key].Via(b.proxies[key].Addr()))})
	}
	slices.Sort(known)
	var values []string
	for _, o := range slices.Compact(known) {
		values = append(values, fmt.Sprintf("('%s', '社区', '620000000000')", o))
	}
	b.exec(directory, "INSERT INTO divisions (code, name, level) VALUES ('620000000000', '甘肃省', 'PROVINCE'); INSERT INTO communities (slug, name_zh, parent_code) VALUES "+strings.Join(values, ","))
	b.opt.Directory = b.connect("directory", directory.DSN)
	signer, err := page.NewSigner([]byte("a cursor key for tests only"))
	if err != nil {
		t.Fatal(err)
	}
	b.opt.Cursors, b.opt.Log = signer, slog.New(slog.DiscardHandler)
	b.opt.Budgets = map[database.Budget]time.Duration{database.Dashboard: patience}
	return b
}

func (b *bundle) connect(key, dsn string) *database.DB {
	b.t.Helper()
	budget := [3]time.Duration{patience, patience, patience}
	db, err := database.Open(database.Config{Key: key, DSN: dsn, Budgets: budget, BreakerCalls: 1e6, QueueWait: patience})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { db.Close() })
	return db
}

func (b *bundle) open() {
	b.t.Helper()
	var err error
	if b.sources, err = sources.Open(b.t.Context(), b.opt); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) exec(db *testkit.DB, text string) {
	b.t.Helper()
	if _, err := db.Open(b.t).Exec(text); err != nil {
		b.t.Fatal(err)
	}
}

// give puts an owner with its stations into a source. Names interleave the owners.
func (b *bundle) give(key, owner string) {
	b.t.Helper()
	b.exec(b.dbs[key], fmt.Sprintf(`INSERT INTO owners VALUES ('%[1]s', 'COMMUNITY');
		INSERT INTO stations (owner, id, name_zh, kind) SELECT '%[1]s', md5('%[1]s' || i)::uuid, '站' || i, 'RED_STATION' FROM generate_series(1, %[2]d) i`, owner, perOwner))
}

func (b *bundle) take(key, owner string) {
	b.t.Helper()
	b.exec(b.dbs[key], fmt.Sprintf(`DELETE FROM stations WHERE owner = '%[1]s'; DELETE FROM hot_versions WHERE owner = '%[1]s'; DELETE FROM owners WHERE owner = '%[1]s'`, owner))
}

func (b *bundle) set(mode testkit.Mode, keys ...string) {
	for _, k := range keys {
		b.proxies[k].Set(mode)
	}
}

// request is the context of a new request.
func (b *bundle) request() context.Context {
	return sources.NewContext(authz.NewContext(b.t.Context(), &authz.Viewer{}), &sources.Request{Demand: store.Demand{"Station": {"nameZh": true}}})
}

// list asks for a page of stations, of all communities unless some are named.
func (b *bundle) list(args page.Args, abort bool, communities ...string) (*page.Connection[store.Station], error) {
	b.t.Helper()
	ctx := b.request()
	ask := b.sources.Ask(ctx)
	l, err := store.Stations.NewList("stations", nil, nil, args)
	if err != nil {
		b.t.Fatal(err)
	}
	chosen, err := b.sources.Choose(ask, communities, false)
	if err != nil {
		return nil, err
	}
	return sources.Page(ctx, b.sources, ask, store.Stations, l, chosen, abort)
}

// states is the coverage in short: the state of each source.
func states(c *page.Coverage) map[string]page.SourceState {
	out := map[string]page.SourceState{}
	for _, s := range c.Sources {
		out[s.Key] = s.State
	}
	return out
}

// want compares a page's owners and coverage. Every coverage must account for all owners.
func (b *bundle) want(name string, c *page.Connection[store.Station], owners []string, coverage map[string]page.SourceState) {
	b.t.Helper()
	if c == nil {
		b.t.Fatalf("%s: no page", name)
	}
	per := map[string]int{}
	for _, r := range c.Nodes() {
		per[r.Owner]++
	}
	expected := map[string]int{}
	for _, o := range owners {
		expected[o] = perOwner
	}
	if !maps.Equal(per, expected) {
		b.t.Errorf("%s: rows by owner %v, want %v", name, per, expected)
	}
	if got := states(c.Coverage()); !maps.Equal(got, coverage) {
		b.t.Errorf("%s: coverage %v, want %v", name, got, coverage)
	}
	for _, s := range c.Coverage().Sources {
		if answered := s.State == page.OK; answered != (s.AsOf != nil) || answered == (s.ErrorCode != nil) || len(s.Communities) == 0 {
			b.t.Errorf("%s: %+v", name, s)
		}
	}
	n, err := c.TotalCount(b.request())
	if whole := c.Coverage().Complete(); err != nil || whole != (n != nil) || whole && *n != len(owners)*perOwner {
		b.t.Errorf("%s: total %v, %v, complete %t", name, n, err, whole)
	}
}

// faults are the errors of a partial answer as "CODE source communities".
func faults(t *testing.T, err error) []string {
	t.Helper()
	var p *sources.Partial
	if !errors.As(err, &p) {
		t.Fatalf("not a partial answer: %v", err)
	}
	var out []string
	for _, f := range p.Faults {
		out = append(out, fmt.Sprint(f.Code, " ", f.Extensions["source"], " ", f.Extensions["communities"]))
	}
	return out
}

func ptr[T any](v T) *T { return &v }
