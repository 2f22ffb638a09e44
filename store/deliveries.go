package store

import (
	"time"

	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// ServiceDelivery is a service done and counted.
type ServiceDelivery struct {
	Row
	Kind           scalar.Enum       `db:"kind"`
	OccurredOn     scalar.Date       `db:"occurred_on"`
	PersonTimes    int               `db:"person_times"`
	Sessions       int               `db:"sessions"`
	StationID      *uuid.UUID        `db:"station_id" for:"station"`
	TeamID         *uuid.UUID        `db:"team_id" for:"team"`
	MethodID       *uuid.UUID        `db:"method_id" for:"method"`
	Audience       *scalar.Enum      `db:"audience"`
	SupersedesID   *uuid.UUID        `db:"supersedes_id" for:"supersedes"`
	SupersededByID *uuid.UUID        `db:"superseded_by" for:"supersededBy"`
	SupersededAt   *time.Time        `db:"superseded_at"`
	Provenance     scalar.Provenance `db:"provenance"`
}

// WorkMethod is a way of working.
type WorkMethod struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Parts      []string          `db:"parts"`
	Note       *string           `db:"note"`
	Provenance scalar.Provenance `db:"provenance"`
}

// ReportedStatistic is a figure as it was published.
type ReportedStatistic struct {
	Row
	Metric        scalar.Enum             `db:"metric"`
	ServiceKind   *scalar.Enum            `db:"service_kind"`
	Components    []scalar.Enum           `db:"components"`
	NameZh        string                  `db:"name_zh"`
	NameEn        *string                 `db:"name_en"`
	Quantity      scalar.ReportedQuantity `db:"quantity"`
	AsOf          *scalar.Date            `db:"as_of"`
	Period        *string                 `db:"period"`
	StationID     *uuid.UUID              `db:"station_id" for:"station"`
	MethodID      *uuid.UUID              `db:"method_id" for:"method"`
	RoomID        *uuid.UUID              `db:"room_id" for:"room"`
	EventID       *uuid.UUID              `db:"event_id" for:"event"`
	SeriesID      *uuid.UUID              `db:"series_id" for:"series"`
	MediaSeriesID *uuid.UUID              `db:"media_series_id" for:"mediaSeries"`
	ProgrammeID   *uuid.UUID              `db:"programme_id" for:"programme"`
	CourseID      *uuid.UUID              `db:"course_id" for:"course"`
	TeamID        *uuid.UUID              `db:"team_id" for:"team"`
	Provenance    scalar.Provenance       `db:"provenance"`
}

type (
	ServiceDeliveryConnection   = page.Connection[ServiceDelivery]
	ServiceDeliveryEdge         = page.Edge[ServiceDelivery]
	ReportedStatisticConnection = page.Connection[ReportedStatistic]
	ReportedStatisticEdge       = page.Edge[ReportedStatistic]
)

var (
	ServiceDeliveries = Define[ServiceDelivery](Spec{Type: "ServiceDelivery", Table: "service_deliveries",
		Orders:  map[string][]string{"OCCURRED_ON": {"occurred_on"}, "PERSON_TIMES": {"person_times"}},
		Default: []string{"occurred_on"}, DefaultDesc: true})
	WorkMethods        = Define[WorkMethod](Spec{Type: "WorkMethod", Table: "work_methods", Default: []string{"name_zh"}})
	ReportedStatistics = Define[ReportedStatistic](Spec{Type: "ReportedStatistic", Table: "reported_statistics",
		Orders:  map[string][]string{"METRIC": {"metric"}, "NAME": {"name_zh"}, "AS_OF": {"as_of"}},
		Default: []string{"metric"}})
)

var (
	_ = HasPage(Communities, ServiceDeliveries, Children{Field: "serviceDeliveries", Filter: CurrentDeliveries})
	_ = HasPage(Communities, ReportedStatistics, Children{Field: "reportedStatistics"})
	_ = HasMany(Communities, WorkMethods, Children{Field: "workMethods"})
	_ = HasPage(WorkMethods, ServiceDeliveries, Children{Field: "deliveries", By: "method_id", Filter: CurrentDeliveries})
	_ = HasOne(ServiceDeliveries, "station", Stations, "station_id")
	_ = HasOne(ServiceDeliveries, "team", VolunteerTeams, "team_id")
	_ = HasOne(ServiceDeliveries, "method", WorkMethods, "method_id")
	_ = HasOne(ServiceDeliveries, "supersedes", ServiceDeliveries, "supersedes_id")
	_ = HasOne(ServiceDeliveries, "supersededBy", ServiceDeliveries, "superseded_by")
	_ = HasValue[*scalar.Decimal](ReportedStatistics, Value{Field: "computed", SQL: "(SELECT computed " + computedBeside + ")"})
	_ = HasValue[*scalar.Decimal](ReportedStatistics, Value{Field: "difference", SQL: "(SELECT published - computed " + computedBeside + ")"})
	_ = HasOne(ReportedStatistics, "station", Stations, "station_id")
	_ = HasOne(ReportedStatistics, "method", WorkMethods, "method_id")
	_ = HasOne(ReportedStatistics, "room", Rooms, "room_id")
	_ = HasOne(ReportedStatistics, "event", Events, "event_id")
	_ = HasOne(ReportedStatistics, "series", EventSerieses, "series_id")
	_ = HasOne(ReportedStatistics, "programme", Programmes, "programme_id")
	_ = HasOne(ReportedStatistics, "course", Courses, "course_id")
	_ = HasOne(ReportedStatistics, "team", VolunteerTeams, "team_id")
)

// computedBeside finds what was published by the statistic p, and what deliveries make of the same.
const computedBeside = `FROM (SELECT (r.quantity->>'value')::numeric AS published,
	CASE r.metric WHEN 'PERSON_TIMES' THEN COALESCE(sum(d.person_times), 0) WHEN 'SESSIONS' THEN COALESCE(sum(d.sessions), 0) END::numeric AS computed
	FROM reported_statistics r LEFT JOIN service_deliveries d ON d.owner = r.owner AND d.superseded_at IS NULL
		AND (r.as_of IS NULL OR d.occurred_on <= r.as_of)
		AND (r.service_kind IS NULL AND cardinality(r.components) = 0 OR d.kind IN (WITH RECURSIVE k AS (
			SELECT s.code FROM service_kinds s WHERE s.code = r.service_kind OR s.code = ANY (r.components)
			UNION SELECT s.code FROM service_kinds s JOIN k ON s.parent = k.code) TABLE k))
		AND (r.station_id IS NULL OR d.station_id = r.station_id) AND (r.team_id IS NULL OR d.team_id = r.team_id) AND (r.method_id IS NULL OR d.method_id = r.method_id)
	WHERE r.owner = p.owner AND r.id = p.id AND r.event_id IS NULL AND r.series_id IS NULL AND r.course_id IS NULL AND r.programme_id IS NULL AND r.room_id IS NULL
	GROUP BY r.metric, r.quantity) c`

var _ = DefineCube(Cube{
	Of: ServiceDeliveries, Where: "ServiceDeliveryFilter", Default: &ServiceDeliveryFilter{}, Time: "occurred_on",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "KIND_ROLLED_UP", Doc: "The kind and every kind that rolls it up; groups overlap.", Type: "ServiceKind", SQL: "k.above", Overlaps: true,
			From: `JOIN (WITH RECURSIVE k AS (SELECT code, code AS above FROM service_kinds
				UNION ALL SELECT k.code, s.parent FROM k JOIN service_kinds s ON s.code = k.above WHERE s.parent IS NOT NULL) TABLE k) k ON k.code = t.kind`},
		{Name: "AUDIENCE", Column: "audience"},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "TEAM", SQL: "t.team_id", To: VolunteerTeams},
		{Name: "METHOD", SQL: "t.method_id", To: WorkMethods},
	},
	Measures: []Measure{
		{Name: "personTimes", Doc: "Sum of person-times; never a number of different people.", Unit: "人次", Kind: measure.Sum{Of: "t.person_times"}},
		{Name: "sessions", Doc: "Sum of sessions.", Unit: "场次", Kind: measure.Sum{Of: "t.sessions"}},
		{Name: "deliveries", Doc: "Records of services done.", Unit: "条", Kind: measure.Count{}},
		{Name: "largest", Doc: "Most person-times of one record.", Unit: "人次", Kind: measure.Most{Of: "t.person_times"}},
	},
	Rollups: []*Rollup{
		{Grain: "MONTH", Keys: []string{"kind", "audience"}, Measures: keptOfDeliveries, Rows: current},
		{Grain: "DAY", Keys: []string{"kind", "station_id"}, Measures: keptOfDeliveries, Rows: current},
	},
})

var keptOfDeliveries = []string{"personTimes", "sessions", "deliveries"}

// current holds of what was not corrected.
const current = "t.superseded_at IS NULL"

// ServiceDeliveryFilter narrows a list of deliveries; the zero filter leaves out what was
// corrected.
type ServiceDeliveryFilter struct {
	Kinds                 []scalar.Enum
	Range                 *DateRange
	Audiences             []scalar.Enum
	Method, Station, Team *string
	IncludeSuperseded     bool
}

func (f *ServiceDeliveryFilter) Where(w *Where, _ *Ask) error {
	if !f.IncludeSuperseded {
		w.And(current)
	}
	w.kinds("t.kind", f.Kinds)
	w.AnyOf("t.audience", f.Audiences)
	if err := w.Refers("t.method_id", f.Method, WorkMethods, "filter", "method"); err != nil {
		return err
	}
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	if err := w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team"); err != nil {
		return err
	}
	return w.Days("t.occurred_on", f.Range, "filter", "range")
}

// CurrentDeliveries is the filter of a list of deliveries: the argument, or what leaves out
// corrected rows when there is none.
func CurrentDeliveries(args map[string]any) Filter {
	if f := FilterArg(args); f != nil {
		return f
	}
	return &ServiceDeliveryFilter{}
}

// ReportedStatisticFilter narrows a list of published figures.
type ReportedStatisticFilter struct {
	Metrics      []scalar.Enum
	ServiceKinds []scalar.Enum
}

func (f *ReportedStatisticFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.metric", f.Metrics)
	w.kinds("t.service_kind", f.ServiceKinds)
	return nil
}

// kinds keeps rows of the kinds and of all that these roll up; nil keeps all.
func (w *Where) kinds(column string, kinds []scalar.Enum) {
	if kinds != nil {
		w.And(column+` IN (WITH RECURSIVE k AS (SELECT code FROM service_kinds WHERE code = ANY(?)
			UNION SELECT s.code FROM service_kinds s JOIN k ON s.parent = k.code) SELECT code FROM k)`, EnumTexts(kinds))
	}
}
