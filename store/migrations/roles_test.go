package migrations_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lib/pq"

	"linhui/internal/testkit"
	"linhui/store/migrations"
)

func TestReads(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	for _, tc := range []struct {
		name, role string
		owners     []string
		sql        string // one number
		want       int
		code       string
	}{
		{"the public reads stations of all", "linhui_public", nil, `SELECT count(name_zh) FROM stations`, 2, ""},
		{"the public reads no draft", "linhui_public", nil, `SELECT count(*) FROM events`, 1, ""},
		{"the public reads how many signed up", "linhui_public", nil, `SELECT enrolment_count FROM courses WHERE owner = 'north'`, 1, ""},
		{"the public reads no unpublished post", "linhui_public", nil, `SELECT count(*) FROM echo_wall_posts`, 0, ""},
		{"the public reads no feedback", "linhui_public", nil, `SELECT count(title) FROM feedbacks`, 0, denied},
		{"the public reads no feedback when it sets a scope", "linhui_public", []string{"north"}, `SELECT count(title) FROM feedbacks`, 0, denied},
		{"the public reads no sign-up", "linhui_public", nil, `SELECT count(*) FROM enrolments`, 0, denied},
		{"the public reads no holder of a post", "linhui_public", nil, `SELECT count(holder_name) FROM staff_posts`, 0, denied},
		{"the public reads no stock", "linhui_public", nil, `SELECT count(stock) FROM offerings`, 0, denied},
		{"the public reads nothing by star", "linhui_public", nil, `SELECT count(p.*) FROM staff_posts p`, 0, denied},
		{"a scope shows its own", "linhui_scoped", []string{"north"}, `SELECT count(title) FROM feedbacks`, 3, ""},
		{"two scopes show both", "linhui_scoped", []string{"north", "south"}, `SELECT count(*) FROM residents`, 4, ""},
		{"no scope shows nothing personal", "linhui_scoped", nil, `SELECT count(*) FROM residents`, 0, ""},
		{"another scope shows nothing personal", "linhui_scoped", []string{"west"}, `SELECT count(*) FROM residents`, 0, ""},
		{"any scope shows what is public", "linhui_scoped", []string{"south"}, `SELECT count(*) FROM stations`, 2, ""},
		{"a scope shows its own drafts", "linhui_scoped", []string{"north"}, `SELECT count(*) FROM events`, 2, ""},
		{"another scope shows no drafts", "linhui_scoped", []string{"south"}, `SELECT count(*) FROM events`, 1, ""},
		{"a view keeps to the scope", "linhui_scoped", []string{"south"}, `SELECT count(*) FROM feedback_omitted`, 1, ""},
		{"a reader writes nothing", "linhui_scoped", []string{"north"}, `WITH x AS (UPDATE stations SET note = '' RETURNING 1) SELECT count(*) FROM x`, 0, denied},
		{"a writer sees its own", "linhui_writer", []string{"south"}, `SELECT count(*) FROM stations`, 1, ""},
		{"a writer changes nothing of others", "linhui_writer", []string{"south"}, `WITH x AS (UPDATE stations SET note = '' RETURNING 1) SELECT count(*) FROM x`, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := 0
			err := begin(t, db, tc.role, tc.owners...).QueryRow(tc.sql).Scan(&got)
			refused(t, err, tc.code, "")
			if got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	for _, tc := range []struct{ name, sql, code string }{
		{"for another owner", `INSERT INTO stations (owner, name_zh, kind) VALUES ('south', 'x', 'CANTEEN')`, denied},
		{"moved to another owner", `UPDATE stations SET owner = 'south'`, kept},
		{"for its own", `INSERT INTO stations (owner, name_zh, kind) VALUES ('north', 'x', 'CANTEEN')`, ""},
		{"an event into the outbox", `INSERT INTO outbox_events (owner, topic, entity_type, entity_id) VALUES ('north', 'feedback', 'Feedback', id('open'))`, ""},
		{"a seat", newEnrol + `id('r2'), 'WAITLISTED', 30)`, ""},
		{"an entry, numbered", newFeedback + `'RECEIVED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, ""},
		{"a correction", newDelivery + `6, id('sd'))`, ""},
		{"a delete", `DELETE FROM stations`, denied},
		{"an owner", `INSERT INTO owners VALUES ('west', 'COMMUNITY')`, denied},
		{"a hot version", `UPDATE hot_versions SET version = 0`, denied},
		{"a book counter", `UPDATE feedback_counters SET last_no = 0`, denied},
		{"over a delivery", `UPDATE service_deliveries SET person_times = 1`, denied},
		{"over the audit log", `UPDATE audit_log SET principal = 'x'`, denied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := begin(t, db, "linhui_writer", "north").Exec(tc.sql)
			refused(t, err, tc.code, "")
		})
	}
}

// TestKept checks what triggers keep beside the row that was written.
func TestKept(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	for _, tc := range []struct{ name, sql, query, want string }{
		{"seats and sign-ups", newEnrol + `id('r2'), 'WAITLISTED', 30)`, `SELECT confirmed_count || ' ' || enrolment_count || ' v' || version FROM courses WHERE id = id('co')`, "1 2 v1"},
		{"members", `INSERT INTO volunteer_teams (owner, id, name_zh, kind) VALUES ('north', id('tm'), 'x', 'ARTS_TROUPE');
			INSERT INTO team_memberships (owner, team_id, resident_id, since) VALUES ('north', id('tm'), id('r1'), '2026-01-01'), ('north', id('tm'), id('r2'), '2026-01-01');
			UPDATE team_memberships SET until = '2026-02-01' WHERE resident_id = id('r1')`, `SELECT member_count FROM volunteer_teams`, "1"},
		{"the number by the year in Shanghai", `INSERT INTO feedbacks (owner, kind, title, received_at, due_at) VALUES ('north', 'PRAISE', 'x', '2026-12-31 16:00Z', now())`,
			`SELECT number FROM feedbacks WHERE kind = 'PRAISE'`, "north-2027-000001"},
		{"versions", `UPDATE stations SET note = 'x', version = 40 WHERE id = id('st')`, `SELECT version FROM stations WHERE id = id('st')`, "2"},
		{"minutes", `SELECT`, `SELECT minutes FROM service_records`, "150"},
		{"the mark of a correction", newDelivery + `6, id('sd'))`, `SELECT sum(person_times) FROM service_deliveries WHERE superseded_at IS NULL`, "6"},
		{"what an offering shows of its stock", `INSERT INTO offerings (owner, station_id, name_zh, kind, stock) VALUES ('north', id('st'), '暖宝', 'HEAT_PACK', 0)`,
			`SELECT available FROM offerings`, "false"},
		{"the wall, when feedback reopens", publish + `'secretary'; UPDATE feedbacks SET status = 'REOPENED' WHERE id = id('done')`,
			`SELECT status || ', ' || withdrawn_reason FROM echo_wall_posts`, "WITHDRAWN, feedback is REOPENED"},
		{"a hot list, once a statement", `UPDATE events SET theme = 'x'; UPDATE events SET theme = 'y'`,
			`SELECT version FROM hot_versions WHERE owner = 'north' AND list = 'TODAY_EVENTS'`, "3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx := begin(t, db, "")
			if _, err := tx.Exec(tc.sql); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.want}, texts(t, tx, tc.query)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLastSeatUnderRace(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	if _, err := db.Exec(`UPDATE courses SET capacity = 4 WHERE id = id('co');
		INSERT INTO residents (owner, id, name) SELECT 'north', id('n' || n), 'x' FROM generate_series(1, 12) n`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			if _, err := db.Exec(newEnrol + fmt.Sprintf(`id('n%d'), 'CONFIRMED', 30)`, n+1)); err != nil {
				refused(t, err, check, "capacity_never_exceeded")
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"4 4"}, texts(t, db, `SELECT count(*) || ' ' || max(confirmed_count) FROM enrolments e JOIN courses c ON c.id = course_id`)); diff != "" {
		t.Error(diff)
	}
}

func TestNumbersHaveNoGapUnderRace(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	var wg sync.WaitGroup
	for n := range 24 {
		wg.Go(func() {
			tx, err := db.Begin()
			if err != nil {
				t.Error(err)
				return
			}
			defer tx.Rollback()
			if _, err := tx.Exec(newFeedback + `'RECEIVED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`); err != nil {
				t.Error(err)
			}
			if n%3 != 0 { // every third is rolled back
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"19 19"}, texts(t, db, `SELECT count(*) || ' ' || max(book_no) FROM feedbacks WHERE owner = 'north'`)); diff != "" {
		t.Error(diff)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	kit := testkit.Database(t, sourceKind)
	db := kit.Open(t)
	if _, err := db.Exec(fixture); err != nil {
		t.Fatal(err)
	}
	listener := pq.NewListener(kit.DSN, time.Second, time.Second, nil)
	t.Cleanup(func() { listener.Close() })
	for _, channel := range []string{"linhui_hot", "linhui_outbox", "linhui_owners"} {
		if err := listener.Listen(channel); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`BEGIN; SET LOCAL ROLE linhui_writer; SET LOCAL linhui.owners = 'north';
		UPDATE events SET theme = 'x';
		INSERT INTO outbox_events (owner, topic, entity_type, entity_id) VALUES ('north', 'feedback', 'Feedback', '00000000-0000-0000-0000-000000000001');
		RESET ROLE; INSERT INTO owners VALUES ('west', 'COMMUNITY'); COMMIT`); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"linhui_hot north TODAY_EVENTS 2", "linhui_outbox north feedback 00000000-0000-0000-0000-000000000001", "linhui_owners "} {
		select {
		case n := <-listener.Notify:
			if got := n.Channel + " " + n.Extra; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		case <-t.Context().Done():
			t.Fatalf("no notice %q", want)
		}
	}
}

func TestRecountAfterBulkLoad(t *testing.T) {
	t.Parallel()
	kit := testkit.Database(t, sourceKind)
	db := kit.Open(t)
	if _, err := db.Exec(fixture); err != nil {
		t.Fatal(err)
	}
	admin := (&testkit.DB{DSN: kit.Admin}).Open(t)
	if _, err := admin.Exec(`BEGIN; SET LOCAL session_replication_role = replica;
		INSERT INTO enrolments (owner, course_id, resident_id, status, age_at_start) SELECT 'south', id('co-s'), id('x' || n), 'CONFIRMED', 30 FROM generate_series(1, 9) n;
		INSERT INTO feedbacks (owner, book_year, book_no, kind, title, received_at, due_at) SELECT 'south', 2025, n, 'PRAISE', 'x', '2025-05-01', now() FROM generate_series(1, 9) n;
		SET LOCAL session_replication_role = origin; CALL linhui_recount(); COMMIT`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO feedbacks (owner, kind, title, received_at, due_at) VALUES ('south', 'PRAISE', 'x', '2025-06-01', now())`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"9 9 10"}, texts(t, db, `SELECT confirmed_count || ' ' || enrolment_count || ' ' ||
		(SELECT max(book_no) FROM feedbacks WHERE book_year = 2025) FROM courses WHERE owner = 'south'`)); diff != "" {
		t.Error(diff)
	}
}

func TestAuditChain(t *testing.T) {
	t.Parallel()
	kit := testkit.Database(t, testkit.Kind{Name: "directory", Migrations: migrations.Directory})
	db := kit.Open(t)
	if _, err := db.Exec(`INSERT INTO audit_log (principal, action, communities) SELECT 'p' || n, 'READ', '{north}' FROM generate_series(1, 5) n`); err != nil {
		t.Fatal(err)
	}
	const broken = `SELECT coalesce(linhui_audit_broken()::text, 'whole')`
	if diff := cmp.Diff([]string{"whole"}, texts(t, db, broken)); diff != "" {
		t.Error(diff)
	}
	if _, err := db.Exec(`SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"whole"}, texts(t, db, broken)); diff != "" {
		t.Errorf("read in another zone and style: %s", diff)
	}
	_, err := db.Exec(`UPDATE audit_log SET principal = 'x'`)
	refused(t, err, kept, "append_only")
	for _, tc := range []struct{ sql, want string }{
		{`UPDATE audit_log SET principal = 'x' WHERE seq = 3`, "3"},
		{`DELETE FROM audit_log WHERE seq = 2`, "3"},
	} {
		tx := begin(t, db, "")
		if _, err := tx.Exec(`ALTER TABLE audit_log DISABLE TRIGGER USER; ` + tc.sql); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{tc.want}, texts(t, tx, broken)); diff != "" {
			t.Errorf("%s: %s", tc.sql, diff)
		}
		tx.Rollback()
	}
}
