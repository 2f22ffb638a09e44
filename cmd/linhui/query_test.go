package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linhui/internal/tabular"
)

// rowsOf answers every query with two rows and an end, and notes what was asked.
func rowsOf(t *testing.T, end tabular.End) (endpoint string, asked func() (body, header string)) {
	t.Helper()
	var body, header string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body, header = string(raw), r.Header.Get("Accept")+" "+r.Header.Get("Authorization")
		out, err := tabular.JSON.New(w, tabular.Head{Name: "q", At: time.Unix(0, 0), Columns: []tabular.Column{{Name: "name", Kind: tabular.Text}, {Name: "n", Kind: tabular.Integer}}})
		if err != nil {
			t.Error(err)
		}
		_ = out.Row([]tabular.Cell{[]byte(`"兰馨"`), []byte("1")})
		_ = out.Row([]tabular.Cell{[]byte(`"x"`), nil})
		if end.Rows > 0 {
			_ = out.Close(end)
		} else {
			_ = out.Flush() // the connection ends before the rows do
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() (string, string) { return body, header }
}

func TestQueryWritesEveryFormat(t *testing.T) {
	t.Parallel()
	endpoint, asked := rowsOf(t, tabular.End{Rows: 2})
	file := writeFile(t, "q.graphql", "{ words }")
	got := linhui(t, nil, "query", file, "--endpoint", endpoint, "--token", "T", "--var", "n=3", "--var", "s=a b")
	if got.code != 0 || got.err != "" || got.out != "name  n\n----  -\n兰馨  1\nx\n" {
		t.Errorf("%+v", got)
	}
	body, header := asked()
	var sent struct {
		Query     string
		Variables map[string]any
	}
	if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.Query != "{ words }" || sent.Variables["n"] != 3.0 || sent.Variables["s"] != "a b" ||
		header != "application/vnd.linhui.rows+json Bearer T" {
		t.Errorf("%v %s %s", err, body, header)
	}
	for _, format := range []string{"csv", "xlsx", "arrow", "json"} {
		out := filepath.Join(t.TempDir(), "rows")
		if got := linhui(t, nil, "query", file, "--endpoint", endpoint, "--token", "T", "--format", format, "--out", out); got.code != 0 {
			t.Errorf("%s: %+v", format, got)
		}
		if written, err := os.ReadFile(out); err != nil || len(written) == 0 {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestQueryFailsWithAReasonAndACode(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "q.graphql", "{ words }")
	incomplete, _ := rowsOf(t, tabular.End{Rows: 2, Missing: []string{"wenhua"}})
	broken, _ := rowsOf(t, tabular.End{})
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"errors":[{"message":"no such field","locations":[{"line":2,"column":3}]}]}`)
	}))
	t.Cleanup(refusing.Close)
	kept := writeFile(t, "kept.csv", "before")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"incomplete", []string{file, "--endpoint", incomplete, "--format", "csv"}, 1, "missing communities: wenhua"},
		{"broken off", []string{file, "--endpoint", broken, "--format", "csv", "--out", kept}, 1, "the rows end early, try again"},
		{"refused", []string{file, "--endpoint", refusing.URL}, 1, "line 2, column 3: no such field"},
		{"nobody there", []string{file, "--endpoint", "http://127.0.0.1:1/graphql"}, 1, "start one with linhui demo"},
		{"no file", []string{file + "x", "--endpoint", refusing.URL}, 2, "no such file"},
		{"no format", []string{file, "--format", "pdf"}, 2, "csv"},
	} {
		got := linhui(t, nil, append([]string{"query", "--token", "T"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "before" {
		t.Errorf("a file was replaced by half of another: %v %q", err, text)
	}
}
