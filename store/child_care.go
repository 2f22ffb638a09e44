package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// adulthood is the age from which a resident may collect a child. Chosen: full civil capacity.
const adulthood = 18

// ChildCareSession is a child's stay at a station.
type ChildCareSession struct {
	Row
	StationID           uuid.UUID         `db:"station_id" for:"station"`
	RoomID              *uuid.UUID        `db:"room_id" for:"room"`
	ChildID             uuid.UUID         `db:"child_id" for:"child"`
	ChildName           string            `db:"child_name" for:"childMaskedName" sql:"(SELECT r.name FROM residents r WHERE r.owner = t.owner AND r.id = t.child_id)"`
	Status              scalar.Enum       `db:"status"`
	InAt                time.Time         `db:"in_at"`
	OutAt               *time.Time        `db:"out_at"`
	CollectedByID       *uuid.UUID        `db:"collected_by_id" for:"collectedBy"`
	CollectedByGuardian *bool             `db:"collected_by_guardian" sql:"(SELECT r.guardian_id = t.collected_by_id FROM residents r WHERE r.owner = t.owner AND r.id = t.child_id)"`
	Version             int               `db:"version"`
	Provenance          scalar.Provenance `db:"provenance"`
}

func (s *ChildCareSession) ChildMaskedName() string { return maskName(s.ChildName) }

// ChildDelegate is whom a guardian lets collect a child.
type ChildDelegate struct {
	Row
	ChildID    uuid.UUID         `db:"child_id" for:"child"`
	ChildName  string            `db:"child_name" for:"childMaskedName" sql:"(SELECT r.name FROM residents r WHERE r.owner = t.owner AND r.id = t.child_id)"`
	DelegateID uuid.UUID         `db:"delegate_id" for:"delegate"`
	Status     scalar.Enum       `db:"status"`
	ValidFrom  scalar.Date       `db:"valid_from"`
	ValidTo    scalar.Date       `db:"valid_to"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

func (d *ChildDelegate) ChildMaskedName() string { return maskName(d.ChildName) }

type (
	ChildCareSessionConnection = page.Connection[ChildCareSession]
	ChildCareSessionEdge       = page.Edge[ChildCareSession]
	ChildDelegateConnection    = page.Connection[ChildDelegate]
	ChildDelegateEdge          = page.Edge[ChildDelegate]
)

// ofOwnChild is the condition under which what concerns a child is its guardian's own.
const ofOwnChild = "EXISTS (SELECT FROM residents r WHERE r.owner = t.owner AND r.id = t.child_id AND r.guardian_id = ?)"

var (
	ChildCareSessions = Define[ChildCareSession](Spec{Type: "ChildCareSession", Table: "child_care_sessions", Restricted: true, Own: ofOwnChild,
		Orders:  map[string][]string{"IN_AT": {"in_at"}},
		Default: []string{"in_at"}, DefaultDesc: true})
	ChildDelegates = Define[ChildDelegate](Spec{Type: "ChildDelegate", Table: "child_delegates", Restricted: true, Own: ofOwnChild,
		Orders:  map[string][]string{"VALID_FROM": {"valid_from"}},
		Default: []string{"valid_from"}, DefaultDesc: true})
)

var (
	_ = HasOne(ChildCareSessions, "station", Stations, "station_id")
	_ = HasOne(ChildCareSessions, "room", Rooms, "room_id")
	_ = HasOne(ChildCareSessions, "child", Residents, "child_id")
	_ = HasOne(ChildCareSessions, "collectedBy", Residents, "collected_by_id")
	_ = HasOne(ChildDelegates, "child", Residents, "child_id")
	_ = HasOne(ChildDelegates, "delegate", Residents, "delegate_id")
	_ = HasPage(Stations, ChildCareSessions, Children{Field: "childCareSessions", By: "station_id"})
)

// ChildCareSessionFilter narrows a list of stays.
type ChildCareSessionFilter struct {
	Status        []scalar.Enum
	Station, Room *string
	Range         *DateRange
}

func (f *ChildCareSessionFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	if err := w.Refers("t.room_id", f.Room, Rooms, "filter", "room"); err != nil {
		return err
	}
	return w.During("t.in_at", f.Range, "filter", "range")
}

// ChildDelegateFilter narrows a list of delegates.
type ChildDelegateFilter struct {
	Status []scalar.Enum
	On     *scalar.Date
}

func (f *ChildDelegateFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if f.On != nil {
		w.And("t.status = 'NAMED' AND ?::date BETWEEN t.valid_from AND t.valid_to", *f.On)
	}
	return nil
}

var childDesk = Holding[ChildCareSession](authz.StationStaff)

// ChildCareLife is a stay: in, and out with whom the database lets collect the child (I18).
var ChildCareLife = &Machine[ChildCareSession]{
	Table: ChildCareSessions, Topic: "childCare",
	State: func(s *ChildCareSession) (scalar.Enum, int) { return s.Status, s.Version },
	Transitions: []Transition[ChildCareSession]{
		{"checkIn", nil, "PRESENT", childDesk, nil},
		{"checkOut", In("PRESENT"), "COLLECTED", childDesk, nil},
	},
	Rules: Rules{
		"child_in_one_place":                             fault.Newf(fault.Conflict, "the child is there already, or at another station").At("child"),
		"child_has_a_guardian":                           fault.Newf(fault.BadUserInput, "a child is a resident under 18 with a guardian on file").At("child"),
		"collected_by_the_guardian":                      fault.Newf(fault.Forbidden, "a child leaves with the guardian on file, or whom the guardian named for today").At("collector"),
		"child_care_sessions_owner_child_id_fkey":        missing("child"),
		"child_care_sessions_owner_station_id_fkey":      missing("station"),
		"room_of_the_station":                            fault.Newf(fault.NotFound, "the station has no such room").At("room"),
		"child_care_sessions_owner_collected_by_id_fkey": missing("collector"),
	},
}

// ChildDelegateLife is that of a delegate: named and, before its days are over, perhaps revoked.
var ChildDelegateLife = &Machine[ChildDelegate]{
	Table: ChildDelegates, Topic: "childCare",
	State: func(d *ChildDelegate) (scalar.Enum, int) { return d.Status, d.Version },
	Transitions: []Transition[ChildDelegate]{
		{"name", nil, "NAMED", Holding[ChildDelegate](authz.Resident), nil},
		{"revoke", In("NAMED"), "REVOKED", Holding[ChildDelegate](authz.Resident), nil},
	},
	Rules: Rules{
		"delegate_is_another":                    fault.Newf(fault.BadUserInput, "a child is collected by another").At("delegate"),
		"delegate_for_some_days":                 fault.Newf(fault.BadUserInput, "the last day is not before the first").At("to"),
		"child_delegates_owner_child_id_fkey":    missing("child"),
		"child_delegates_owner_delegate_id_fkey": missing("delegate"),
	},
}

// ChildCarePayload answers a step of a stay.
type ChildCarePayload struct {
	Session    *ChildCareSession
	UserErrors []UserError
}

// ChildDelegatePayload answers a step of a delegate.
type ChildDelegatePayload struct {
	Delegate   *ChildDelegate
	UserErrors []UserError
}

// CheckInChildInput takes a child in.
type CheckInChildInput struct {
	Station, Child string
	Room           *string
	IdempotencyKey string
}

func (in *CheckInChildInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Station)
	if err != nil {
		return Command{}, fault.Of(err).At("station")
	}
	return ChildCareLife.Begin("checkIn", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("station_id", &in.Station, Stations.Type, "station")
		form.Refer("room_id", in.Room, Rooms.Type, "room")
		form.Refer("child_id", &in.Child, Residents.Type, "child")
		form.Set("in_at", tx.Now())
		return form.Done()
	})
}

// CheckOutChildInput lets a child go with somebody.
type CheckOutChildInput struct {
	Edit
	Collector string
}

func (in *CheckOutChildInput) Command(*Ask) (Command, error) {
	return ChildCareLife.Take("checkOut", in.Edit, in, func(tx *Tx, _ *ChildCareSession) (Change, error) {
		form := tx.Form()
		form.Refer("collected_by_id", &in.Collector, Residents.Type, "collector")
		form.Set("out_at", tx.Now())
		return form.Done()
	})
}

// NameChildDelegateInput lets somebody collect a child on some days.
type NameChildDelegateInput struct {
	Child, Delegate string
	From, To        scalar.Date
	IdempotencyKey  string
}

func (in *NameChildDelegateInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Child)
	if err != nil {
		return Command{}, fault.Of(err).At("child")
	}
	return ChildDelegateLife.Begin("name", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("child_id", &in.Child, Residents.Type, "child")
		form.Refer("delegate_id", &in.Delegate, Residents.Type, "delegate")
		form.Set("valid_from", in.From)
		form.Set("valid_to", in.To)
		if in.From.Compare(scalar.DateOf(tx.Now())) < 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "the first day is today or later").At("from"))
		}
		ch, err := form.Done()
		if err == nil {
			err = speaksFor(tx, ch.Set["child_id"].(uuid.UUID))
		}
		if err == nil {
			err = grownUp(tx, ch.Set["delegate_id"].(uuid.UUID))
		}
		return ch, err
	})
}

// speaksFor refuses who is neither staff nor the child's guardian.
func speaksFor(tx *Tx, child uuid.UUID) error {
	if guardian, err := actsFor(tx, child, "child"); err != nil || guardian {
		return err
	}
	return fault.Newf(fault.Forbidden, "the guardian on file says who collects a child").At("child")
}

// grownUp refuses a delegate who is known to be a child.
func grownUp(tx *Tx, delegate uuid.UUID) error {
	var born *scalar.Date
	if _, err := tx.Get("SELECT birth_date FROM residents WHERE owner = $1 AND id = $2", []any{tx.Owner, delegate}, &born); err != nil {
		return err
	}
	if born != nil && completedYears(*born, scalar.DateOf(tx.Now())) < adulthood {
		return fault.Newf(fault.BadUserInput, "who collects a child is %d at least", adulthood).At("delegate")
	}
	return nil
}

// RevokeChildDelegateInput lets somebody no longer collect a child.
type RevokeChildDelegateInput struct{ Edit }

func (in *RevokeChildDelegateInput) Command(*Ask) (Command, error) {
	return ChildDelegateLife.Take("revoke", in.Edit, in, func(tx *Tx, d *ChildDelegate) (Change, error) {
		return Change{}, speaksFor(tx, d.ChildID)
	})
}
