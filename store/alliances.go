package store

import (
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Alliance is bodies that pool what they have.
type Alliance struct {
	Row
	NameZh                 string                   `db:"name_zh"`
	NameEn                 *string                  `db:"name_en"`
	FoundedYear            *int                     `db:"founded_year"`
	BaseID                 *uuid.UUID               `db:"base_station_id" for:"baseStation"`
	Services               []string                 `db:"services"`
	Mechanisms             []string                 `db:"mechanisms"`
	Coordinates            []string                 `db:"coordinates"`
	SessionsReported       *scalar.ReportedQuantity `db:"sessions_reported"`
	PairedProjectsReported *scalar.ReportedQuantity `db:"paired_projects_reported"`
	Provenance             scalar.Provenance        `db:"provenance"`
}

// AllianceMembership is a body's time in an alliance.
type AllianceMembership struct {
	Row
	AllianceID uuid.UUID    `db:"alliance_id" for:"alliance"`
	OrgID      uuid.UUID    `db:"org_id" for:"organization"`
	Since      *scalar.Date `db:"since"`
	Until      *scalar.Date `db:"until"`
	Version    int          `db:"version"`
}

// DualReportingUnit is a body whose members report to the community too.
type DualReportingUnit struct {
	Row
	OrgID      uuid.UUID         `db:"org_id" for:"organization"`
	Targets    []string          `db:"targets"`
	Aims       []string          `db:"aims"`
	Provenance scalar.Provenance `db:"provenance"`
}

// DualReportingEntry is a day of a unit, in numbers.
type DualReportingEntry struct {
	Row
	UnitID     uuid.UUID         `db:"unit_id" for:"unit"`
	OccurredOn scalar.Date       `db:"occurred_on"`
	People     int               `db:"people"`
	Visits     int               `db:"visits"`
	Target     scalar.Enum       `db:"target"`
	Matter     *string           `db:"matter"`
	Provenance scalar.Provenance `db:"provenance"`
}

// ItemList is a 清单 as published.
type ItemList struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	AllianceID *uuid.UUID        `db:"alliance_id" for:"alliance"`
	Provenance scalar.Provenance `db:"provenance"`
}

// NeedItem is a 需求.
type NeedItem struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	AllianceID *uuid.UUID        `db:"alliance_id" for:"alliance"`
	Origin     *string           `db:"origin"`
	Status     scalar.Enum       `db:"status"`
	RaisedOn   *scalar.Date      `db:"raised_on"`
	MetBy      *string           `db:"met_by"`
	ClosedOn   *scalar.Date      `db:"closed_on"`
	DroppedFor *string           `db:"dropped_for"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// ResourceItem is a 资源.
type ResourceItem struct {
	Row
	NameZh      string            `db:"name_zh"`
	Kind        scalar.Enum       `db:"kind"`
	AllianceID  *uuid.UUID        `db:"alliance_id" for:"alliance"`
	OfferedByID *uuid.UUID        `db:"offered_by_id" for:"offeredBy"`
	Quantity    *int              `db:"quantity"`
	WithdrawnOn *scalar.Date      `db:"withdrawn_on"`
	Version     int               `db:"version"`
	Provenance  scalar.Provenance `db:"provenance"`
}

// Project is a 项目.
type Project struct {
	Row
	NameZh     string            `db:"name_zh"`
	AllianceID *uuid.UUID        `db:"alliance_id" for:"alliance"`
	StartedOn  scalar.Date       `db:"started_on"`
	EndedOn    *scalar.Date      `db:"ended_on"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Pairing is a 结对.
type Pairing struct {
	Row
	NeedID     uuid.UUID         `db:"need_id" for:"need"`
	ResourceID uuid.UUID         `db:"resource_id" for:"resource"`
	ProjectID  *uuid.UUID        `db:"project_id" for:"project"`
	PairedOn   scalar.Date       `db:"paired_on"`
	EndedOn    *scalar.Date      `db:"ended_on"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	AllianceConnection           = page.Connection[Alliance]
	AllianceEdge                 = page.Edge[Alliance]
	DualReportingUnitConnection  = page.Connection[DualReportingUnit]
	DualReportingUnitEdge        = page.Edge[DualReportingUnit]
	DualReportingEntryConnection = page.Connection[DualReportingEntry]
	DualReportingEntryEdge       = page.Edge[DualReportingEntry]
	ItemListConnection           = page.Connection[ItemList]
	ItemListEdge                 = page.Edge[ItemList]
	NeedItemConnection           = page.Connection[NeedItem]
	NeedItemEdge                 = page.Edge[NeedItem]
	ResourceItemConnection       = page.Connection[ResourceItem]
	ResourceItemEdge             = page.Edge[ResourceItem]
	ProjectConnection            = page.Connection[Project]
	ProjectEdge                  = page.Edge[Project]
	PairingConnection            = page.Connection[Pairing]
	PairingEdge                  = page.Edge[Pairing]
)

var (
	byName    = map[string][]string{"NAME": {"name_zh"}}
	Alliances = Define[Alliance](Spec{Type: "Alliance", Table: "alliances", Orders: byName, Default: []string{"name_zh"}})

	AllianceMemberships  = Define[AllianceMembership](Spec{Type: "AllianceMembership", Table: "alliance_memberships", Default: []string{"since"}})
	DualReportingUnits   = Define[DualReportingUnit](Spec{Type: "DualReportingUnit", Table: "dual_reporting_units", Orders: map[string][]string{"RECORDED": nil}})
	DualReportingEntries = Define[DualReportingEntry](Spec{Type: "DualReportingEntry", Table: "dual_reporting_entries",
		Orders:  map[string][]string{"OCCURRED_ON": {"occurred_on"}, "PEOPLE": {"people"}},
		Default: []string{"occurred_on"}, DefaultDesc: true})
	ItemLists = Define[ItemList](Spec{Type: "ItemList", Table: "item_lists", Orders: byName, Default: []string{"name_zh"}})
	NeedItems = Define[NeedItem](Spec{Type: "NeedItem", Table: "need_items",
		Orders:  map[string][]string{"RAISED_ON": {"raised_on"}, "NAME": {"name_zh"}},
		Default: []string{"raised_on"}, DefaultDesc: true})
	ResourceItems = Define[ResourceItem](Spec{Type: "ResourceItem", Table: "resource_items",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
	Projects = Define[Project](Spec{Type: "Project", Table: "alliance_projects",
		Orders:  map[string][]string{"STARTED_ON": {"started_on"}, "NAME": {"name_zh"}},
		Default: []string{"started_on"}, DefaultDesc: true})
	Pairings = Define[Pairing](Spec{Type: "Pairing", Table: "pairings",
		Orders: map[string][]string{"PAIRED_ON": {"paired_on"}}, Default: []string{"paired_on"}, DefaultDesc: true})
)

var (
	_ = HasPage(Communities, Alliances, Children{Field: "alliances"})
	_ = HasPage(Communities, NeedItems, Children{Field: "needs"})
	_ = HasOne(Alliances, "baseStation", Stations, "base_station_id")
	_ = HasThrough(Alliances, Organizations, Through{Field: "members", Table: "alliance_memberships", From: "alliance_id", To: "org_id", Where: "j.until IS NULL"})
	_ = HasThrough(Organizations, Alliances, Through{Field: "alliances", Table: "alliance_memberships", From: "org_id", To: "alliance_id", Where: "j.until IS NULL"})
	_ = HasMany(Alliances, AllianceMemberships, Children{Field: "memberships", By: "alliance_id"})
	_ = HasMany(Alliances, ItemLists, Children{Field: "lists", By: "alliance_id"})
	_ = HasPage(Alliances, NeedItems, Children{Field: "needs", By: "alliance_id"})
	_ = HasPage(Alliances, ResourceItems, Children{Field: "resources", By: "alliance_id"})
	_ = HasPage(Alliances, Projects, Children{Field: "projects", By: "alliance_id"})
	_ = HasOne(AllianceMemberships, "alliance", Alliances, "alliance_id")
	_ = HasOne(AllianceMemberships, "organization", Organizations, "org_id")
	_ = HasOne(DualReportingUnits, "organization", Organizations, "org_id")
	_ = HasPage(DualReportingUnits, DualReportingEntries, Children{Field: "entries", By: "unit_id"})
	_ = HasOne(DualReportingEntries, "unit", DualReportingUnits, "unit_id")
	_ = HasOne(ItemLists, "alliance", Alliances, "alliance_id")
	_ = HasValue[*int](ItemLists, Value{Field: "recorded", SQL: `(SELECT CASE l.kind
		WHEN 'NEED' THEN (SELECT count(*) FROM need_items i WHERE i.owner = l.owner AND (l.alliance_id IS NULL OR i.alliance_id = l.alliance_id))
		WHEN 'RESOURCE' THEN (SELECT count(*) FROM resource_items i WHERE i.owner = l.owner AND (l.alliance_id IS NULL OR i.alliance_id = l.alliance_id))
		WHEN 'PROJECT' THEN (SELECT count(*) FROM alliance_projects i WHERE i.owner = l.owner AND (l.alliance_id IS NULL OR i.alliance_id = l.alliance_id))
		END FROM item_lists l WHERE l.owner = p.owner AND l.id = p.id)`})
	_ = HasOne(NeedItems, "alliance", Alliances, "alliance_id")
	_ = HasFirst(NeedItems, Pairings, Children{Field: "pairing", By: "need_id", Where: "t.ended_on IS NULL"})
	_ = HasPage(NeedItems, Pairings, Children{Field: "pairings", By: "need_id"})
	_ = HasOne(ResourceItems, "alliance", Alliances, "alliance_id")
	_ = HasOne(ResourceItems, "offeredBy", Organizations, "offered_by_id")
	_ = HasPage(ResourceItems, Pairings, Children{Field: "pairings", By: "resource_id"})
	_ = HasOne(Projects, "alliance", Alliances, "alliance_id")
	_ = HasMany(Projects, Pairings, Children{Field: "pairings", By: "project_id"})
	_ = HasOne(Pairings, "need", NeedItems, "need_id")
	_ = HasOne(Pairings, "resource", ResourceItems, "resource_id")
	_ = HasOne(Pairings, "project", Projects, "project_id")
)

// AllianceFilter narrows a list of alliances.
type AllianceFilter struct{ NameContains, Member *string }

func (f *AllianceFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	if f.Member == nil {
		return nil
	}
	member, err := refersTo(*f.Member, Organizations, "filter", "member")
	if err == nil {
		w.And("t.owner = ? AND EXISTS (SELECT FROM alliance_memberships m WHERE m.owner = t.owner AND m.alliance_id = t.id AND m.org_id = ? AND m.until IS NULL)", member.Owner, member.UUID)
	}
	return err
}

// DualReportingUnitFilter narrows a list of units.
type DualReportingUnitFilter struct{ Organization *string }

func (f *DualReportingUnitFilter) Where(w *Where, _ *Ask) error {
	return w.Refers("t.org_id", f.Organization, Organizations, "filter", "organization")
}

// DualReportingEntryFilter narrows a list of entries.
type DualReportingEntryFilter struct {
	Unit    *string
	Targets []scalar.Enum
	Range   *DateRange
}

func (f *DualReportingEntryFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.target", f.Targets)
	if err := w.Refers("t.unit_id", f.Unit, DualReportingUnits, "filter", "unit"); err != nil {
		return err
	}
	return w.Days("t.occurred_on", f.Range, "filter", "range")
}

// ItemListFilter narrows a list of lists.
type ItemListFilter struct {
	Kinds    []scalar.Enum
	Alliance *string
}

func (f *ItemListFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	return w.Refers("t.alliance_id", f.Alliance, Alliances, "filter", "alliance")
}

// NeedItemFilter narrows a list of needs.
type NeedItemFilter struct {
	Status                 []scalar.Enum
	Alliance, NameContains *string
	Range                  *DateRange
}

func (f *NeedItemFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.Contains("t.name_zh", f.NameContains)
	if err := w.Refers("t.alliance_id", f.Alliance, Alliances, "filter", "alliance"); err != nil {
		return err
	}
	return w.Days("t.raised_on", f.Range, "filter", "range")
}

// ResourceItemFilter narrows a list of resources.
type ResourceItemFilter struct {
	Kinds                             []scalar.Enum
	Alliance, OfferedBy, NameContains *string
}

func (f *ResourceItemFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	if err := w.Refers("t.offered_by_id", f.OfferedBy, Organizations, "filter", "offeredBy"); err != nil {
		return err
	}
	return w.Refers("t.alliance_id", f.Alliance, Alliances, "filter", "alliance")
}

// ProjectFilter narrows a list of projects.
type ProjectFilter struct{ Alliance, NameContains *string }

func (f *ProjectFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.alliance_id", f.Alliance, Alliances, "filter", "alliance")
}

// PairingFilter narrows a list of pairings.
type PairingFilter struct {
	Need, Resource, Project *string
	Stands                  *bool
	Range                   *DateRange
}

func (f *PairingFilter) Where(w *Where, _ *Ask) error {
	if f.Stands != nil {
		w.And("(t.ended_on IS NULL) = ?", *f.Stands)
	}
	if err := w.Refers("t.need_id", f.Need, NeedItems, "filter", "need"); err != nil {
		return err
	}
	if err := w.Refers("t.resource_id", f.Resource, ResourceItems, "filter", "resource"); err != nil {
		return err
	}
	if err := w.Refers("t.project_id", f.Project, Projects, "filter", "project"); err != nil {
		return err
	}
	return w.Days("t.paired_on", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: NeedItems, Where: "NeedItemFilter", Time: "raised_on",
	Dimensions: []Dimension{
		{Name: "ALLIANCE", SQL: "t.alliance_id", To: Alliances},
		{Name: "STATUS", Column: "status"},
	},
	Measures: []Measure{
		{Name: "needs", Doc: "Needs raised.", Unit: "项", Kind: measure.Count{}},
		{Name: "met", Doc: "Needs that were met.", Unit: "项", Kind: measure.Count{If: "t.status = 'MET'"}},
		{Name: "pairedShare", Doc: "Needs that were paired with a resource over needs raised.",
			Kind: measure.Share("EXISTS (SELECT FROM pairings p WHERE p.owner = t.owner AND p.need_id = t.id)", "")},
		{Name: "meanDaysOpen", Doc: "Days from raising to closing, over needs closed whose day is known.", Unit: "天", Kind: measure.Mean("(t.closed_on - t.raised_on)")},
	},
})

var _ = DefineCube(Cube{
	Of: Pairings, Where: "PairingFilter", Time: "paired_on",
	Dimensions: []Dimension{
		{Name: "ALLIANCE", SQL: "n.alliance_id", To: Alliances, From: "JOIN need_items n ON n.owner = t.owner AND n.id = t.need_id"},
		{Name: "RESOURCE_KIND", SQL: "r.kind", Type: "ResourceKind", From: "JOIN resource_items r ON r.owner = t.owner AND r.id = t.resource_id"},
		{Name: "PROJECT", SQL: "t.project_id", To: Projects},
	},
	Measures: []Measure{
		{Name: "pairings", Doc: "Pairings made.", Unit: "对", Kind: measure.Count{}},
		{Name: "inProjects", Doc: "Pairings that a project came of.", Unit: "对", Kind: measure.Count{If: "t.project_id IS NOT NULL"}},
		{Name: "cameToNothing", Doc: "Pairings that ended without.", Unit: "对", Kind: measure.Count{If: "t.ended_on IS NOT NULL"}},
	},
})

var _ = DefineCube(Cube{
	Of: DualReportingEntries, Where: "DualReportingEntryFilter", Time: "occurred_on",
	Dimensions: []Dimension{
		{Name: "UNIT", SQL: "t.unit_id", To: DualReportingUnits},
		{Name: "TARGET", Column: "target"},
	},
	Measures: []Measure{
		{Name: "units", Doc: "Different units that reported.", Unit: "个", Kind: measure.Distinct{Of: "t.unit_id"}},
		{Name: "people", Doc: "Sum of those who reported a day; never a number of different people.", Unit: "人次", Kind: measure.Sum{Of: "t.people"}},
		{Name: "visits", Doc: "Sum of visits.", Unit: "次", Kind: measure.Sum{Of: "t.visits"}},
	},
})
