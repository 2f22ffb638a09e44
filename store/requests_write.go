package store

import (
	"slices"
	"strconv"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// reopensUpTo is the judgement that sends a request back. model.md §5.
	reopensUpTo = 2
	// archivedAfter is how long a judgement stands before its request is closed. Chosen: as long as
	// feedback waits for an objection.
	archivedAfter = 14 * 24 * time.Hour

	// Characters that fit. Chosen: a code, and what a signboard holds.
	stepCodeLength, ruleLength = 40, 200
	// mostSteps can be named before something is approved. Chosen: five times what a report tells.
	mostSteps = 20
)

var (
	orderDesk = Holding[ServiceRequest](authz.CommunityStaff)
	helper    = Holding[ServiceRequest](authz.Volunteer) // of which team is for servesIn
	orderedIt = Named(func(r *ServiceRequest) *uuid.UUID { return r.RequesterID })
	// judges also lets staff write down what somebody said whose order they wrote down.
	judges = orderedIt.Or(func(v *authz.Viewer, r *ServiceRequest) bool {
		return r.WrittenDown && v.Has(authz.CommunityStaff)
	})
)

// ServiceRequestLife is the state machine of model.md §5. What an approval needs (I14) is held by
// the database, which the rules explain.
var ServiceRequestLife = &Machine[ServiceRequest]{
	Table: ServiceRequests, Topic: "service-request",
	State: func(r *ServiceRequest) (scalar.Enum, int) { return r.Status, r.Version },
	Transitions: []Transition[ServiceRequest]{
		{"place", nil, "SUBMITTED", Holding[ServiceRequest](authz.Resident), nil},
		{"review", In("SUBMITTED UNDER_REVIEW"), "", orderDesk, nil},
		{"decline", In("UNDER_REVIEW FEASIBILITY"), "DECLINED", orderDesk, nil},
		{"completeStep", In("FEASIBILITY"), "", orderDesk, nil},
		{"adoptRule", In("UNDER_REVIEW FEASIBILITY"), "", orderDesk, nil},
		{"approve", In("UNDER_REVIEW"), "APPROVED", orderDesk, noFacility},
		{"approve", In("FEASIBILITY"), "APPROVED", orderDesk, nil},
		{"dispatch", In("APPROVED DISPATCHED"), "DISPATCHED", orderDesk, nil},
		{"claim", In("DISPATCHED"), "CLAIMED", helper, nil},
		{"start", In("CLAIMED REOPENED"), "IN_PROGRESS", helper, nil},
		{"complete", In("IN_PROGRESS"), "DELIVERED", helper, nil},
		{"rate", In("DELIVERED"), "", judges, nil},
		{"close", In("RATED"), "CLOSED", orderDesk, nil},
		{"cancel", In("SUBMITTED UNDER_REVIEW FEASIBILITY APPROVED DISPATCHED CLAIMED"), "CANCELLED", orderedIt.Or(orderDesk), nil},
	},
	Rules: Rules{
		"steps_are_settled":                             fault.Newf(fault.InvalidTransition, "steps are open: each is done or not needed first").With("allowed", []string{"completeStep", "decline", "cancel"}),
		"facility_needs_a_rule":                         fault.Newf(fault.InvalidTransition, "a facility needs a rule for its use: adopt one first").At("rule").With("allowed", []string{"adoptRule", "decline", "cancel"}),
		"steps_are_of_facilities":                       fault.Newf(fault.BadUserInput, "only a facility has steps").At("steps"),
		"feasibility_steps_one_of_a_code":               fault.Newf(fault.BadUserInput, "two steps have the same code").At("steps"),
		"feasibility_steps_state_check":                 fault.Newf(fault.BadUserInput, "this is no state to give").At("state"),
		"feasibility_steps_code_check":                  fault.Newf(fault.BadUserInput, "a code is of capital letters, digits and underscores").At("steps"),
		"service_requests_rating_check":                 fault.Newf(fault.BadUserInput, "a judgement is 1 to 5").At("score"),
		"service_requests_menu_item_fkey":               fault.Newf(fault.BadUserInput, "the list has no such item of this kind").At("menuItem"),
		"service_requests_owner_building_id_fkey":       missing("building"),
		"service_requests_owner_channel_id_fkey":        missing("channel"),
		"service_requests_owner_requester_id_fkey":      missing("requester"),
		"service_requests_owner_rule_id_fkey":           missing("rule"),
		"service_requests_owner_team_id_fkey":           missing("team"),
		"service_requests_owner_requester_post_id_fkey": missing("post"),
	},
}

func noFacility(_ *Ask, r *ServiceRequest) error {
	if r.Kind == "FACILITY" {
		return fault.Newf(fault.InvalidTransition, "a facility is proved feasible first: review it with its steps").With("allowed", []string{"review", "decline", "cancel"})
	}
	return nil
}

// ServiceRequestPayload answers a step of a request.
type ServiceRequestPayload struct {
	Request    *ServiceRequest
	UserErrors []UserError
}

// PlaceServiceRequestInput orders something.
type PlaceServiceRequestInput struct {
	Community                   string
	Kind                        scalar.Enum
	Title                       string
	Details                     *string
	MenuItem, Building, Channel *string
	CoProduced                  bool
	Requester                   *string
	IdempotencyKey              string
}

func (in *PlaceServiceRequestInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return ServiceRequestLife.Begin("place", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Set("kind", in.Kind)
		form.Public("title", in.Title, titleLength, "title")
		form.OptionalText("details", in.Details, textLength, "details")
		form.Refer("menu_item_id", in.MenuItem, ServiceMenuItems.Type, "menuItem")
		form.Refer("building_id", in.Building, Buildings.Type, "building")
		form.Refer("channel_id", in.Channel, Channels.Type, "channel")
		form.Set("co_produced", in.CoProduced)
		form.Set("ordered_at", tx.Now())
		form.Refer("requester_id", neighbour(tx, form, in.Requester, authz.StationStaff, "requester"), Residents.Type, "requester")
		owner, self, _ := Self(tx.Ask.Viewer)
		form.Set("written_down", owner != tx.Owner || form.set["requester_id"] != self)
		if owner, post, ok := Post(tx.Ask.Viewer); ok && owner == tx.Owner && in.Requester == nil {
			form.Set("requester_post_id", post)
		}
		if item, ok := form.set["menu_item_id"].(uuid.UUID); ok && form.err == nil {
			form.Fail(orderable(tx, item))
		}
		return form.Done()
	})
}

// orderable refuses an item that cannot be ordered now; whether there is one of the kind is for the
// foreign key.
func orderable(tx *Tx, item uuid.UUID) error {
	available := true
	_, err := tx.Get("SELECT available FROM service_menu_items WHERE owner = $1 AND id = $2 FOR SHARE", []any{tx.Owner, item}, &available)
	if err == nil && !available {
		err = fault.Newf(fault.Conflict, "it cannot be ordered now").At("menuItem")
	}
	return err
}

// ReviewServiceRequestInput takes a request up, or names what has to be settled first.
type ReviewServiceRequestInput struct {
	Edit
	Steps []FeasibilityStepInput
}

// FeasibilityStepInput is one of these.
type FeasibilityStepInput struct{ Code, NameZh string }

func (in *ReviewServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("review", in.Edit, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		if len(in.Steps) == 0 {
			if r.Status == "UNDER_REVIEW" {
				return Change{}, fault.Newf(fault.InvalidTransition, "it is under review already; name the steps of a facility").At("steps")
			}
			return Change{Set: Values{"status": scalar.Enum("UNDER_REVIEW")}}, nil
		}
		if len(in.Steps) > mostSteps {
			return Change{}, fault.Newf(fault.BadUserInput, "at most %d steps fit here", mostSteps).At("steps")
		}
		for i, s := range in.Steps {
			id, err := uuid.NewV7()
			if err != nil {
				return Change{}, err
			}
			form, at := tx.Form(), strconv.Itoa(i)
			form.Set("request_id", r.UUID)
			form.Set("ordinal", i+1)
			form.Text("code", s.Code, stepCodeLength, "steps", at, "code")
			form.Public("name_zh", s.NameZh, titleLength, "steps", at, "nameZh")
			step, err := form.Done()
			if err != nil {
				return Change{}, err
			}
			if err := tx.Insert(FeasibilitySteps.Table, id, step.Set); err != nil {
				return Change{}, err
			}
		}
		return Change{Set: Values{"status": scalar.Enum("FEASIBILITY")}}, nil
	})
}

// DeclineServiceRequestInput says no, and why.
type DeclineServiceRequestInput struct {
	Edit
	Reason string
}

func (in *DeclineServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("decline", in.Edit, in, func(tx *Tx, _ *ServiceRequest) (Change, error) {
		form := tx.Form()
		form.Public("reason", in.Reason, ruleLength, "reason")
		return form.Done()
	})
}

// CompleteFeasibilityStepInput says how a step stands.
type CompleteFeasibilityStepInput struct {
	Request, Code  string
	State          scalar.Enum
	Note           *string
	Version        *int
	IdempotencyKey *string
}

// Command declines the request with a step that failed.
func (in *CompleteFeasibilityStepInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("completeStep", Edit{in.Request, in.Version, in.IdempotencyKey}, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		var id uuid.UUID
		found, err := tx.Get("SELECT id FROM feasibility_steps WHERE owner = $1 AND request_id = $2 AND code = $3", []any{tx.Owner, r.UUID, in.Code}, &id)
		switch {
		case err != nil:
			return Change{}, err
		case !found:
			return Change{}, fault.Newf(fault.NotFound, "the request has no such step").At("code")
		}
		form := tx.Form()
		form.OptionalPublic("note", in.Note, ruleLength, "note") // with FAILED it is the reason, which all read
		form.Set("state", in.State)
		form.Set("done_at", nil)
		if slices.Contains(In("DONE NOT_NEEDED FAILED"), in.State) {
			form.Set("done_at", tx.Now())
		}
		step, err := form.Done()
		if err != nil {
			return Change{}, err
		}
		if err := tx.Update(FeasibilitySteps.Table, id, step.Set); err != nil {
			return Change{}, err
		}
		if in.State != "FAILED" {
			return Change{Set: Values{"status": r.Status}}, nil
		}
		if step.Set["note"] == nil {
			return Change{}, fault.Newf(fault.BadUserInput, "a failed step declines the request: say why").At("note")
		}
		return Change{Set: Values{"status": scalar.Enum("DECLINED"), "reason": step.Set["note"]}}, nil
	})
}

// ApproveServiceRequestInput says yes.
type ApproveServiceRequestInput struct {
	Edit
	Rule *string
}

func (in *ApproveServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("approve", in.Edit, in, func(tx *Tx, _ *ServiceRequest) (Change, error) {
		form := tx.Form()
		if in.Rule != nil {
			form.Refer("rule_id", in.Rule, CommunityRules.Type, "rule")
		}
		form.Set("approved_at", tx.Now())
		return form.Done()
	})
}

// DispatchServiceRequestInput sends a request to a team, or to all.
type DispatchServiceRequestInput struct {
	Edit
	Team *string
}

func (in *DispatchServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("dispatch", in.Edit, in, func(tx *Tx, _ *ServiceRequest) (Change, error) {
		form := tx.Form()
		form.Refer("team_id", in.Team, VolunteerTeams.Type, "team")
		return form.Done()
	})
}

// ClaimServiceRequestInput takes a request for a team.
type ClaimServiceRequestInput struct {
	Edit
	Team string
}

// Command lets the first have it: the others wait for the row and find it CLAIMED.
func (in *ClaimServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("claim", in.Edit, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		form := tx.Form()
		form.Refer("team_id", &in.Team, VolunteerTeams.Type, "team")
		form.Set("claimed_at", tx.Now())
		team, ok := form.set["team_id"].(uuid.UUID)
		if !ok {
			return form.Done()
		}
		form.Fail(servesIn(tx, team, "team"))
		if r.TeamID != nil && *r.TeamID != team {
			form.Fail(fault.Newf(fault.Conflict, "it was sent to another team").At("team"))
		}
		return form.Done()
	})
}

// StepServiceRequestInput begins the work.
type StepServiceRequestInput struct{ Edit }

func (in *StepServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("start", in.Edit, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		return Change{}, servesIn(tx, *r.TeamID, "id")
	})
}

// CompleteServiceRequestInput ends it.
type CompleteServiceRequestInput struct {
	Edit
	Outcome *string
}

// Command forgets the judgement of what was done before.
func (in *CompleteServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("complete", in.Edit, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		form := tx.Form()
		form.Fail(servesIn(tx, *r.TeamID, "id"))
		form.OptionalPublic("outcome", in.Outcome, textLength, "outcome")
		form.Set("delivered_at", tx.Now())
		form.Set("rating", nil)
		form.Set("rated_at", nil)
		return form.Done()
	})
}

// RateServiceRequestInput judges what was done.
type RateServiceRequestInput struct {
	Edit
	Score int
}

func (in *RateServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("rate", in.Edit, in, func(tx *Tx, r *ServiceRequest) (Change, error) {
		set := Values{"status": scalar.Enum("RATED"), "rating": in.Score, "rated_at": tx.Now()}
		if in.Score <= reopensUpTo {
			set["status"], set["delivered_at"], set["reopened_count"] = scalar.Enum("REOPENED"), nil, r.ReopenedCount+1
		}
		return Change{Set: set}, nil
	})
}

// CancelServiceRequestInput takes an order back.
type CancelServiceRequestInput struct {
	Edit
	Reason *string
}

func (in *CancelServiceRequestInput) Command(*Ask) (Command, error) {
	return ServiceRequestLife.Take("cancel", in.Edit, in, func(tx *Tx, _ *ServiceRequest) (Change, error) {
		form := tx.Form()
		form.OptionalPublic("reason", in.Reason, ruleLength, "reason")
		return form.Done()
	})
}

// What was judged goes to the archive.
var _ = keeps(Chore{Name: "archiving", AtOnce: 100, Do: func(r *Round) (int, error) {
	return r.take(func(owner string, id uuid.UUID) (Command, error) {
		e := Edit{ID: page.ID{Type: ServiceRequests.Type, Owner: owner, UUID: id}.String()}
		return ServiceRequestLife.Take("close", e, e, func(*Tx, *ServiceRequest) (Change, error) { return Change{}, nil })
	}, `SELECT owner, id FROM service_requests WHERE owner = ANY($1) AND status = 'RATED' AND rated_at < $2 ORDER BY owner, id LIMIT $3`,
		pq.Array(r.Owners), r.Ask.Viewer.At.Add(-archivedAfter), r.AtOnce)
}})
