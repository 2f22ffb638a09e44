package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"linhui/page"
)

// ways are how an operation travels to the gateway. Rows of one type are asked for by ids.
var ways = []struct {
	name string
	ask  func(m *matrix, t *testing.T, token, query string) answer
}{
	{"POST", func(m *matrix, _ *testing.T, token, query string) answer { return m.ask(token, query, nil) }},
	{"GET", overGet},
	{"a websocket", func(m *matrix, t *testing.T, token, query string) answer {
		return <-overSocket(m.bundle, t, token, query)
	}},
	{"server-sent events", func(m *matrix, t *testing.T, token, query string) answer {
		return <-overEvents(m.bundle, t, token, query)
	}},
	{"entities", func(m *matrix, _ *testing.T, token, query string) answer {
		return m.inner.ask(token, asEntities(query), nil)
	}},
}

func overGet(m *matrix, t *testing.T, token, query string) (a answer) {
	t.Helper()
	req, err := http.NewRequest("GET", m.http.URL+"/graphql?query="+url.QueryEscape(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// byIDs asks for rows of a type.
func byIDs(ids []string, selection string) string {
	typ := parseID(ids[0]).Type
	return fmt.Sprintf("{ rows: nodes(ids: [%s]) { __typename ... on %s { %s } } }", `"`+strings.Join(ids, `", "`)+`"`, typ, selection)
}

// asEntities turns what byIDs asks for into what a federation gateway asks.
func asEntities(query string) string {
	before, after, byID := strings.Cut(query, `rows: nodes(ids: ["`)
	ids, rest, _ := strings.Cut(after, `"])`)
	if !byID || ids == "" {
		return query
	}
	var representations []string
	for _, id := range strings.Split(ids, `", "`) {
		representations = append(representations, fmt.Sprintf("{__typename: %q, id: %q}", parseID(id).Type, id))
	}
	return before + "rows: _entities(representations: [" + strings.Join(representations, ", ") + "])" + rest
}

// parseID reads an id that the gateway or a fixture made.
func parseID(id string) page.ID {
	parsed, err := page.ParseID(id)
	if err != nil {
		panic(err)
	}
	return parsed
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
