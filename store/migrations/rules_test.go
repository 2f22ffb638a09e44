package migrations_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/lib/pq"

	"linhui/internal/testkit"
)

// fixture is one community north with a row of what the rules speak of, and one community south.
// Ids are id('name'); feedback 'open' is new, 'done' is resolved, 'dup' is a duplicate of 'open'.
const fixture = `
	CREATE FUNCTION id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT md5(name)::uuid';
	INSERT INTO owners VALUES ('north', 'COMMUNITY'), ('south', 'COMMUNITY'), ('620104000000', 'DIVISION');
	INSERT INTO organizations (owner, id, name_zh, kind) VALUES ('north', id('org'), '物业', 'PROPERTY_MANAGEMENT');
	INSERT INTO staff_posts (owner, id, code, label_zh, holder_name) VALUES ('north', id('post'), 'FEEDBACK_CLERK', '专人', '张三');
	INSERT INTO stations (owner, id, name_zh, kind) VALUES ('north', id('st'), '驿站', 'RED_STATION'), ('south', id('st-s'), '驿站', 'RED_STATION');
	INSERT INTO events (owner, id, name_zh, kind, status) VALUES ('north', id('ev'), '灯会', 'FAIR', 'PUBLISHED'), ('north', id('ev-draft'), '草稿', 'FAIR', 'DRAFT');
	INSERT INTO residents (owner, id, name) VALUES ('north', id('r1'), '李四'), ('north', id('r2'), '王五'), ('north', id('r3'), '赵六'), ('south', id('r-s'), '钱七');
	INSERT INTO courses (owner, id, name_zh, audience, capacity) VALUES ('north', id('co'), '书法', 'RESIDENTS', 1), ('south', id('co-s'), '古筝', 'RESIDENTS', NULL);
	INSERT INTO enrolments (owner, id, course_id, resident_id, status, age_at_start) VALUES ('north', id('en'), id('co'), id('r1'), 'CONFIRMED', 30);
	INSERT INTO service_records (owner, id, volunteer_id, during) VALUES ('north', id('sr'), id('r1'), '[2026-05-01 09:00+08,2026-05-01 11:30+08)');
	INSERT INTO service_deliveries (owner, id, kind, occurred_on, person_times) VALUES ('north', id('sd'), 'CLEANING', '2026-05-01', 5);
	INSERT INTO feedback_categories (owner, code, name_zh) VALUES ('north', 'EV_CHARGING', '充电设施');
	INSERT INTO feedbacks (owner, id, kind, title, received_at, due_at) VALUES ('north', id('open'), 'PROBLEM', '路灯', '2026-05-01 08:00+08', '2026-05-02');
	INSERT INTO feedbacks (owner, id, kind, title, status, received_at, due_at, category, assignee_post_id, responsible_org_id, outcome, resolved_at)
		VALUES ('north', id('done'), 'PROBLEM', '充电桩', 'RESOLVED', '2026-05-01 09:00+08', '2026-05-02', 'EV_CHARGING', id('post'), id('org'), '已修好', now());
	INSERT INTO feedbacks (owner, id, kind, title, status, received_at, due_at, duplicate_of) VALUES ('north', id('dup'), 'PROBLEM', '路灯', 'DUPLICATE', '2026-05-01 10:00+08', '2026-05-02', id('open'));
	INSERT INTO feedbacks (owner, id, kind, title, due_at) VALUES ('south', id('fb-s'), 'PROBLEM', '水管', now());
	INSERT INTO feedback_updates (owner, id, feedback_id, action, to_status, principal) VALUES ('north', id('fu'), id('open'), 'submit', 'RECEIVED', 'p');
	INSERT INTO echo_wall_posts (owner, id, feedback_id, title_zh, outcome_zh, authored_by) VALUES ('north', id('echo'), id('done'), '充电桩', '修好了', 'clerk');
	INSERT INTO audit_log (owner, principal, action, entity_type) VALUES ('north', 'p', 'READ', 'Resident');`

const (
	check, unique, reference, overlap, kept, denied = "23514", "23505", "23503", "23P01", "23001", "42501"

	newFeedback = `INSERT INTO feedbacks (owner, kind, title, received_at, due_at, status, category, assignee_post_id, responsible_org_id, duplicate_of, reply, replied_at, closed_at, book_no) VALUES ('north', 'PROBLEM', 'x', '2026-06-01 08:00+08', now(), `
	newEnrol    = `INSERT INTO enrolments (owner, course_id, resident_id, status, age_at_start) VALUES ('north', id('co'), `
	newRecord   = `INSERT INTO service_records (owner, volunteer_id, during) VALUES ('north', id('r1'), `
	newDelivery = `INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, supersedes_id) VALUES ('north', 'CLEANING', '2026-05-01', `
	newEcho     = `INSERT INTO echo_wall_posts (owner, title_zh, outcome_zh, authored_by, feedback_id) VALUES ('north', 'x', 'y', 'clerk', `
	publish     = `UPDATE echo_wall_posts SET status = 'PUBLISHED', published_at = now(), reviewed_at = now(), reviewed_by = `
)

func TestRules(t *testing.T) {
	t.Parallel()
	db := withFixture(t)
	for _, tc := range []struct{ name, sql, code, rule string }{
		// seats and sign-ups (I1)
		{"a seat over capacity", newEnrol + `id('r2'), 'CONFIRMED', 30)`, check, "capacity_never_exceeded"},
		{"a waiting list beside a full course", newEnrol + `id('r2'), 'WAITLISTED', 30)`, "", ""},
		{"a seat freed and taken", `UPDATE enrolments SET status = 'WITHDRAWN'; ` + newEnrol + `id('r2'), 'CONFIRMED', 30)`, "", ""},
		{"a capacity below what is taken", `UPDATE courses SET confirmed_count = 2 WHERE id = id('co')`, check, "capacity_never_exceeded"},
		{"two live sign-ups of a person", newEnrol + `id('r1'), 'WAITLISTED', 30)`, unique, "enrolments_one_live"},
		{"a child without consent", `UPDATE enrolments SET age_at_start = 13`, check, "under_14_needs_consent"},
		{"a child who only applied", newEnrol + `id('r2'), 'APPLIED', 9)`, "", ""},
		{"a sign-up moved to another course", `UPDATE enrolments SET resident_id = id('r2')`, kept, "enrolment_is_fixed"},
		{"a sign-up of another community's resident", newEnrol + `id('r-s'), 'APPLIED', 30)`, reference, "enrolments_resident_fkey"},
		{"an unknown status", newEnrol + `id('r2'), 'MAYBE', 30)`, check, "enrolments_status_check"},

		// the register (I6-I10)
		{"a close without a reply", newFeedback + `'CLOSED', NULL, NULL, NULL, NULL, NULL, NULL, now(), NULL)`, check, "no_close_without_reply"},
		{"an empty reply", newFeedback + `'CLOSED', NULL, NULL, NULL, NULL, ' ', now(), now(), NULL)`, check, "a_reply_says_something"},
		{"a close with a reply", newFeedback + `'CLOSED', NULL, NULL, NULL, NULL, '已修', now(), now(), NULL)`, "", ""},
		{"refused without a reply", newFeedback + `'NOT_ACCEPTED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, check, "answered_means_replied"},
		{"assigned without a post", newFeedback + `'ASSIGNED', 'EV_CHARGING', NULL, id('org'), NULL, NULL, NULL, NULL, NULL)`, check, "three_fixes"},
		{"assigned without a body", newFeedback + `'ASSIGNED', 'EV_CHARGING', id('post'), NULL, NULL, NULL, NULL, NULL, NULL)`, check, "three_fixes"},
		{"assigned", newFeedback + `'ASSIGNED', 'EV_CHARGING', id('post'), id('org'), NULL, NULL, NULL, NULL, NULL)`, "", ""},
		{"triaged without a category", newFeedback + `'TRIAGED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, check, "triaged_has_a_category"},
		{"an unknown category", newFeedback + `'TRIAGED', 'NOISE', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`, reference, "feedbacks_owner_category_fkey"},
		{"resolved without an outcome", `UPDATE feedbacks SET outcome = '' WHERE id = id('done')`, check, "resolved_says_how"},
		{"suspended without a date", `UPDATE feedbacks SET status = 'SUSPENDED' WHERE id = id('done')`, check, "suspended_is_looked_at_again"},
		{"referred to nobody", `UPDATE feedbacks SET status = 'REFERRED' WHERE id = id('open')`, check, "referred_names_the_body"},
		{"without a deadline", `UPDATE feedbacks SET due_at = NULL`, "23502", ""},
		{"reopened a third time", `UPDATE feedbacks SET reopened_count = 3 WHERE id = id('done')`, check, "feedbacks_reopened_count_check"},
		{"six stars", `UPDATE feedbacks SET satisfaction = 6 WHERE id = id('done')`, check, "feedbacks_satisfaction_check"},
		{"an unlinked duplicate", `UPDATE feedbacks SET status = 'DUPLICATE' WHERE id = id('done')`, check, "duplicate_is_linked"},
		{"a duplicate of itself", `UPDATE feedbacks SET status = 'DUPLICATE', duplicate_of = id WHERE id = id('done')`, check, "duplicate_is_linked"},
		{"a duplicate of a duplicate", `UPDATE feedbacks SET status = 'DUPLICATE', duplicate_of = id('dup') WHERE id = id('done')`, check, "duplicate_of_a_root"},
		{"a root made a duplicate", `UPDATE feedbacks SET status = 'DUPLICATE', duplicate_of = id('done') WHERE id = id('open')`, check, "duplicate_of_a_root"},
		{"a duplicate of another community's", newFeedback + `'DUPLICATE', NULL, NULL, NULL, id('fb-s'), NULL, NULL, NULL, NULL)`, reference, "feedbacks_owner_duplicate_of_fkey"},
		{"a delete", `DELETE FROM feedbacks WHERE id = id('dup')`, kept, "feedback_is_kept"},
		{"a truncate", `TRUNCATE feedbacks CASCADE`, kept, ""},
		{"a number taken twice", newFeedback + `'RECEIVED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3)`, check, "numbers_have_no_gap"},
		{"a number left out", newFeedback + `'RECEIVED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5)`, check, "numbers_have_no_gap"},
		{"the next number", newFeedback + `'RECEIVED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 4)`, "", ""},
		{"a number changed", `UPDATE feedbacks SET book_no = 9 WHERE id = id('open')`, kept, "number_is_fixed"},
		{"a receipt dated back", `UPDATE feedbacks SET received_at = '2025-01-01' WHERE id = id('open')`, kept, "number_is_fixed"},
		{"an id changed", `UPDATE feedbacks SET id = id('new') WHERE id = id('done')`, kept, "key_is_fixed"},
		{"a log row edited", `UPDATE feedback_updates SET note = 'x'`, kept, "append_only"},
		{"a log row deleted", `DELETE FROM feedback_updates`, kept, "append_only"},
		{"the audit log emptied", `TRUNCATE audit_log`, kept, "append_only"},

		// the wall (I11)
		{"a wall post of open feedback", newEcho + `id('open'))`, check, "echo_of_answered_feedback"},
		{"a second live post", newEcho + `id('done'))`, unique, "echo_wall_posts_one_live"},
		{"published unreviewed", publish + `NULL`, check, "reviewed_by_another"},
		{"reviewed by the author", publish + `'clerk'`, check, "reviewed_by_another"},
		{"published", publish + `'secretary'`, "", ""},
		{"withdrawn for no reason", `UPDATE echo_wall_posts SET status = 'WITHDRAWN', withdrawn_at = now()`, check, "withdrawn_says_why"},
		{"a private matter", `UPDATE feedbacks SET private = true WHERE id = id('done'); ` + newEcho + `id('done'))`, check, "echo_of_answered_feedback"},

		// volunteers (I13) and deliveries (I21)
		{"in two places", newRecord + `'[2026-05-01 11:00+08,2026-05-01 12:00+08)')`, overlap, "volunteer_in_one_place"},
		{"one after the other", newRecord + `'[2026-05-01 11:30+08,2026-05-01 12:00+08)')`, "", ""},
		{"more than a day", newRecord + `'[2026-06-01,2026-06-03)')`, check, "record_within_24_hours"},
		{"no end", newRecord + `'[2026-06-01,)')`, "23502", ""},
		{"confirmed by nobody", `UPDATE service_records SET status = 'CONFIRMED'`, check, "record_is_confirmed_by_someone"},
		{"negative person-times", newDelivery + `-5, NULL)`, check, "service_deliveries_person_times_check"},
		{"a delivery edited", `UPDATE service_deliveries SET person_times = 6`, kept, "append_only"},
		{"a delivery deleted", `DELETE FROM service_deliveries`, kept, "append_only"},
		{"a correction", newDelivery + `6, id('sd'))`, "", ""},
		{"two corrections of a row", newDelivery + `6, id('sd')); ` + newDelivery + `7, id('sd'))`, unique, "service_deliveries_owner_supersedes_id_key"},

		// places and events
		{"two stations of a name", `INSERT INTO stations (owner, name_zh, kind) VALUES ('north', '驿站', 'RED_STATION')`, unique, "stations_one_of_a_name"},
		{"a retired station's name", `UPDATE stations SET retired_at = now(); INSERT INTO stations (owner, name_zh, kind) VALUES ('north', '驿站', 'RED_STATION')`, "", ""},
		{"a parent in another community", `UPDATE stations SET parent_id = id('st-s') WHERE id = id('st')`, reference, "stations_owner_parent_id_fkey"},
		{"a community that is not here", `INSERT INTO stations (owner, name_zh, kind) VALUES ('west', 'x', 'CANTEEN')`, reference, "stations_owner_fkey"},
		{"changed hours that are not stated", `INSERT INTO schedule_exceptions (owner, station_id, on_day, kind) VALUES ('north', id('st'), '2026-05-01', 'CHANGED')`, check, "changed_states_hours"},
		{"an event that ends before it starts", `UPDATE events SET starts_at = '2026-05-02', ends_at = '2026-05-01'`, check, "event_ends_after_start"},
		{"more guests than seats", `UPDATE events SET capacity = 5, registered_count = 6`, check, "event_capacity_never_exceeded"},
		{"a slug that looks like a division", `INSERT INTO owners VALUES ('620104001000', 'COMMUNITY')`, check, "division_is_its_code"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx := begin(t, db, "")
			_, err := tx.Exec(tc.sql)
			refused(t, err, tc.code, tc.rule)
		})
	}
}

func withFixture(t *testing.T) *sql.DB {
	t.Helper()
	db := testkit.Database(t, sourceKind).Open(t)
	if _, err := db.Exec(fixture); err != nil {
		t.Fatal(err)
	}
	return db
}

// begin opens a transaction that is rolled back at the end of t, as role when one is given.
func begin(t *testing.T, db *sql.DB, role string, owners ...string) *sql.Tx {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	if role != "" {
		if _, err := tx.Exec("SET LOCAL ROLE " + role + "; SET LOCAL linhui.owners = '" + strings.Join(owners, ",") + "'"); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// refused checks the SQLSTATE of err, and the rule it names; an empty code wants success.
func refused(t *testing.T, err error, code, rule string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("a good write was refused: %v", err)
		}
		return
	}
	refusal := pq.As(err)
	if refusal == nil {
		t.Errorf("not refused (%v), want %s %s", err, code, rule)
	} else if string(refusal.Code) != code || rule != "" && refusal.Constraint != rule {
		t.Errorf("refused with %s %s (%s), want %s %s", refusal.Code, refusal.Constraint, refusal.Message, code, rule)
	}
}
