package store

import (
	"time"

	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Programme is a 学堂.
type Programme struct {
	Row
	NameZh                string                   `db:"name_zh"`
	NameEn                *string                  `db:"name_en"`
	BrandID               *uuid.UUID               `db:"brand_id" for:"brand"`
	StationID             *uuid.UUID               `db:"station_id" for:"station"`
	RoomID                *uuid.UUID               `db:"room_id" for:"room"`
	TeamID                *uuid.UUID               `db:"team_id" for:"team"`
	EventID               *uuid.UUID               `db:"event_id" for:"event"`
	ProviderOrgID         *uuid.UUID               `db:"provider_org_id" for:"provider"`
	AgeMin                *int                     `db:"age_min"`
	AgeMax                *int                     `db:"age_max"`
	Audiences             []scalar.Enum            `db:"audiences"`
	Recurrence            *scalar.Recurrence       `db:"recurrence"`
	DemandDriven          bool                     `db:"demand_driven"`
	ParentsJoinVolunteers bool                     `db:"parents_join_volunteers"`
	ResourceSource        *string                  `db:"resource_source"`
	Origin                *string                  `db:"origin"`
	Topics                []string                 `db:"topics"`
	ReportedCourseCount   *scalar.ReportedQuantity `db:"reported_course_count"`
	ReportedClassHours    *scalar.ReportedQuantity `db:"reported_class_hours"`
	ProceedsShare         *scalar.Decimal          `db:"proceeds_share"`
	Note                  *string                  `db:"note"`
	Provenance            scalar.Provenance        `db:"provenance"`
}

// Course is a 课程.
type Course struct {
	Row
	NameZh             string                   `db:"name_zh"`
	NameEn             *string                  `db:"name_en"`
	ClassNameZh        *string                  `db:"class_name_zh"`
	ProgrammeID        *uuid.UUID               `db:"programme_id" for:"programme"`
	Audience           scalar.Enum              `db:"audience"`
	AgeMin             *int                     `db:"age_min"`
	AgeMax             *int                     `db:"age_max"`
	Capacity           *int                     `db:"capacity" for:"seatsLeft"`
	Taken              int                      `db:"confirmed_count" for:"seatsLeft"`
	EnrolmentCount     int                      `db:"enrolment_count"`
	ReportedEnrolments *scalar.ReportedQuantity `db:"reported_enrolments"`
	InstructorRole     *scalar.Enum             `db:"instructor_role"`
	InstructorAgeBand  *string                  `db:"instructor_age_band"`
	TutoringZh         *string                  `db:"tutoring_zh"`
	Recurrence         *scalar.Recurrence       `db:"recurrence"`
	Weekdays           []int                    `db:"weekdays"`
	Yuan               *scalar.Decimal          `db:"fee" for:"fee"`
	PublicBenefit      bool                     `db:"public_benefit"`
	Provenance         scalar.Provenance        `db:"provenance"`
}

// SeatsLeft is nil for a course without a limit.
func (c *Course) SeatsLeft() *int {
	if c.Capacity == nil {
		return nil
	}
	left := *c.Capacity - c.Taken
	return &left
}

// Fee is nil when none is stated.
func (c *Course) Fee() *scalar.Money {
	if c.Yuan == nil {
		return nil
	}
	return &scalar.Money{Amount: *c.Yuan, Currency: "CNY"}
}

// CourseSession is a 课次.
type CourseSession struct {
	Row
	CourseID   uuid.UUID         `db:"course_id" for:"course"`
	RoomID     *uuid.UUID        `db:"room_id" for:"room"`
	Kind       scalar.Enum       `db:"kind"`
	Status     scalar.Enum       `db:"status"`
	Start      time.Time         `db:"starts_at"`
	End        time.Time         `db:"ends_at"`
	ClassHours scalar.Decimal    `db:"class_hours"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Enrolment is a 报名; its rows are restricted.
type Enrolment struct {
	Row
	CourseID             uuid.UUID   `db:"course_id" for:"course"`
	ResidentID           uuid.UUID   `db:"resident_id" for:"resident"`
	Status               scalar.Enum `db:"status"`
	WaitlistPosition     *int        `db:"waitlist_position"`
	OfferedUntil         *time.Time  `db:"offered_until"`
	ParentVolunteerOptIn bool        `db:"parent_volunteer_opt_in"`
	AppliedAt            time.Time   `db:"applied_at"`
	Version              int         `db:"version"`
}

type (
	ProgrammeConnection     = page.Connection[Programme]
	ProgrammeEdge           = page.Edge[Programme]
	CourseConnection        = page.Connection[Course]
	CourseEdge              = page.Edge[Course]
	CourseSessionConnection = page.Connection[CourseSession]
	CourseSessionEdge       = page.Edge[CourseSession]
	EnrolmentConnection     = page.Connection[Enrolment]
	EnrolmentEdge           = page.Edge[Enrolment]
)

var (
	Programmes = Define[Programme](Spec{Type: "Programme", Table: "programmes", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	Courses = Define[Course](Spec{Type: "Course", Table: "courses", Visible: "t.retired_at IS NULL",
		Orders:  map[string][]string{"NAME": {"name_zh"}, "AUDIENCE": {"audience", "name_zh"}, "ENROLMENT_COUNT": {"enrolment_count"}},
		Default: []string{"name_zh"}})
	CourseSessions = Define[CourseSession](Spec{Type: "CourseSession", Table: "course_sessions",
		Orders: map[string][]string{"START": {"starts_at"}}, Default: []string{"starts_at"}})
	Enrolments = Define[Enrolment](Spec{Type: "Enrolment", Table: "enrolments", Restricted: true,
		Own:    "EXISTS (SELECT FROM residents r WHERE r.owner = t.owner AND r.id = t.resident_id AND ? IN (r.id, r.guardian_id))",
		Orders: map[string][]string{"APPLIED_AT": {"applied_at"}}, Default: []string{"applied_at"}})
)

var (
	_ = HasPage(Communities, Programmes, Children{Field: "programmes"})
	_ = HasPage(Communities, Courses, Children{Field: "courses"})
	_ = HasOne(Programmes, "brand", Brands, "brand_id")
	_ = HasOne(Programmes, "station", Stations, "station_id")
	_ = HasOne(Programmes, "room", Rooms, "room_id")
	_ = HasOne(Programmes, "provider", Organizations, "provider_org_id")
	_ = HasPage(Programmes, Courses, Children{Field: "courses", By: "programme_id"})
	_ = HasValue[*scalar.Decimal](Programmes, Value{Field: "classHoursTaught", SQL: `(SELECT COALESCE(sum(s.class_hours), 0)
		FROM courses c JOIN course_sessions s ON s.owner = c.owner AND s.course_id = c.id
		WHERE c.owner = p.owner AND c.programme_id = p.id AND s.status = 'HELD')`})
	_ = HasOne(Courses, "programme", Programmes, "programme_id")
	_ = HasPage(Courses, CourseSessions, Children{Field: "sessions", By: "course_id", Filter: startsDuring})
	_ = HasPage(Courses, Enrolments, Children{Field: "enrolments", By: "course_id"})
	_ = HasOne(CourseSessions, "course", Courses, "course_id")
	_ = HasOne(CourseSessions, "room", Rooms, "room_id")
	_ = HasOne(Enrolments, "course", Courses, "course_id")
)

var _ = DefineCube(Cube{
	Of: Courses, Where: "CourseFilter",
	Dimensions: []Dimension{
		{Name: "AUDIENCE", Column: "audience"},
		{Name: "PROGRAMME", SQL: "t.programme_id", To: Programmes},
		{Name: "PUBLIC_BENEFIT", Column: "public_benefit", Type: "Boolean"},
		{Name: "WEEKDAY", Doc: "1 is Monday; a course stands in each of its weekdays.", Type: "Int", SQL: "d.n",
			From: "LEFT JOIN LATERAL unnest(t.weekdays) d(n) ON true", Overlaps: true},
	},
	Measures: []Measure{
		{Name: "courses", Doc: "Courses that are offered.", Unit: "门", Kind: measure.Count{}},
		{Name: "signUps", Doc: "Sum of the sign-ups that stand.", Unit: "人次", Kind: measure.Sum{Of: "t.enrolment_count"}},
		{Name: "seats", Doc: "Sum of the seats of courses with a limit.", Unit: "个", Kind: measure.Known{Of: "t.capacity"}},
		{Name: "seatsTaken", Doc: "Seats taken over seats, of courses with a limit.",
			Kind: measure.Ratio{Of: "sum(CASE WHEN t.capacity IS NOT NULL THEN t.confirmed_count END)", By: "sum(t.capacity)"}},
	},
})

var _ = DefineCube(Cube{
	Of: CourseSessions, Time: "starts_at",
	Dimensions: []Dimension{
		{Name: "COURSE", SQL: "t.course_id", To: Courses},
		{Name: "PROGRAMME", SQL: "c.programme_id", To: Programmes, From: itsCourse},
		{Name: "AUDIENCE", SQL: "c.audience", Type: "Audience", From: itsCourse},
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "ROOM", SQL: "t.room_id", To: Rooms},
		{Name: "WEEKDAY", Doc: "1 is Monday.", SQL: "extract(isodow FROM t.starts_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "sessions", Doc: "Sessions, whatever their status.", Unit: "次", Kind: measure.Count{}},
		{Name: "held", Doc: "Sessions that were held.", Unit: "次", Kind: measure.Count{If: "t.status = 'HELD'"}},
		{Name: "classHours", Doc: "Class hours of the sessions held.", Unit: "课时", Kind: measure.Sum{Of: "CASE WHEN t.status = 'HELD' THEN t.class_hours END"}},
		{Name: "roomHours", Doc: "Hours that rooms are booked for.", Unit: "小时", Kind: measure.Sum{Of: "extract(epoch FROM t.ends_at - t.starts_at) / 3600"}},
	},
})

// itsCourse is the course of a session or a sign-up.
const itsCourse = "JOIN courses c ON c.owner = t.owner AND c.id = t.course_id"

var _ = DefineCube(Cube{
	Of: Enrolments, Where: "EnrolmentFilter", Time: "applied_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "PROGRAMME", SQL: "c.programme_id", To: Programmes, From: itsCourse},
		{Name: "COURSE", SQL: "t.course_id", To: Courses},
		{Name: "AUDIENCE", SQL: "c.audience", Type: "Audience", From: itsCourse},
		{Name: "STATUS", Column: "status"},
		{Name: "AGE_BAND", Doc: "Of the age when the course starts.", SQL: ageBandSQL("t.age_at_start")},
	},
	Measures: []Measure{
		{Name: "signUps", Doc: "Sign-ups, whatever became of them.", Unit: "人次", Kind: measure.Count{}},
		{Name: "residents", Doc: "Different residents who signed up.", Unit: "人", Kind: measure.Distinct{Of: "t.resident_id"}},
		{Name: "completedShare", Doc: "Sign-ups completed over those confirmed, attending or completed.",
			Kind: measure.Share("t.status = 'COMPLETED'", "t.status IN ('CONFIRMED', 'ATTENDING', 'COMPLETED')")},
		{Name: "waiting", Doc: "Sign-ups that wait for a seat.", Unit: "人次", Kind: measure.Sum{Of: "(t.status = 'WAITLISTED')::int"}},
	},
	Guard: &Guard{People: "t.resident_id", Lattice: []string{"PROGRAMME", "COURSE", "AGE_BAND"}},
})

// startsDuring is the filter of the argument range.
func startsDuring(args map[string]any) Filter {
	if r, ok := args["range"].(*DateRange); ok && r != nil {
		return &starts{r}
	}
	return nil
}

type starts struct{ *DateRange }

func (f *starts) Where(w *Where, _ *Ask) error { return w.During("t.starts_at", f.DateRange, "range") }

// ProgrammeFilter narrows a list of programmes.
type ProgrammeFilter struct {
	Audience     *scalar.Enum
	AgeIs        *int
	NameContains *string
}

func (f *ProgrammeFilter) Where(w *Where, _ *Ask) error {
	if f.Audience != nil {
		w.And("? = ANY(t.audiences)", string(*f.Audience))
	}
	w.Contains("t.name_zh", f.NameContains)
	return w.takesAge(f.AgeIs)
}

// CourseFilter narrows a list of courses.
type CourseFilter struct {
	Audience     *scalar.Enum
	AgeIs        *int
	HasSeats     *bool
	Weekday      *int
	NameContains *string
	Programme    *string
}

func (f *CourseFilter) Where(w *Where, _ *Ask) error {
	if f.Audience != nil {
		w.And("t.audience = ?", string(*f.Audience))
	}
	if f.HasSeats != nil {
		w.And("COALESCE(t.confirmed_count < t.capacity, true) = ?", *f.HasSeats)
	}
	if f.Weekday != nil {
		if *f.Weekday < 1 || *f.Weekday > 7 {
			return fault.Newf(fault.BadUserInput, "a weekday is 1 (Monday) to 7 (Sunday)").At("filter", "weekday")
		}
		w.And("?::smallint = ANY(t.weekdays)", *f.Weekday)
	}
	w.Contains("t.name_zh", f.NameContains)
	if err := w.takesAge(f.AgeIs); err != nil {
		return err
	}
	return w.Refers("t.programme_id", f.Programme, Programmes, "filter", "programme")
}

// EnrolmentFilter narrows a list of sign-ups.
type EnrolmentFilter struct {
	Status []scalar.Enum
}

func (f *EnrolmentFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	return nil
}

// maxAge bounds ages in filters. Chosen: above any that was ever reached.
const maxAge = 150

// takesAge keeps what is open to an age; a missing bound is open.
func (w *Where) takesAge(age *int) error {
	if age == nil {
		return nil
	}
	if *age < 0 || *age > maxAge {
		return fault.Newf(fault.BadUserInput, "an age is 0 to %d completed years", maxAge).At("filter", "ageIs")
	}
	w.And("COALESCE(t.age_min <= ?, true) AND COALESCE(t.age_max >= ?, true)", *age, *age)
	return nil
}
