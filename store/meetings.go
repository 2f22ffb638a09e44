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

// MeetingSeries is meetings that come again.
type MeetingSeries struct {
	Row
	NameZh     string             `db:"name_zh"`
	NameEn     *string            `db:"name_en"`
	Kind       scalar.Enum        `db:"kind"`
	AllianceID *uuid.UUID         `db:"alliance_id" for:"alliance"`
	RoomID     *uuid.UUID         `db:"room_id" for:"room"`
	Recurrence *scalar.Recurrence `db:"recurrence"`
	LedBy      *string            `db:"led_by"`
	Provenance scalar.Provenance  `db:"provenance"`
}

// Meeting is a meeting, planned or held.
type Meeting struct {
	Row
	TitleZh      string            `db:"title_zh"`
	Kind         scalar.Enum       `db:"kind"`
	SeriesID     *uuid.UUID        `db:"series_id" for:"series"`
	RoomID       *uuid.UUID        `db:"room_id" for:"room"`
	StartsAt     time.Time         `db:"starts_at"`
	Status       scalar.Enum       `db:"status"`
	Attendance   *int              `db:"attendance"`
	SummaryZh    *string           `db:"summary_zh"`
	CancelledFor *string           `db:"cancelled_for"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Decision is what a meeting decided; it is recorded once.
type Decision struct {
	Row
	TextZh         string            `db:"text_zh"`
	MeetingID      uuid.UUID         `db:"meeting_id" for:"meeting"`
	Outcome        scalar.Enum       `db:"outcome"`
	VotesFor       *int              `db:"votes_for"`
	VotesAgainst   *int              `db:"votes_against"`
	VotesAbstained *int              `db:"votes_abstained"`
	DecidedOn      scalar.Date       `db:"decided_on"`
	PairingID      *uuid.UUID        `db:"pairing_id" for:"pairing"`
	Provenance     scalar.Provenance `db:"provenance"`
}

// ActionItem is what a post does of a decision; its rows are restricted.
type ActionItem struct {
	Row
	TextZh     string            `db:"text_zh"`
	DecisionID uuid.UUID         `db:"decision_id" for:"decision"`
	PostID     uuid.UUID         `db:"post_id" for:"post"`
	DueOn      scalar.Date       `db:"due_on" for:"overdue"`
	Status     scalar.Enum       `db:"status" for:"overdue"`
	ClosedOn   *scalar.Date      `db:"closed_on"`
	ClosedNote *string           `db:"closed_note"`
	Version    int               `db:"version"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Overdue reports whether it is open and its day was before that of the request.
func (a *ActionItem) Overdue(ctx context.Context) bool {
	return a.Status == "OPEN" && a.DueOn.Compare(scalar.DateOf(authz.FromContext(ctx).At)) < 0
}

// Deliberation is a matter that residents settle.
type Deliberation struct {
	Row
	TopicZh      string            `db:"topic_zh"`
	EstateID     *uuid.UUID        `db:"estate_id" for:"estate"`
	RaisedOn     scalar.Date       `db:"raised_on"`
	Status       scalar.Enum       `db:"status"`
	ResolutionZh *string           `db:"resolution_zh"`
	DecisionID   *uuid.UUID        `db:"decision_id" for:"decision"`
	ClosedOn     *scalar.Date      `db:"closed_on"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

type (
	MeetingSeriesConnection = page.Connection[MeetingSeries]
	MeetingSeriesEdge       = page.Edge[MeetingSeries]
	MeetingConnection       = page.Connection[Meeting]
	MeetingEdge             = page.Edge[Meeting]
	DecisionConnection      = page.Connection[Decision]
	DecisionEdge            = page.Edge[Decision]
	ActionItemConnection    = page.Connection[ActionItem]
	ActionItemEdge          = page.Edge[ActionItem]
	DeliberationConnection  = page.Connection[Deliberation]
	DeliberationEdge        = page.Edge[Deliberation]
)

var (
	MeetingSerieses = Define[MeetingSeries](Spec{Type: "MeetingSeries", Table: "meeting_series",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	Meetings = Define[Meeting](Spec{Type: "Meeting", Table: "meetings",
		Orders: map[string][]string{"STARTS_AT": {"starts_at"}}, Default: []string{"starts_at"}, DefaultDesc: true})
	Decisions = Define[Decision](Spec{Type: "Decision", Table: "decisions",
		Orders: map[string][]string{"DECIDED_ON": {"decided_on"}}, Default: []string{"decided_on"}, DefaultDesc: true})
	ActionItems = Define[ActionItem](Spec{Type: "ActionItem", Table: "action_items", Restricted: true,
		Orders: map[string][]string{"DUE_ON": {"due_on"}}, Default: []string{"due_on"}})
	Deliberations = Define[Deliberation](Spec{Type: "Deliberation", Table: "deliberations", Published: "t.status NOT IN ('RAISED', 'DECLINED')",
		Orders: map[string][]string{"RAISED_ON": {"raised_on"}}, Default: []string{"raised_on"}, DefaultDesc: true})
)

var (
	_ = HasMany(Alliances, MeetingSerieses, Children{Field: "meetingSeries", By: "alliance_id"})
	_ = HasOne(MeetingSerieses, "alliance", Alliances, "alliance_id")
	_ = HasOne(MeetingSerieses, "room", Rooms, "room_id")
	_ = HasPage(MeetingSerieses, Meetings, Children{Field: "meetings", By: "series_id"})
	_ = HasOne(Meetings, "series", MeetingSerieses, "series_id")
	_ = HasOne(Meetings, "room", Rooms, "room_id")
	_ = HasMany(Meetings, Decisions, Children{Field: "decisions", By: "meeting_id"})
	_ = HasOne(Decisions, "meeting", Meetings, "meeting_id")
	_ = HasOne(Decisions, "pairing", Pairings, "pairing_id")
	_ = HasMany(Decisions, Deliberations, Children{Field: "deliberations", By: "decision_id"})
	_ = HasMany(Decisions, ActionItems, Children{Field: "actions", By: "decision_id"})
	_ = HasFirst(Pairings, Decisions, Children{Field: "decision", By: "pairing_id"})
	_ = HasOne(ActionItems, "decision", Decisions, "decision_id")
	_ = HasOne(ActionItems, "post", StaffPosts, "post_id")
	_ = HasOne(Deliberations, "estate", Estates, "estate_id")
	_ = HasOne(Deliberations, "decision", Decisions, "decision_id")
)

// MeetingSeriesFilter narrows a list of series.
type MeetingSeriesFilter struct {
	Kinds                  []scalar.Enum
	Alliance, NameContains *string
}

func (f *MeetingSeriesFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.alliance_id", f.Alliance, Alliances, "filter", "alliance")
}

// MeetingFilter narrows a list of meetings.
type MeetingFilter struct {
	Kinds, Status []scalar.Enum
	Series        *string
	Range         *DateRange
}

func (f *MeetingFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.AnyOf("t.status", f.Status)
	if err := w.Refers("t.series_id", f.Series, MeetingSerieses, "filter", "series"); err != nil {
		return err
	}
	return w.During("t.starts_at", f.Range, "filter", "range")
}

// DecisionFilter narrows a list of decisions.
type DecisionFilter struct {
	Outcomes              []scalar.Enum
	Meeting, TextContains *string
	Range                 *DateRange
}

func (f *DecisionFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.outcome", f.Outcomes)
	w.Contains("t.text_zh", f.TextContains)
	if err := w.Refers("t.meeting_id", f.Meeting, Meetings, "filter", "meeting"); err != nil {
		return err
	}
	return w.Days("t.decided_on", f.Range, "filter", "range")
}

// ActionItemFilter narrows a list of actions.
type ActionItemFilter struct {
	Status         []scalar.Enum
	Overdue        *bool
	Decision, Post *string
}

func (f *ActionItemFilter) Where(w *Where, ask *Ask) error {
	w.AnyOf("t.status", f.Status)
	if f.Overdue != nil {
		w.And("(t.status = 'OPEN' AND t.due_on < ?::date) = ?", scalar.DateOf(ask.Viewer.At), *f.Overdue)
	}
	if err := w.Refers("t.decision_id", f.Decision, Decisions, "filter", "decision"); err != nil {
		return err
	}
	return w.Refers("t.post_id", f.Post, StaffPosts, "filter", "post")
}

// DeliberationFilter narrows a list of deliberations.
type DeliberationFilter struct {
	Status                []scalar.Enum
	Estate, TopicContains *string
	Range                 *DateRange
}

func (f *DeliberationFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.Contains("t.topic_zh", f.TopicContains)
	if err := w.Refers("t.estate_id", f.Estate, Estates, "filter", "estate"); err != nil {
		return err
	}
	return w.Days("t.raised_on", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: Meetings, Where: "MeetingFilter", Time: "starts_at",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "SERIES", SQL: "t.series_id", To: MeetingSerieses},
	},
	Measures: []Measure{
		{Name: "held", Doc: "Meetings that were held.", Unit: "次", Kind: measure.Count{If: "t.status = 'HELD'"}},
		{Name: "attendance", Doc: "Sum of those who came; never a number of different people.", Unit: "人次", Kind: measure.Sum{Of: "t.attendance"}},
		{Name: "meetings", Doc: "Meetings, whatever became of them.", Unit: "次", Kind: measure.Count{}},
	},
})

var _ = DefineCube(Cube{
	Of: Decisions, Where: "DecisionFilter", Time: "decided_on",
	Dimensions: []Dimension{
		{Name: "OUTCOME", Column: "outcome"},
		{Name: "MEETING_KIND", SQL: "m.kind", Type: "MeetingKind", From: "JOIN meetings m ON m.owner = t.owner AND m.id = t.meeting_id"},
	},
	Measures: []Measure{
		{Name: "decisions", Doc: "Decisions recorded.", Unit: "项", Kind: measure.Count{}},
		{Name: "adoptedShare", Doc: "Decisions adopted over those adopted or rejected.", Kind: measure.Share("t.outcome = 'ADOPTED'", "t.outcome IN ('ADOPTED', 'REJECTED')")},
		{Name: "votesFor", Doc: "Sum of votes for, where they were counted.", Unit: "票", Kind: measure.Sum{Of: "t.votes_for"}},
		{Name: "votesAgainst", Doc: "Sum of votes against, where they were counted.", Unit: "票", Kind: measure.Sum{Of: "t.votes_against"}},
	},
})
