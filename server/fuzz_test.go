package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"linhui/server"
)

// quiet is a handler for fuzzing: no sockets, no limits on the rate.
func quiet(t testing.TB) http.Handler {
	b := setup(t, func(o *server.Options) { o.Limits = unlimited(); o.Log = slog.New(slog.DiscardHandler) })
	close(b.root.Release)
	return b.server.Handler()
}

// FuzzBody sends any bytes as the body of a POST. Whatever they are, the answer is no 5xx and no
// INTERNAL error: a client cannot make the server fail.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"query":"{hello}"}`, `{"query":"query($n:Int){items(first:$n){edges{node{name}}}}","variables":{"n":1e3}}`,
		`{"query":"mutation{bump(by:1)}","operationName":null,"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}`,
		`[]`, `{"query":1}`, `{"query":"\ud800"}`, `{"variables":{"a":[[[[[]]]]]},"query":"query($a:Filter){items(filter:$a){totalCount}}"}`,
		`{"query":"query($a:Filter){items(filter:$a){totalCount}}","variables":{"a":{"and":[{"names":null},null]}}}`,
		`{"query":"query($d:Day!){day(on:$d)}","variables":{"d":{"x":1}}}`} {
		f.Add(seed)
	}
	h := quiet(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		check(t, h, r)
	})
}

// FuzzDocument sends any document, by GET.
func FuzzDocument(f *testing.F) {
	for _, a := range attacks() {
		if len(a.document) < 2000 {
			f.Add(a.document)
		}
	}
	f.Add(`query a($x:Boolean!=true,$f:Filter={and:[{names:["a"]}]}){items(first:2,filter:$f)@include(if:$x){edges{node{...on Item@skip(if:false){id name(style:"""b""")}}}}}`)
	h := quiet(f)
	f.Fuzz(func(t *testing.T, document string) {
		check(t, h, httptest.NewRequest("GET", "/graphql?query="+url.QueryEscape(document), nil))
	})
}

func check(t *testing.T, h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := reply{w.Code, w.Header(), w.Body.String()}
	if w.Code >= 500 {
		t.Errorf("%d %s", w.Code, got.body)
	}
	for _, e := range got.errors(t) {
		// The test schema's own ways to fail are not the client's.
		if e.Extensions["code"] == "INTERNAL" && !(len(e.Path) == 1 && (e.Path[0] == "panic" || e.Path[0] == "fail")) {
			t.Errorf("%s", got.body)
		}
	}
}
