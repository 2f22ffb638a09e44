package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const voidedForLength = 200

// StationVisit is a 到访 of any number of people; its rows are restricted and name nobody.
type StationVisit struct {
	Row
	StationID  uuid.UUID         `db:"station_id" for:"station"`
	RoomID     *uuid.UUID        `db:"room_id" for:"room"`
	At         time.Time         `db:"at"`
	Purpose    scalar.Enum       `db:"purpose"`
	Audience   *scalar.Enum      `db:"audience"`
	Count      int               `db:"count"`
	Status     scalar.Enum       `db:"status"`
	VoidedAt   *time.Time        `db:"voided_at"`
	VoidedFor  *string           `db:"voided_for"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	StationVisitConnection = page.Connection[StationVisit]
	StationVisitEdge       = page.Edge[StationVisit]
)

var StationVisits = Define[StationVisit](Spec{Type: "StationVisit", Table: "station_visits", Restricted: true,
	Orders:  map[string][]string{"AT": {"at"}},
	Default: []string{"at"}, DefaultDesc: true})

var (
	_ = HasOne(StationVisits, "station", Stations, "station_id")
	_ = HasOne(StationVisits, "room", Rooms, "room_id")
	_ = HasPage(Stations, StationVisits, Children{Field: "visits", By: "station_id"})
)

// StationVisitFilter narrows a list of visits.
type StationVisitFilter struct {
	Status, Purpose []scalar.Enum
	Station, Room   *string
	Range           *DateRange
}

func (f *StationVisitFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.purpose", f.Purpose)
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	if err := w.Refers("t.room_id", f.Room, Rooms, "filter", "room"); err != nil {
		return err
	}
	return w.During("t.at", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: StationVisits, Time: "at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "ROOM", SQL: "t.room_id", To: Rooms},
		{Name: "PURPOSE", Column: "purpose"},
		{Name: "AUDIENCE", Column: "audience"},
		{Name: "WEEKDAY", Doc: "1 is Monday.", SQL: "extract(isodow FROM t.at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
		{Name: "HOUR", Doc: "0 to 23.", SQL: "extract(hour FROM t.at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "visits", Doc: "People who came, each as often as they came; what was voided is left out.", Unit: "人次", Kind: measure.Sum{Of: "CASE WHEN t.status = 'RECORDED' THEN t.count END"}},
		{Name: "records", Doc: "Records that were not voided.", Unit: "条", Kind: measure.Count{If: "t.status = 'RECORDED'"}},
	},
})

var countsVisits = Holding[StationVisit](authz.StationStaff)

// StationVisitLife is that of a record: a wrong one is voided, never changed (I21).
var StationVisitLife = &Machine[StationVisit]{
	Table: StationVisits, Topic: "stationVisit",
	State: func(v *StationVisit) (scalar.Enum, int) { return v.Status, v.Version },
	Transitions: []Transition[StationVisit]{
		{"record", nil, "RECORDED", countsVisits, nil},
		{"void", In("RECORDED"), "VOIDED", countsVisits, nil},
	},
	Rules: Rules{
		"station_visits_owner_station_id_fkey": missing("station"),
		"visited_room_of_the_station":          fault.Newf(fault.NotFound, "the station has no such room").At("room"),
		"visits_are_of_some":                   fault.Newf(fault.BadUserInput, "1 to 10000 people").At("count"),
	},
}

// StationVisitPayload answers a step of a record.
type StationVisitPayload struct {
	Visit      *StationVisit
	UserErrors []UserError
}

// RecordVisitsInput records how many came.
type RecordVisitsInput struct {
	Station        string
	Room           *string
	At             *time.Time
	Purpose        scalar.Enum
	Audience       *scalar.Enum
	Count          int
	IdempotencyKey string
}

func (in *RecordVisitsInput) Command(*Ask) (Command, error) {
	station, err := page.ParseID(in.Station)
	if err != nil {
		return Command{}, fault.Of(err).At("station")
	}
	return StationVisitLife.Begin("record", station.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		at := tx.Now()
		if in.At != nil && in.At.After(at) {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: now or before").At("at"))
		} else if in.At != nil {
			at = *in.At
		}
		form.Refer("station_id", &in.Station, Stations.Type, "station")
		form.Refer("room_id", in.Room, Rooms.Type, "room")
		form.Set("at", at)
		form.Set("purpose", in.Purpose)
		form.Set("audience", in.Audience)
		form.Set("count", in.Count)
		return form.Done()
	})
}

// VoidVisitsInput takes a record out of the figures.
type VoidVisitsInput struct {
	Edit
	Reason string
}

func (in *VoidVisitsInput) Command(*Ask) (Command, error) {
	return StationVisitLife.Take("void", in.Edit, in, func(tx *Tx, _ *StationVisit) (Change, error) {
		form := tx.Form()
		form.Text("voided_for", in.Reason, voidedForLength, "reason")
		form.Set("voided_at", tx.Now())
		return form.Done()
	})
}
