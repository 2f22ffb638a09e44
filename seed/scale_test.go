package seed_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/testkit"
	"linhui/seed"
)

// admin opens a fresh source as the superuser.
func admin(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", testkit.Database(t, testkit.Source).Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// scaleTables are those that Scale fills, with the rows that 40 communities have.
var scaleTables = map[string]int{
	"owners": 40, "stations": 320, "schedules": 640, "events": 360, "courses": 1200, "course_sessions": 6000,
	"enrolments": 100_000, "feedbacks": 40_000, "volunteer_teams": 480, "residents": 8000, "feedback_counters": 0, "sla_rules": 320,
	"organizations": 120, "staff_posts": 80, "feedback_categories": 320,
}

func TestScale(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	options := seed.ScaleOptions{Communities: 40, Seed: 7, Now: now}
	directory := testkit.Database(t, testkit.Directory).Open(t)
	one := []*sql.DB{admin(t)}
	four := []*sql.DB{admin(t), admin(t), admin(t), admin(t)}
	var told []string
	started := time.Now()
	if err := seed.Scale(t.Context(), options, one, directory, func(line string) { told = append(told, line) }); err != nil {
		t.Fatal(err)
	}
	t.Logf("40 communities: %v; %s", time.Since(started).Round(time.Millisecond), strings.Join(told, "; "))
	if !slices.Contains(told, "100 % of 40 communities, about 0s left") {
		t.Errorf("progress: %q", told)
	}
	if err := seed.Scale(t.Context(), options, four, nil, nil); err != nil {
		t.Fatal(err)
	}

	for name, want := range scaleTables {
		// Versions of courses count the recount, times of making are of the run.
		query := fmt.Sprintf(`SELECT (to_jsonb(x) - '{created_at, updated_at}'::text[])::text FROM %s x`, name)
		whole := rows(t, one[0], query)
		var parts []string
		for k, db := range four {
			part := rows(t, db, query)
			if len(part)*4 != len(whole) {
				t.Errorf("%s of source %d: %d rows, want a quarter of %d", name, k, len(part), len(whole))
			}
			parts = append(parts, part...)
		}
		slices.Sort(whole)
		slices.Sort(parts)
		if !slices.Equal(whole, parts) {
			t.Errorf("%s differs between one database and four", name)
		}
		if want != 0 && len(whole) != want {
			t.Errorf("%s: %d rows, want %d", name, len(whole), want)
		}
	}

	target := seed.Target{Sources: map[string]*sql.DB{"one": one[0]}}
	none(t, target, "a community without its events of today", `SELECT owner, count(*) FROM events WHERE cst_date(starts_at) = '2026-11-21' GROUP BY owner HAVING count(*) <> 3`)
	none(t, target, "a gap in the book", `SELECT owner, book_year, count(*), max(book_no) FROM feedbacks GROUP BY owner, book_year HAVING count(*) <> max(book_no)`)
	none(t, target, "a counter that is off", `SELECT f.owner, f.book_year FROM feedbacks f LEFT JOIN feedback_counters c USING (owner, book_year) GROUP BY 1, 2, last_no HAVING count(*) IS DISTINCT FROM last_no`)
	none(t, target, "an entry out of order", `SELECT number FROM (SELECT number, received_at < lag(received_at) OVER (PARTITION BY owner ORDER BY book_year, book_no) AS off FROM feedbacks) x WHERE off`)
	none(t, target, "a year that is not the entry's", `SELECT number FROM feedbacks WHERE book_year <> extract(year FROM cst_date(received_at))`)
	none(t, target, "overdue and nobody was told", `SELECT number FROM feedbacks WHERE due_at < '2026-11-21 13:00Z' AND escalation_level = 0 AND status IN ('RECEIVED', 'TRIAGED', 'ASSIGNED', 'IN_PROGRESS', 'REFERRED', 'REOPENED')`)
	none(t, target, "a duplicate of a duplicate", `SELECT f.number FROM feedbacks f JOIN feedbacks r ON r.owner = f.owner AND r.id = f.duplicate_of WHERE r.duplicate_of IS NOT NULL`)
	none(t, target, "a seat too many", `SELECT id FROM courses c WHERE confirmed_count <> (SELECT count(*) FROM enrolments e WHERE e.owner = c.owner AND e.course_id = c.id AND linhui_seat_taken(e.status) = 1)`)
	if got := lines(t, target, `SELECT count(DISTINCT status) FROM feedbacks`); got[0] != "13" {
		t.Errorf("%s states of feedback, want 13", got[0])
	}
	// Rows were copied with foreign keys off; adding each again checks all of them.
	for _, statement := range lines(t, target, `SELECT format('ALTER TABLE %s ADD CONSTRAINT again_%s %s', conrelid::regclass, oid, pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'f'`) {
		if _, err := one[0].ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if diff := cmp.Diff([]string{"1|1|1|4|40"}, rows(t, directory, `SELECT count(*) FILTER (WHERE level = 'PROVINCE'), count(*) FILTER (WHERE level = 'CITY'),
		count(*) FILTER (WHERE level = 'DISTRICT'), count(*) FILTER (WHERE level = 'STREET'), (SELECT count(*) FROM communities) FROM divisions`)); diff != "" {
		t.Error(diff)
	}
}

func TestScaleContinues(t *testing.T) {
	t.Parallel()
	db, now := admin(t), time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	for _, communities := range []int{10, 20, 20} {
		if err := seed.Scale(t.Context(), seed.ScaleOptions{Communities: communities, Now: now}, []*sql.DB{db}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, db, `SELECT count(*), count(DISTINCT owner) FROM feedbacks`); got[0] != "20000|20" {
		t.Errorf("feedback of communities: %s, want 20000|20", got[0])
	}
}

// BenchmarkScale loads a tenth of the set a time; the whole takes ten times as long.
func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		db, err := sql.Open("postgres", testkit.Database(b, testkit.Source).Admin)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		if err := seed.Scale(b.Context(), seed.ScaleOptions{Communities: 100}, []*sql.DB{db}, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}
