package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"linhui/server"
)

// quiet is a handler for fuzzing: no sockets, no limits on the rate.
func quiet(t testing.TB) (http.Handler, *bundle) {
	b := setup(t, func(o *server.Options) { o.Limits = server.DefaultLimits(); o.Limits.PerMinute = 1 << 30 })
	close(b.root.Release)
	return b.server.Handler(), b
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
	h, b := quiet(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		check(t, h, r, b)
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
	h, b := quiet(f)
	f.Fuzz(func(t *testing.T, document string) {
		if strings.Contains(document, "panic") || strings.Contains(document, "fail") || strings.Contains(document, "big") {
			return // the schema's own ways to fail
		}
		check(t, h, httptest.NewRequest("GET", "/graphql?query="+url.QueryEscape(document), nil), b)
	})
}

func check(t *testing.T, h http.Handler, r *http.Request, b *bundle) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := reply{w.Code, w.Header(), w.Body.String()}
	if w.Code >= 500 || strings.Contains(got.body, `"INTERNAL"`) && !strings.Contains(b.logs.String(), "a secret panic") {
		t.Errorf("%d %s", w.Code, got.body)
	}
	got.errors(t)
}
