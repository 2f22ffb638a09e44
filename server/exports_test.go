package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"linhui/server"
	"linhui/server/internal/testschema"
)

const bom = "\ufeff"

// export asks for a file by GET, and reads it with its trailers.
func (b *bundle) export(t testing.TB, media, params string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/graphql?"+params, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", media)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp, readAll(t, resp.Body)
}

func document(text string) string { return "query=" + url.QueryEscape(text) }

func TestExportHoldsEveryPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	resp, body := b.export(t, "text/csv", document(`query Things($of: Int) { items(first: 3, of: $of, filter: {names: ["李"]}) { totalCount nodes { id n: name(style: "a,b") parent { id } } } }`)+
		`&variables={"of":450}`)
	lines := strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n")
	if len(lines) != 451 || lines[0] != bom+"id,n,parent.id" || lines[1] != `0,"a,b 0",0p` || lines[450] != `449,"a,b 449",449p` {
		t.Errorf("%d lines: %q", len(lines), lines[0])
	}
	got := map[string]string{}
	for _, h := range []string{"Content-Type", "Linhui-Query", "Linhui-Filters", "Linhui-Time", "Cache-Control", "Content-Disposition"} {
		got[h] = resp.Header.Get(h)
	}
	for _, h := range []string{"Linhui-Rows", "Linhui-Coverage"} {
		got[h] = resp.Trailer.Get(h)
	}
	if diff := cmp.Diff(map[string]string{"Content-Type": "text/csv; charset=utf-8", "Linhui-Query": `"Things"`, "Cache-Control": "no-store",
		"Linhui-Filters": `{"filter":{"names":["\u674e"]},"of":450}`, "Linhui-Time": "2026-03-01T16:00:00+08:00",
		"Content-Disposition": `attachment; filename="export.csv"; filename*=UTF-8''Things.csv`,
		"Linhui-Rows":         "450", "Linhui-Coverage": "complete"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestExportShapes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct{ name, document, want string }{
		{"edges", `{items(of:2){edges{cursor node{id}}}}`, "cursor,id\r\n1,0\r\n2,1\r\n"},
		{"fragments", `{...F} fragment F on Query {items(of:1){nodes{...G id}}} fragment G on Item {id size}`, "id,size\r\n0,0\r\n"},
		{"what is skipped is no column", `query($s:Boolean=true){items(of:1){nodes{id size @skip(if:$s)}}}`, "id\r\n0\r\n"},
		{"numbers stay numbers", `{items(of:2){nodes{size}}}`, "size\r\n0\r\n-1\r\n"},
		{"a plain list", `{kinds{code tags}}`, "code,tags\r\nA,x; \r\nB,\r\n"},
		{"a list of scalars", `{words}`, "words\r\n'=1+1\r\n-5\r\n\"李, 王\"\r\n"},
		{"from a cursor on", `{items(of:3, after:"2"){nodes{id}}}`, "id\r\n2\r\n"},
		{"no rows", `{items(of:0){nodes{id}}}`, "id\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, body := b.export(t, "text/csv", document(c.document)); body != bom+c.want {
				t.Errorf("%q", body)
			}
		})
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, c := range []struct {
		document, says string
		status         int
	}{
		{`{hello}`, "hello is no list", 400},
		{`{item(id:1){id}}`, "item is no list", 400},
		{`{a:words b:words}`, "2 root fields", 400},
		{`{items{totalCount}}`, "selects no rows", 400},
		{`{items{nodes{id} edges{node{id}}}}`, "twice", 400},
		{`{items{nodes{children{id}}}}`, "children is a list of objects", 400},
		{`{items(last:3){nodes{id}}}`, "forward", 400},
		{`{items{edges{id:cursor node{id}}}}`, "two columns are called id", 400},
		{`mutation{bump}`, "POST", 405},
		{`subscription{count(to:1)}`, "websocket", 400},
		{`{fail`, "", 400},
	} {
		t.Run(c.document, func(t *testing.T) {
			t.Parallel()
			resp, body := b.export(t, "text/csv", document(c.document))
			got := reply{resp.StatusCode, resp.Header, body}
			if got.status != c.status || got.code(t) != "BAD_USER_INPUT" || !strings.Contains(body, c.says) {
				t.Errorf("%d %s", got.status, body)
			}
		})
	}
	if got := b.post(t, `{"query":"mutation{bump}"}`, "Accept", "text/csv"); got.status != 400 || b.root.Bumped.Load() != 0 {
		t.Errorf("a mutation by POST: %d %s", got.status, got.body)
	}
}

func TestExportIsAuthenticatedAndShedFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Limits = server.DefaultLimits()
		o.Limits.InFlight = 2
	})
	if resp, _ := b.export(t, "text/csv", document(`{words}`), "Authorization", "Bearer forged"); resp.StatusCode != 401 {
		t.Errorf("%d", resp.StatusCode)
	}
	held := make(chan reply)
	go func() { held <- b.query(t, "{wait}") }()
	eventually(t, "one waits", func() bool { return b.root.Waiting.Load() == 1 })
	if resp, _ := b.export(t, "text/csv", document(`{words}`)); resp.StatusCode != 503 {
		t.Errorf("%d", resp.StatusCode)
	}
	close(b.root.Release)
	<-held
}

// down says that some communities are missing from the pages that begin at some rows.
func down(pages ...int) func(int) []*testschema.SourceCoverage {
	return func(from int) []*testschema.SourceCoverage {
		ok := &testschema.SourceCoverage{State: "OK", Communities: []string{"lanxin"}}
		for _, p := range pages {
			if p == from {
				return []*testschema.SourceCoverage{ok, {State: "UNAVAILABLE", Communities: []string{"wenhua", "chenping"}}}
			}
		}
		return []*testschema.SourceCoverage{ok}
	}
}

func TestIncompleteExportSaysSo(t *testing.T) {
	t.Parallel()
	const says = "INCOMPLETE 不完整: 400 rows; missing communities: chenping, wenhua; because: UNAVAILABLE"
	setupDown := func(t *testing.T, pages ...int) *bundle {
		b := setup(t, func(o *server.Options) {
			o.Timing = server.DefaultTiming()
			o.Timing.ExportRetry = time.Millisecond
		})
		b.root.Cover = down(pages...)
		return b
	}
	params := document(`{items(of:400){nodes{id size}}}`)

	t.Run("a list that caught up is whole", func(t *testing.T) {
		t.Parallel()
		if resp, body := setupDown(t, 0).export(t, "text/csv", params); resp.Trailer.Get("Linhui-Coverage") != "complete" || strings.Contains(body, "INCOMPLETE") {
			t.Errorf("%v", resp.Trailer)
		}
	})
	t.Run("csv", func(t *testing.T) {
		t.Parallel()
		resp, body := setupDown(t, 200).export(t, "text/csv", params)
		if want := `INCOMPLETE; missing=chenping,wenhua; because=["UNAVAILABLE"]`; resp.Trailer.Get("Linhui-Coverage") != want {
			t.Errorf("%v", resp.Trailer)
		}
		if !strings.HasSuffix(body, "\r\n\""+says+"\",\r\n") {
			t.Errorf("%s", body[len(body)-200:])
		}
	})
	t.Run("csv with a preamble", func(t *testing.T) {
		t.Parallel()
		_, body := setupDown(t, 200).export(t, "text/csv", params+"&header=on")
		if !strings.HasPrefix(body, bom+"# query: items\r\n# time: 2026-03-01T16:00:00+08:00\r\n# filters: {") || !strings.HasSuffix(body, "\r\n# "+says+"\r\n") {
			t.Errorf("%s", body)
		}
	})
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		_, body := setupDown(t, 200).export(t, "application/vnd.linhui.rows+json", params)
		var got struct {
			Rows     []map[string]any
			RowCount int
			Complete *bool
			Missing  []string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Rows) != 400 || got.RowCount != 400 ||
			got.Complete == nil || *got.Complete || len(got.Missing) != 2 {
			t.Errorf("%v %v", err, got)
		}
	})
	t.Run("xlsx", func(t *testing.T) {
		t.Parallel()
		resp, body := setupDown(t, 200).export(t, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", params)
		f, err := excelize.OpenReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		last, _ := f.GetCellValue("数据", "A402")
		notes, _ := f.GetCellValue("说明", "B1")
		if last != says || notes != says || f.GetActiveSheetIndex() != 1 || !strings.HasPrefix(resp.Header.Get("Linhui-Coverage"), "INCOMPLETE") ||
			!strings.Contains(resp.Header.Get("Content-Disposition"), "items-INCOMPLETE.xlsx") {
			t.Errorf("%q %q %v", last, notes, resp.Header)
		}
	})
	t.Run("arrow", func(t *testing.T) {
		t.Parallel()
		_, body := setupDown(t, 200).export(t, "application/vnd.apache.arrow.stream", params)
		r, err := ipc.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		rows := 0
		for r.Next() {
			rows += int(r.RecordBatch().NumRows())
		}
		if rows != 400 || r.Err() == nil || !bytes.Contains([]byte(body), []byte(says)) {
			t.Errorf("%d rows, then %v", rows, r.Err())
		}
	})
	t.Run("the list is lost midway", func(t *testing.T) {
		t.Parallel()
		b := setupDown(t)
		b.root.Cover = func(from int) []*testschema.SourceCoverage {
			if from > 0 {
				return nil
			}
			return down()(from)
		}
		resp, body := b.export(t, "text/csv", params)
		if resp.Trailer.Get("Linhui-Rows") != "200" || !strings.Contains(body, "INCOMPLETE 不完整: 200 rows; because: all are down") {
			t.Errorf("%v %s", resp.Trailer, body[len(body)-100:])
		}
	})
	t.Run("the list cannot be had at all", func(t *testing.T) {
		t.Parallel()
		b := setupDown(t)
		b.root.Cover = func(int) []*testschema.SourceCoverage { return nil }
		resp, body := b.export(t, "text/csv", params)
		if got := (reply{resp.StatusCode, resp.Header, body}); got.status != 503 || got.code(t) != "SOURCE_UNAVAILABLE" {
			t.Errorf("%d %s", got.status, body)
		}
	})
}

func TestExportSpendsPointsPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Limits = server.DefaultLimits()
		o.Limits.PerMinute = 30
	})
	params := document(`{items(of:600){nodes{id}}}`) // 201 points a page, a twentieth of them charged
	resp, body := b.export(t, "text/csv", params)
	if n := strings.Count(body, "\r\n"); n != 601 {
		t.Errorf("%d lines %v", n, resp.Trailer)
	}
	if resp, _ := b.export(t, "text/csv", params); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s", strconv.Itoa(resp.StatusCode))
	}
}
