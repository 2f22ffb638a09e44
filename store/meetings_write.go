package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// Characters that fit. Chosen: a title, and a page.
const meetingTitleLength, meetingTextLength = 80, 2000

var (
	convener = Holding[Meeting](authz.CommunityStaff)

	// MeetingLife plans meetings and says whether they were held.
	MeetingLife = &Machine[Meeting]{
		Table: Meetings, Topic: "meeting",
		State: func(m *Meeting) (scalar.Enum, int) { return m.Status, m.Version },
		Transitions: []Transition[Meeting]{
			{"plan", nil, "PLANNED", convener, nil},
			{"hold", In("PLANNED"), "HELD", convener, begun},
			{"cancel", In("PLANNED"), "CANCELLED", convener, nil},
		},
		Rules: Rules{
			"meetings_attendance_check":     fault.Newf(fault.BadUserInput, "a meeting is of somebody").At("attendance"),
			"meetings_kind_check":           fault.Newf(fault.BadUserInput, "this community's database does not know the kind").At("kind"),
			"meetings_owner_series_id_fkey": missing("series"),
			"meetings_owner_room_id_fkey":   missing("room"),
		},
	}

	// DecisionLife has one action: what was decided is recorded, and not unsaid. Another meeting may decide otherwise.
	DecisionLife = &Machine[Decision]{
		Table: Decisions, Topic: "decision",
		Transitions: []Transition[Decision]{{"record", nil, "", Holding[Decision](authz.CommunityStaff), nil}},
		Rules: Rules{
			"decided_where_held":              fault.Newf(fault.Conflict, "the meeting was not held: say so first").At("meeting"),
			"votes_are_counted_together":      fault.Newf(fault.BadUserInput, "votes for, against and abstained: all three or none").At("votesFor"),
			"outcome_follows_the_votes":       fault.Newf(fault.BadUserInput, "more votes for than against adopt it, and no others").At("outcome"),
			"decisions_votes_for_check":       fault.Newf(fault.BadUserInput, "votes are not negative").At("votesFor"),
			"decisions_votes_against_check":   fault.Newf(fault.BadUserInput, "votes are not negative").At("votesAgainst"),
			"decisions_votes_abstained_check": fault.Newf(fault.BadUserInput, "votes are not negative").At("votesAbstained"),
			"decisions_owner_meeting_id_fkey": missing("meeting"),
			"decisions_owner_pairing_id_fkey": missing("pairing"),
		},
	}

	// ActionLife is what becomes of a decision.
	ActionLife = &Machine[ActionItem]{
		Table: ActionItems, Topic: "action",
		State: func(a *ActionItem) (scalar.Enum, int) { return a.Status, a.Version },
		Transitions: []Transition[ActionItem]{
			{"add", nil, "OPEN", Holding[ActionItem](authz.CommunityStaff), nil},
			{"complete", In("OPEN"), "DONE", Holding[ActionItem](authz.StationStaff), nil},
			{"drop", In("OPEN"), "DROPPED", Holding[ActionItem](authz.CommunityStaff), nil},
		},
		Rules: Rules{
			"dropped_action_says_why":             fault.Newf(fault.BadUserInput, "say why it is not done").At("note"),
			"action_items_owner_decision_id_fkey": missing("decision"),
			"action_items_owner_post_id_fkey":     missing("post"),
		},
	}

	// DeliberationLife is raised by residents, accepted by staff, who read it first, and closed with a word.
	DeliberationLife = &Machine[Deliberation]{
		Table: Deliberations, Topic: "deliberation",
		State: func(d *Deliberation) (scalar.Enum, int) { return d.Status, d.Version },
		Transitions: []Transition[Deliberation]{
			{"raise", nil, "", Holding[Deliberation](authz.Resident), nil},
			{"accept", In("RAISED"), "OPEN", Holding[Deliberation](authz.CommunityStaff), nil},
			{"resolve", In("OPEN"), "RESOLVED", Holding[Deliberation](authz.CommunityStaff), nil},
			{"drop", In("RAISED OPEN"), "", Holding[Deliberation](authz.CommunityStaff), nil},
		},
		Rules: Rules{
			"decided_when_resolved":                fault.Newf(fault.BadUserInput, "what is dropped is not decided").At("decision"),
			"deliberations_owner_estate_id_fkey":   missing("estate"),
			"deliberations_owner_decision_id_fkey": missing("decision"),
		},
	}
)

func begun(ask *Ask, m *Meeting) error {
	if ask.Viewer.At.Before(m.StartsAt) {
		return fault.Newf(fault.InvalidTransition, "it has not begun").With("allowed", []string{"cancel"})
	}
	return nil
}

type (
	// MeetingPayload answers a step of a meeting.
	MeetingPayload struct {
		Meeting    *Meeting
		UserErrors []UserError
	}
	// DecisionPayload answers a record.
	DecisionPayload struct {
		Decision   *Decision
		UserErrors []UserError
	}
	// ActionItemPayload answers a step of an action.
	ActionItemPayload struct {
		Action     *ActionItem
		UserErrors []UserError
	}
	// DeliberationPayload answers a step of a deliberation.
	DeliberationPayload struct {
		Deliberation *Deliberation
		UserErrors   []UserError
	}
)

// PlanMeetingInput plans a meeting.
type PlanMeetingInput struct {
	Community      string
	Kind           scalar.Enum
	TitleZh        string
	StartsAt       time.Time
	Series, Room   *string
	IdempotencyKey string
}

func (in *PlanMeetingInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return MeetingLife.Begin("plan", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Set("kind", in.Kind)
		form.Public("title_zh", in.TitleZh, meetingTitleLength, "titleZh")
		form.Set("starts_at", in.StartsAt)
		form.Refer("series_id", in.Series, MeetingSerieses.Type, "series")
		form.Refer("room_id", in.Room, Rooms.Type, "room")
		return form.Done()
	})
}

// HoldMeetingInput says that a meeting was held.
type HoldMeetingInput struct {
	Edit
	Attendance int
	SummaryZh  *string
}

func (in *HoldMeetingInput) Command(*Ask) (Command, error) {
	return MeetingLife.Take("hold", in.Edit, in, func(tx *Tx, _ *Meeting) (Change, error) {
		form := tx.Form()
		form.Set("attendance", in.Attendance)
		form.OptionalPublic("summary_zh", in.SummaryZh, meetingTextLength, "summaryZh")
		return form.Done()
	})
}

// CancelMeetingInput calls a meeting off.
type CancelMeetingInput struct {
	Edit
	Reason string
}

func (in *CancelMeetingInput) Command(*Ask) (Command, error) {
	return MeetingLife.Take("cancel", in.Edit, in, func(tx *Tx, _ *Meeting) (Change, error) {
		form := tx.Form()
		form.Public("cancelled_for", in.Reason, meetingTextLength, "reason")
		return form.Done()
	})
}

// RecordDecisionInput records what a meeting decided.
type RecordDecisionInput struct {
	Meeting, TextZh                        string
	Outcome                                scalar.Enum
	VotesFor, VotesAgainst, VotesAbstained *int
	Pairing                                *string
	IdempotencyKey                         string
}

func (in *RecordDecisionInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Meeting)
	if err != nil {
		return Command{}, fault.Of(err).At("meeting")
	}
	return DecisionLife.Begin("record", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("meeting_id", &in.Meeting, Meetings.Type, "meeting")
		form.Public("text_zh", in.TextZh, meetingTextLength, "textZh")
		form.Set("outcome", in.Outcome)
		form.Set("votes_for", in.VotesFor)
		form.Set("votes_against", in.VotesAgainst)
		form.Set("votes_abstained", in.VotesAbstained)
		form.Refer("pairing_id", in.Pairing, Pairings.Type, "pairing")
		change, err := form.Done()
		if err != nil {
			return change, err
		}
		var began time.Time
		found, err := tx.Get("SELECT starts_at FROM meetings WHERE owner = $1 AND id = $2 FOR SHARE", []any{tx.Owner, id.UUID}, &began)
		if err == nil && !found {
			err = missing("meeting")
		}
		change.Set["decided_on"] = scalar.DateOf(began)
		return change, err
	})
}

// AddActionInput gives a post something to do.
type AddActionInput struct {
	Decision, TextZh, Post string
	DueOn                  scalar.Date
	IdempotencyKey         string
}

func (in *AddActionInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Decision)
	if err != nil {
		return Command{}, fault.Of(err).At("decision")
	}
	return ActionLife.Begin("add", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.DueOn.Compare(scalar.DateOf(tx.Now())) < 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "it is due today or later").At("dueOn"))
		}
		form.Refer("decision_id", &in.Decision, Decisions.Type, "decision")
		form.Refer("post_id", &in.Post, StaffPosts.Type, "post")
		form.Text("text_zh", in.TextZh, meetingTextLength, "textZh")
		form.Set("due_on", in.DueOn)
		return form.Done()
	})
}

// CloseActionInput says what became of an action.
type CloseActionInput struct {
	Edit
	Note *string
}

// ActionStep is a step of CloseActionInput by the name of its action.
type ActionStep struct {
	CloseActionInput
	Action string
}

func (in *ActionStep) Command(*Ask) (Command, error) {
	return ActionLife.Take(in.Action, in.Edit, in, func(tx *Tx, _ *ActionItem) (Change, error) {
		form := tx.Form()
		form.OptionalText("closed_note", in.Note, meetingTextLength, "note")
		form.Set("closed_on", scalar.DateOf(tx.Now()))
		return form.Done()
	})
}

// RaiseDeliberationInput brings a matter up.
type RaiseDeliberationInput struct {
	Community, TopicZh string
	Estate             *string
	IdempotencyKey     string
}

func (in *RaiseDeliberationInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return DeliberationLife.Begin("raise", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("topic_zh", in.TopicZh, meetingTitleLength, "topicZh")
		form.Refer("estate_id", in.Estate, Estates.Type, "estate")
		form.Set("raised_on", scalar.DateOf(tx.Now()))
		form.Set("status", scalar.Enum("RAISED"))
		if tx.Ask.Viewer.Has(authz.CommunityStaff) {
			form.Set("status", scalar.Enum("OPEN"))
		}
		return form.Done()
	})
}

// AcceptDeliberationInput makes a matter public.
type AcceptDeliberationInput struct{ Edit }

func (in *AcceptDeliberationInput) Command(*Ask) (Command, error) {
	return DeliberationLife.Take("accept", in.Edit, in, func(*Tx, *Deliberation) (Change, error) { return Change{}, nil })
}

// CloseDeliberationInput says what came of a matter.
type CloseDeliberationInput struct {
	Edit
	ResolutionZh string
	Decision     *string
}

// DeliberationStep is a step of CloseDeliberationInput by the name of its action.
type DeliberationStep struct {
	CloseDeliberationInput
	Action string
}

func (in *DeliberationStep) Command(*Ask) (Command, error) {
	return DeliberationLife.Take(in.Action, in.Edit, in, func(tx *Tx, d *Deliberation) (Change, error) {
		form := tx.Form()
		switch {
		case in.Action == "drop" && d.Status == "RAISED":
			form.Set("status", scalar.Enum("DECLINED"))
		case in.Action == "drop":
			form.Set("status", scalar.Enum("DROPPED"))
		}
		form.Public("resolution_zh", in.ResolutionZh, meetingTextLength, "resolutionZh")
		form.Refer("decision_id", in.Decision, Decisions.Type, "decision")
		form.Set("closed_on", scalar.DateOf(tx.Now()))
		return form.Done()
	})
}
