package store

import (
	"slices"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// checkInEarly is how long before an event its desk opens. Chosen.
	checkInEarly = 2 * time.Hour
	// missedAfter is how long after an event those who came may still be entered. Chosen.
	missedAfter = time.Hour
)

// EventRegistration is a 活动报名; its rows are restricted.
type EventRegistration struct {
	Row
	EventID      uuid.UUID         `db:"event_id" for:"event"`
	ResidentID   uuid.UUID         `db:"resident_id" for:"resident"`
	Status       scalar.Enum       `db:"status"`
	RegisteredAt time.Time         `db:"registered_at"`
	CheckedInAt  *time.Time        `db:"checked_in_at"`
	CancelledAt  *time.Time        `db:"cancelled_at"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

type (
	EventRegistrationConnection = page.Connection[EventRegistration]
	EventRegistrationEdge       = page.Edge[EventRegistration]
)

var EventRegistrations = Define[EventRegistration](Spec{Type: "EventRegistration", Table: "event_registrations", Restricted: true,
	Own:     "EXISTS (SELECT FROM residents r WHERE r.owner = t.owner AND r.id = t.resident_id AND ? IN (r.id, r.guardian_id))",
	Orders:  map[string][]string{"REGISTERED_AT": {"registered_at"}},
	Default: []string{"registered_at"}, DefaultDesc: true})

var (
	_ = HasOne(EventRegistrations, "event", Events, "event_id")
	_ = HasOne(EventRegistrations, "resident", Residents, "resident_id")
	_ = HasPage(Events, EventRegistrations, Children{Field: "registrations", By: "event_id"})
	_ = HasPage(Residents, EventRegistrations, Children{Field: "eventRegistrations", By: "resident_id"})
)

// EventRegistrationFilter narrows a list of registrations.
type EventRegistrationFilter struct {
	Status []scalar.Enum
	Event  *string
	Range  *DateRange
}

func (f *EventRegistrationFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if err := w.Refers("t.event_id", f.Event, Events, "filter", "event"); err != nil {
		return err
	}
	return w.During("t.registered_at", f.Range, "filter", "range")
}

// itsEvent is the event of a registration.
const itsEvent = "JOIN events e ON e.owner = t.owner AND e.id = t.event_id"

var _ = DefineCube(Cube{
	Of: EventRegistrations, Time: "registered_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "EVENT_KIND", SQL: "e.kind", Type: "EventKind", From: itsEvent},
		{Name: "SERIES", SQL: "e.series_id", To: EventSerieses, From: itsEvent},
		{Name: "STATUS", Column: "status"},
	},
	Measures: []Measure{
		{Name: "registrations", Doc: "Registrations, whatever became of them.", Unit: "人次", Kind: measure.Count{}},
		{Name: "attended", Doc: "Registrations of those who came.", Unit: "人次", Kind: measure.Sum{Of: "(t.status = 'CHECKED_IN')::int"}},
		{Name: "noShowRate", Doc: "Registrations of those who did not come over registrations for events that are over, cancelled ones left out.",
			Kind: measure.Share("t.status = 'NO_SHOW'", "t.status IN ('CHECKED_IN', 'NO_SHOW')")},
		{Name: "residents", Doc: "Different residents who registered.", Unit: "人", Kind: measure.Distinct{Of: "t.resident_id"}},
	},
	Guard: &Guard{People: "t.resident_id", Lattice: []string{"EVENT_KIND", "SERIES", "STATUS"}},
})

var (
	eventDesk = Holding[EventRegistration](authz.StationStaff)
	// registersFor lets in residents; for whom they act is for actsFor to say.
	registersFor = Holding[EventRegistration](authz.Resident)
)

// RegistrationLife is that of a registration. Every step holds the event's row first, so that seats are given one by one.
var RegistrationLife = &Machine[EventRegistration]{
	Table: EventRegistrations, Topic: "registration",
	State: func(g *EventRegistration) (scalar.Enum, int) { return g.Status, g.Version },
	Transitions: []Transition[EventRegistration]{
		{"register", nil, "REGISTERED", eventDesk.Or(registersFor), nil},
		{"checkIn", In("REGISTERED"), "CHECKED_IN", eventDesk, nil},
		{"cancel", In("REGISTERED"), "CANCELLED", eventDesk.Or(registersFor), nil},
		{"callOff", In("REGISTERED"), "CANCELLED", eventDesk, nil},
		{"miss", In("REGISTERED"), "NO_SHOW", eventDesk, nil},
	},
	Rules: Rules{
		"event_registrations_one_live":               fault.Newf(fault.Conflict, "this resident has registered for the event already").At("resident"),
		"event_registrations_owner_resident_id_fkey": missing("resident"),
		"event_registrations_owner_event_id_fkey":    missing("event"),
		"event_capacity_never_exceeded":              noSeat,
	},
}

var noSeat = fault.Newf(fault.Conflict, "the event is full").At("event")

// EventRegistrationPayload answers a step of a registration.
type EventRegistrationPayload struct {
	Registration *EventRegistration
	UserErrors   []UserError
}

// heldEvent is an event whose row this transaction has locked.
type heldEvent struct {
	status        scalar.Enum
	capacity      *int
	registered    int
	starts, until *time.Time // until is excluded; nil: not known
}

// endOfEvent is when an event is over: one whose end is not known counts on the day it starts.
const endOfEvent = "coalesce(e.ends_at, (cst_date(e.starts_at) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"

func holdEvent(tx *Tx, id uuid.UUID) (*heldEvent, error) {
	// Read in a statement of its own: one that waits for the lock would read what was there before.
	if _, err := tx.exec("SELECT FROM events WHERE owner = $1 AND id = $2 FOR UPDATE", tx.Owner, id); err != nil {
		return nil, err
	}
	e := new(heldEvent)
	found, err := tx.Get("SELECT e.status, e.capacity, e.registered_count, e.starts_at, "+endOfEvent+" FROM events e WHERE e.owner = $1 AND e.id = $2 AND e.status <> 'DRAFT'",
		[]any{tx.Owner, id}, &e.status, &e.capacity, &e.registered, &e.starts, &e.until)
	if err == nil && !found {
		err = missing("event")
	}
	return e, err
}

// takes refuses a registration for an event that is over, is not to be, or is full.
func (e *heldEvent) takes(now time.Time) error {
	switch {
	case !slices.Contains(In("PUBLISHED OPEN FULL ONGOING"), e.status):
		return fault.Newf(fault.Conflict, "the event takes no registrations: it is %s", e.status).At("event")
	case e.isOver(now):
		return fault.Newf(fault.Conflict, "the event is over").At("event")
	case e.status == "FULL", e.capacity != nil && e.registered >= *e.capacity:
		return noSeat
	}
	return nil
}

func (e *heldEvent) isOver(now time.Time) bool { return e.until != nil && !now.Before(*e.until) }

// RegisterForEventInput registers a resident for an event.
type RegisterForEventInput struct {
	Event          string
	Resident       *string
	IdempotencyKey string
}

func (in *RegisterForEventInput) Command(*Ask) (Command, error) {
	event, err := page.ParseID(in.Event)
	if err != nil {
		return Command{}, fault.Of(err).At("event")
	}
	return RegistrationLife.Begin("register", event.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		resident := in.Resident
		if resident == nil {
			resident = &tx.Ask.Viewer.Resident
		}
		form := tx.Form()
		form.Refer("event_id", &in.Event, Events.Type, "event")
		form.Refer("resident_id", resident, Residents.Type, "resident")
		form.Set("registered_at", tx.Now())
		if form.err != nil {
			return form.Done()
		}
		if _, err := actsFor(tx, form.set["resident_id"].(uuid.UUID), "resident"); err != nil {
			return Change{}, err
		}
		e, err := holdEvent(tx, event.UUID)
		if err == nil {
			err = e.takes(tx.Now())
		}
		if err != nil {
			return Change{}, err
		}
		return form.Done()
	})
}

// StepRegistrationInput takes a step that needs nothing more.
type StepRegistrationInput struct{ Edit }

// To is the input of an action.
func (in *StepRegistrationInput) To(action string) Input { return registrationStep{in, action} }

type registrationStep struct {
	*StepRegistrationInput
	action string
}

func (s registrationStep) Command(*Ask) (Command, error) {
	var event *heldEvent
	c, err := RegistrationLife.Take(s.action, s.Edit, s.StepRegistrationInput, func(tx *Tx, g *EventRegistration) (Change, error) {
		now := tx.Now()
		switch s.action {
		case "checkIn":
			return Change{Set: Values{"checked_in_at": now}}, event.desk(now)
		case "cancel":
			if event.isOver(now) {
				return Change{}, fault.Newf(fault.InvalidTransition, "the event is over").With("allowed", []string{})
			}
			_, err := actsFor(tx, g.ResidentID, "id")
			return Change{Set: Values{"cancelled_at": now}}, err
		case "callOff":
			return Change{Set: Values{"cancelled_at": now}}, nil
		}
		return Change{}, nil
	})
	take := c.Do
	c.Do = func(tx *Tx) error {
		var id uuid.UUID
		found, err := tx.Get("SELECT event_id FROM event_registrations WHERE owner = $1 AND id = $2", []any{tx.Owner, tx.ID}, &id)
		switch {
		case err != nil:
			return err
		case !found:
			return notFound
		}
		if event, err = holdEvent(tx, id); err != nil {
			return err
		}
		return take(tx)
	}
	return c, err
}

// desk refuses to check in where the event's desk is not open.
func (e *heldEvent) desk(now time.Time) error {
	switch {
	case !slices.Contains(In("PUBLISHED OPEN FULL ONGOING"), e.status) && e.status != "ENDED":
		return fault.Newf(fault.InvalidTransition, "the event does not take place: it is %s", e.status).With("allowed", []string{"cancel"})
	case e.starts == nil:
		return fault.Newf(fault.InvalidTransition, "when the event starts is not known").With("allowed", []string{"cancel"})
	case now.Before(e.starts.Add(-checkInEarly)):
		return fault.Newf(fault.InvalidTransition, "its desk opens at %s", e.starts.Add(-checkInEarly).In(scalar.Shanghai).Format("01-02 15:04")).With("allowed", []string{"cancel"})
	case e.isOver(now):
		return fault.Newf(fault.InvalidTransition, "the event is over").With("allowed", []string{})
	}
	return nil
}

// Who did not come is known an hour after the event; who registered for what is called off does not come.
var _ = keeps(Chore{Name: "registrations", AtOnce: 100, Do: func(r *Round) (done int, err error) {
	for _, due := range []struct{ action, when string }{
		{"callOff", "e.status = 'CANCELLED' AND $2::timestamptz IS NOT NULL"},
		{"miss", "e.status NOT IN ('DRAFT', 'CANCELLED', 'POSTPONED') AND " + endOfEvent + " <= $2"},
	} {
		n, err := r.take(func(owner string, id uuid.UUID) (Command, error) {
			in := StepRegistrationInput{Edit{ID: page.ID{Type: EventRegistrations.Type, Owner: owner, UUID: id}.String()}}
			return in.To(due.action).Command(r.Ask)
		}, "SELECT g.owner, g.id FROM event_registrations g JOIN events e ON e.owner = g.owner AND e.id = g.event_id"+
			" WHERE g.owner = ANY($1) AND g.status = 'REGISTERED' AND "+due.when+" ORDER BY g.owner, g.event_id, g.id LIMIT $3",
			pq.Array(r.Owners), r.Ask.Viewer.At.Add(-missedAfter), r.AtOnce-done)
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}})
