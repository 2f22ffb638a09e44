package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
)

// hotPage is a page of today's events with what going on needs.
type hotPage struct {
	TotalCount *int
	Nodes      []struct{ NameZh string }
	PageInfo   struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
	Coverage struct{ Complete bool }
}

// page asks for two of today's events; errors of a source that is down are expected.
func (b *bundle) page(backward bool, cursor *string) hotPage {
	b.t.Helper()
	args := "first: 2, after: $c"
	if backward {
		args = "last: 2, before: $c"
	}
	a := b.ask("", `query($c: String) { todayEvents(`+args+`) { totalCount nodes { nameZh }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } coverage { complete } } }`, map[string]any{"c": cursor})
	for _, e := range a.Errors {
		if e.Extensions["code"] != "SOURCE_UNAVAILABLE" && e.Extensions["code"] != "SOURCE_TIMEOUT" {
			b.t.Fatalf("%+v", e)
		}
	}
	var got struct{ TodayEvents hotPage }
	if err := json.Unmarshal(a.Data, &got); err != nil {
		b.t.Fatalf("%v\n%s", err, a.Data)
	}
	return got.TodayEvents
}

// A source is down while the list is paged, and back before it ends: every event comes once,
// and the list does not end while the source may hold more.
func TestPagingAHotListAcrossAnOutageGivesEveryEventOnce(t *testing.T) {
	t.Parallel()
	directory, dbs := twoStreets(t)
	for i := range 4 {
		alter(t, dbs["one"], fmt.Sprintf(`INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('gubei', 'one %d', 'TALK', '2026-06-10 %d:00+08')`, i, 9+2*i))
		alter(t, dbs["two"], fmt.Sprintf(`INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('luxi', 'two %d', 'TALK', '2026-06-10 %d:00+08')`, i, 10+2*i))
	}
	for _, redis := range []bool{false, true} {
		for _, backward := range []bool{false, true} {
			b := start(t, directory, dbs, nil)
			if redis { // in which nothing is kept that could stand in for the source
				b = hot(t, testkit.Redis(t), directory, dbs, nil)
			}
			b.proxies["one"].Set(testkit.Refuse)
			var names []string
			var cursor *string
			for n := range 12 {
				if n == 5 { // the other source's rows have been read to their end
					b.proxies["one"].Set(testkit.Pass)
					until(t, "the source is back", func() bool { return b.page(backward, nil).Coverage.Complete })
				}
				p := b.page(backward, cursor)
				down := n < 5
				if p.Coverage.Complete == down || down != (p.TotalCount == nil) {
					t.Errorf("redis %t, page %d: complete %t, total %v", redis, n, p.Coverage.Complete, p.TotalCount)
				}
				for _, e := range p.Nodes {
					names = append(names, e.NameZh)
				}
				more := p.PageInfo.HasNextPage
				cursor = p.PageInfo.EndCursor
				if backward {
					more, cursor = p.PageInfo.HasPreviousPage, p.PageInfo.StartCursor
				}
				if down && !more {
					t.Fatalf("redis %t, backward %t: page %d ends the list without one source", redis, backward, n)
				}
				if !more {
					break
				}
			}
			slices.Sort(names)
			if diff := cmp.Diff([]string{"one 0", "one 1", "one 2", "one 3", "two 0", "two 1", "two 2", "two 3"}, names); diff != "" {
				t.Errorf("redis %t, backward %t: %s", redis, backward, diff)
			}
		}
	}
}

func TestACursorBelongsToTheCommunitiesItWasGivenFor(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	b := start(t, directory, dbs, nil)
	for _, list := range []string{"todayEvents", "events", "communities"} {
		query := func(communities string) string {
			return `query($c: String) { list: ` + list + `(first: 1, after: $c` + communities + `) { pageInfo { endCursor } } }`
		}
		cursorOf := func(communities string) *string {
			var got struct {
				List struct{ PageInfo struct{ EndCursor *string } }
			}
			b.must("", query(communities), nil, &got)
			return got.List.PageInfo.EndCursor
		}
		const both, swapped, one, all = `, communities: ["gubei", "luxi"]`, `, communities: ["luxi", "gubei", "gubei"]`, `, communities: ["gubei"]`, ``
		for _, c := range []struct {
			from, to string
			taken    bool
		}{{both, both, true}, {both, swapped, true}, {all, all, true}, {both, one, false}, {one, both, false}, {all, both, false}, {both, all, false}} {
			a := b.ask("", query(c.to), map[string]any{"c": cursorOf(c.from)})
			if taken := len(a.Errors) == 0; taken != c.taken || !taken && a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
				t.Errorf("%s: a cursor of (%s) for (%s): %+v", list, c.from, c.to, a.Errors)
			}
		}
	}
}

// Rows of one key that are reached in several ways are asked about once.
func TestParentsOfOneKeyAreAskedOnce(t *testing.T) {
	t.Parallel()
	b := learning(t)
	for _, c := range []struct {
		query      string
		statements int
	}{
		{`{ courses(communities: ["s1"], first: 20) { nodes { community { courses(first: 2) { nodes { nameZh } } } } } }`, 2},
		{`{ a: courses(communities: ["s1"], first: 20) { nodes { sessions(first: 1) { nodes { start } } } } b: courses(communities: ["s1"], first: 20) { nodes { sessions(first: 1) { nodes { start } } } } }`, 3},
	} {
		if got := b.statements("", c.query); !maps.Equal(got, map[string]int{"one": c.statements}) {
			t.Errorf("%s: %v statements", c.query, got)
		}
	}
}

func TestABadArgumentIsOneErrorBeforeAnyStatement(t *testing.T) {
	t.Parallel()
	directory, dbs := oneEach(t)
	stationsWithHours(t, dbs)
	b := start(t, directory, dbs, nil)
	for _, q := range []string{ // what a directive leaves out may be wrong
		`{ community(slug: "gubei") { stations(first: -1) @skip(if: true) { nodes { nameZh } } ... @include(if: false) { events(last: 0) { nodes { nameZh } } } } }`,
	} {
		if a := b.ask("", q, nil); len(a.Errors) > 0 {
			t.Errorf("%s: %+v", q, a.Errors)
		}
	}
	for _, q := range []string{
		`{ stations { nodes { community { stations(first: -1) { nodes { nameZh } } } } } }`,
		`{ communities { nodes { stations(first: 1, last: 1) { nodes { nameZh } } } } stations { nodes { nameZh } } }`,
		`{ stations { nodes { community { todayEvents(first: 1, last: 1) { nodes { nameZh } } } } } }`,
		`{ stations { nodes { community { ...F } } } } fragment F on Community { events(filter: {range: {from: "2026-06-10", to: "2026-06-09"}}) { nodes { nameZh } } }`,
	} {
		if _, got := b.counted("", q); len(got) > 0 {
			t.Errorf("%s: %v statements", q, got)
		}
		if a := b.ask("", q, nil); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
			t.Errorf("%s: %+v", q, a.Errors)
		}
	}
}
