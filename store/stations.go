package store

import (
	"context"
	"time"

	"linhui/internal/authz"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Station is a place where a community serves people.
type Station struct {
	Row
	NameZh                  string                   `db:"name_zh"`
	NameEn                  *string                  `db:"name_en"`
	Aliases                 []string                 `db:"aliases"`
	Kind                    scalar.Enum              `db:"kind"`
	GroupLabel              *string                  `db:"group_label"`
	Structure               *string                  `db:"structure"`
	EstateID                *uuid.UUID               `db:"estate_id" for:"estate"`
	BrandID                 *uuid.UUID               `db:"brand_id" for:"brand"`
	ParentID                *uuid.UUID               `db:"parent_id" for:"parent"`
	FormerOwnerID           *uuid.UUID               `db:"former_owner_id" for:"formerOwner"`
	LocationZh              *string                  `db:"location_zh"`
	AreaSqm                 *scalar.ReportedQuantity `db:"area_sqm"`
	PublicPhone             *string                  `db:"public_phone"`
	OpenToPublic            bool                     `db:"open_to_public"`
	FormerUse               *string                  `db:"former_use"`
	Functions               []string                 `db:"functions"`
	ServedGroups            []scalar.Enum            `db:"served_groups"`
	ServedGroupsZh          []string                 `db:"served_groups_zh"`
	Provenance              scalar.Provenance        `db:"provenance"`
	FunctionsEn             []string                 `db:"functions_en"`
	StaffedBy               []string                 `db:"staffed_by"`
	Pilot                   bool                     `db:"pilot"`
	Upgraded                bool                     `db:"upgraded"`
	HeatingInWinter         *bool                    `db:"heating_in_winter"`
	AirConditioningInSummer *bool                    `db:"air_conditioning_in_summer"`
	IsLendingPoint          bool                     `db:"is_lending_point"`
	PublicContactPosted     *bool                    `db:"public_contact_posted"`
	Limitation              *string                  `db:"limitation"`
	Note                    *string                  `db:"note"`
	Latitude                *scalar.Decimal          `db:"lat"`
	Longitude               *scalar.Decimal          `db:"lng"`
	Hours                   *Hours                   `db:"hours" for:"openNow,nextTransition"`
}

// OpenNow reports whether the station is open at the instant of the request.
func (s *Station) OpenNow(ctx context.Context) bool {
	return s.Hours.OpenAt(authz.FromContext(ctx).At)
}

// NextTransition is when the station next opens or closes, nil when that is not in sight.
func (s *Station) NextTransition(ctx context.Context) *time.Time {
	return s.Hours.Next(authz.FromContext(ctx).At)
}

// Room is a room of a station.
type Room struct {
	Row
	NameZh     string             `db:"name_zh"`
	NameEn     *string            `db:"name_en"`
	Kind       scalar.Enum        `db:"kind"`
	GroupLabel *string            `db:"group_label"`
	StationID  uuid.UUID          `db:"station_id" for:"station"`
	Capacity   *int               `db:"capacity"`
	AreaSqm    *scalar.Decimal    `db:"area_sqm"`
	SpaceUse   scalar.Enum        `db:"space_use"`
	Functions  []string           `db:"functions"`
	NoiseRule  *string            `db:"noise_rule"`
	Hosts      []string           `db:"hosts"`
	Note       *string            `db:"note"`
	Peak       *scalar.Recurrence `db:"peak"`
	Provenance scalar.Provenance  `db:"provenance"`
}

// Offering is something a station offers.
type Offering struct {
	Row
	NameZh            string            `db:"name_zh"`
	NameEn            *string           `db:"name_en"`
	Kind              scalar.Enum       `db:"kind"`
	StationID         uuid.UUID         `db:"station_id" for:"station"`
	RoomID            *uuid.UUID        `db:"room_id" for:"room"`
	Audience          *scalar.Enum      `db:"audience"`
	Consumable        bool              `db:"consumable"`
	Stock             *int              `db:"stock"`
	Available         bool              `db:"available"`
	RequiredDocuments []string          `db:"required_documents"`
	Fee               *scalar.Money     `db:"fee" sql:"CASE WHEN t.fee IS NOT NULL THEN jsonb_build_object('amount', t.fee, 'currency', 'CNY') END"`
	Process           []string          `db:"process"`
	EventID           *uuid.UUID        `db:"event_id" for:"event"`
	TeamID            *uuid.UUID        `db:"team_id" for:"team"`
	Note              *string           `db:"note"`
	Version           int               `db:"version"`
	Provenance        scalar.Provenance `db:"provenance"`
}

// Signage is a sign of a station.
type Signage struct {
	Row
	PlaceZh string   `db:"place_zh"`
	LabelZh string   `db:"label_zh"`
	States  []string `db:"states"`
}

// Schedule is regular hours of a station, a room or an offering.
type Schedule struct {
	Row
	StationID  uuid.UUID         `db:"station_id"`
	RoomID     *uuid.UUID        `db:"room_id" for:"room"`
	OfferingID *uuid.UUID        `db:"offering_id" for:"offering"`
	Recurrence scalar.Recurrence `db:"recurrence" sql:"jsonb_build_object('rrule', t.rrule, 'rdates', t.rdates, 'exdates', t.exdates, 'zh', t.zh, 'dtstart', (t.dtstart + t.opens_at) AT TIME ZONE 'Asia/Shanghai', 'durationMinutes', 1440 - (1440 + extract(epoch FROM t.opens_at - t.closes_at)::int / 60) % 1440)"`
	OpensAt    string            `db:"opens_at" sql:"to_char(t.opens_at, 'HH24:MI')"`
	ClosesAt   string            `db:"closes_at" sql:"to_char(t.closes_at, 'HH24:MI')"`
	ValidFrom  *scalar.Date      `db:"valid_from" sql:"lower(t.valid)"`
	ValidTo    *scalar.Date      `db:"valid_to" sql:"upper(t.valid) - 1"`
}

// ScheduleException is a day with other hours than the schedules'.
type ScheduleException struct {
	Row
	OnDay    scalar.Date `db:"on_day"`
	Kind     scalar.Enum `db:"kind"`
	OpensAt  *string     `db:"opens_at" sql:"to_char(t.opens_at, 'HH24:MI')"`
	ClosesAt *string     `db:"closes_at" sql:"to_char(t.closes_at, 'HH24:MI')"`
	Note     *string     `db:"note"`
	RoomID   *uuid.UUID  `db:"room_id" for:"room"`
}

// ServiceWindow is a time of extra service.
type ServiceWindow struct {
	Row
	NameZh     *string           `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	StationID  uuid.UUID         `db:"station_id" for:"station"`
	EventID    *uuid.UUID        `db:"event_id" for:"event"`
	StartsOn   *scalar.Date      `db:"starts_on"`
	EndsOn     *scalar.Date      `db:"ends_on"`
	OpensAt    *string           `db:"opens_at" sql:"to_char(t.opens_at, 'HH24:MI')"`
	ClosesAt   *string           `db:"closes_at" sql:"to_char(t.closes_at, 'HH24:MI')"`
	Pilot      bool              `db:"pilot"`
	Review     *string           `db:"review"`
	FollowUp   *string           `db:"follow_up"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	StationConnection = page.Connection[Station]
	StationEdge       = page.Edge[Station]
)

var (
	Stations = Define[Station](Spec{Type: "Station", Table: "stations", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
	Rooms     = Define[Room](Spec{Type: "Room", Table: "rooms", Visible: "t.retired_at IS NULL", Default: []string{"name_zh"}})
	Offerings = Define[Offering](Spec{Type: "Offering", Table: "offerings", Visible: "t.retired_at IS NULL", Default: []string{"name_zh"}})
	Signages  = Define[Signage](Spec{Type: "Signage", Table: "signage", Default: []string{"place_zh"}})

	Schedules          = Define[Schedule](Spec{Type: "Schedule", Table: "schedules", Default: []string{"opens_at"}})
	ScheduleExceptions = Define[ScheduleException](Spec{Type: "ScheduleException", Table: "schedule_exceptions", Default: []string{"on_day"}})
	ServiceWindows     = Define[ServiceWindow](Spec{Type: "ServiceWindow", Table: "service_windows", Default: []string{"starts_on"}})
)

// OpenStationsNow keeps every station with its hours, so that who is open is decided when the
// list is read: a station opens and closes without a write.
var OpenStationsNow = DefineHot(Stations, HotSpec[Station]{
	List:      "OPEN_STATIONS_NOW",
	Keep:      func(s *Station, at time.Time) bool { return s.Hours.OpenAt(at) },
	KeepReads: []string{"openNow"},
})

var (
	_ = HasPage(Communities, Stations, Children{Field: "stations"})
	_ = HasOne(Stations, "estate", Estates, "estate_id")
	_ = HasOne(Stations, "brand", Brands, "brand_id")
	_ = HasOne(Stations, "parent", Stations, "parent_id")
	_ = HasOne(Stations, "formerOwner", Organizations, "former_owner_id")
	_ = HasMany(Stations, Stations, Children{Field: "children", By: "parent_id"})
	_ = HasMany(Stations, Rooms, Children{Field: "rooms", By: "station_id"})
	_ = HasMany(Stations, Offerings, Children{Field: "offerings", By: "station_id", Filter: AnyOf("kind", "t.kind")})
	_ = HasMany(Stations, Signages, Children{Field: "signage", By: "station_id"})
	_ = HasHot(Communities, "openStationsNow", OpenStationsNow)
	_ = HasMany(Stations, Channels, Children{Field: "channels", By: "station_id"})
	_ = HasMany(Stations, Schedules, Children{Field: "schedules", By: "station_id"})
	_ = HasMany(Stations, ScheduleExceptions, Children{Field: "scheduleExceptions", By: "station_id", Filter: exceptionDays})
	_ = HasMany(Stations, ServiceWindows, Children{Field: "serviceWindows", By: "station_id"})
	_ = HasOne(Schedules, "room", Rooms, "room_id")
	_ = HasOne(Schedules, "offering", Offerings, "offering_id")
	_ = HasOne(ScheduleExceptions, "room", Rooms, "room_id")
	_ = HasOne(ServiceWindows, "station", Stations, "station_id")
	_ = HasOne(Rooms, "station", Stations, "station_id")
	_ = HasOne(Offerings, "station", Stations, "station_id")
	_ = HasOne(Offerings, "room", Rooms, "room_id")
)

var _ = DefineCube(Cube{
	Of: Stations, Where: "StationFilter",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "ESTATE", SQL: "t.estate_id", To: Estates},
		{Name: "BRAND", SQL: "t.brand_id", To: Brands},
		{Name: "UPGRADED", Column: "upgraded", Type: "Boolean"},
		{Name: "SERVED_GROUP", Doc: "A station stands in each of its groups.", Type: "Audience", SQL: "g.name",
			From: "LEFT JOIN LATERAL unnest(t.served_groups) g(name) ON true", Overlaps: true},
	},
	Measures: []Measure{
		{Name: "stations", Doc: "Stations in use.", Unit: "个", Kind: measure.Count{}},
		{Name: "area", Doc: "Sum of the published areas; 约 and 余 are added as the figure they stand by.", Unit: "平方米", Kind: measure.Known{Of: "(t.area_sqm->>'value')::numeric"}},
		{Name: "lendingPoints", Doc: "Stations that lend things.", Unit: "个", Kind: measure.Count{If: "t.is_lending_point"}},
	},
})

var _ = DefineCube(Cube{
	Of: Rooms,
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "SPACE_USE", Column: "space_use"},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
	},
	Measures: []Measure{
		{Name: "rooms", Doc: "Rooms in use.", Unit: "间", Kind: measure.Count{}},
		{Name: "area", Doc: "Sum of the rooms' areas, where they are known.", Unit: "平方米", Kind: measure.Known{Of: "t.area_sqm"}},
		{Name: "seats", Doc: "Sum of the rooms' capacities, where they are known.", Unit: "人", Kind: measure.Known{Of: "t.capacity"}},
		{Name: "serviceShare", Doc: "Area of service rooms over area of service and office rooms.",
			Kind: measure.Ratio{Of: "sum(CASE WHEN t.space_use = 'SERVICE' THEN t.area_sqm END)", By: "sum(CASE WHEN t.space_use IN ('SERVICE', 'OFFICE') THEN t.area_sqm END)"}},
	},
})

// StationFilter narrows a list of stations.
type StationFilter struct {
	Kinds         []scalar.Enum
	OfferingKinds []scalar.Enum
	NameContains  *string
	Estate        *string
}

func (f *StationFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	if f.OfferingKinds != nil {
		w.And("EXISTS (SELECT FROM offerings o WHERE o.owner = t.owner AND o.station_id = t.id AND o.retired_at IS NULL AND o.kind = ANY(?))", EnumTexts(f.OfferingKinds))
	}
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.estate_id", f.Estate, Estates, "filter", "estate")
}

// exceptionFilter keeps the exceptions on the days of a range; without one, from today on.
type exceptionFilter struct{ Range *DateRange }

func exceptionDays(args map[string]any) Filter {
	r, _ := args["range"].(*DateRange)
	return exceptionFilter{r}
}

func (f exceptionFilter) Where(w *Where, ask *Ask) error {
	if f.Range == nil {
		w.And("t.on_day >= ?", scalar.DateOf(ask.Viewer.At))
	}
	return w.Days("t.on_day", f.Range, "range")
}
