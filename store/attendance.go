package store

import (
	"slices"
	"strconv"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// Attendance is whether who signed up came to a session; its rows are restricted.
type Attendance struct {
	Row
	SessionID   uuid.UUID   `db:"session_id" for:"session"`
	EnrolmentID uuid.UUID   `db:"enrolment_id" for:"enrolment"`
	Status      scalar.Enum `db:"status"`
	MarkedAt    time.Time   `db:"marked_at"`
}

type (
	AttendanceConnection = page.Connection[Attendance]
	AttendanceEdge       = page.Edge[Attendance]
)

var Attendances = Define[Attendance](Spec{Type: "Attendance", Table: "attendances", Restricted: true,
	Own: `EXISTS (SELECT FROM enrolments e JOIN residents r ON r.owner = e.owner AND r.id = e.resident_id
		WHERE e.owner = t.owner AND e.id = t.enrolment_id AND ? IN (r.id, r.guardian_id))`,
	Orders: map[string][]string{"MARKED_AT": {"marked_at"}}, Default: []string{"marked_at"}})

var (
	_ = HasOne(Attendances, "session", CourseSessions, "session_id")
	_ = HasOne(Attendances, "enrolment", Enrolments, "enrolment_id")
	_ = HasPage(CourseSessions, Attendances, Children{Field: "attendances", By: "session_id"})
	_ = HasPage(Enrolments, Attendances, Children{Field: "attendances", By: "enrolment_id"})
)

var _ = DefineCube(Cube{
	Of: Attendances, Time: "marked_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "PROGRAMME", SQL: "c.programme_id", To: Programmes, From: attended},
		{Name: "COURSE", SQL: "e.course_id", To: Courses, From: attended},
		{Name: "AUDIENCE", SQL: "c.audience", Type: "Audience", From: attended},
		{Name: "STATUS", Column: "status"},
	},
	Measures: []Measure{
		{Name: "marks", Doc: "Times that somebody was looked for.", Unit: "人次", Kind: measure.Count{}},
		{Name: "present", Doc: "Times that somebody was there, if late.", Unit: "人次", Kind: measure.Count{If: "t.status IN ('PRESENT', 'LATE')"}},
		{Name: "attendanceShare", Doc: "Times that somebody was there over times that somebody was looked for and not excused.",
			Kind: measure.Share("t.status IN ('PRESENT', 'LATE')", "t.status <> 'EXCUSED'")},
		{Name: "residents", Doc: "Different residents.", Unit: "人", Kind: measure.Distinct{Of: attendee}},
	},
	Guard: &Guard{People: attendee, Lattice: []string{"PROGRAMME", "COURSE", "STATUS"}},
})

const (
	// attended is the sign-up and the course of a mark.
	attended = "JOIN enrolments e ON e.owner = t.owner AND e.id = t.enrolment_id JOIN courses c ON c.owner = e.owner AND c.id = e.course_id"
	attendee = "(SELECT a.resident_id FROM enrolments a WHERE a.owner = t.owner AND a.id = t.enrolment_id)"
)

// RecordAttendanceInput says who came to a session. Who is not named is not marked; a mark may be
// corrected by recording it anew.
type RecordAttendanceInput struct {
	Session        string
	Marks          []AttendanceMark
	IdempotencyKey *string
}

// AttendanceMark is one sign-up's.
type AttendanceMark struct {
	Enrolment string
	Status    scalar.Enum
}

// SessionLife is what becomes of a session.
var SessionLife = &Machine[CourseSession]{
	Table: CourseSessions, Topic: "session",
	State: func(s *CourseSession) (scalar.Enum, int) { return s.Status, s.Version },
	Transitions: []Transition[CourseSession]{
		{"recordAttendance", In("SCHEDULED HELD"), "HELD", Holding[CourseSession](authz.StationStaff), hasBegun},
	},
	Rules: Rules{
		"attends_its_course":                  fault.Newf(fault.BadUserInput, "a sign-up is for another course").At("marks"),
		"attendances_owner_enrolment_id_fkey": missing("enrolment"),
	},
}

func hasBegun(ask *Ask, s *CourseSession) error {
	if ask.Viewer.At.Before(s.Start) {
		return fault.Newf(fault.InvalidTransition, "the session begins at %s", s.Start.In(scalar.Shanghai).Format("01-02 15:04")).With("allowed", []string{})
	}
	return nil
}

// SessionPayload answers a step of a session.
type SessionPayload struct {
	Session    *CourseSession
	UserErrors []UserError
}

// Command marks all at once. Whoever comes for the first time attends the course from then on.
func (in *RecordAttendanceInput) Command(*Ask) (Command, error) {
	return SessionLife.Take("recordAttendance", Edit{ID: in.Session, IdempotencyKey: in.IdempotencyKey}, in, func(tx *Tx, s *CourseSession) (Change, error) {
		ids, statuses := make([]string, len(in.Marks)), make([]string, len(in.Marks))
		for i, m := range in.Marks {
			id, err := Refer(m.Enrolment, tx.Owner, Enrolments.Type, "marks", strconv.Itoa(i), "enrolment")
			if err != nil {
				return Change{}, err
			}
			ids[i], statuses[i] = id.String(), string(m.Status)
			if slices.Contains(ids[:i], ids[i]) {
				return Change{}, fault.Newf(fault.BadUserInput, "this sign-up is marked twice").At("marks", strconv.Itoa(i))
			}
		}
		if _, err := tx.exec(`INSERT INTO attendances AS a (owner, session_id, enrolment_id, status, marked_at)
			SELECT $1, $2, m.id, m.status, $5 FROM unnest($3::uuid[], $4::text[]) m(id, status)
			ON CONFLICT (owner, session_id, enrolment_id) DO UPDATE SET status = EXCLUDED.status, marked_at = EXCLUDED.marked_at
			WHERE a.status <> EXCLUDED.status`, tx.Owner, s.UUID, pq.Array(ids), pq.Array(statuses), tx.Now()); err != nil {
			return Change{}, err
		}
		_, err := tx.exec(`UPDATE enrolments SET status = 'ATTENDING' WHERE owner = $1 AND status = 'CONFIRMED' AND id IN (
			SELECT m.id FROM unnest($2::uuid[], $3::text[]) m(id, status) WHERE m.status IN ('PRESENT', 'LATE'))`, tx.Owner, pq.Array(ids), pq.Array(statuses))
		return Change{Set: Values{}}, err
	})
}
