package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"linhui/cmd/linhui/app"
	"linhui/internal/authz"
	"linhui/internal/tabular"
	"linhui/internal/testkit"
	"linhui/server"
)

const deliveriesOfAll = `query Deliveries { serviceDeliveries { nodes {
	id kind occurredOn personTimes sessions audience supersededAt community { slug nameZh } station { nameZh } provenance { synthetic } } } }`

// deliver writes n records of services, spread over the three communities of a book.
func (b *book) deliver(n int) {
	b.t.Helper()
	for owner, db := range map[string]*sql.DB{"a": b.one, "b": b.two, "c": b.one} {
		execSQL(b.t, db, fmt.Sprintf(`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, sessions, station_id)
			SELECT '%s', (ARRAY['CLEANING', 'CLINIC', 'AFFAIRS'])[1 + i %% 3], date '2026-06-09' - i %% 700, 1 + i %% 40, i %% 3, md5('station')::uuid
			FROM generate_series(1, %d) i`, owner, n/3))
		execSQL(b.t, db, `ANALYZE service_deliveries`)
	}
}

// file asks for a file of rows; the caller reads and closes the body.
func (b *bundle) file(ctx context.Context, f *tabular.Format, token, query string) (*http.Response, error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", b.http.URL+"/graphql?query="+url.QueryEscape(query), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", f.Media)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(req)
}

// records reads a CSV file whole.
func (b *bundle) records(token, query string) ([][]string, *http.Response) {
	b.t.Helper()
	resp, err := b.file(b.t.Context(), tabular.CSV, token, query)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff")))).ReadAll()
	if err != nil {
		b.t.Fatalf("%v\n%s", err, body)
	}
	return rows, resp
}

func TestExportIsTheListOverAllDatabases(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	b.deliver(1500)
	rows, resp := b.records("", deliveriesOfAll)
	if len(rows) != 1501 || resp.Trailer.Get("Linhui-Coverage") != "complete" {
		t.Fatalf("%d rows, %v", len(rows), resp.Trailer)
	}
	if got := strings.Join(rows[0], " "); got != "id kind occurredOn personTimes sessions audience supersededAt community.slug community.nameZh station.nameZh provenance.synthetic" {
		t.Error(got)
	}
	seen := map[string]bool{}
	for i, row := range rows[1:] {
		seen[row[0]] = true
		if i > 0 && row[2] > rows[i][2] {
			t.Fatalf("row %d is out of order", i)
		}
	}
	if len(seen) != 1500 {
		t.Errorf("%d different rows", len(seen))
	}
}

// A source that is gone at some page costs its rows, and the file says whose.
func TestExportNamesTheSourceThatWentAway(t *testing.T) {
	t.Parallel()
	b := startBook(t, func(o *app.Options) {
		o.Server.Timing = server.DefaultTiming()
		o.Server.Timing.ExportRetry = time.Millisecond
	})
	b.deliver(30_000)
	resp, err := b.file(t.Context(), tabular.CSV, "", deliveriesOfAll)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begun := make([]byte, 4096)
	if _, err := io.ReadFull(resp.Body, begun); err != nil {
		t.Fatal(err)
	}
	b.link["two"].Set(testkit.Refuse)
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	coverage := resp.Trailer.Get("Linhui-Coverage")
	if !strings.HasPrefix(coverage, "INCOMPLETE; missing=b; because=") || !strings.Contains(string(rest), "\r\nINCOMPLETE 不完整: ") {
		t.Errorf("%q … %q", coverage, rest[len(rest)-200:])
	}
	b.link["two"].Set(testkit.Pass)
}

func TestExportKeepsToTheViewersRights(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	resp, err := b.file(t.Context(), tabular.CSV, "", `{ residents { nodes { name } } }`)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", resp.StatusCode)
	}
	rows, _ := b.records(b.token(authz.CommunityStaff, "a"), `{ residents { nodes { community { slug } maskedName } } }`)
	for _, row := range rows[1:] {
		if row[0] != "a" || !strings.HasSuffix(row[1], "*") {
			t.Errorf("%v", row)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d rows", len(rows))
	}
}

// A client that goes away takes its statement with it, within a second.
func TestExportEndsWithItsClient(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	b.deliver(3)
	b.records("", deliveriesOfAll) // prepares the statement, which would wait for the lock itself
	lock, err := b.one.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback()
	if _, err := lock.Exec(`LOCK TABLE service_deliveries`); err != nil {
		t.Fatal(err)
	}
	running := func() (n int) {
		if err := b.one.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
			AND wait_event_type = 'Lock' AND query LIKE '%service_deliveries%' AND pid <> pg_backend_pid()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := b.file(ctx, tabular.CSV, "", deliveriesOfAll); err == nil {
			resp.Body.Close()
		}
	}()
	within := func(d time.Duration, what string, is func() bool) time.Duration {
		for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if is() {
				return time.Since(begun)
			}
			if time.Since(begun) > d {
				t.Fatalf("%s: not within %v", what, d)
			}
		}
	}
	within(10*time.Second, "the statement waits", func() bool { return running() == 1 })
	leave()
	took := within(time.Second, "the statement is cancelled", func() bool { return running() == 0 })
	<-gone
	t.Logf("cancelled after %v", took)
}

// BenchmarkExport writes 100,000 rows from two databases: design's goal is 10 s and 64 MB.
func BenchmarkExport(b *testing.B) {
	const rows = 99_999
	bk := startBook(b)
	bk.deliver(rows)
	for _, f := range tabular.Formats() {
		if f.Media == "" {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			for b.Loop() {
				peak := watchMemory(b)
				resp, err := bk.file(b.Context(), f, "", deliveriesOfAll)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				wrote := resp.Trailer.Get("Linhui-Rows") + resp.Header.Get("Linhui-Rows")
				if err != nil || wrote != fmt.Sprint(rows) {
					b.Fatalf("%v, %s rows", err, wrote)
				}
				b.ReportMetric(float64(n)/1e6, "MB-file")
				b.ReportMetric(peak(), "MB-more")
			}
		})
	}
}

// watchMemory returns how much more memory the process held at most, in MB, until it is called.
func watchMemory(tb testing.TB) (peak func() float64) {
	tb.Helper()
	held := func() float64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return float64(s[0].Value.Uint64()-s[1].Value.Uint64()) / 1e6
	}
	before := held()
	stop, most := make(chan struct{}), make(chan float64)
	go func() {
		top := before
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				top = max(top, held())
			case <-stop:
				most <- top - before
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-most }
}
