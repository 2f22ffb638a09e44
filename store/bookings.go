package store

import (
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
	// bookAhead is how far ahead rooms are booked. Chosen: a season of rehearsals.
	bookAhead = 90 * 24 * time.Hour
	// bookAtMost is the longest booking; booking_of_half_a_day in store/migrations is the same. Chosen: longer than a station is open.
	bookAtMost = 12 * time.Hour
	// startEarly is how long before its time a room is handed over. Chosen: to set up.
	startEarly = 30 * time.Minute

	purposeLength = 100
)

// RoomBooking is a 房间预约; its rows are restricted.
type RoomBooking struct {
	Row
	RoomID      uuid.UUID         `db:"room_id" for:"room"`
	Start       time.Time         `db:"starts_at"`
	End         time.Time         `db:"ends_at"`
	Status      scalar.Enum       `db:"status"`
	TeamID      *uuid.UUID        `db:"team_id" for:"team"`
	BookedByID  *uuid.UUID        `db:"booked_by_id" for:"bookedBy"`
	Purpose     *string           `db:"purpose"`
	RequestedAt time.Time         `db:"requested_at"`
	ConfirmedAt *time.Time        `db:"confirmed_at"`
	StartedAt   *time.Time        `db:"started_at"`
	CompletedAt *time.Time        `db:"completed_at"`
	CancelledAt *time.Time        `db:"cancelled_at"`
	Version     int               `db:"version"`
	Provenance  scalar.Provenance `db:"provenance"`
}

// RoomSlot is what everybody sees of a booking that is not over.
type RoomSlot struct {
	Row
	RoomID uuid.UUID   `db:"room_id" for:"room"`
	Start  time.Time   `db:"starts_at"`
	End    time.Time   `db:"ends_at"`
	Status scalar.Enum `db:"status" sql:"(t.status)"` // of a view, which cannot hold what its table does not: no newer value is tried on it
	TeamID *uuid.UUID  `db:"team_id" for:"team"`
}

type (
	RoomBookingConnection = page.Connection[RoomBooking]
	RoomBookingEdge       = page.Edge[RoomBooking]
	RoomSlotConnection    = page.Connection[RoomSlot]
	RoomSlotEdge          = page.Edge[RoomSlot]
)

var (
	RoomBookings = Define[RoomBooking](Spec{Type: "RoomBooking", Table: "room_bookings", Restricted: true, Own: "t.booked_by_id = ?",
		Orders:  map[string][]string{"START": {"starts_at"}},
		Default: []string{"starts_at"}, DefaultDesc: true})
	RoomSlots = Define[RoomSlot](Spec{Type: "RoomSlot", Table: "room_slots",
		Orders: map[string][]string{"START": {"starts_at"}}, Default: []string{"starts_at"}})
)

var (
	_ = HasOne(RoomBookings, "room", Rooms, "room_id")
	_ = HasOne(RoomBookings, "team", VolunteerTeams, "team_id")
	_ = HasOne(RoomBookings, "bookedBy", Residents, "booked_by_id")
	_ = HasOne(RoomSlots, "room", Rooms, "room_id")
	_ = HasOne(RoomSlots, "team", VolunteerTeams, "team_id")
	_ = HasPage(Rooms, RoomBookings, Children{Field: "bookings", By: "room_id"})
	_ = HasPage(Rooms, RoomSlots, Children{Field: "slots", By: "room_id"})
	_ = HasPage(Residents, RoomBookings, Children{Field: "roomBookings", By: "booked_by_id"})
	_ = HasValue[*bool](Rooms, Value{Field: "occupied",
		SQL: `(EXISTS (SELECT FROM room_slots b WHERE b.owner = p.owner AND b.room_id = p.id AND b.status = 'IN_USE' AND b.ends_at > ?)
			OR EXISTS (SELECT FROM course_sessions s WHERE s.owner = p.owner AND s.room_id = p.id AND s.status <> 'CANCELLED' AND s.starts_at <= ? AND s.ends_at > ?))`,
		Args: func(ask *Ask, _ map[string]any) ([]any, error) {
			now := ask.Viewer.At
			return []any{now, now, now}, nil
		}})
)

// RoomBookingFilter narrows a list of bookings.
type RoomBookingFilter struct {
	Status     []scalar.Enum
	Room, Team *string
	Range      *DateRange
}

func (f *RoomBookingFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if err := w.Refers("t.room_id", f.Room, Rooms, "filter", "room"); err != nil {
		return err
	}
	if err := w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team"); err != nil {
		return err
	}
	return w.During("t.starts_at", f.Range, "filter", "range")
}

// RoomSlotFilter narrows a list of slots.
type RoomSlotFilter struct {
	Status []scalar.Enum
	Range  *DateRange
}

func (f *RoomSlotFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	return w.During("t.starts_at", f.Range, "filter", "range")
}

const (
	// itsRoom is the room of a booking or a room's day.
	itsRoom = "JOIN rooms r ON r.owner = t.owner AND r.id = t.room_id"
	// heldForIt are the statuses of bookings that kept the room from others, whether or not who booked came.
	heldForIt    = "('CONFIRMED', 'IN_USE', 'COMPLETED', 'NO_SHOW')"
	hoursOfStart = "extract(epoch FROM t.ends_at - t.starts_at) / 3600"
)

// Nobody is behind the guard: the figures are of rooms, and tell what slots tell to everybody.
var _ = DefineCube(Cube{
	Of: RoomBookings, Time: "starts_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "ROOM", SQL: "t.room_id", To: Rooms},
		{Name: "STATION", SQL: "r.station_id", To: Stations, From: itsRoom},
		{Name: "TEAM", SQL: "t.team_id", To: VolunteerTeams},
		{Name: "STATUS", Column: "status"},
		{Name: "WEEKDAY", Doc: "Of the start, 1 is Monday.", SQL: "extract(isodow FROM t.starts_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
		{Name: "HOUR", Doc: "Of the start, 0 to 23.", SQL: "extract(hour FROM t.starts_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "bookings", Doc: "Bookings, whatever became of them.", Unit: "次", Kind: measure.Count{}},
		{Name: "bookedHours", Doc: "Hours that rooms were kept for who booked.", Unit: "小时", Kind: measure.Sum{Of: "CASE WHEN t.status IN " + heldForIt + " THEN " + hoursOfStart + " END"}},
		{Name: "usedHours", Doc: "Booked hours of those who came.", Unit: "小时", Kind: measure.Sum{Of: "CASE WHEN t.status IN ('IN_USE', 'COMPLETED') THEN " + hoursOfStart + " END"}},
		{Name: "noShowShare", Doc: "Bookings that nobody came to over bookings whose time has come.",
			Kind: measure.Share("t.status = 'NO_SHOW'", "t.status IN ('IN_USE', 'COMPLETED', 'NO_SHOW')")},
	},
})

var (
	bookingDesk = Holding[RoomBooking](authz.StationStaff)
	itsBooker   = Named(func(b *RoomBooking) *uuid.UUID { return b.BookedByID })
)

// BookingLife is that of a booking. What time alone ends, the keeper does.
var BookingLife = &Machine[RoomBooking]{
	Table: RoomBookings, Topic: "booking",
	State: func(b *RoomBooking) (scalar.Enum, int) { return b.Status, b.Version },
	Transitions: []Transition[RoomBooking]{
		{"book", nil, "", bookingDesk.Or(Holding[RoomBooking](authz.Resident)), nil},
		{"confirm", In("REQUESTED"), "CONFIRMED", bookingDesk, notBegun},
		{"start", In("CONFIRMED"), "IN_USE", bookingDesk, aboutNow},
		{"complete", In("IN_USE"), "COMPLETED", bookingDesk, nil},
		{"cancel", In("REQUESTED CONFIRMED"), "CANCELLED", bookingDesk.Or(itsBooker), notBegun},
		{"lapse", In("REQUESTED"), "CANCELLED", bookingDesk, nil},
		{"miss", In("CONFIRMED"), "NO_SHOW", bookingDesk, nil},
	},
	Rules: Rules{
		"room_not_double_booked":                roomTaken,
		"booking_ends_after_start":              fault.Newf(fault.BadUserInput, "it ends after it starts").At("end"),
		"booking_of_half_a_day":                 fault.Newf(fault.BadUserInput, "a room is booked for 12 hours at most").At("end"),
		"room_bookings_owner_room_id_fkey":      missing("room"),
		"room_bookings_owner_team_id_fkey":      missing("team"),
		"room_bookings_owner_booked_by_id_fkey": missing("resident"),
	},
}

var roomTaken = fault.Newf(fault.Conflict, "the room is taken then").At("start")

func notBegun(ask *Ask, b *RoomBooking) error {
	if !ask.Viewer.At.Before(b.Start) {
		return fault.Newf(fault.InvalidTransition, "its time has come: it began at %s", b.Start.In(scalar.Shanghai).Format("01-02 15:04")).With("allowed", []string{})
	}
	return nil
}

func aboutNow(ask *Ask, b *RoomBooking) error {
	now, from := ask.Viewer.At, b.Start.Add(-startEarly)
	if now.Before(from) || !now.Before(b.End) {
		return fault.Newf(fault.InvalidTransition, "the room is handed over from %s to %s", from.In(scalar.Shanghai).Format("01-02 15:04"), b.End.In(scalar.Shanghai).Format("01-02 15:04")).With("allowed", []string{})
	}
	return nil
}

// BookingPayload answers a step of a booking.
type BookingPayload struct {
	Booking    *RoomBooking
	UserErrors []UserError
}

// BookRoomInput asks for a room, or takes it.
type BookRoomInput struct {
	Room           string
	Start, End     time.Time
	Team, Resident *string
	Purpose        *string
	IdempotencyKey string
}

func (in *BookRoomInput) Command(*Ask) (Command, error) {
	room, err := page.ParseID(in.Room)
	if err != nil {
		return Command{}, fault.Of(err).At("room")
	}
	return BookingLife.Begin("book", room.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("room_id", &in.Room, Rooms.Type, "room")
		form.Refer("team_id", in.Team, VolunteerTeams.Type, "team")
		form.OptionalText("purpose", in.Purpose, purposeLength, "purpose")
		form.Set("starts_at", in.Start)
		form.Set("ends_at", in.End)
		form.Set("requested_at", tx.Now())
		form.Set("status", scalar.Enum("REQUESTED"))
		switch {
		case !in.Start.After(tx.Now()):
			form.Fail(fault.Newf(fault.BadUserInput, "a room is booked for later than now").At("start"))
		case in.Start.After(tx.Now().Add(bookAhead)):
			form.Fail(fault.Newf(fault.BadUserInput, "a room is booked at most %d days ahead", int(bookAhead.Hours())/24).At("start"))
		case !in.End.After(in.Start):
			form.Fail(BookingLife.Rules["booking_ends_after_start"])
		case in.End.Sub(in.Start) > bookAtMost:
			form.Fail(BookingLife.Rules["booking_of_half_a_day"])
		}
		in.booker(tx, form)
		if form.err != nil {
			return form.Done()
		}
		if tx.Ask.Viewer.Has(authz.StationStaff) {
			form.Set("status", scalar.Enum("CONFIRMED"))
			form.Set("confirmed_at", tx.Now())
		}
		if err := holdRoom(tx, form.set["room_id"].(uuid.UUID), in.Start, in.End); err != nil {
			return Change{}, err
		}
		return form.Done()
	})
}

// booker is who books: staff for whom they say or for nobody in particular, others for themselves and for teams of theirs.
func (in *BookRoomInput) booker(tx *Tx, form *Form) {
	form.Refer("booked_by_id", neighbour(tx, form, in.Resident, authz.StationStaff, "resident"), Residents.Type, "resident")
	if team, ok := form.set["team_id"].(uuid.UUID); ok {
		form.Fail(servesIn(tx, team, "team"))
	}
}

// holdRoom locks the room, so that bookings of it are decided one by one, and refuses a time at which it is taken.
func holdRoom(tx *Tx, room uuid.UUID, start, end time.Time) error {
	found, err := tx.Get("SELECT FROM rooms WHERE owner = $1 AND id = $2 AND retired_at IS NULL FOR NO KEY UPDATE", []any{tx.Owner, room})
	switch {
	case err != nil:
		return err
	case !found:
		return missing("room")
	}
	// In a statement of its own: one that waits for the lock would look at what was there before.
	taken, err := tx.Get(`SELECT FROM room_bookings WHERE owner = $1 AND room_id = $2 AND status IN ('CONFIRMED', 'IN_USE')
		AND tstzrange(starts_at, ends_at) && tstzrange($3, $4) LIMIT 1`, []any{tx.Owner, room, start, end})
	if err == nil && taken {
		err = roomTaken
	}
	return err
}

// StepBookingInput takes a step that needs nothing more.
type StepBookingInput struct{ Edit }

// To is the input of an action.
func (in *StepBookingInput) To(action string) Input { return bookingStep{in, action} }

type bookingStep struct {
	*StepBookingInput
	action string
}

func (s bookingStep) Command(*Ask) (Command, error) {
	return BookingLife.Take(s.action, s.Edit, s.StepBookingInput, func(tx *Tx, b *RoomBooking) (Change, error) {
		now := tx.Now()
		switch s.action {
		case "confirm":
			return Change{Set: Values{"confirmed_at": now}}, holdRoom(tx, b.RoomID, b.Start, b.End)
		case "start":
			return Change{Set: Values{"started_at": now}}, nil
		case "complete":
			if now.After(b.End) {
				now = b.End // the keeper comes later
			}
			return Change{Set: Values{"completed_at": now}}, nil
		case "cancel", "lapse":
			return Change{Set: Values{"cancelled_at": now}}, nil
		}
		return Change{}, nil
	})
}

// What was never confirmed lapses at its start; at the end it is known who did not come.
var _ = keeps(Chore{Name: "bookings", AtOnce: 100, Do: func(r *Round) (done int, err error) {
	for _, due := range []struct{ action, status, at string }{{"lapse", "REQUESTED", "starts_at"}, {"miss", "CONFIRMED", "ends_at"}, {"complete", "IN_USE", "ends_at"}} {
		n, err := r.take(func(owner string, id uuid.UUID) (Command, error) {
			in := StepBookingInput{Edit{ID: page.ID{Type: RoomBookings.Type, Owner: owner, UUID: id}.String()}}
			return in.To(due.action).Command(r.Ask)
		}, "SELECT owner, id FROM room_bookings WHERE owner = ANY($1) AND status = '"+due.status+"' AND "+due.at+" <= $2 ORDER BY owner, id LIMIT $3",
			pq.Array(r.Owners), r.Ask.Viewer.At, r.AtOnce-done)
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}})
