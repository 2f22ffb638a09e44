package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"linhui/internal/authz"
)

type signUp struct {
	ID, Status       string
	WaitlistPosition *int
	OfferedUntil     *string
	Version          int
}

// signing runs a mutation of sign-ups; code is that of the rule it broke, "!" before an error's.
func (b *book) signing(token, mutation, input string, in map[string]any) (e *signUp, code string) {
	b.t.Helper()
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { enrolment { id status waitlistPosition offeredUntil version } userErrors { code path } } }`, input, mutation),
		map[string]any{"in": in})
	var data struct {
		Out *struct {
			Enrolment  *signUp
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		code = fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.Enrolment, code
}

func (b *book) enrol(token, resident, course string, more ...any) (*signUp, string) {
	b.t.Helper()
	in := map[string]any{"course": fixedID("Course", "a", course), "resident": fixedID("Resident", "a", resident), "idempotencyKey": resident + course}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return b.signing(token, "enrol", "EnrolInput", in)
}

func (b *book) stepped(token, mutation string, e *signUp) (*signUp, string) {
	b.t.Helper()
	return b.signing(token, mutation, "StepEnrolmentInput", map[string]any{"id": e.ID})
}

// startSchool has two courses, one of a single seat and one for 5 to 12, whose first sessions begin
// on 8 and 15 June, and a family: r1 is the guardian of a child of 9, r2 and r3 are grown up.
func startSchool(t *testing.T) *book {
	b := startBook(t)
	execSQL(t, b.one, `
		UPDATE residents SET birth_date = '1980-03-01' WHERE owner = 'a';
		INSERT INTO residents (owner, id, name, birth_date, guardian_id) VALUES ('a', md5('r3')::uuid, '赵六', '1950-01-01', NULL),
			('a', md5('child')::uuid, '李小四', '2017-06-12', md5('r1')::uuid), ('a', md5('unborn')::uuid, '钱七', NULL, NULL);
		INSERT INTO programmes (owner, id, name_zh) VALUES ('a', md5('school')::uuid, '学堂');
		INSERT INTO courses (owner, id, programme_id, name_zh, audience, capacity, age_min, age_max) VALUES
			('a', md5('ink')::uuid, md5('school')::uuid, '书法', 'ADULTS', 1, NULL, NULL), ('a', md5('clay')::uuid, md5('school')::uuid, '泥塑', 'CHILDREN_5_12', 10, 5, 12);
		INSERT INTO course_sessions (owner, id, course_id, starts_at, ends_at, class_hours) VALUES
			('a', md5('ink1')::uuid, md5('ink')::uuid, '2026-06-08 09:00+08', '2026-06-08 10:30+08', 2),
			('a', md5('clay1')::uuid, md5('clay')::uuid, '2026-06-15 09:00+08', '2026-06-15 10:30+08', 2)`)
	return b
}

// One seat: the first has it, the others wait in order; who leaves makes room for who waits first,
// for a day.
func TestEnrolling(t *testing.T) {
	t.Parallel()
	b := startSchool(t)
	desk := b.token(authz.StationStaff, "a")
	one, code := b.enrol(b.resident("a", "r1"), "r1", "ink")
	if code != "" || one == nil || one.Status != "CONFIRMED" {
		t.Fatalf("the first: %+v %s", one, code)
	}
	if again, code := b.enrol(b.resident("a", "r1"), "r1", "ink"); code != "" || again.ID != one.ID {
		t.Errorf("the same key: %+v %s", again, code)
	}
	if _, code := b.enrol(desk, "r1", "ink", "idempotencyKey", "other"); code != "CONFLICT[resident]" {
		t.Errorf("twice: %s", code)
	}
	if _, code := b.enrol(b.resident("a", "r2"), "r3", "ink"); code != "FORBIDDEN[resident]" {
		t.Errorf("for somebody else: %s", code)
	}
	two, _ := b.enrol(b.resident("a", "r2"), "r2", "ink")
	three, _ := b.enrol(desk, "r3", "ink")
	if two.Status != "WAITLISTED" || *two.WaitlistPosition != 1 || three.Status != "WAITLISTED" || *three.WaitlistPosition != 2 {
		t.Fatalf("waiting: %+v %+v", two, three)
	}
	if _, code := b.stepped(b.resident("a", "r2"), "withdrawEnrolment", one); code != "FORBIDDEN[id]" && code != "NOT_FOUND[id]" {
		t.Errorf("somebody else's: %s", code)
	}
	if left, code := b.stepped(b.resident("a", "r1"), "withdrawEnrolment", one); code != "" || left.Status != "WITHDRAWN" || left.Version != 2 {
		t.Errorf("withdrawn: %+v %s", left, code)
	}
	b.lines(t, "OFFERED , WAITLISTED 1, WITHDRAWN ")
	late := noon.Add(25 * time.Hour)
	if _, err := b.gateway.Sources.Keep(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	b.lines(t, "EXPIRED , OFFERED , WITHDRAWN ")
	if got, code := b.stepped(b.resident("a", "r2"), "acceptSeat", two); got != nil || code != "INVALID_TRANSITION[]" {
		t.Errorf("taken too late: %+v %s", got, code)
	}
	if got, code := b.stepped(desk, "acceptSeat", three); code != "" || got.Status != "CONFIRMED" || got.OfferedUntil != nil {
		t.Errorf("taken: %+v %s", got, code)
	}

	mark := func(who *signUp, session, status string) string {
		a := b.ask(desk, `mutation($in: RecordAttendanceInput!) { out: recordAttendance(input: $in) { session { status attendances { nodes { status enrolment { status } } } } userErrors { code path } } }`,
			map[string]any{"in": map[string]any{"session": fixedID("CourseSession", "a", session), "marks": []any{map[string]any{"enrolment": who.ID, "status": status}}}})
		var data struct {
			Out struct {
				Session *struct {
					Status      string
					Attendances struct {
						Nodes []struct {
							Status    string
							Enrolment struct{ Status string }
						}
					}
				}
				UserErrors []userError
			}
		}
		decode(t, a.Data, &data)
		if len(data.Out.UserErrors) > 0 {
			return fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
		}
		return fmt.Sprint(*data.Out.Session)
	}
	for _, c := range []struct{ session, status, want string }{
		{"ink1", "PRESENT", "{HELD {[{PRESENT {ATTENDING}}]}}"},
		{"ink1", "LATE", "{HELD {[{LATE {ATTENDING}}]}}"},
		{"clay1", "PRESENT", "INVALID_TRANSITION[]"}, // has not begun
	} {
		if got := mark(three, c.session, c.status); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.status, c.session, got, c.want)
		}
	}
	execSQL(t, b.one, `UPDATE course_sessions SET starts_at = '2026-06-07 09:00+08' WHERE id = md5('clay1')::uuid`)
	if got := mark(three, "clay1", "PRESENT"); got != "BAD_USER_INPUT[marks]" {
		t.Errorf("at another course: %s", got)
	}
	if got, code := b.stepped(desk, "completeEnrolment", three); code != "" || got.Status != "COMPLETED" {
		t.Errorf("completed: %+v %s", got, code)
	}
}

// lines are the sign-ups of the course of one seat, by name of the resident.
func (b *book) lines(t *testing.T, want string) {
	t.Helper()
	var got string
	scanRow(t, b.one, `SELECT string_agg(format('%s %s', status, waitlist_position), ', ' ORDER BY status) FROM enrolments WHERE course_id = md5('ink')::uuid`, &got)
	if got != want {
		t.Errorf("sign-ups are %s, want %s", got, want)
	}
}

// A child is signed up by its guardian, who agrees; by others it waits for that. Ages are those of
// the day the course starts.
func TestEnrollingChildren(t *testing.T) {
	t.Parallel()
	b := startSchool(t)
	desk, guardian := b.token(authz.StationStaff, "a"), b.resident("a", "r1")
	for _, c := range []struct {
		token, who, course, want string
	}{
		{desk, "r2", "clay", "BAD_USER_INPUT[resident]"},     // 46
		{desk, "unborn", "clay", "BAD_USER_INPUT[resident]"}, // no day of birth
		{b.resident("a", "r2"), "child", "clay", "FORBIDDEN[resident]"},
		{b.token(authz.StationStaff, "c"), "child", "clay", "!FORBIDDEN"},
	} {
		if got, code := b.enrol(c.token, c.who, c.course); got != nil || code != c.want && code != "FORBIDDEN[]" {
			t.Errorf("%s for %s: %+v %s, want %s", c.who, c.course, got, code, c.want)
		}
	}
	child, code := b.enrol(guardian, "child", "clay")
	if code != "" || child.Status != "APPLIED" {
		t.Fatalf("without consent: %+v %s", child, code)
	}
	consent := func(token string) (*signUp, string) {
		return b.signing(token, "consentEnrolment", "ConsentEnrolmentInput", map[string]any{"id": child.ID, "version": child.Version})
	}
	if _, code := consent(b.resident("a", "r2")); code == "" {
		t.Error("somebody else agreed")
	}
	if got, code := consent(guardian); code != "" || got.Status != "CONFIRMED" {
		t.Errorf("the guardian agreed: %+v %s", got, code)
	}
	if _, code := consent(guardian); code != "CONFLICT[version]" {
		t.Errorf("agreed again: %s", code)
	}
	var age int
	scanRow(t, b.one, `SELECT age_at_start FROM enrolments WHERE course_id = md5('clay')::uuid`, &age)
	if age != 9 {
		t.Errorf("a child of 8 who is 9 when the course starts is %d", age)
	}
	if again, code := b.enrol(guardian, "child", "clay", "idempotencyKey", "z", "guardianConsent", true); again != nil || code != "CONFLICT[resident]" {
		t.Errorf("twice: %+v %s", again, code)
	}
}

// Sixty sign up at once for ten seats, and every second leaves again: seats are never more than
// ten, nobody is lost, and who waits is numbered from 1 without a gap.
func TestEnrollingRace(t *testing.T) {
	t.Parallel()
	b := startSchool(t)
	execSQL(t, b.one, `UPDATE courses SET capacity = 10 WHERE id = md5('ink')::uuid;
		INSERT INTO residents (owner, id, name, birth_date) SELECT 'a', md5('x' || i)::uuid, '某' || i, '1970-01-01' FROM generate_series(0, 59) i`)
	desk := b.token(authz.StationStaff, "a")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			e, code := b.enrol(desk, fmt.Sprint("x", i), "ink")
			if e == nil || code != "" {
				t.Errorf("%d: %s", i, code)
				return
			}
			if i%2 == 0 {
				if got, code := b.stepped(desk, "withdrawEnrolment", e); code != "" || got.Status != "WITHDRAWN" {
					t.Errorf("%d: %+v %s", i, got, code)
				}
			}
		})
	}
	all.Wait()
	var seats, waiting, live, taken int
	var gapless bool
	scanRow(t, b.one, `SELECT count(*) FILTER (WHERE status IN ('CONFIRMED', 'OFFERED')), count(*) FILTER (WHERE status = 'WAITLISTED'),
		count(*) FILTER (WHERE status <> 'WITHDRAWN'), (SELECT confirmed_count FROM courses WHERE id = md5('ink')::uuid),
		array_agg(waitlist_position ORDER BY waitlist_position) FILTER (WHERE status = 'WAITLISTED') = ARRAY(SELECT generate_series(1, 20))
		FROM enrolments WHERE course_id = md5('ink')::uuid`, &seats, &waiting, &live, &taken, &gapless)
	if seats != 10 || taken != 10 || waiting != 20 || live != 30 || !gapless {
		t.Errorf("%d seats (%d counted), %d waiting of %d, gapless %t", seats, taken, waiting, live, gapless)
	}
}
