package seed_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linhui/seed"
)

var six = []string{"gongyuanlu", "lanxin", "qiyue", "shengli", "wenhua", "yanbin"}

func demo(t *testing.T, target seed.Target, now time.Time) {
	t.Helper()
	if err := seed.Demo(t.Context(), target, seed.DemoOptions{Seed: 1, Now: now, Communities: six}); err != nil {
		t.Fatal(err)
	}
}

// none fails for each row that the query finds.
func none(t *testing.T, target seed.Target, what, query string) {
	t.Helper()
	for _, line := range lines(t, target, query) {
		t.Errorf("%s: %s", what, line)
	}
}

// between checks a count per community.
func between(t *testing.T, target seed.Target, what string, least, most int, query string) {
	t.Helper()
	found := 0
	for _, line := range lines(t, target, query) {
		owner, count, _ := strings.Cut(line, "|")
		if !slices.Contains(six, owner) {
			continue
		}
		found++
		if n, err := strconv.Atoi(count); err != nil || n < least || n > most {
			t.Errorf("%s of %s: %s, want %d to %d", what, owner, count, least, most)
		}
	}
	if found != len(six) {
		t.Errorf("%s: %d communities have any, want %d", what, found, len(six))
	}
}

// at replaces the server's clock, which has gone on since, by the time of the run.
func at(now time.Time, query string) string {
	return strings.ReplaceAll(query, "now()", "timestamptz '"+now.Format(time.RFC3339Nano)+"'")
}

const overlapsToday = `over_at > date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai'
	AND starts_at < (date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') + interval '1 day') AT TIME ZONE 'Asia/Shanghai'`

func TestDemo(t *testing.T) {
	t.Parallel()
	target := streets(t)
	imported(t, target)
	now := time.Now()
	started := now
	demo(t, target, now)
	none(t, target, "past its deadline and nobody was told", `SELECT number, status, due_at FROM feedback_omitted`)
	t.Logf("first run: %v, %v rows", time.Since(started).Round(time.Millisecond), total(t, target))

	between(t, target, "residents", 300, 300, `SELECT owner, count(*) FROM residents GROUP BY owner`)
	between(t, target, "children", 30, 70, `SELECT owner, count(*) FROM residents WHERE full_years(birth_date, date '2026-01-01') < 18 GROUP BY owner`)
	between(t, target, "elders", 60, 110, `SELECT owner, count(*) FROM residents WHERE full_years(birth_date, date '2026-01-01') >= 60 GROUP BY owner`)
	none(t, target, "a phone that may be real", `SELECT phone FROM residents WHERE phone !~ '^1380000\d{4}$'`)
	none(t, target, "a child without a guardian", `SELECT id FROM residents WHERE full_years(birth_date, date '2026-01-01') < 17 AND guardian_id IS NULL`)
	none(t, target, "a guardian who is a child", `SELECT g.id FROM residents r JOIN residents g ON g.id = r.guardian_id WHERE full_years(g.birth_date, date '2026-01-01') < 18`)
	between(t, target, "tags", 5, 100, `SELECT owner, count(*) FROM resident_tags GROUP BY owner`)
	none(t, target, "a station without hours", `SELECT owner, name_zh FROM stations s WHERE NOT EXISTS (SELECT FROM schedules h WHERE h.owner = s.owner AND h.station_id = s.id)`)
	between(t, target, "events of today", 3, 6, at(now, `SELECT owner, count(*) FROM events WHERE `+overlapsToday+` GROUP BY owner`))
	between(t, target, "events running now", 1, 6, at(now, `SELECT owner, count(*) FROM events WHERE starts_at <= now() AND over_at > now() AND status = 'ONGOING' GROUP BY owner`))
	between(t, target, "events over midnight", 1, 2, at(now, `SELECT owner, count(*) FROM events WHERE NOT all_day AND cst_date(starts_at) < cst_date(ends_at) AND `+overlapsToday+` GROUP BY owner`))
	between(t, target, "events to come", 60, 150, at(now, `SELECT owner, count(*) FROM events WHERE starts_at > now() GROUP BY owner`))
	between(t, target, "past events", 100, 320, at(now, `SELECT owner, count(*) FROM events WHERE over_at < now() AND starts_at > now() - interval '62 days' GROUP BY owner`))
	none(t, target, "an event in the wrong tense", at(now, `SELECT name_zh, starts_at, status FROM events WHERE status NOT IN ('CANCELLED') AND provenance @> '{"synthetic": true}'
		AND (over_at < now() - interval '1 minute' AND status <> 'ENDED' OR starts_at > now() AND status IN ('ENDED', 'ONGOING'))`))
	between(t, target, "sessions", 40, 300, `SELECT owner, count(*) FROM course_sessions GROUP BY owner`)
	between(t, target, "full courses", 1, 20, `SELECT owner, count(*) FROM courses WHERE confirmed_count = capacity GROUP BY owner`)
	between(t, target, "waiting", 1, 200, `SELECT owner, count(*) FROM enrolments WHERE status = 'WAITLISTED' GROUP BY owner`)
	between(t, target, "members", 16, 400, `SELECT owner, sum(member_count) FROM volunteer_teams GROUP BY owner`)
	between(t, target, "records of hours", 300, 1100, `SELECT owner, count(*) FROM service_records GROUP BY owner`)
	between(t, target, "deliveries", 365, 760, `SELECT owner, count(*) FROM service_deliveries GROUP BY owner`)
	between(t, target, "kinds of help for elders", 3, 3, `SELECT owner, count(DISTINCT kind) FROM service_deliveries JOIN service_kinds ON code = kind WHERE parent = 'ELDER_SUPPORT' GROUP BY owner`)
	between(t, target, "feedback", 60, 125, `SELECT owner, count(*) FROM feedbacks GROUP BY owner`)
	between(t, target, "posts on the wall", 10, 60, `SELECT owner, count(*) FROM echo_wall_posts WHERE status = 'PUBLISHED' GROUP BY owner`)
	between(t, target, "escalated", 1, 60, `SELECT owner, count(*) FROM feedbacks WHERE escalation_level > 0 GROUP BY owner`)
	between(t, target, "overdue", 1, 30, at(now, `SELECT owner, count(*) FROM feedbacks WHERE due_at < now() AND status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'REFERRED', 'REOPENED') GROUP BY owner`))
	sound(t, target, now)

	states := map[string]bool{}
	for _, line := range lines(t, target, `SELECT DISTINCT status FROM feedbacks`) {
		states[line] = true
	}
	if len(states) != 13 {
		t.Errorf("feedback stands in %v, want all 13 states", states)
	}
	if n := rows(t, target.Directory, `SELECT count(*) FROM work_calendar`)[0]; n != "0" {
		t.Errorf("%s days in the work calendar", n)
	}
}

// sound checks what no constraint can.
func sound(t *testing.T, target seed.Target, now time.Time) {
	t.Helper()
	none(t, target, "past its deadline and nobody above was told", at(now, `SELECT number, status, due_at FROM feedbacks WHERE due_at < now() AND escalation_level = 0
		AND status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'REFERRED', 'REOPENED')`))
	none(t, target, "a gap in the book", `SELECT owner, book_year, count(*), max(book_no) FROM feedbacks GROUP BY owner, book_year HAVING count(*) <> max(book_no)`)
	none(t, target, "a counter that is off", `SELECT c.owner, c.book_year, c.last_no FROM feedback_counters c
		WHERE c.last_no <> (SELECT count(*) FROM feedbacks f WHERE f.owner = c.owner AND f.book_year = c.book_year)`)
	none(t, target, "a status that its history does not end in", `SELECT f.number, f.status FROM feedbacks f
		WHERE f.status <> (SELECT u.to_status FROM feedback_updates u WHERE u.owner = f.owner AND u.feedback_id = f.id ORDER BY u.at DESC, u.from_status IS NULL LIMIT 1)`)
	none(t, target, "a history with a gap", `SELECT * FROM (SELECT feedback_id, from_status, lag(to_status) OVER (PARTITION BY owner, feedback_id ORDER BY at) AS was FROM feedback_updates) u
		WHERE from_status IS DISTINCT FROM was`)
	none(t, target, "a step that is not allowed", `SELECT DISTINCT from_status, action, to_status FROM feedback_updates WHERE principal = 'demo' AND (coalesce(from_status, '') || ' ' || action || ' ' || to_status) <> ALL (ARRAY[
		' submit RECEIVED', 'RECEIVED triage TRIAGED', 'TRIAGED markDuplicate DUPLICATE', 'TRIAGED withdraw WITHDRAWN', 'TRIAGED refuse NOT_ACCEPTED',
		'TRIAGED refer REFERRED', 'NOT_ACCEPTED close CLOSED', 'REFERRED close CLOSED', 'TRIAGED assign ASSIGNED', 'REOPENED assign ASSIGNED',
		'ASSIGNED start IN_PROGRESS', 'IN_PROGRESS suspend SUSPENDED', 'SUSPENDED resume IN_PROGRESS', 'IN_PROGRESS reply REPLIED',
		'REPLIED resolve RESOLVED', 'RESOLVED close CLOSED', 'REPLIED close CLOSED', 'CLOSED reopen REOPENED'])`)
	none(t, target, "a level without its escalations", `SELECT f.number, f.escalation_level FROM feedbacks f
		WHERE f.escalation_level > (SELECT count(*) FROM escalations e WHERE e.owner = f.owner AND e.feedback_id = f.id)`)
	none(t, target, "a seat too many", `SELECT id FROM courses c WHERE confirmed_count <> (SELECT count(*) FROM enrolments e WHERE e.owner = c.owner AND e.course_id = c.id AND linhui_seat_taken(e.status) = 1)`)
	between(t, target, "meals with a subsidy", 5, 300, `SELECT owner, count(*) FROM meal_orders WHERE subsidy > 0 GROUP BY owner`)
	none(t, target, "a meal from 60 on without its subsidy", `SELECT o.id FROM meal_orders o, linhui_quote_meal(o.owner, o.menu_item_id, o.beneficiary_id, o.id) q
		WHERE o.kind = 'PAID' AND o.status <> 'CANCELLED' AND o.subsidy <> q.subsidy`)
	none(t, target, "a member too many", `SELECT id FROM volunteer_teams t WHERE member_count <> (SELECT count(*) FROM team_memberships m WHERE m.owner = t.owner AND m.team_id = t.id AND m.until IS NULL)`)
}

func TestDemoAgain(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	imported(t, target)
	facts := lines(t, target, factsOnly)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	demo(t, target, noon)
	before := everything(t, target)

	started := time.Now()
	demo(t, target, noon)
	t.Logf("again: %v", time.Since(started).Round(time.Millisecond))
	if diff := cmp.Diff(before, everything(t, target)); diff != "" {
		t.Errorf("a second run at the same time changed rows: %s", diff)
	}

	// Somebody answers one entry, and the community adds an event of its own.
	open, owner, _ := strings.Cut(rows(t, target.Sources["one"], `SELECT id, owner FROM feedbacks WHERE status = 'ASSIGNED' ORDER BY id LIMIT 1`)[0], "|")
	for _, statement := range []string{
		`INSERT INTO feedback_updates (owner, feedback_id, action, from_status, to_status, principal) VALUES ('` + owner + `', '` + open + `', 'reply', 'ASSIGNED', 'REPLIED', 'staff')`,
		`UPDATE feedbacks SET status = 'REPLIED', reply = '已处理', replied_at = now() WHERE id = '` + open + `'`,
		`INSERT INTO events (owner, name_zh, kind, starts_at) VALUES ('yanbin', '自办活动', 'OTHER', '2026-11-21 10:00+08')`,
	} {
		if _, err := target.Sources["one"].ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, days := range []int{1, 2, 9, 40} {
		later := noon.AddDate(0, 0, days)
		demo(t, target, later)
		t.Run(fmt.Sprintf("%d days later", days), func(t *testing.T) {
			between(t, target, "events that day", 3, 7, `SELECT owner, count(*) FROM events WHERE starts_at < '`+later.Format(time.DateOnly)+` 16:00Z' AND over_at > '`+later.AddDate(0, 0, -1).Format(time.DateOnly)+` 16:00Z' GROUP BY owner`)
			none(t, target, "an event in the wrong tense", `SELECT name_zh, starts_at, status FROM events WHERE provenance @> '{"synthetic": true}' AND status IN ('PUBLISHED', 'OPEN', 'FULL', 'ONGOING') AND over_at <= '`+later.Format(time.RFC3339)+`'`)
			sound(t, target, later)
			if diff := cmp.Diff(facts, lines(t, target, factsOnly)); diff != "" {
				t.Errorf("imported rows changed: %s", diff)
			}
			if got := lines(t, target, `SELECT status, reply FROM feedbacks WHERE id = '`+open+`' UNION ALL SELECT status, name_zh FROM events WHERE name_zh = '自办活动'`); !slices.Equal(got, []string{"REPLIED|已处理", "PUBLISHED|自办活动"}) {
				t.Errorf("what people wrote: %v", got)
			}
		})
	}
}

func TestDemoLeavesImportIdempotent(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	imported(t, target)
	demo(t, target, time.Now())
	if report := imported(t, target); report.Written != 0 {
		t.Errorf("%d rows were written again", report.Written)
	}
}

// factsOnly reads imported rows with what counts their edits.
const factsOnly = `SELECT * FROM (
	SELECT id::text, name_zh, version FROM events WHERE NOT provenance ? 'synthetic' AND provenance ? 'source'
	UNION ALL SELECT id::text, name_zh, version FROM stations WHERE NOT provenance ? 'synthetic'
	UNION ALL SELECT id::text, name_zh, version FROM courses WHERE NOT provenance ? 'synthetic'
	UNION ALL SELECT id::text, name_zh, version FROM volunteer_teams WHERE NOT provenance ? 'synthetic'
	UNION ALL SELECT id::text, number, version FROM feedbacks WHERE NOT provenance ? 'synthetic') x ORDER BY 1`

func TestDemoIsOneAndTheSame(t *testing.T) {
	t.Parallel()
	a, _ := together(t)
	b := streets(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var got [2][]string
	for i, target := range []seed.Target{a, b} {
		imported(t, target)
		demo(t, target, now)
		got[i] = lines(t, target, `SELECT owner, number, status, title, coalesce(reporter_id::text, ''), due_at FROM feedbacks
			UNION ALL SELECT owner, id::text, name_zh, status, '', starts_at FROM events WHERE starts_at IS NOT NULL
			UNION ALL SELECT owner, id::text, course_id::text, status, resident_id::text, applied_at FROM enrolments`)
		slices.Sort(got[i])
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" {
		t.Error(diff)
	}
}

// total counts the rows of all sources.
func total(t *testing.T, target seed.Target) (n int) {
	t.Helper()
	for _, digest := range everything(t, target) {
		count, _, _ := strings.Cut(digest, "|")
		rows, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		n += rows
	}
	return n
}
