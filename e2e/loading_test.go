package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"linhui/internal/database"
)

// courseIDs are the ids of one course of source one and one of source two.
func (b *bundle) courseIDs() (one, two string) {
	b.t.Helper()
	var got struct {
		One, Two struct{ Nodes []struct{ ID string } }
	}
	b.must("", `{ one: courses(communities: ["s1"], first: 1) { nodes { id } } two: courses(communities: ["s6"], first: 1) { nodes { id } } }`, nil, &got)
	return got.One.Nodes[0].ID, got.Two.Nodes[0].ID
}

// The number of statements follows from an operation's shape: one a link with its arguments
// and source, wherever in the operation the link is asked for.
func TestStatementsOfAnOperation(t *testing.T) {
	t.Parallel()
	b := learning(t)
	one, two := b.courseIDs()
	for _, c := range []struct {
		name, query string
		one, two    int
	}{
		{"a list", `{ courses(first: 20) { nodes { nameZh community { nameZh division { name } } } } }`, 1, 1},
		{"a list of one community asks its source only", `{ courses(communities: ["s6"], first: 5) { nodes { nameZh } } }`, 0, 1},
		{"nested lists", `{ courses(first: 20) { nodes { sessions(first: 2) { nodes { start course { nameZh programme { nameZh } } } } } } }`, 4, 4},
		{"a level is one statement, however many parents", `{ communities(first: 10) { nodes { courses(first: 9) { nodes { sessions(first: 2) { nodes { start } } } } } } }`, 2, 2},
		{"aliases with other arguments", `{ courses(first: 20) { nodes { a: sessions(first: 1) { nodes { start } } b: sessions(first: 2) { nodes { start } } } } }`, 3, 3},
		{"aliases with equal arguments", `{ courses(first: 20) { nodes { a: sessions(first: 2) { nodes { start } } b: sessions(first: 2) { nodes { end } } } } }`, 2, 2},
		{"a link of two root fields", `{ a: courses(first: 20) { nodes { programme { nameZh } } } b: courses(first: 9) { nodes { programme { ageMin } } } }`, 3, 3},
		{"a link below lists of other types", `{ courses(first: 20) { nodes { sessions(first: 1) { nodes { start } } } } programmes(first: 20) { nodes { courses(first: 2) { nodes { nameZh } } } } }`, 4, 4},
		{"fragments on one link", `{ courses(first: 20) { edges { node { ...P } } nodes { programme { ageMin } ...P ... on Course { programme { ageMax } } } } } fragment P on Course { programme { nameZh } }`, 2, 2},
		{"@skip and @include", `{ courses(first: 20) { nodes { nameZh programme @skip(if: true) { nameZh } sessions(first: 1) @include(if: false) { nodes { start } } } } }`, 1, 1},
		{"a skipped root field", `{ courses(first: 20) { nodes { nameZh } } programmes(first: 5) @skip(if: true) { nodes { nameZh } } }`, 1, 1},
		{"a count alone", `{ courses(first: 20) { totalCount } }`, 2, 2},
		{"child counts alone", `{ communities(first: 10) { nodes { courses { totalCount } } } }`, 1, 1},
		{"node and nodes", fmt.Sprintf(`{ a: node(id: %q) { ... on Course { programme { nameZh } } } b: nodes(ids: [%q, %q]) { __typename ... on Course { programme { nameZh } } } }`, one, one, two), 3, 2},
		{"introspection beside a list", `{ __typename __schema { queryType { name } } courses(first: 20) { nodes { programme { nameZh } } } }`, 2, 2},
		{"the directory needs no source", `{ communities(first: 10) { nodes { nameZh division { name parent { name } } } } division(code: "620000000000") { name communities(first: 3) { nodes { slug } } } }`, 0, 0},
	} {
		got := b.statements("", c.query)
		want := map[string]int{"one": c.one, "two": c.two}
		for key, n := range want {
			if n == 0 {
				delete(want, key)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v statements, want %v", c.name, got, want)
		}
	}
	got := b.underLoad("", `{ a: courses(first: 20) { nodes { programme { nameZh } s: sessions(first: 1) { nodes { start } } } } b: programmes(first: 20) { nodes { courses(first: 2) { nodes { programme { ageMin } } } } } }`)
	if want := map[string]int{"one": 6, "two": 6}; !maps.Equal(got, want) {
		t.Errorf("32 clients: %v statements, want %v", got, want)
	}
}

func TestStatementsOfEntities(t *testing.T) {
	t.Parallel()
	b := learning(t)
	one, two := b.courseIDs()
	body, err := json.Marshal(map[string]any{
		"query": `query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Course { nameZh programme { nameZh } } ... on Community { nameZh } } courses(first: 3) { nodes { programme { ageMin } } } }`,
		"variables": map[string]any{"r": []map[string]any{{"__typename": "Course", "id": one}, {"__typename": "Community", "slug": "s3"},
			{"__typename": "Course", "id": two}, {"__typename": "Course", "id": one}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, counter := database.CountStatements(t.Context())
	req := httptest.NewRequestWithContext(ctx, "POST", "/graphql", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.gateway.SubgraphHandler().ServeHTTP(w, req)
	if strings.Contains(w.Body.String(), `"errors"`) {
		t.Fatal(w.Body)
	}
	// The entities, the list, and the programmes of both.
	if got, want := counter.BySource(), map[string]int{"one": 3, "two": 3}; !maps.Equal(got, want) {
		t.Errorf("%v statements, want %v", got, want)
	}
	var got struct {
		Data struct {
			Entities []struct {
				Typename string `json:"__typename"`
				NameZh   string
			} `json:"_entities"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Data.Entities; len(e) != 4 || e[0] != e[3] || e[1].NameZh != "社区3" || e[2].Typename != "Course" {
		t.Errorf("entities are not in the order asked for: %+v", e)
	}
}

// An operation of several root fields, some of which fail, answers what each of them answers
// alone, and it answers.
func TestRootFieldsAnswerTogetherWhatTheyAnswerAlone(t *testing.T) {
	t.Parallel()
	b := learning(t)
	one, two := b.courseIDs()
	pool := []string{
		`courses(first: 3) { nodes { nameZh programme { nameZh } sessions(first: 2) { nodes { start } } } }`,
		`courses(communities: ["s6", "s2"], last: 4) { edges { node { nameZh programme { courses(first: 2) { totalCount } } } } pageInfo { hasPreviousPage } }`,
		`courses(first: 0) { nodes { nameZh } }`,
		`courses(first: 3, after: "rubbish") { nodes { programme { nameZh } } }`,
		`courses(communities: ["nowhere"]) { nodes { nameZh } }`,
		`programmes(first: 2) { totalCount nodes { nameZh classHoursTaught } }`,
		`communities(first: 4) { nodes { slug courses(first: 1) { nodes { nameZh } } courseCount: courses { totalCount } } }`,
		`community(slug: "nowhere") { nameZh }`,
		`community(slug: "s4") { nameZh programmes(first: 1) { nodes { nameZh } } }`,
		`division(code: "000000000000") { name }`,
		fmt.Sprintf(`node(id: %q) { id ... on Course { nameZh programme { nameZh } } }`, one),
		fmt.Sprintf(`nodes(ids: [%q, %q]) { ... on Course { sessions(first: 1) { nodes { start } } } }`, two, one),
		`node(id: "rubbish") { id }`,
		`__typename`,
		`__schema { queryType { name } }`,
	}
	alone := make([]answer, len(pool))
	for i, f := range pool {
		alone[i] = b.ask("", "{ x: "+f+" }", nil)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var fields []int
		for range 1 + random.IntN(5) {
			fields = append(fields, random.IntN(len(pool)))
		}
		var q strings.Builder
		for i, f := range fields {
			fmt.Fprintf(&q, " r%d: %s", i, pool[f])
		}
		began := time.Now()
		a := b.ask("", "{"+q.String()+" }", nil)
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("{%s } took %s", &q, took)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(a.Data, &got); err != nil {
			t.Fatalf("{%s }: %v", &q, err)
		}
		failed := 0
		for i, f := range fields {
			var want map[string]json.RawMessage
			if err := json.Unmarshal(alone[f].Data, &want); err != nil {
				t.Fatalf("%s: %v %s", pool[f], err, alone[f].Data)
			}
			if key := fmt.Sprintf("r%d", i); string(got[key]) != string(want["x"]) {
				t.Errorf("{%s }: %s is\n%s, alone\n%s", &q, key, got[key], want["x"])
			}
			failed += len(alone[f].Errors)
		}
		if len(a.Errors) != failed {
			t.Errorf("{%s }: %d errors, alone %d", &q, len(a.Errors), failed)
		}
	}
}
