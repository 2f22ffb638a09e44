package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"linhui/internal/testkit"
)

// sent runs a mutation that the source must answer.
func (b *book) sent(token, mutation string, input map[string]any) (*entry, []userError) {
	b.t.Helper()
	e, broken, a := b.write(token, mutation, input)
	if len(a.Errors) > 0 {
		b.t.Errorf("%s: %+v", mutation, a.Errors)
	}
	return e, broken
}

// A key makes one entry, however often and at once it is sent.
func TestOneKeyOneEntry(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	r1 := b.resident("a", "r1")
	numbers := make([]string, 100)
	var wg sync.WaitGroup
	for i := range numbers {
		wg.Go(func() {
			if e, broken := b.sent(r1, "submitFeedback", submission("a", "same")); e != nil {
				numbers[i] = e.Number
			} else {
				t.Errorf("%+v", broken)
			}
		})
	}
	wg.Wait()
	for _, n := range numbers {
		if n != "a-2026-000001" {
			t.Fatalf("%q", n)
		}
	}
	if got := b.footprint(); !strings.HasPrefix(got, "1:1 1 1 1 ") {
		t.Errorf("left %s", got)
	}
	// Another input with this key is refused; another person's key is their own.
	other := submission("a", "same")
	other["title"] = "别的事"
	if got := b.refused(r1, "submitFeedback", other); got.Code != "CONFLICT" || got.Path[0] != "idempotencyKey" {
		t.Errorf("%+v", got)
	}
	if e := b.done(b.resident("a", "r2"), "submitFeedback", other); e.Number != "a-2026-000002" {
		t.Errorf("%+v", e)
	}
	// So is the key of another action, and a step that was taken is not taken again.
	e := b.done(b.staff("a"), "triageFeedback", map[string]any{"id": b.byNumber("a-2026-000001"), "version": 1, "category": "LIGHT", "idempotencyKey": "same"})
	again := b.done(b.staff("a"), "triageFeedback", map[string]any{"id": e.ID, "version": 1, "category": "LIGHT", "idempotencyKey": "same"})
	if again.Version != e.Version || again.Status != "TRIAGED" {
		t.Errorf("%+v, then %+v", e, again)
	}
}

func (b *book) byNumber(number string) string {
	b.t.Helper()
	var got struct{ Feedback entry }
	b.must(b.staff("a", "b", "c"), fmt.Sprintf(`{ feedback(number: %q) { id } }`, number), nil, &got)
	return got.Feedback.ID
}

// Of 64 who change a row at once one wins, and the others learn the version it has then.
func TestOneWriterWins(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	clerk, e := b.staff("a"), b.put("a", "RECEIVED")
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			got, broken := b.sent(clerk, "triageFeedback", on(e, map[string]any{"category": "LIGHT"}))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case got != nil:
				won++
			case len(broken) == 0: // sent has complained
			case broken[0].Code != "CONFLICT" || broken[0].CurrentVersion == nil || *broken[0].CurrentVersion != 2:
				t.Errorf("%+v", broken)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

// Numbers have no gap, though half of those who came at once were turned away after theirs was drawn.
func TestNumbersHaveNoGap(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'no' USING ERRCODE = '23503', CONSTRAINT = 'feedbacks_owner_station_id_fkey'; END $$;
		CREATE TRIGGER zz_refuse AFTER INSERT ON feedbacks FOR EACH ROW WHEN (NEW.title = 'refused') EXECUTE FUNCTION refuse()`)
	r1 := b.resident("a", "r1")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			in := submission("a", fmt.Sprint(i))
			if i%2 == 0 {
				in["title"] = "refused"
			}
			if e, broken := b.sent(r1, "submitFeedback", in); (e == nil) != (i%2 == 0) {
				t.Errorf("%d: %+v %+v", i, e, broken)
			}
		})
	}
	wg.Wait()
	var count, last, counter int
	scanRow(t, b.one, `SELECT count(*), max(book_no), (SELECT last_no FROM feedback_counters) FROM feedbacks`, &count, &last, &counter)
	if count != 20 || last != 20 || counter != 20 {
		t.Errorf("%d entries, last %d, counter %d", count, last, counter)
	}
}

// A write whose COMMIT was sent and never answered says so, and its key finds out what became of it.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()
	b := startBookWithin(t, 3*time.Second) // the test lasts as long
	// The commit waits for a lock that the test holds.
	execSQL(t, b.one, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER zz_hold AFTER INSERT ON feedbacks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()`)
	ctx := context.Background()
	lock, err := b.one.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock(42)"); err != nil {
		t.Fatal(err)
	}
	r1 := b.resident("a", "r1")
	unknown := make(chan answer)
	go func() {
		_, _, a := b.write(r1, "submitFeedback", submission("a", "lost"))
		unknown <- a
	}()
	waitFor(t, b, `SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	b.link["one"].Set(testkit.Blackhole)
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_unlock(42)"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, b, `SELECT count(*) = 1 FROM feedbacks`)
	a := <-unknown
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "SOURCE_UNAVAILABLE" || a.Errors[0].Extensions["state"] != "COMMIT_UNKNOWN" || a.Errors[0].Extensions["retryable"] != true {
		t.Errorf("%+v", a.Errors)
	}
	b.link["one"].Set(testkit.Pass)
	for range 100 { // the pool finds out which connections are dead
		e, _, a := b.write(r1, "submitFeedback", submission("a", "lost"))
		if e != nil && e.Number == "a-2026-000001" {
			return
		}
		if e != nil || a.Errors[0].Extensions["retryable"] != true {
			t.Fatalf("%+v %+v", e, a.Errors)
		}
	}
	t.Error("not found out in 100 tries")
}

// waitFor waits for a condition on source one.
func waitFor(t testing.TB, b *book, condition string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		var holds bool
		scanRow(t, b.one, condition, &holds)
		if holds {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", condition)
		}
	}
}

// A passed deadline is told once a rung, however many gateways look and however late.
func TestEscalation(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	ctx := t.Context()
	due := noon.Add(24 * time.Hour) // of what put writes
	for _, status := range feedbackStatuses {
		b.put("a", status)
	}
	b.put("b", "ASSIGNED")
	run := func(at time.Time) int {
		t.Helper()
		counts := make([]int, 4)
		var wg sync.WaitGroup
		for i := range counts { // four gateways at once
			wg.Go(func() {
				done, err := b.gateway.Sources.Keep(ctx, at)
				if err != nil {
					t.Error(err)
				}
				counts[i] = done["escalation"]
			})
		}
		wg.Wait()
		return counts[0] + counts[1] + counts[2] + counts[3]
	}
	told := func(owner string) (s string) {
		t.Helper()
		db := b.one
		if owner == "b" {
			db = b.two
		}
		scanRow(t, db, fmt.Sprintf(`SELECT coalesce(string_agg(concat(level, told, ' ', label_zh, ' ', n), ', ' ORDER BY level), '') FROM (SELECT e.level, e.told, p.label_zh, count(*) AS n
			FROM escalations e LEFT JOIN staff_posts p ON p.owner = e.owner AND p.id = e.to_post_id WHERE e.owner = '%s' GROUP BY 1, 2, 3) x`, owner), &s)
		return s
	}
	if n := run(due); n != 0 {
		t.Errorf("%d at the deadline itself", n)
	}
	// Six statuses wait for somebody; suspended, answered and ended ones do not.
	if n := run(due.Add(time.Second)); n != 7 || told("a") != "1ASSIGNEE 驻守干部 6" || told("b") != "1ASSIGNEE 驻守干部 1" {
		t.Errorf("%d: %s, %s", n, told("a"), told("b"))
	}
	if n := run(due.Add(time.Minute)); n != 0 {
		t.Errorf("%d a second time", n)
	}
	// A run that comes four days late tells both rungs that it missed.
	if n := run(due.Add(4 * 24 * time.Hour)); n != 7 || told("a") != "1ASSIGNEE 驻守干部 6, 2COMMUNITY_SECRETARY 书记 6, 3STREET  6" {
		t.Errorf("%d: %s", n, told("a"))
	}
	var omitted, logged, events int
	scanRow(t, b.one, `SELECT (SELECT count(*) FROM feedback_omitted WHERE due_at < now()), (SELECT count(*) FROM feedback_updates WHERE action = 'escalate'),
		(SELECT count(*) FROM outbox_events WHERE payload->>'action' = 'escalate')`, &omitted, &logged, &events)
	if omitted != 0 || logged != 12 || events != 12 {
		t.Errorf("%d omitted, %d logged, %d events", omitted, logged, events)
	}
	// A new deadline is a new ladder.
	execSQL(t, b.two, `UPDATE feedbacks SET due_at = due_at + interval '30 days', escalation_level = 0`)
	if n := run(due.Add(30*24*time.Hour + time.Second)); n != 7 || told("b") != "1ASSIGNEE 驻守干部 2, 2COMMUNITY_SECRETARY 书记 1, 3STREET  1" {
		t.Errorf("%d: %s", n, told("b"))
	}
	// A source that is down is named and the others are served.
	b.link["two"].Set(testkit.Refuse)
	if _, err := b.gateway.Sources.Keep(ctx, due.Add(60*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "two") {
		t.Errorf("%v", err)
	}
	if told("a") != "1ASSIGNEE 驻守干部 6, 2COMMUNITY_SECRETARY 书记 6, 3STREET  6, 4DISTRICT  6" {
		t.Error(told("a"))
	}
}
