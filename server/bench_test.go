package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/server"
	"linhui/server/internal/testschema"
)

// instant answers every operation at once, so that what remains is the server's own work.
type instant struct{ schema *ast.Schema }

var instantData = []byte(`{"items":{"edges":[` + strings.TrimSuffix(strings.Repeat(`{"node":{"id":"1","name":"item 1"}},`, 20), ",") + `]}}`)

func (i instant) Schema() *ast.Schema { return i.schema }
func (instant) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}
func (instant) Exec(context.Context) graphql.ResponseHandler {
	return graphql.OneShot(&graphql.Response{Data: instantData})
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkRequest measures a POST of a remembered document from the handler's first line to its
// last, log and metrics included; the schema answers at once. The goal is 25 µs.
func BenchmarkRequest(b *testing.B) {
	schema := instant{testschema.NewExecutableSchema(testschema.Config{}).Schema()}
	for name, headers := range map[string][]string{"anonymous": nil, "signed in": {"Authorization", "Bearer staff"}} {
		b.Run(name, func(b *testing.B) {
			s, err := server.New(server.Options{Schema: schema, Authenticator: tokens{"staff": &authz.Viewer{Principal: "u"}},
				Limits: unlimited(), Log: slog.New(slog.NewJSONHandler(io.Discard, nil))})
			if err != nil {
				b.Fatal(err)
			}
			body := mustJSON(map[string]any{
				"query": `query Stations($first: Int!, $filter: Filter) {
  items(first: $first, filter: $filter) {
    edges { cursor node { id name parent { id name } children(first: 3) { id name } } }
    totalCount
  }
}`,
				"variables": map[string]any{"first": 20, "filter": map[string]any{"names": []string{"a", "b"}}}})
			h := s.Handler()
			w := &discard{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/graphql-response+json")
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
	b.Run("making the request alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			httptest.NewRequest("POST", "/graphql", strings.NewReader(`{}`))
		}
	})
}

func unlimited() server.Limits {
	l := server.DefaultLimits()
	l.PerMinute = 1 << 40
	return l
}
