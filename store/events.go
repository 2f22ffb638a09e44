package store

import (
	"time"

	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Event is an 活动 of a community or, under a division's code as owner, of a division.
type Event struct {
	Row
	NameZh             string                   `db:"name_zh"`
	NameEn             *string                  `db:"name_en"`
	Kind               scalar.Enum              `db:"kind"`
	Status             scalar.Enum              `db:"status"`
	Theme              *string                  `db:"theme"`
	Scope              scalar.Enum              `db:"scope"`
	SeriesID           *uuid.UUID               `db:"series_id" for:"series"`
	Edition            *int                     `db:"edition"`
	CampaignID         *uuid.UUID               `db:"campaign_id" sql:"coalesce(t.campaign_id, t.district_campaign_id)" for:"campaign"`
	CampaignOwner      *string                  `db:"campaign_owner" for:"campaign"` // nil: the event's own
	StationID          *uuid.UUID               `db:"station_id" for:"station"`
	RoomID             *uuid.UUID               `db:"room_id" for:"room"`
	CourseID           *uuid.UUID               `db:"course_id" for:"course"`
	TeamID             *uuid.UUID               `db:"team_id" for:"team"`
	AnnouncesSeriesID  *uuid.UUID               `db:"announces_series_id" for:"announces"`
	Start              *time.Time               `db:"starts_at"`
	End                *time.Time               `db:"ends_at"`
	AllDay             bool                     `db:"all_day"`
	HeldOn             *PublishedDate           `db:"held_on"`
	Year               *int                     `db:"year"`
	Organiser          *string                  `db:"organiser"`
	Attendance         *scalar.ReportedQuantity `db:"attendance"`
	AttendeeGroups     []string                 `db:"attendee_groups"`
	Servers            []string                 `db:"served_by" for:"servedBy"`
	Audiences          []scalar.Enum            `db:"audiences"`
	Capacity           *int                     `db:"capacity" for:"seatsLeft"`
	RegisteredCount    int                      `db:"registered_count" for:"seatsLeft"`
	ActivitiesReported *scalar.ReportedQuantity `db:"activities_reported"`
	Provenance         scalar.Provenance        `db:"provenance"`
}

// SeatsLeft is nil for an event without a limit.
func (e *Event) SeatsLeft() *int {
	if e.Capacity == nil {
		return nil
	}
	left := *e.Capacity - e.RegisteredCount
	return &left
}

type (
	EventConnection = page.Connection[Event]
	EventEdge       = page.Edge[Event]
)

// Events are by start, those without one last.
var Events = Define[Event](Spec{Type: "Event", Table: "events", Published: "t.status <> 'DRAFT'",
	Orders: map[string][]string{"START": {"starts_at"}, "NAME": {"name_zh"}}, Default: []string{"starts_at"}})

// TodayEvents keeps the events of a Shanghai day. The day is in the key, so midnight needs
// no write.
var TodayEvents = DefineHot(Events, HotSpec[Event]{
	List:    "TODAY_EVENTS",
	Filter:  func(at time.Time) Filter { return takesPlace{scalar.DateOf(at)} },
	Variant: func(at time.Time) string { return scalar.DateOf(at).String() },
	Within:  8 * 24 * time.Hour, // chosen: a week's view; other days are asked for too seldom to keep
})

var (
	_ = HasPage(Communities, Events, Children{Field: "events"})
	_ = HasHot(Communities, "todayEvents", TodayEvents)
	_ = HasPage(Stations, Events, Children{Field: "events", By: "station_id"})
	_ = HasOne(ServiceWindows, "event", Events, "event_id")
	_ = FromOwner(Events, "division", "Division", func(d *Directory, owner string) any { return d.Division(owner) })
	_ = FromDirectory(Events, "servedBy", "Community", func(d *Directory, e *Event) any { return d.Known(e.Servers) })
	_ = HasOne(Events, "series", EventSerieses, "series_id")
	_ = HasOneAfar(Events, "campaign", Campaigns, "campaign_id", func(e *Event) *string { return e.CampaignOwner })
	_ = HasOne(Events, "course", Courses, "course_id")
	_ = HasOne(Events, "team", VolunteerTeams, "team_id")
	_ = HasOne(Events, "announces", EventSerieses, "announces_series_id")
	_ = HasOne(Brands, "launchEvent", Events, "launched_by_event_id")
	_ = HasOne(Offerings, "event", Events, "event_id")
	_ = HasOne(Programmes, "event", Events, "event_id")
	_ = HasOne(TeamHonours, "event", Events, "event_id")
	_ = HasOne(ServiceRecords, "series", EventSerieses, "series_id")
	_ = HasOne(Events, "station", Stations, "station_id")
	_ = HasOne(Events, "room", Rooms, "room_id")
	_ = HasMany(Events, EventParts, Children{Field: "parts", By: "event_id"})
	_ = HasMany(Events, EventActivities, Children{Field: "activities", By: "event_id"})
	_ = HasMany(Events, ProgrammeItems, Children{Field: "programme", By: "event_id"})
	_ = HasMany(Events, Stalls, Children{Field: "stalls", By: "event_id"})
	_ = HasMany(Events, ContestEntries, Children{Field: "entries", By: "event_id"})
	_ = HasMany(Events, ServiceWindows, Children{Field: "serviceWindows", By: "event_id"})
)

var _ = DefineCube(Cube{
	Of: Events, Where: "EventFilter", Time: "starts_at",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "SERIES", SQL: "t.series_id", To: EventSerieses},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "AUDIENCE", Doc: "An event stands in the group of each of its audiences.", Type: "Audience", SQL: "a.name",
			From: "LEFT JOIN LATERAL unnest(t.audiences) a(name) ON true", Overlaps: true},
		{Name: "WEEKDAY", Doc: "Of the start, 1 is Monday.", SQL: "extract(isodow FROM t.starts_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "events", Doc: "Events, whatever their status.", Unit: "场", Kind: measure.Count{}},
		{Name: "held", Doc: "Events that have ended.", Unit: "场", Kind: measure.Count{If: "t.status = 'ENDED'"}},
		{Name: "registrations", Doc: "Sum of registrations.", Unit: "人次", Kind: measure.Sum{Of: "t.registered_count"}},
		{Name: "seatsTaken", Doc: "Registrations over seats, of events with a limit.",
			Kind: measure.Ratio{Of: "sum(CASE WHEN t.capacity IS NOT NULL THEN t.registered_count END)", By: "sum(t.capacity)"}},
		{Name: "editions", Doc: "Highest edition of a series.", Unit: "届", Kind: measure.Most{Of: "t.edition"}},
	},
})

// EventFilter narrows a list of events.
type EventFilter struct {
	Range        *DateRange
	Kinds        []scalar.Enum
	Status       []scalar.Enum
	Series       *string
	Campaign     *string
	Station      *string
	NameContains *string
}

func (f *EventFilter) Where(w *Where, _ *Ask) error {
	if f.Range != nil {
		if err := f.Range.Check("filter.range"); err != nil {
			return err
		}
		overlaps(w, f.Range.From, f.Range.To)
	}
	w.AnyOf("t.kind", f.Kinds)
	w.AnyOf("t.status", f.Status)
	w.Contains("t.name_zh", f.NameContains)
	if f.Campaign != nil {
		id, err := refersTo(*f.Campaign, Campaigns, "filter", "campaign")
		if err != nil {
			return err
		}
		w.And("(t.owner = ? AND t.campaign_id = ? OR t.campaign_owner = ? AND t.district_campaign_id = ?)", id.Owner, id.UUID, id.Owner, id.UUID)
	}
	if err := w.Refers("t.series_id", f.Series, EventSerieses, "filter", "series"); err != nil {
		return err
	}
	return w.Refers("t.station_id", f.Station, Stations, "filter", "station")
}

// overlaps keeps events that take place on the days of a range, even in part: those that are
// not over before it begins (an end is excluded, an unknown end is the start) and begin
// before it is over. over_at and starts_at are the columns of the index.
func overlaps(w *Where, from, to scalar.Date) {
	w.And("t.over_at >= ? AND t.starts_at < ? AND (t.over_at > ? OR t.starts_at >= ?)", from.Start(), to.End(), from.Start(), from.Start())
}

// takesPlace keeps the events that take place on a day.
type takesPlace struct{ Day scalar.Date }

func (f takesPlace) Where(w *Where, _ *Ask) error {
	overlaps(w, f.Day, f.Day)
	w.And("t.status <> ALL ('{DRAFT,CANCELLED,POSTPONED}')")
	return nil
}

// refersTo reads the id of a row of the given type. The input path is named when it is not.
func refersTo(id string, to Described, at ...string) (page.ID, error) {
	parsed, err := page.ParseID(id)
	if err != nil {
		return page.ID{}, fault.Of(err).At(at...)
	}
	if parsed.Type != to.TypeName() {
		return page.ID{}, fault.Newf(fault.BadUserInput, "the id is not one of a %s", to.TypeName()).At(at...)
	}
	return parsed, nil
}

// TodayEventsChange says whose events changed, and when that was heard of.
type TodayEventsChange struct {
	Owner     string
	At        time.Time
	Community *Community // nil when the owner is a division
	Division  *Division
}
