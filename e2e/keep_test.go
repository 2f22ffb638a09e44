package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// An answer that nobody objected to for 14 days is closed once, by one of all gateways, as staff
// close it: with a log row, an event and a draft for the wall.
func TestClosingByItself(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	for _, status := range feedbackStatuses {
		b.put("a", status)
	}
	b.put("b", "REPLIED")
	execSQL(t, b.two, `INSERT INTO feedbacks (owner, kind, title, status, due_at, category, assignee_post_id, responsible_org_id, outcome, resolved_at)
		VALUES ('b', 'PROBLEM', '没有答复', 'RESOLVED', '2026-06-10Z', 'LIGHT', md5('cadre')::uuid, md5('org')::uuid, '果', '2026-01-01Z')`)
	keep := func(at time.Time) (closed int) {
		t.Helper()
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				done, err := b.gateway.Sources.Keep(t.Context(), at)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				closed += done["closing"]
				mu.Unlock()
			})
		}
		wg.Wait()
		return closed
	}
	statuses := func() (s string) {
		scanRow(t, b.one, `SELECT string_agg(status || ' ' || n, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM feedbacks GROUP BY status) x`, &s)
		return s
	}
	before := statuses()
	if n := keep(noon.Add(14*24*time.Hour - time.Second)); n != 0 || statuses() != before {
		t.Errorf("%d a second before the 14 days: %s", n, statuses())
	}
	if n := keep(noon.Add(14 * 24 * time.Hour)); n != 3 {
		t.Errorf("%d closed, want the two of a and the one of b that have a reply", n)
	}
	want := strings.NewReplacer("CLOSED 1", "CLOSED 3", "REPLIED 1, ", "", "RESOLVED 1, ", "").Replace(before)
	if got := statuses(); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if n := keep(noon.Add(40 * 24 * time.Hour)); n != 0 {
		t.Errorf("%d a second time", n)
	}
	var logged, sent, drafts string
	scanRow(t, b.one, `SELECT string_agg(concat_ws(' ', principal, from_status, to_status), ', ' ORDER BY from_status) FROM feedback_updates WHERE action = 'close'`, &logged)
	scanRow(t, b.one, `SELECT string_agg(payload->>'status', ', ') FROM outbox_events WHERE payload->>'action' = 'close'`, &sent)
	scanRow(t, b.one, `SELECT string_agg(concat_ws(' ', status, authored_by), ', ') FROM echo_wall_posts`, &drafts)
	if logged != "system:closing REPLIED CLOSED, system:closing RESOLVED CLOSED" || sent != "CLOSED, CLOSED" || drafts != "DRAFT system:closing" {
		t.Errorf("logged %q, sent %q, drafts %q", logged, sent, drafts)
	}
}

// Keys of writes and passed-on events go when their time is over, and not before.
func TestSweeping(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	ago := func(days int) string {
		return fmt.Sprintf("timestamptz '%s' - interval '%d days'", noon.Format(time.RFC3339), days)
	}
	execSQL(t, b.one, `INSERT INTO idempotency_keys (owner, principal, operation, key, fingerprint, created_at)
			SELECT o, 'p', 'op', k, 'f', at FROM unnest('{a,c}'::text[]) o, (VALUES ('old', `+ago(14)+` - interval '1 second'), ('new', `+ago(14)+`)) x(k, at);
		INSERT INTO outbox_events (owner, topic, entity_type, entity_id, created_at, published_at) VALUES
			('a', 'passed on', 'T', md5('x')::uuid, `+ago(9)+`, `+ago(8)+`), ('a', 'just passed on', 'T', md5('x')::uuid, `+ago(29)+`, `+ago(6)+`),
			('a', 'waits', 'T', md5('x')::uuid, `+ago(29)+`, NULL), ('c', 'nobody takes', 'T', md5('x')::uuid, `+ago(31)+`, NULL)`)
	done, err := b.gateway.Sources.Keep(t.Context(), noon)
	if err != nil || done["sweeping"] != 4 {
		t.Errorf("%v %v", done, err)
	}
	var keys, events string
	scanRow(t, b.one, `SELECT string_agg(owner || ' ' || key, ', ' ORDER BY owner) FROM idempotency_keys`, &keys)
	scanRow(t, b.one, `SELECT string_agg(topic, ', ' ORDER BY topic) FROM outbox_events`, &events)
	if keys != "a new, c new" || events != "just passed on, waits" {
		t.Errorf("kept %s; %s", keys, events)
	}
}
