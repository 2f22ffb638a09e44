package store

import (
	"time"

	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// ServiceMenuItem is something that can be ordered.
type ServiceMenuItem struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	Available  bool              `db:"available"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// CommunityRule is a 公约.
type CommunityRule struct {
	Row
	TitleZh    string             `db:"title_zh"`
	Recurrence *scalar.Recurrence `db:"recurrence"`
	AdoptedOn  *scalar.Date       `db:"adopted_on"`
	AdoptedBy  *string            `db:"adopted_by"`
	Provenance scalar.Provenance  `db:"provenance"`
}

// ServiceRequest is something that was ordered; its rows are restricted.
type ServiceRequest struct {
	Row
	Kind            scalar.Enum       `db:"kind"`
	Title           string            `db:"title"`
	Status          scalar.Enum       `db:"status"`
	MenuItemID      *uuid.UUID        `db:"menu_item_id" for:"menuItem"`
	BuildingID      *uuid.UUID        `db:"building_id" for:"building"`
	ChannelID       *uuid.UUID        `db:"channel_id" for:"channel"`
	RequesterID     *uuid.UUID        `db:"requester_id" for:"requester"`
	RequesterPostID *uuid.UUID        `db:"requester_post_id" for:"requesterPost"`
	WrittenDown     bool              `db:"written_down"` // by staff, for who ordered
	CoProduced      bool              `db:"co_produced"`
	RuleID          *uuid.UUID        `db:"rule_id" for:"rule"`
	TeamID          *uuid.UUID        `db:"team_id" for:"team"`
	OrderedAt       *time.Time        `db:"ordered_at"`
	OrderedOnZh     *string           `db:"ordered_on_zh"`
	ApprovedAt      *time.Time        `db:"approved_at"`
	ClaimedAt       *time.Time        `db:"claimed_at"`
	DeliveredAt     *time.Time        `db:"delivered_at"`
	Outcome         *string           `db:"outcome"`
	Rating          *int              `db:"rating"`
	ReopenedCount   int               `db:"reopened_count"`
	Reason          *string           `db:"reason"`
	Version         int               `db:"version"`
	Provenance      scalar.Provenance `db:"provenance"`
}

// ServiceRequestBrief is the part of a request that is for those who do it and who ordered it.
type ServiceRequestBrief struct {
	Row
	Details *string `db:"details"`
}

// FeasibilityStep is what has to be settled before a facility is approved.
type FeasibilityStep struct {
	Row
	RequestID  uuid.UUID         `db:"request_id"`
	Ordinal    int               `db:"ordinal"`
	Code       string            `db:"code"`
	NameZh     string            `db:"name_zh"`
	State      scalar.Enum       `db:"state"`
	DoneAt     *time.Time        `db:"done_at"`
	Note       *string           `db:"note"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	ServiceMenuItemConnection = page.Connection[ServiceMenuItem]
	ServiceMenuItemEdge       = page.Edge[ServiceMenuItem]
	CommunityRuleConnection   = page.Connection[CommunityRule]
	CommunityRuleEdge         = page.Edge[CommunityRule]
	ServiceRequestConnection  = page.Connection[ServiceRequest]
	ServiceRequestEdge        = page.Edge[ServiceRequest]
)

var (
	ServiceMenuItems = Define[ServiceMenuItem](Spec{Type: "ServiceMenuItem", Table: "service_menu_items",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
	CommunityRules = Define[CommunityRule](Spec{Type: "CommunityRule", Table: "community_rules",
		Orders:  map[string][]string{"ADOPTED_ON": {"adopted_on"}, "TITLE": {"title_zh"}},
		Default: []string{"adopted_on"}, DefaultDesc: true})
	ServiceRequests = Define[ServiceRequest](Spec{Type: "ServiceRequest", Table: "service_requests", Restricted: true,
		Orders:  map[string][]string{"ORDERED_AT": {"ordered_at"}, "STATUS": {"status", "ordered_at"}},
		Default: []string{"ordered_at"}, DefaultDesc: true})
	ServiceRequestBriefs = Define[ServiceRequestBrief](Spec{Type: "ServiceRequestBrief", Table: "service_requests", Restricted: true,
		Own: `(SELECT t.requester_id = me.id OR t.claimed_at IS NOT NULL AND EXISTS (SELECT FROM team_memberships j
			WHERE j.owner = t.owner AND j.team_id = t.team_id AND j.resident_id = me.id AND j.until IS NULL) FROM (SELECT ?::uuid) me(id))`})
	FeasibilitySteps = Define[FeasibilityStep](Spec{Type: "FeasibilityStep", Table: "feasibility_steps", Restricted: true, Default: []string{"ordinal"}})
)

var (
	_ = HasPage(Communities, ServiceMenuItems, Children{Field: "serviceMenuItems"})
	_ = HasPage(Communities, CommunityRules, Children{Field: "communityRules"})
	_ = HasPage(Communities, ServiceRequests, Children{Field: "serviceRequests"})
	_ = HasPage(ServiceMenuItems, ServiceRequests, Children{Field: "requests", By: "menu_item_id"})
	_ = HasPage(Channels, ServiceRequests, Children{Field: "serviceRequests", By: "channel_id"})
	_ = HasPage(Buildings, ServiceRequests, Children{Field: "serviceRequests", By: "building_id"})
	_ = HasPage(VolunteerTeams, ServiceRequests, Children{Field: "serviceRequests", By: "team_id"})
	_ = HasPage(Residents, ServiceRequests, Children{Field: "serviceRequests", By: "requester_id"})
	_ = HasOne(ServiceRequests, "menuItem", ServiceMenuItems, "menu_item_id")
	_ = HasOne(ServiceRequests, "building", Buildings, "building_id")
	_ = HasOne(ServiceRequests, "channel", Channels, "channel_id")
	_ = HasOne(ServiceRequests, "requester", Residents, "requester_id")
	_ = HasOne(ServiceRequests, "requesterPost", StaffPosts, "requester_post_id")
	_ = HasOne(ServiceRequests, "brief", ServiceRequestBriefs, "id")
	_ = HasOne(ServiceRequests, "rule", CommunityRules, "rule_id")
	_ = HasOne(ServiceRequests, "team", VolunteerTeams, "team_id")
	_ = HasMany(ServiceRequests, FeasibilitySteps, Children{Field: "steps", By: "request_id", Filter: AnyOf("state", "t.state")})
)

// ServiceMenuItemFilter narrows a list of what can be ordered.
type ServiceMenuItemFilter struct {
	Kinds        []scalar.Enum
	Available    *bool
	NameContains *string
}

func (f *ServiceMenuItemFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	if f.Available != nil {
		w.And("t.available = ?", *f.Available)
	}
	w.Contains("t.name_zh", f.NameContains)
	return nil
}

// CommunityRuleFilter narrows a list of rules.
type CommunityRuleFilter struct {
	TitleContains *string
}

func (f *CommunityRuleFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.title_zh", f.TitleContains)
	return nil
}

// ServiceRequestFilter narrows a list of requests.
type ServiceRequestFilter struct {
	Status, Kinds          []scalar.Enum
	CoProduced             *bool
	Team, Building, Estate *string
	Range                  *DateRange
}

func (f *ServiceRequestFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.kind", f.Kinds)
	if f.CoProduced != nil {
		w.And("t.co_produced = ?", *f.CoProduced)
	}
	if err := w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team"); err != nil {
		return err
	}
	if err := w.Refers("t.building_id", f.Building, Buildings, "filter", "building"); err != nil {
		return err
	}
	if err := w.Refers("(SELECT b.estate_id FROM buildings b WHERE b.owner = t.owner AND b.id = t.building_id)", f.Estate, Estates, "filter", "estate"); err != nil {
		return err
	}
	return w.During("t.ordered_at", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: ServiceRequests, Time: "ordered_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "CO_PRODUCED", Doc: "Whether who ordered it helps.", Column: "co_produced", Type: "Boolean"},
		{Name: "MENU_ITEM", SQL: "t.menu_item_id", To: ServiceMenuItems},
		{Name: "TEAM", SQL: "t.team_id", To: VolunteerTeams},
	},
	Measures: []Measure{
		{Name: "cases", Doc: "Requests.", Unit: "件", Kind: measure.Count{}},
		{Name: "delivered", Doc: "Requests done and not reopened.", Unit: "件", Kind: measure.Count{If: "t.delivered_at IS NOT NULL"}},
		{Name: "completionShare", Doc: "Requests done and not reopened over all that were neither declined nor cancelled.",
			Kind: measure.Share("t.delivered_at IS NOT NULL", "t.status NOT IN ('DECLINED', 'CANCELLED')")},
		{Name: "coProducedShare", Doc: "Requests that who ordered them helps with over all.", Kind: measure.Share("t.co_produced", "")},
		{Name: "meanDaysToApprove", Doc: "Days from the order to its approval, over requests approved.", Unit: "天",
			Kind: measure.Mean("extract(epoch FROM t.approved_at - t.ordered_at) / 86400")},
		{Name: "meanDaysToDeliver", Doc: "Days from the order to its delivery, over requests delivered.", Unit: "天",
			Kind: measure.Mean("extract(epoch FROM t.delivered_at - t.ordered_at) / 86400")},
	},
	Guard: &Guard{People: "coalesce(t.requester_id, t.id)", Lattice: []string{"KIND", "STATUS", "CO_PRODUCED", "TEAM", "MENU_ITEM"}},
})
