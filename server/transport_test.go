package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct {
		name, body, accept string
		status             int
		want               string
	}{
		{"data", `{"query":"{hello}"}`, "application/graphql-response+json", 200, `{"data":{"hello":"hello"}}`},
		{"variables keep every digit", `{"query":"query($n:String){hello(name:$n)}","variables":{"n":"李"}}`, "", 200, `{"data":{"hello":"hello 李"}}`},
		{"one of several operations", `{"query":"query a{hello} query b{items(first:1){totalCount}}","operationName":"b"}`, "", 200, `{"data":{"items":{"totalCount":1}}}`},
		{"mutation", `{"query":"mutation{bump(by:2)}"}`, "", 200, `{"data":{"bump":2}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := b.post(t, c.body, "Accept", c.accept)
			if got.status != c.status || got.body != c.want {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

func TestMistakesAreRefusedWithTheRightStatus(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
	}{
		{"syntax", `{"query":"{"}`, nil, 400},
		{"syntax, old client", `{"query":"{"}`, []string{"Accept", "application/json"}, 200},
		{"unknown field", `{"query":"{helo}"}`, nil, 400},
		{"variables of the wrong type", `{"query":"query($n:Int){items(first:$n){totalCount}}","variables":{"n":"x"}}`, nil, 400},
		{"a list", `[{"query":"{hello}"}]`, nil, 400},
		{"several operations and no name", `{"query":"query a{hello} query b{hello}"}`, nil, 400},
		{"an operation that is not there", `{"query":"query a{hello}","operationName":"b"}`, nil, 400},
		{"subscription", `{"query":"subscription{count(to:1)}"}`, nil, 400},
		{"a form", `query={hello}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"plain text", `{"query":"{hello}"}`, []string{"Content-Type", "text/plain"}, 415},
		{"latin-1", `{"query":"{hello}"}`, []string{"Content-Type", "application/json; charset=iso-8859-1"}, 415},
		{"only images", `{"query":"{hello}"}`, []string{"Accept", "image/png"}, 406},
		{"body too large", `{"query":"{hello}` + strings.Repeat(" ", 64<<10) + `"}`, nil, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := b.post(t, c.body, c.headers...)
			if got.status != c.status || got.code(t) != "BAD_USER_INPUT" || strings.Contains(got.body, `"data"`) {
				t.Errorf("%d %s", got.status, got.body)
			}
			if strings.Contains(got.body, "Did you mean") {
				t.Errorf("a name of the schema is suggested: %s", got.body)
			}
		})
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ask := func(query string, headers ...string) reply {
		return b.request(t, http.MethodGet, "/graphql?query="+url.QueryEscape(query), "", headers...)
	}
	if got := ask("{hello}"); got.status != 200 || got.body != `{"data":{"hello":"hello"}}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := ask("mutation{bump}"); got.status != 405 || got.header.Get("Allow") != "POST" || b.root.Bumped.Load() != 0 {
		t.Errorf("mutation by GET: %d %s", got.status, got.body)
	}
	if got := b.request(t, http.MethodDelete, "/graphql", ""); got.status != 405 {
		t.Errorf("DELETE: %d", got.status)
	}
}

func TestSignedInBodyMayBeLarger(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	body := `{"query":"{hello}","variables":{"x":"` + strings.Repeat("y", 100<<10) + `"}}`
	if got := b.post(t, body, "Authorization", "Bearer staff"); got.status != 200 {
		t.Errorf("signed in: %d %s", got.status, got.body)
	}
	if got := b.post(t, body); got.status != 413 {
		t.Errorf("anonymous: %d", got.status)
	}
}

func TestErrorsShowTheirCodeAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := b.query(t, `{a:fail(code:"SOURCE_TIMEOUT") b:fail(code:"") c:panic d:day(on:"tomorrow") hello}`, "X-Request-Id", "req-1")
	if got.status != 200 {
		t.Errorf("status %d", got.status)
	}
	codes := map[any]any{}
	for _, e := range got.errors(t) {
		codes[e.Path[0]] = e.Extensions["code"]
		if e.Extensions["requestId"] != "req-1" || len(e.Path) == 0 {
			t.Errorf("error without request id or path: %+v", e)
		}
	}
	if diff := cmp.Diff(map[any]any{"a": "SOURCE_TIMEOUT", "b": "INTERNAL", "c": "INTERNAL", "d": "BAD_USER_INPUT"}, codes); diff != "" {
		t.Error(diff, got.body)
	}
	if strings.Contains(got.body, "secret") {
		t.Errorf("a cause is published: %s", got.body)
	}
	for _, cause := range []string{"password authentication failed", "a secret panic", "resolvers.go", `"requestId":"req-1"`} {
		if !strings.Contains(b.logs.String(), cause) {
			t.Errorf("the log lacks %q", cause)
		}
	}
	if !strings.Contains(got.body, `"retryable":true`) || !strings.Contains(got.body, `"source":"north"`) {
		t.Errorf("the fault's extensions are missing: %s", got.body)
	}
}

func TestAnswerTooLargeIsStopped(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := b.query(t, `{a:big(bytes:5000000) b:big(bytes:5000000)}`)
	if got.code(t) != "COST_EXCEEDED" || len(got.body) > 1000 || !strings.Contains(got.body, `"data":null`) {
		t.Errorf("%d %.300s", got.status, got.body)
	}
	if got := b.query(t, `{big(bytes:8000000)}`); got.status != 200 || len(got.body) < 8000000 {
		t.Errorf("%d %.300s", got.status, got.body)
	}
}
