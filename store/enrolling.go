package store

import (
	"slices"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// offerFor is how long a seat that came free is kept for who waits first. model.md §5.
	offerFor = 24 * time.Hour
	// consentUnder is the age in completed years below which a guardian has to agree. model.md §5.
	consentUnder = 14
)

var (
	teaches = Holding[Enrolment](authz.StationStaff)
	// signedUp lets in the resident of a sign-up, or their guardian; which rows those are is
	// for actsFor, since a row does not say who somebody's guardian is.
	signedUp = Holding[Enrolment](authz.Resident)
)

// EnrolmentLife is the state machine of model.md §5. Every step holds the course's row first, so
// that seats and the order of waiting are decided one by one.
var EnrolmentLife = &Machine[Enrolment]{
	Table: Enrolments, Topic: "enrolment",
	State: func(e *Enrolment) (scalar.Enum, int) { return e.Status, e.Version },
	Transitions: []Transition[Enrolment]{
		{"enrol", nil, "", teaches.Or(signedUp), nil},
		{"consent", In("APPLIED"), "", teaches.Or(signedUp), nil},
		{"accept", In("OFFERED"), "CONFIRMED", teaches.Or(signedUp), stillKept},
		{"withdraw", In("APPLIED WAITLISTED OFFERED CONFIRMED ATTENDING"), "WITHDRAWN", teaches.Or(signedUp), nil},
		{"reject", In("APPLIED"), "REJECTED", teaches, nil},
		{"expire", In("OFFERED"), "EXPIRED", teaches, nil},
		{"complete", In("ATTENDING"), "COMPLETED", teaches, nil},
	},
	Rules: Rules{
		"enrolments_one_live":             fault.Newf(fault.Conflict, "this resident has signed up for the course already").At("resident"),
		"enrolments_resident_fkey":        missing("resident"),
		"enrolments_owner_course_id_fkey": missing("course"),
		"under_14_needs_consent":          fault.Newf(fault.BadUserInput, "under 14 a guardian agrees first").At("guardianConsent"),
	},
}

func stillKept(ask *Ask, e *Enrolment) error {
	if e.OfferedUntil != nil && ask.Viewer.At.After(*e.OfferedUntil) {
		return fault.Newf(fault.InvalidTransition, "the seat was kept until %s; it has gone to who waits next", e.OfferedUntil.In(scalar.Shanghai).Format("01-02 15:04")).With("allowed", []string{})
	}
	return nil
}

// EnrolmentPayload answers a step of a sign-up.
type EnrolmentPayload struct {
	Enrolment  *Enrolment
	UserErrors []UserError
}

// EnrolInput signs a resident up for a course.
type EnrolInput struct {
	Course               string
	Resident             *string
	GuardianConsent      bool
	ParentVolunteerOptIn bool
	IdempotencyKey       string
}

func (in *EnrolInput) Command(*Ask) (Command, error) {
	course, err := page.ParseID(in.Course)
	if err != nil {
		return Command{}, fault.Of(err).At("course")
	}
	return EnrolmentLife.Begin("enrol", course.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		resident := in.Resident
		if resident == nil {
			resident = &tx.Ask.Viewer.Resident
		}
		form := tx.Form()
		form.Refer("course_id", &in.Course, Courses.Type, "course")
		form.Refer("resident_id", resident, Residents.Type, "resident")
		form.Set("parent_volunteer_opt_in", in.ParentVolunteerOptIn)
		form.Set("applied_at", tx.Now())
		if form.err != nil {
			return form.Done()
		}
		who := form.set["resident_id"].(uuid.UUID)
		guardian, err := actsFor(tx, who, "resident")
		if err != nil {
			return Change{}, err
		}
		c, err := holdCourse(tx, course.UUID)
		if err != nil {
			return Change{}, err
		}
		age, err := c.takes(tx, who)
		if err != nil {
			return Change{}, err
		}
		form.Set("age_at_start", age)
		if age < consentUnder && !(in.GuardianConsent && guardian) {
			form.Set("status", scalar.Enum("APPLIED")) // until consentEnrolment
			return form.Done()
		}
		return c.seat(tx, form, age < consentUnder)
	})
}

// actsFor refuses to act for a resident whom the viewer is not, nor is guardian of; staff act for
// everybody. guardian says that the viewer may agree for a child: the guardian, or staff who hold
// the paper.
func actsFor(tx *Tx, resident uuid.UUID, at string) (guardian bool, err error) {
	if tx.Ask.Viewer.Has(authz.StationStaff) {
		return true, nil
	}
	owner, self, _ := Self(tx.Ask.Viewer)
	found, err := tx.Get("SELECT guardian_id IS NOT DISTINCT FROM $3 FROM residents WHERE owner = $1 AND owner = $4 AND id = $2 AND $3 IN (id, guardian_id)",
		[]any{tx.Owner, resident, self, owner}, &guardian)
	if err == nil && !found {
		err = fault.Newf(fault.Forbidden, "you act for yourself, and for the children whose guardian you are").At(at)
	}
	return guardian, err
}

// heldCourse is a course whose row this transaction has locked.
type heldCourse struct {
	id             uuid.UUID
	capacity       *int
	taken, waiting int
	ageMin, ageMax *int
	starts         *time.Time
}

func holdCourse(tx *Tx, id uuid.UUID) (*heldCourse, error) {
	c := &heldCourse{id: id}
	// Counted in a statement of its own: one that waits for the lock would count what was there before.
	if _, err := tx.exec("SELECT FROM courses WHERE owner = $1 AND id = $2 FOR UPDATE", tx.Owner, id); err != nil {
		return nil, err
	}
	found, err := tx.Get(`SELECT c.capacity, c.confirmed_count, c.age_min, c.age_max,
			(SELECT count(*) FROM enrolments e WHERE e.owner = c.owner AND e.course_id = c.id AND e.status = 'WAITLISTED'),
			(SELECT min(starts_at) FROM course_sessions s WHERE s.owner = c.owner AND s.course_id = c.id AND s.status <> 'CANCELLED')
		FROM courses c WHERE c.owner = $1 AND c.id = $2 AND c.retired_at IS NULL`, []any{tx.Owner, id},
		&c.capacity, &c.taken, &c.ageMin, &c.ageMax, &c.waiting, &c.starts)
	if err == nil && !found {
		err = missing("course")
	}
	return c, err
}

// takes is the resident's age when the course starts, or today for one that has no sessions yet,
// and an error when the course is for others.
func (c *heldCourse) takes(tx *Tx, resident uuid.UUID) (age int, err error) {
	on := tx.Now()
	if c.starts != nil && c.starts.After(on) {
		on = *c.starts
	}
	var years *int
	found, err := tx.Get("SELECT full_years(birth_date, cst_date($3)) FROM residents WHERE owner = $1 AND id = $2", []any{tx.Owner, resident, on}, &years)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 0, missing("resident")
	case years == nil:
		return 0, fault.Newf(fault.BadUserInput, "the day of birth is not known, which courses ask for: have it recorded first").At("resident")
	case c.ageMin != nil && *years < *c.ageMin, c.ageMax != nil && *years > *c.ageMax:
		return 0, fault.Newf(fault.BadUserInput, "the course is for another age").At("resident")
	}
	return *years, nil
}

// seat gives a seat, or a place at the end of the waiting list: who comes later does not take a
// seat that is on its way to who waits. agreed: a guardian has, which is kept.
func (c *heldCourse) seat(tx *Tx, form *Form, agreed bool) (Change, error) {
	if agreed {
		consent, err := uuid.NewV7()
		if err != nil {
			return Change{}, err
		}
		form.Set("guardian_consent_id", consent)
		if err := tx.Audit("consent", Enrolments.Type, tx.ID, Values{"consent": consent}); err != nil {
			return Change{}, err
		}
	}
	form.Set("status", scalar.Enum("CONFIRMED"))
	if c.capacity != nil && (c.taken >= *c.capacity || c.waiting > 0) {
		form.Set("status", scalar.Enum("WAITLISTED"))
		form.Set("waitlist_position", c.waiting+1)
	}
	return form.Done()
}

// takeEnrolment makes the command of an action on a sign-up that is the viewer's to take; change comes
// with the course held. A seat that the step frees is offered to who waits first.
func takeEnrolment(action string, e Edit, input any, change func(tx *Tx, c *heldCourse, row *Enrolment) (Change, error)) (Command, error) {
	var course *heldCourse
	var before *Enrolment
	c, err := EnrolmentLife.Take(action, e, input, func(tx *Tx, row *Enrolment) (Change, error) {
		before = row
		if _, err := actsFor(tx, row.ResidentID, "id"); err != nil {
			return Change{}, err
		}
		return change(tx, course, row)
	})
	take := c.Do
	c.Do = func(tx *Tx) error {
		var id uuid.UUID
		found, err := tx.Get("SELECT course_id FROM enrolments WHERE owner = $1 AND id = $2", []any{tx.Owner, tx.ID}, &id)
		switch {
		case err != nil:
			return err
		case !found:
			return notFound
		}
		if course, err = holdCourse(tx, id); err != nil {
			return err
		}
		if err := take(tx); err != nil {
			return err
		}
		if to := EnrolmentLife.first(action).To; !slices.Contains(seated, to) && slices.Contains(seated, before.Status) {
			return course.offer(tx)
		}
		return nil
	}
	return c, err
}

// seated are the states that have a seat; linhui_seat_taken in store/migrations is the same.
var seated = In("OFFERED CONFIRMED ATTENDING COMPLETED")

// offer offers a seat that came free to who waits first.
func (c *heldCourse) offer(tx *Tx) error {
	var next uuid.UUID
	found, err := tx.Get(`SELECT id FROM enrolments WHERE owner = $1 AND course_id = $2 AND status = 'WAITLISTED'
		ORDER BY waitlist_position, applied_at, id LIMIT 1 FOR UPDATE`, []any{tx.Owner, c.id}, &next)
	if err != nil || !found {
		return err
	}
	set := Values{"status": scalar.Enum("OFFERED"), "waitlist_position": nil, "offered_until": tx.Now().Add(offerFor)}
	if err := tx.Update("enrolments", next, set); err != nil {
		return err
	}
	return EnrolmentLife.record(tx, next, "offer", "WAITLISTED", "OFFERED", "")
}

// ConsentEnrolmentInput says that a child's guardian agrees.
type ConsentEnrolmentInput struct{ Edit }

func (in *ConsentEnrolmentInput) Command(*Ask) (Command, error) {
	return takeEnrolment("consent", in.Edit, in, func(tx *Tx, c *heldCourse, row *Enrolment) (Change, error) {
		guardian, err := actsFor(tx, row.ResidentID, "id")
		if err != nil {
			return Change{}, err
		}
		if !guardian {
			return Change{}, fault.Newf(fault.Forbidden, "the guardian agrees, or staff who hold the guardian's paper").At("id")
		}
		if _, err := c.takes(tx, row.ResidentID); err != nil {
			return Change{}, err
		}
		return c.seat(tx, tx.Form(), true)
	})
}

// StepEnrolmentInput takes a step that needs nothing more.
type StepEnrolmentInput struct{ Edit }

// To is the input of an action.
func (in *StepEnrolmentInput) To(action string) Input { return enrolmentStep{in, action} }

type enrolmentStep struct {
	*StepEnrolmentInput
	action string
}

func (s enrolmentStep) Command(*Ask) (Command, error) {
	return takeEnrolment(s.action, s.Edit, s.StepEnrolmentInput, func(*Tx, *heldCourse, *Enrolment) (Change, error) {
		return Change{Set: Values{"offered_until": nil, "waitlist_position": nil}}, nil
	})
}

// A seat that nobody took in time goes to who waits next.
var _ = keeps(Chore{Name: "offering", AtOnce: 100, Do: func(r *Round) (int, error) {
	return r.take(func(owner string, id uuid.UUID) (Command, error) {
		in := StepEnrolmentInput{Edit{ID: page.ID{Type: Enrolments.Type, Owner: owner, UUID: id}.String()}}
		return in.To("expire").Command(r.Ask)
	}, `SELECT owner, id FROM enrolments WHERE owner = ANY($1) AND status = 'OFFERED' AND offered_until < $2 ORDER BY owner, course_id, id LIMIT $3`,
		pq.Array(r.Owners), r.Ask.Viewer.At, r.AtOnce)
}})
