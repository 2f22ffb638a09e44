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

// VolunteerTeam is a 队伍.
type VolunteerTeam struct {
	Row
	NameZh              string                   `db:"name_zh"`
	NameEn              *string                  `db:"name_en"`
	Kind                scalar.Enum              `db:"kind"`
	ParentID            *uuid.UUID               `db:"parent_id" for:"parent"`
	BrandID             *uuid.UUID               `db:"brand_id" for:"brand"`
	HomeStationID       *uuid.UUID               `db:"home_station_id" for:"homeStation"`
	ChannelID           *uuid.UUID               `db:"channel_id" for:"channel"`
	CourseID            *uuid.UUID               `db:"course_id" for:"course"`
	ProgrammeID         *uuid.UUID               `db:"programme_id" for:"programme"`
	MemberGroups        []scalar.Enum            `db:"member_groups"`
	SelfFormed          bool                     `db:"self_formed"`
	Informal            bool                     `db:"informal"`
	FoundedOn           *scalar.Date             `db:"founded_on"`
	FoundedOnZh         *string                  `db:"founded_on_zh"`
	MemberCount         *int                     `db:"member_count"`
	ReportedMemberCount *scalar.ReportedQuantity `db:"reported_member_count"`
	ReportedTeamCount   *scalar.ReportedQuantity `db:"reported_team_count"`
	VolunteerGrowth     *string                  `db:"volunteer_growth"`
	Performs            []string                 `db:"performs"`
	Needs               []string                 `db:"needs"`
	Outputs             []string                 `db:"outputs"`
	Activities          []string                 `db:"activities"`
	Playwrights         *int                     `db:"playwrights"`
	Note                *string                  `db:"note"`
	Provenance          scalar.Provenance        `db:"provenance"`
}

// TeamHonour is a flag or title.
type TeamHonour struct {
	Row
	Kind       string            `db:"kind"`
	AwardedOn  scalar.Date       `db:"awarded_on"`
	ByOrgID    uuid.UUID         `db:"by_org_id" for:"by"`
	EventID    *uuid.UUID        `db:"event_id" for:"event"`
	Provenance scalar.Provenance `db:"provenance"`
}

// ServiceProject is a 志愿服务项目.
type ServiceProject struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	TeamID     *uuid.UUID        `db:"team_id" for:"team"`
	Provenance scalar.Provenance `db:"provenance"`
}

// TeamMembership says who belongs to a team; its rows are restricted.
type TeamMembership struct {
	Row
	TeamID     uuid.UUID    `db:"team_id" for:"team"`
	ResidentID uuid.UUID    `db:"resident_id" for:"resident"`
	Role       *string      `db:"role"`
	Since      scalar.Date  `db:"since"`
	Until      *scalar.Date `db:"until"`
}

// ServiceRecord is time that a volunteer served; its rows are restricted.
type ServiceRecord struct {
	Row
	VolunteerID uuid.UUID   `db:"volunteer_id" for:"volunteer"`
	ProjectID   *uuid.UUID  `db:"project_id" for:"project"`
	TeamID      *uuid.UUID  `db:"team_id" for:"team"`
	StationID   *uuid.UUID  `db:"station_id" for:"station"`
	SeriesID    *uuid.UUID  `db:"series_id" for:"series"`
	Start       time.Time   `db:"starts_at"`
	End         time.Time   `db:"ends_at"`
	Minutes     int         `db:"minutes"`
	Status      scalar.Enum `db:"status"`
	Content     *string     `db:"content"`
	ConfirmedAt *time.Time  `db:"confirmed_at"`
	Rating      *int        `db:"rating"`
}

type (
	VolunteerTeamConnection  = page.Connection[VolunteerTeam]
	VolunteerTeamEdge        = page.Edge[VolunteerTeam]
	TeamMembershipConnection = page.Connection[TeamMembership]
	TeamMembershipEdge       = page.Edge[TeamMembership]
	ServiceRecordConnection  = page.Connection[ServiceRecord]
	ServiceRecordEdge        = page.Edge[ServiceRecord]
)

var (
	VolunteerTeams = Define[VolunteerTeam](Spec{Type: "VolunteerTeam", Table: "volunteer_teams", Visible: "t.retired_at IS NULL",
		Orders:  map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}, "FOUNDED_ON": {"founded_on"}},
		Default: []string{"name_zh"}})
	TeamHonours     = Define[TeamHonour](Spec{Type: "TeamHonour", Table: "team_honours", Default: []string{"awarded_on"}, DefaultDesc: true})
	ServiceProjects = Define[ServiceProject](Spec{Type: "ServiceProject", Table: "service_projects", Default: []string{"name_zh"}})
	TeamMemberships = Define[TeamMembership](Spec{Type: "TeamMembership", Table: "team_memberships", Restricted: true, Own: "t.resident_id = ?",
		Orders: map[string][]string{"SINCE": {"since"}}, Default: []string{"since"}})
	ServiceRecords = Define[ServiceRecord](Spec{Type: "ServiceRecord", Table: "service_records", Restricted: true, Own: "t.volunteer_id = ?",
		Orders:  map[string][]string{"START": {"starts_at"}, "MINUTES": {"minutes"}},
		Default: []string{"starts_at"}, DefaultDesc: true})
)

var (
	_ = HasPage(Communities, VolunteerTeams, Children{Field: "teams"})
	_ = HasMany(Brands, VolunteerTeams, Children{Field: "teams", By: "brand_id"})
	_ = HasOne(Programmes, "team", VolunteerTeams, "team_id")
	_ = HasOne(VolunteerTeams, "brand", Brands, "brand_id")
	_ = HasOne(VolunteerTeams, "parent", VolunteerTeams, "parent_id")
	_ = HasMany(VolunteerTeams, VolunteerTeams, Children{Field: "children", By: "parent_id"})
	_ = HasOne(VolunteerTeams, "homeStation", Stations, "home_station_id")
	_ = HasOne(VolunteerTeams, "channel", Channels, "channel_id")
	_ = HasOne(VolunteerTeams, "course", Courses, "course_id")
	_ = HasOne(VolunteerTeams, "programme", Programmes, "programme_id")
	_ = HasMany(VolunteerTeams, TeamHonours, Children{Field: "honours", By: "team_id"})
	_ = HasMany(VolunteerTeams, ServiceProjects, Children{Field: "projects", By: "team_id"})
	_ = HasPage(VolunteerTeams, TeamMemberships, Children{Field: "memberships", By: "team_id"})
	_ = HasValue[*scalar.Decimal](VolunteerTeams, Value{Field: "serviceHours", Restricted: true, Args: serviceHoursArgs,
		SQL: `(SELECT CASE WHEN COALESCE(min(m.people) >= ?, true) THEN round(COALESCE(sum(m.minutes), 0) / 60.0, 1) END
			FROM (SELECT count(DISTINCT r.volunteer_id) AS people, sum(r.minutes) AS minutes FROM service_records r
				WHERE r.owner = p.owner AND r.team_id = p.id AND r.status = 'CONFIRMED' AND r.starts_at >= ? AND r.starts_at < ?
				GROUP BY date_trunc('month', r.starts_at AT TIME ZONE 'Asia/Shanghai')) m)`})
	_ = HasOne(Offerings, "team", VolunteerTeams, "team_id")
	_ = HasOne(TeamHonours, "by", Organizations, "by_org_id")
	_ = HasOne(ServiceProjects, "team", VolunteerTeams, "team_id")
	_ = HasOne(TeamMemberships, "team", VolunteerTeams, "team_id")
	_ = HasOne(TeamMemberships, "resident", Residents, "resident_id")
	_ = HasOne(ServiceRecords, "volunteer", Residents, "volunteer_id")
	_ = HasOne(ServiceRecords, "project", ServiceProjects, "project_id")
	_ = HasOne(ServiceRecords, "team", VolunteerTeams, "team_id")
	_ = HasOne(ServiceRecords, "station", Stations, "station_id")
)

// analysts are who may ask for figures of restricted rows.
var analysts = []authz.Role{authz.StationStaff, authz.DistrictViewer, authz.Analyst}

var _ = DefineCube(Cube{
	Of: VolunteerTeams, Where: "TeamFilter", Time: "founded_on",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "SELF_FORMED", Column: "self_formed", Type: "Boolean"},
		{Name: "MEMBER_GROUP", Doc: "A team stands in the group of each of its member groups.", Type: "MemberGroup", SQL: "g.name",
			From: "LEFT JOIN LATERAL unnest(t.member_groups) g(name) ON true", Overlaps: true},
		{Name: "HOME_STATION", SQL: "t.home_station_id", To: Stations},
		{Name: "BRAND", SQL: "t.brand_id", To: Brands},
	},
	Measures: []Measure{
		{Name: "teams", Doc: "Volunteer teams.", Unit: "支", Kind: measure.Count{}},
		{Name: "places", Doc: "Sum of the teams' members; who is in two teams counts twice.", Unit: "人", Kind: measure.Sum{Of: "t.member_count"}},
		{Name: "meanMembers", Doc: "Members per team, over the teams whose members are known.", Unit: "人", Kind: measure.Mean("t.member_count")},
		{Name: "largestTeam", Doc: "Members of the largest team.", Unit: "人", Kind: measure.Most{Of: "t.member_count"}},
	},
})

var _ = DefineCube(Cube{
	Of: TeamMemberships, Where: "TeamMembershipFilter", Time: "since", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "TEAM", SQL: "t.team_id", To: VolunteerTeams},
		{Name: "TEAM_KIND", Type: "TeamKind", SQL: "v.kind", From: "JOIN volunteer_teams v ON v.owner = t.owner AND v.id = t.team_id"},
	},
	Measures: []Measure{
		{Name: "memberships", Doc: "Memberships begun, also those that have ended.", Unit: "个", Kind: measure.Count{}},
		{Name: "members", Doc: "Different residents among them.", Unit: "人", Kind: measure.Distinct{Of: "t.resident_id"}},
	},
	Guard: &Guard{People: "t.resident_id", Lattice: []string{"TEAM_KIND", "TEAM"}},
})

var _ = DefineCube(Cube{
	Of: ServiceRecords, Where: "ServiceRecordFilter", Default: &ServiceRecordFilter{Status: In("CONFIRMED")}, Time: "starts_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "STATUS", Column: "status"},
		{Name: "TEAM", SQL: "t.team_id", To: VolunteerTeams},
		{Name: "PROJECT", SQL: "t.project_id", To: ServiceProjects},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "SERIES", Doc: "The service day the record belongs to.", SQL: "t.series_id", To: EventSerieses},
		{Name: "DAY_OF_MONTH", Doc: "1 to 31, Shanghai.", SQL: "extract(day FROM t.starts_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "hours", Doc: "Sum of the time served; confirmed records unless where says otherwise.", Unit: "小时", Kind: measure.Sum{Of: "t.minutes / 60.0"}},
		{Name: "records", Doc: "Records of service.", Unit: "条", Kind: measure.Count{}},
		{Name: "volunteers", Doc: "Different volunteers.", Unit: "人", Kind: measure.Distinct{Of: "t.volunteer_id"}},
		{Name: "meanHours", Doc: "Time served per record.", Unit: "小时", Kind: measure.Mean("t.minutes / 60.0")},
		{Name: "minutes", Doc: "Minutes of a record: the p-quantile, the median unless p is given.", Unit: "分钟", Kind: measure.Percentile{Of: "t.minutes"}},
	},
	Guard: &Guard{People: "t.volunteer_id", Lattice: []string{"TEAM", "PROJECT"}, Daily: true},
})

// minContributors is the least number of people behind a figure that analysts see; model
// §11, k-anonymity.
const minContributors = 5

// serviceHoursArgs holds viewers who are not staff to whole months, each of at least
// minContributors people: the difference of two ranges is then made of such months too.
func serviceHoursArgs(ask *Ask, args map[string]any) ([]any, error) {
	r := args["range"].(DateRange)
	if err := r.Check("range"); err != nil {
		return nil, err
	}
	people := 0
	if !ask.Viewer.Has(authz.StationStaff) {
		people = minContributors
		if r.From.Day != 1 || r.To.AddDays(1).Day != 1 {
			return nil, fault.Newf(fault.BadUserInput, "your roles allow whole months: from a first to a last day").At("range")
		}
	}
	return []any{people, r.From.Start(), r.To.End()}, nil
}

// TeamFilter narrows a list of teams.
type TeamFilter struct {
	Kinds        []scalar.Enum
	Brand        *string
	NameContains *string
	MemberGroups []scalar.Enum
	SelfFormed   *bool
}

func (f *TeamFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	if f.MemberGroups != nil {
		w.And("t.member_groups && ?", EnumTexts(f.MemberGroups))
	}
	if f.SelfFormed != nil {
		w.And("t.self_formed = ?", *f.SelfFormed)
	}
	return w.Refers("t.brand_id", f.Brand, Brands, "filter", "brand")
}

// TeamMembershipFilter narrows a list of memberships.
type TeamMembershipFilter struct {
	Current *bool
}

func (f *TeamMembershipFilter) Where(w *Where, _ *Ask) error {
	if f.Current != nil {
		w.And("(t.until IS NULL) = ?", *f.Current)
	}
	return nil
}

// ServiceRecordFilter narrows a list of service records.
type ServiceRecordFilter struct {
	Status  []scalar.Enum
	Team    *string
	Project *string
	Station *string
	Range   *DateRange
}

func (f *ServiceRecordFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if err := w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team"); err != nil {
		return err
	}
	if err := w.Refers("t.project_id", f.Project, ServiceProjects, "filter", "project"); err != nil {
		return err
	}
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	return w.During("t.starts_at", f.Range, "filter", "range")
}
