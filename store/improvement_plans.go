package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Chosen: what fits on a poster.
const planNameLength, planTextLength, planGoals = 60, 200, 10

// ImprovementPlan is what a community promises to do better.
type ImprovementPlan struct {
	Row
	NameZh        string            `db:"name_zh"`
	NameEn        *string           `db:"name_en"`
	Horizon       *string           `db:"horizon"`
	DueOn         *scalar.Date      `db:"due_on"`
	Goals         []string          `db:"goals"`
	Status        scalar.Enum       `db:"status"`
	StationID     *uuid.UUID        `db:"station_id" for:"station"`
	AfterWindowID *uuid.UUID        `db:"after_window_id" for:"after"`
	AcceptedAt    *time.Time        `db:"accepted_at"`
	FinishedAt    *time.Time        `db:"finished_at"`
	Outcome       *string           `db:"outcome"`
	DroppedFor    *string           `db:"dropped_for"`
	Version       int               `db:"version"`
	Provenance    scalar.Provenance `db:"provenance"`
}

type (
	ImprovementPlanConnection = page.Connection[ImprovementPlan]
	ImprovementPlanEdge       = page.Edge[ImprovementPlan]
)

var ImprovementPlans = Define[ImprovementPlan](Spec{Type: "ImprovementPlan", Table: "improvement_plans", Published: "t.public",
	Orders:  map[string][]string{"NAME": {"name_zh"}, "DUE_ON": {"due_on"}, "STATUS": {"status"}},
	Default: []string{"name_zh"}})

var (
	_ = HasOne(ImprovementPlans, "station", Stations, "station_id")
	_ = HasOne(ImprovementPlans, "after", ServiceWindows, "after_window_id")
	_ = HasPage(Communities, ImprovementPlans, Children{Field: "improvementPlans"})
	_ = HasMany(Stations, ImprovementPlans, Children{Field: "improvementPlans", By: "station_id"})
	_ = HasMany(ServiceWindows, ImprovementPlans, Children{Field: "improvementPlans", By: "after_window_id"})
)

// ImprovementPlanFilter narrows a list of plans.
type ImprovementPlanFilter struct {
	Status       []scalar.Enum
	Station      *string
	NameContains *string
	Due          *DateRange
}

func (f *ImprovementPlanFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.Contains("t.name_zh", f.NameContains)
	if err := w.Refers("t.station_id", f.Station, Stations, "filter", "station"); err != nil {
		return err
	}
	return w.Days("t.due_on", f.Due, "filter", "due")
}

// PlanLife is how a proposal becomes a promise, and what becomes of that. A promise stays public when it is dropped.
var PlanLife = &Machine[ImprovementPlan]{
	Table: ImprovementPlans, Topic: "improvementPlan",
	State: func(p *ImprovementPlan) (scalar.Enum, int) { return p.Status, p.Version },
	Transitions: []Transition[ImprovementPlan]{
		{"propose", nil, "PROPOSED", Holding[ImprovementPlan](authz.StationStaff), nil},
		{"revise", In("PROPOSED"), "", Holding[ImprovementPlan](authz.StationStaff), nil},
		{"accept", In("PROPOSED"), "ACCEPTED", Holding[ImprovementPlan](authz.CommunityAdmin), nil},
		{"complete", In("ACCEPTED"), "DONE", Holding[ImprovementPlan](authz.CommunityStaff), nil},
		{"drop", In("PROPOSED ACCEPTED"), "DROPPED", Holding[ImprovementPlan](authz.CommunityAdmin), nil},
	},
	Rules: Rules{
		"improvement_plans_owner_station_id_fkey":      missing("station"),
		"improvement_plans_owner_after_window_id_fkey": missing("after"),
	},
}

// ImprovementPlanPayload answers a step of a plan.
type ImprovementPlanPayload struct {
	Plan       *ImprovementPlan
	UserErrors []UserError
}

// PlanText is what a proposal says; all of it becomes public.
type PlanText struct {
	NameZh  string
	Horizon *string
	DueOn   *scalar.Date
	Goals   []string
	Station *string
	After   *string
}

func (in *PlanText) fill(form *Form) {
	form.Public("name_zh", in.NameZh, planNameLength, "nameZh")
	form.OptionalPublic("horizon", in.Horizon, planTextLength, "horizon")
	form.Texts("goals", in.Goals, planGoals, planTextLength, "goals")
	form.Set("due_on", in.DueOn)
	form.Refer("station_id", in.Station, Stations.Type, "station")
	form.Refer("after_window_id", in.After, ServiceWindows.Type, "after")
}

// ProposeImprovementPlanInput proposes a plan.
type ProposeImprovementPlanInput struct {
	Community string
	PlanText
	IdempotencyKey string
}

func (in *ProposeImprovementPlanInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return PlanLife.Begin("propose", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		in.fill(form)
		return form.Done()
	})
}

// ReviseImprovementPlanInput rewrites a proposal.
type ReviseImprovementPlanInput struct {
	Edit
	PlanText
}

func (in *ReviseImprovementPlanInput) Command(*Ask) (Command, error) {
	return PlanLife.Take("revise", in.Edit, in, func(tx *Tx, _ *ImprovementPlan) (Change, error) {
		form := tx.Form()
		in.fill(form)
		return form.Done()
	})
}

// AcceptImprovementPlanInput promises a plan.
type AcceptImprovementPlanInput struct{ Edit }

func (in *AcceptImprovementPlanInput) Command(*Ask) (Command, error) {
	return PlanLife.Take("accept", in.Edit, in, func(tx *Tx, _ *ImprovementPlan) (Change, error) {
		return Change{Set: Values{"accepted_at": tx.Now()}}, nil
	})
}

// CompleteImprovementPlanInput says that a promise was kept.
type CompleteImprovementPlanInput struct {
	Edit
	Outcome string
}

func (in *CompleteImprovementPlanInput) Command(*Ask) (Command, error) {
	return PlanLife.Take("complete", in.Edit, in, func(tx *Tx, _ *ImprovementPlan) (Change, error) {
		form := tx.Form()
		form.Public("outcome", in.Outcome, planTextLength, "outcome")
		form.Set("finished_at", tx.Now())
		return form.Done()
	})
}

// DropImprovementPlanInput gives a plan up.
type DropImprovementPlanInput struct {
	Edit
	Reason string
}

func (in *DropImprovementPlanInput) Command(*Ask) (Command, error) {
	return PlanLife.Take("drop", in.Edit, in, func(tx *Tx, _ *ImprovementPlan) (Change, error) {
		form := tx.Form()
		form.Public("dropped_for", in.Reason, planTextLength, "reason")
		form.Set("finished_at", tx.Now())
		return form.Done()
	})
}
