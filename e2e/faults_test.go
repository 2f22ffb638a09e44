package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/page"
)

// allEvents asks each source for more than one packet holds.
const allEvents = `{ communities { nodes { slug nameZh } }
  events(first: 200, orderBy: {field: START, direction: DESC}) { nodes { id nameZh start } coverage { complete sources { key state } } } }`

type allEventsAnswer struct {
	Communities struct {
		Nodes []struct{ Slug, NameZh string }
	}
	Events *struct {
		Nodes []struct {
			ID, NameZh, Start string
		}
		Coverage struct {
			Complete bool
			Sources  []struct{ Key, State string }
		}
	}
}

// TestEveryFaultAtOnce: half of the sources are down, each in a way of its own, one after the other
// flaps, then all are down. What answers is exact, what does not is named with its state and in an
// error, nobody waits longer than the budget, and after the repair the answer is what it was.
func TestEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, punctual)
	token := b.token(authz.DistrictViewer)
	var whole allEventsAnswer
	b.must(token, allEvents, nil, &whole)
	if !whole.Events.Coverage.Complete || len(whole.Events.Nodes) != 200 {
		t.Fatalf("the healthy answer is not whole: %d rows, %+v", len(whole.Events.Nodes), whole.Events.Coverage)
	}
	// look asks while some sources are down.
	look := func(what string, down map[string][]string) allEventsAnswer {
		t.Helper()
		begin := time.Now()
		a := b.ask(token, allEvents, nil)
		// A second for a source and half of one for the request are promised; the rest is the
		// other tests' share of the machine.
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: the answer took %v", what, took)
		}
		var got allEventsAnswer
		if err := json.Unmarshal(a.Data, &got); err != nil {
			t.Fatalf("%s: %v: %s", what, err, a.Data)
		}
		if len(got.Communities.Nodes) != 6 || slices.ContainsFunc(got.Communities.Nodes, func(c struct{ Slug, NameZh string }) bool { return c.NameZh == "" }) {
			t.Errorf("%s: the communities are %+v", what, got.Communities.Nodes)
		}
		named := map[any]bool{}
		for _, e := range a.Errors {
			named[e.Extensions["source"]] = true
			if code := e.Extensions["code"]; code != "SOURCE_UNAVAILABLE" && code != "SOURCE_TIMEOUT" || len(e.Path) == 0 || e.Path[0] != "events" {
				t.Errorf("%s: %+v", what, e)
			}
		}
		for key := range down {
			if got.Events != nil && !named[key] {
				t.Errorf("%s: %s is down and no error names it: %+v", what, key, a.Errors)
			}
		}
		if got.Events == nil {
			return got
		}
		for _, s := range got.Events.Coverage.Sources {
			if want := down[s.Key]; want == nil && s.State != "OK" || want != nil && !slices.Contains(want, s.State) {
				t.Errorf("%s: %s is %s, want %v", what, s.Key, s.State, want)
			}
		}
		return got
	}
	// exact compares the rows of the sources that answered, as far as the healthy page reached: with
	// fewer sources the page reaches further.
	exact := func(what string, got allEventsAnswer, down map[string][]string) {
		t.Helper()
		var want, have []string
		for _, n := range whole.Events.Nodes {
			id, err := page.ParseID(n.ID) // a district's own event has no community
			if err != nil {
				t.Fatal(err)
			}
			if down[b.home[id.Owner]] == nil {
				want = append(want, fmt.Sprint(n))
			}
		}
		for _, n := range got.Events.Nodes {
			have = append(have, fmt.Sprint(n))
		}
		if len(have) < len(want) || !slices.Equal(have[:len(want)], want) {
			t.Errorf("%s: %d rows are not the %d that the others hold", what, len(have), len(want))
		}
	}

	var keys []string
	for key := range b.proxies {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	gone, silent := []string{"UNAVAILABLE", "TIMEOUT"}, []string{"TIMEOUT"}
	half := map[string][]string{keys[0]: gone, keys[1]: silent, keys[2]: gone}
	b.proxies[keys[0]].Set(testkit.Refuse)
	b.proxies[keys[1]].Set(testkit.Slow(time.Minute))
	b.proxies[keys[2]].Set(testkit.CutAfter(5000)) // the second packet of rows never comes
	exact("half down", look("half down", half), half)

	// The slow one answers again, another goes, and so on.
	for i, key := range keys[:3] {
		b.proxies[key].Set(testkit.Pass)
		next := keys[3+i]
		b.proxies[next].Set(testkit.Reset)
		delete(half, key)
		half[next] = gone
		what := key + " is back, " + next + " is gone"
		exact(what, look(what, half), half)
	}

	all := map[string][]string{}
	for _, key := range keys {
		b.proxies[key].Set(testkit.Refuse)
		all[key] = gone
	}
	if got := look("all down", all); got.Events != nil {
		t.Errorf("all sources are down and there are %d events", len(got.Events.Nodes))
	}
	for _, key := range keys {
		b.proxies[key].Set(testkit.Pass)
	}
	for deadline := time.Now().Add(20 * time.Second); ; { // a breaker that opened lets a probe through after five
		var after allEventsAnswer
		a := b.ask(token, allEvents, nil)
		if err := json.Unmarshal(a.Data, &after); err != nil {
			t.Fatal(err)
		}
		if after.Events != nil && after.Events.Coverage.Complete {
			exact("after the repair", after, nil)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not whole after the repair: %+v", a.Errors)
		}
	}
}
