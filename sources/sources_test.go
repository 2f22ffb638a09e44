package sources_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var most = ptr(page.MaxSize)

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
