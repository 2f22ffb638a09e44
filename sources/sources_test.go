package sources_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

func TestMain(m *testing.M) { testkit.Main(m) }

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

var most = ptr(page.MaxSize)

func ptr[T any](v T) *T { return &v }

func TestWhenAllAnswerAPageIsWholeAndInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "d"}, "south": {"b"}, "west": {"c"}})
	c, err := b.list(page.Args{First: most}, false, "a", "b", "c", "d")
	if err != nil {
		t.Fatal(err)
	}
	b.want("all", c, []string{"a", "b", "c", "d"}, map[string]page.SourceState{"north": page.OK, "south": page.OK, "west": page.OK})
	if !slices.IsSortedFunc(c.Nodes(), func(x, y *store.Station) int {
		return strings.Compare(x.NameZh+x.Owner+x.UUID.String(), y.NameZh+y.Owner+y.UUID.String())
	}) {
		t.Error("rows of several sources are not merged in the list's order")
	}
	if keys := c.Coverage().Sources; keys[0].Key != "north" || keys[2].Key != "west" || c.Coverage().Requested() != 4 {
		t.Errorf("sources are not in their order: %+v", keys)
	}
	c, err = b.list(page.Args{First: most}, false, "b")
	if err != nil {
		t.Fatal(err)
	}
	b.want("one community: only its source is asked", c, []string{"b"}, map[string]page.SourceState{"south": page.OK})
}

func TestAnAnswerStandsWithoutTheSourcesThatFail(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "d"}, "south": {"b"}, "west": {"c"}})
	ask := func() (*page.Connection[store.Station], error) {
		return b.list(page.Args{First: most}, false, "a", "b", "c", "d")
	}

	b.set(testkit.Refuse, "south")
	c, err := ask()
	b.want("one is down", c, []string{"a", "c", "d"}, map[string]page.SourceState{"north": page.OK, "south": page.Unavailable, "west": page.OK})
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_UNAVAILABLE south [b]"}) {
		t.Errorf("one is down: %v", got)
	}
	if !c.PageInfo().HasNextPage {
		t.Error("one is down: the page claims to be the last")
	}

	b.set(testkit.Blackhole, "north")
	began := time.Now()
	c, err = ask()
	if took := time.Since(began); took > 2*patience {
		t.Errorf("one is slow: waited %s", took)
	}
	b.want("one is down and one slow", c, []string{"c"}, map[string]page.SourceState{"north": page.Timeout, "south": page.Unavailable, "west": page.OK})
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_TIMEOUT north [a d]", "SOURCE_UNAVAILABLE south [b]"}) {
		t.Errorf("one is down and one slow: %v", got)
	}

	b.set(testkit.Refuse, "north", "west")
	if c, err = ask(); c != nil || !fault.Is(err, fault.SourceUnavailable) {
		t.Errorf("all are down: %v, %v", c, err)
	}

	b.set(testkit.Pass, "north", "south", "west")
	b.exec(b.dbs["west"], "ALTER TABLE stations RENAME name_zh TO title_zh")
	c, err = ask()
	b.want("one answers wrongly", c, []string{"a", "b", "d"}, map[string]page.SourceState{"north": page.OK, "south": page.OK, "west": page.Unavailable})
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_UNAVAILABLE west [c]"}) {
		t.Errorf("one answers wrongly: %v", got)
	}
	for _, f := range err.(*sources.Partial).Faults {
		if strings.Contains(f.Message, "title_zh") || strings.Contains(f.Message, "name_zh") {
			t.Errorf("the message holds SQL: %s", f.Message)
		}
	}
}

func TestAbortAndEssentialSourcesFailTheAnswer(t *testing.T) {
	t.Parallel()
	b := prepare(t, map[string][]string{"north": {"a"}, "south": {"b"}, "west": {"c"}})
	b.opt.Sources[2].Essential = true
	b.open()
	b.set(testkit.Refuse, "north")
	if c, err := b.list(page.Args{}, true, "a", "b"); c != nil || fault.Of(err).Extensions["source"] != "north" {
		t.Errorf("ABORT: %v, %v", c, err)
	}
	c, err := b.list(page.Args{First: most}, true, "b", "c")
	if err != nil {
		t.Fatalf("ABORT with all needed sources up: %v", err)
	}
	b.want("ABORT with all needed sources up", c, []string{"b", "c"}, map[string]page.SourceState{"south": page.OK, "west": page.OK})
	b.set(testkit.Refuse, "west")
	if c, err := b.list(page.Args{}, false, "a", "b", "c"); c != nil || fault.Of(err).Extensions["source"] != "west" {
		t.Errorf("an essential source is down, and another: %v, %v", c, err)
	}
}

func TestOwnersThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	for _, unknown := range []string{"nowhere", "", "a' OR true", page.ID{Type: "Station", Owner: "a"}.String(), page.ID{Type: "Community", Owner: "nowhere"}.String()} {
		if c, err := b.list(page.Args{}, false, "a", unknown); c != nil || !fault.Is(err, fault.BadUserInput) {
			t.Errorf("unknown owner %q: %v, %v", unknown, c, err)
		}
	}
	c, err := b.list(page.Args{First: most}, false, "a", "nobodys")
	b.want("an owner that no source holds", c, []string{"a"}, map[string]page.SourceState{"north": page.OK, "": page.Skipped})
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_UNAVAILABLE <nil> [nobodys]"}) {
		t.Errorf("an owner that no source holds: %v", got)
	}
	c, err = b.list(page.Args{First: most}, false)
	b.want("every owner", c, []string{"a", "b"}, map[string]page.SourceState{"north": page.OK, "south": page.OK, "": page.Skipped})
	if err == nil {
		t.Error("the gap is not reported")
	}

	ask := &store.Ask{Viewer: &authz.Viewer{Principal: "x", Communities: []string{"b"}}, Directory: b.sources.Directory()}
	chosen, err := b.sources.Choose(ask, []string{"b", "a", "a", "b"}, true)
	if want := (sources.Chosen{Owners: []string{"b"}, Forbidden: []string{"a"}, Named: "of a,b"}); err != nil || !reflect.DeepEqual(chosen, want) {
		t.Errorf("a forbidden owner: %+v, %v", chosen, err)
	}
	if chosen, _ := b.sources.Choose(ask, nil, true); !slices.Equal(chosen.Owners, []string{"b"}) || chosen.Forbidden != nil {
		t.Errorf("nobody named: %+v", chosen)
	}
	parts := sources.Gather(b.request(), b.sources, []string{"b"}, func(context.Context, *sources.Source, []string) (int, error) { return 1, nil })
	cov := sources.Coverage(parts, chosen.Forbidden)
	if got := states(cov); got[""] != page.Forbidden || got["south"] != page.OK || cov.Complete() || cov.Requested() != 2 || cov.Answered() != 1 {
		t.Errorf("coverage of a forbidden owner: %v", got)
	}
	if got := faults(t, sources.Settle(parts, chosen.Forbidden, false)); !slices.Equal(got, []string{"FORBIDDEN <nil> [a]"}) {
		t.Errorf("a forbidden owner: %v", got)
	}
	if err := sources.Settle(parts, chosen.Forbidden, true); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a forbidden owner with ABORT: %v", err)
	}
}

func TestTwoSourcesThatClaimOneOwnerAreRefused(t *testing.T) {
	t.Parallel()
	b := prepare(t, map[string][]string{"north": {"a", "b"}, "south": {"b", "c"}})
	if _, err := sources.Open(t.Context(), b.opt); err == nil || !strings.Contains(err.Error(), "north") || !strings.Contains(err.Error(), "south") || !strings.Contains(err.Error(), " b") {
		t.Fatalf("at Open: %v", err)
	}
	b.take("south", "b")
	b.open()
	b.give("south", "a")
	if err := b.sources.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "north") || !strings.Contains(err.Error(), "south") {
		t.Errorf("at Refresh: %v", err)
	}
	c, err := b.list(page.Args{First: most}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	b.want("the running picture stays", c, []string{"a", "b", "c"}, map[string]page.SourceState{"north": page.OK, "south": page.OK})
}

func TestOwnersMoveBetweenSourcesWithoutARestart(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a", "b"}, "south": {"c"}})
	before, err := b.list(page.Args{First: ptr(5)}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	b.take("north", "b")
	b.give("south", "b")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if key := b.sources.Holder("b").Key; key != "south" {
		t.Errorf("b is held by %s", key)
	}
	after, err := b.list(page.Args{First: most, After: before.PageInfo().EndCursor()}, false, "a", "b", "c")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, r := range append(slices.Clone(before.Nodes()), after.Nodes()...) {
		ids[r.ID()]++
	}
	if len(ids) != 3*perOwner || len(before.Nodes())+len(after.Nodes()) != 3*perOwner {
		t.Errorf("a list read over the move has %d rows, %d of them different, of %d", len(before.Nodes())+len(after.Nodes()), len(ids), 3*perOwner)
	}
}

func TestASourceThatIsDownAtTheStartJoinsLater(t *testing.T) {
	t.Parallel()
	b := prepare(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	b.set(testkit.Refuse, "south")
	b.open()
	first, err := b.list(page.Args{First: ptr(4)}, false, "a", "b")
	if got := faults(t, err); !slices.Equal(got, []string{"SOURCE_UNAVAILABLE <nil> [b]"}) || states(first.Coverage())[""] != page.Skipped {
		t.Errorf("before: %v, %v", got, states(first.Coverage()))
	}
	if b.sources.Directory().Community("b") == nil {
		t.Error("the community has lost its name")
	}
	b.set(testkit.Pass, "south")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest, err := b.list(page.Args{First: most, After: first.PageInfo().EndCursor()}, false, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(first.Nodes()) + len(rest.Nodes()); n != 2*perOwner {
		t.Errorf("a list begun before the source was known gives %d rows of %d", n, 2*perOwner)
	}
	b.set(testkit.Refuse, "south")
	if err := b.sources.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.sources.Holder("b") == nil {
		t.Error("a source that does not answer has lost its owners")
	}
}

func TestAFailedSourceIsNotWaitedForTwiceInOneRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	b.set(testkit.Blackhole, "south")
	ctx := b.request()
	asked := map[string]int{}
	var mu sync.Mutex
	gather := func(ctx context.Context) []sources.Part[int] {
		return sources.Gather(ctx, b.sources, []string{"a", "b"}, func(ctx context.Context, src *sources.Source, _ []string) (int, error) {
			mu.Lock()
			asked[src.Key]++
			mu.Unlock()
			_, err := store.Owners(ctx, src)
			return 0, err
		})
	}
	for range 3 {
		parts := gather(ctx)
		if parts[0].State != page.OK || parts[1].State != page.Timeout {
			t.Errorf("%v", states(sources.Coverage(parts, nil)))
		}
	}
	if asked["north"] != 3 || asked["south"] != 1 {
		t.Errorf("asked %v", asked)
	}
	gather(b.request())
	if asked["south"] != 2 {
		t.Error("another request does not ask the source again")
	}
}

func TestAPanicCostsOneSourceItsRows(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}, "south": {"b"}, "west": {"c"}})
	parts := sources.Gather(b.request(), b.sources, []string{"a", "b", "c"}, func(_ context.Context, src *sources.Source, _ []string) (int, error) {
		if src.Key != "south" {
			panic("secret")
		}
		return 1, nil
	})
	if got := states(sources.Coverage(parts, nil)); got["north"] != page.Unavailable || got["south"] != page.OK || got["west"] != page.Unavailable {
		t.Errorf("%v", got)
	}
	if f := parts[0].Err; f.Code != fault.Internal || strings.Contains(f.Message, "secret") || !strings.Contains(f.Error(), "secret") {
		t.Errorf("%v", f)
	}
}

func TestACountNeedsEverySource(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}, "south": {"b"}})
	c, err := b.list(page.Args{First: most}, false, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	b.want("both up", c, []string{"a", "b"}, map[string]page.SourceState{"north": page.OK, "south": page.OK})
	b.set(testkit.Refuse, "south") // between the page and its count
	n, err := c.TotalCount(b.request())
	if f := fault.Of(err); n != nil || f == nil || f.Code != fault.SourceUnavailable || f.Extensions["source"] != "south" || !reflect.DeepEqual(f.Extensions["communities"], []string{"b"}) {
		t.Errorf("%v, %v", n, err)
	}
}

func TestARefreshKeepsThePictureWhenTheDirectoryIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string][]string{"north": {"a"}})
	b.opt.Directory.Close()
	if err := b.sources.Refresh(t.Context()); err == nil {
		t.Error("no error")
	}
	if b.sources.Directory().Community("a") == nil || b.sources.Holder("a") == nil {
		t.Error("the picture is lost")
	}
}
