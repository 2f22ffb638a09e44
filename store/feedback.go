package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Feedback is an entry of the Echo Book (回音簿).
type Feedback struct {
	Row
	Number           string            `db:"number"`
	Kind             scalar.Enum       `db:"kind"`
	CategoryCode     *string           `db:"category" for:"category"`
	CategoryID       *uuid.UUID        `db:"category_id" for:"category" sql:"(SELECT c.id FROM feedback_categories c WHERE c.owner = t.owner AND c.code = t.category)"`
	Title            string            `db:"title"`
	Body             *string           `db:"body"`
	Status           scalar.Enum       `db:"status" for:"overdue"`
	ChannelID        *uuid.UUID        `db:"channel_id" for:"channel"`
	StationID        *uuid.UUID        `db:"station_id" for:"station"`
	EstateID         *uuid.UUID        `db:"estate_id" for:"estate"`
	ReporterID       *uuid.UUID        `db:"reporter_id" for:"reporter"`
	ShownReporterID  *uuid.UUID        `db:"shown_reporter_id" for:"reporter" sql:"CASE WHEN NOT t.anonymous THEN t.reporter_id END"`
	Anonymous        bool              `db:"anonymous"`
	Private          bool              `db:"private"`
	ReceivedAt       time.Time         `db:"received_at"`
	DueAt            time.Time         `db:"due_at" for:"overdue"`
	ReviewAt         *time.Time        `db:"review_at"`
	AssigneePostID   *uuid.UUID        `db:"assignee_post_id" for:"assignee"`
	ResponsibleOrgID *uuid.UUID        `db:"responsible_org_id" for:"responsible"`
	ReferredTo       *string           `db:"referred_to"`
	Reply            *string           `db:"reply"`
	RepliedAt        *time.Time        `db:"replied_at"`
	Outcome          *string           `db:"outcome"`
	ResolvedAt       *time.Time        `db:"resolved_at"`
	ClosedAt         *time.Time        `db:"closed_at"`
	DuplicateOfID    *uuid.UUID        `db:"duplicate_of" for:"duplicateOf"`
	EscalationLevel  int               `db:"escalation_level"`
	ReopenedCount    int               `db:"reopened_count"`
	Satisfaction     *int              `db:"satisfaction"`
	Version          int               `db:"version"`
	Provenance       scalar.Provenance `db:"provenance"`
}

// waiting are the statuses in which somebody has to act; migration 0008, feedback_omitted.
var waiting = In("RECEIVED TRIAGED ASSIGNED IN_PROGRESS REFERRED REOPENED")

// Overdue reports whether the deadline had passed at the instant of the request.
func (f *Feedback) Overdue(ctx context.Context) bool {
	return f.DueAt.Before(authz.FromContext(ctx).At) && slices.Contains(waiting, f.Status)
}

// FeedbackUpdate is a step in the life of a feedback.
type FeedbackUpdate struct {
	Row
	At         time.Time    `db:"at"`
	Action     string       `db:"action"`
	FromStatus *scalar.Enum `db:"from_status"`
	ToStatus   scalar.Enum  `db:"to_status"`
	Note       *string      `db:"note"`
	FeedbackID uuid.UUID    `db:"feedback_id"`
	ByPostID   *uuid.UUID   `db:"by_post_id" for:"byPost"`
}

// Escalation is a passed deadline and who was told.
type Escalation struct {
	Row
	DueAt    time.Time  `db:"due_at"`
	Level    int        `db:"level"`
	At       time.Time  `db:"at"`
	Told     string     `db:"told"`
	ToPostID *uuid.UUID `db:"to_post_id" for:"toPost"`
}

// FeedbackCategory is a category of a community's own.
type FeedbackCategory struct {
	Row
	Code               string            `db:"code"`
	NameZh             string            `db:"name_zh"`
	NameEn             *string           `db:"name_en"`
	Open311ServiceCode string            `db:"open311_service_code"`
	RuleID             *uuid.UUID        `db:"rule_id" for:"rule" sql:"(SELECT r.id FROM sla_rules r WHERE r.owner = t.owner AND r.category = t.code)"`
	Provenance         scalar.Provenance `db:"provenance"`
}

// SlaRule is what a community promises for a category.
type SlaRule struct {
	Row
	CategoryID       *uuid.UUID `db:"category_id" for:"category" sql:"(SELECT c.id FROM feedback_categories c WHERE c.owner = t.owner AND c.code = t.category)"`
	DueInHours       int        `db:"due_in_hours"`
	WorkingDays      bool       `db:"working_days"`
	AssigneePostID   uuid.UUID  `db:"assignee_post_id" for:"assignee"`
	ResponsibleOrgID uuid.UUID  `db:"responsible_org_id" for:"responsible"`
}

// FeedbackChange is an entry after one of its steps.
type FeedbackChange struct {
	Community *Community
	Entry     *Feedback
	Err       error // why there is no Entry
}

type (
	FeedbackConnection         = page.Connection[Feedback]
	FeedbackEdge               = page.Edge[Feedback]
	FeedbackUpdateConnection   = page.Connection[FeedbackUpdate]
	FeedbackUpdateEdge         = page.Edge[FeedbackUpdate]
	FeedbackCategoryConnection = page.Connection[FeedbackCategory]
	FeedbackCategoryEdge       = page.Edge[FeedbackCategory]
	SlaRuleConnection          = page.Connection[SlaRule]
	SlaRuleEdge                = page.Edge[SlaRule]
)

var (
	Feedbacks = Define[Feedback](Spec{Type: "Feedback", Table: "feedbacks", Restricted: true, Own: "t.reporter_id = ?",
		Orders:  map[string][]string{"RECEIVED_AT": {"received_at"}, "DUE_AT": {"due_at"}, "STATUS": {"status", "due_at"}},
		Default: []string{"received_at"}, DefaultDesc: true})
	FeedbackUpdates = Define[FeedbackUpdate](Spec{Type: "FeedbackUpdate", Table: "feedback_updates", Restricted: true, Default: []string{"at"},
		Own: "EXISTS (SELECT FROM feedbacks f WHERE f.owner = t.owner AND f.id = t.feedback_id AND f.reporter_id = ?)"})
	Escalations        = Define[Escalation](Spec{Type: "Escalation", Table: "escalations", Restricted: true, Default: []string{"at", "level"}})
	FeedbackCategories = Define[FeedbackCategory](Spec{Type: "FeedbackCategory", Table: "feedback_categories", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"CODE": {"code"}, "NAME": {"name_zh"}}, Default: []string{"code"}})
	SlaRules = Define[SlaRule](Spec{Type: "SlaRule", Table: "sla_rules",
		Orders: map[string][]string{"DUE_IN_HOURS": {"due_in_hours"}}, Default: []string{"due_in_hours"}})
)

var (
	_ = HasPage(Communities, Feedbacks, Children{Field: "feedbacks"})
	_ = HasMany(Communities, FeedbackCategories, Children{Field: "feedbackCategories"})
	_ = HasMany(Communities, SlaRules, Children{Field: "slaRules"})
	_ = HasOne(Feedbacks, "category", FeedbackCategories, "category_id")
	_ = HasOne(Feedbacks, "channel", Channels, "channel_id")
	_ = HasOne(Feedbacks, "station", Stations, "station_id")
	_ = HasOne(Feedbacks, "estate", Estates, "estate_id")
	_ = HasOne(Feedbacks, "assignee", StaffPosts, "assignee_post_id")
	_ = HasOne(Feedbacks, "responsible", Organizations, "responsible_org_id")
	_ = HasOne(Feedbacks, "reporter", Residents, "shown_reporter_id")
	_ = HasOne(Feedbacks, "duplicateOf", Feedbacks, "duplicate_of")
	_ = HasPage(Feedbacks, Feedbacks, Children{Field: "duplicates", By: "duplicate_of"})
	_ = HasPage(Feedbacks, FeedbackUpdates, Children{Field: "updates", By: "feedback_id"})
	_ = HasMany(Feedbacks, Escalations, Children{Field: "escalations", By: "feedback_id"})
	_ = HasOne(FeedbackUpdates, "byPost", StaffPosts, "by_post_id")
	_ = HasOne(Escalations, "toPost", StaffPosts, "to_post_id")
	_ = HasOne(FeedbackCategories, "rule", SlaRules, "rule_id")
	_ = HasOne(SlaRules, "category", FeedbackCategories, "category_id")
	_ = HasOne(SlaRules, "assignee", StaffPosts, "assignee_post_id")
	_ = HasOne(SlaRules, "responsible", Organizations, "responsible_org_id")
)

var _ = DefineCube(Cube{
	Of: Feedbacks, Where: "FeedbackFilter", Time: "received_at",
	Roles: analysts,
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "CATEGORY", Doc: "A category's code.", SQL: "t.category"},
		{Name: "CHANNEL", SQL: "t.channel_id", To: Channels},
		{Name: "STATION", SQL: "t.station_id", To: Stations},
		{Name: "ESTATE", SQL: "t.estate_id", To: Estates},
		{Name: "RESPONSIBLE", Doc: "The body that answers for it (定责).", SQL: "t.responsible_org_id", To: Organizations},
		{Name: "ASSIGNEE", Doc: "The post that handles it (定人).", SQL: "t.assignee_post_id", To: StaffPosts},
		{Name: "SATISFACTION", Doc: "1 to 5.", SQL: "t.satisfaction", Type: "Int"},
		{Name: "WEEKDAY", Doc: "Of receipt, 1 is Monday.", SQL: "extract(isodow FROM t.received_at AT TIME ZONE 'Asia/Shanghai')::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "received", Doc: "Entries of the Echo Book.", Unit: "件", Kind: measure.Count{}},
		{Name: "unanswered", Doc: "Entries without a reply.", Unit: "件", Kind: measure.Count{If: "t.replied_at IS NULL"}},
		{Name: "overdue", Doc: "Entries past their deadline and still waiting for somebody to act.", Unit: "件",
			Kind: measure.Count{If: "t.due_at < " + Now + " AND t.status = ANY ('{RECEIVED,TRIAGED,ASSIGNED,IN_PROGRESS,REFERRED,REOPENED}')"}},
		{Name: "resolved", Doc: "Entries that were resolved.", Unit: "件", Kind: measure.Count{If: "t.resolved_at IS NOT NULL"}},
		{Name: "onTimeShare", Doc: "Entries resolved by their deadline over entries resolved, or due and not resolved.",
			Kind: measure.Share("t.resolved_at <= t.due_at", "t.resolved_at IS NOT NULL OR t.due_at < "+Now)},
		{Name: "reopenedShare", Doc: "Entries reopened at least once over entries resolved or reopened.",
			Kind: measure.Share("t.reopened_count > 0", "t.resolved_at IS NOT NULL OR t.reopened_count > 0")},
		{Name: "duplicateShare", Doc: "Entries that repeat another over all.", Kind: measure.Share("t.status = 'DUPLICATE'", "")},
		{Name: "hoursToReply", Doc: "From receipt to the reply: the p-quantile, the median unless p is given.", Unit: "小时",
			Kind: measure.Percentile{Of: hoursFrom("t.received_at", "t.replied_at")}},
		{Name: "hoursToResolve", Doc: "From receipt to the resolution: the p-quantile, the median unless p is given.", Unit: "小时",
			Kind: measure.Percentile{Of: hoursFrom("t.received_at", "t.resolved_at")}},
		{Name: "meanSatisfaction", Doc: "Mean of the reporters' judgements, 1 to 5.", Unit: "分", Kind: measure.Mean("t.satisfaction")},
		{Name: "satisfactionDeviation", Doc: "Standard deviation of the judgements.", Unit: "分", Kind: measure.Deviation{Of: "t.satisfaction"}},
	},
	Rollups: []*Rollup{
		{Grain: "MONTH", Keys: []string{"category", "kind"}, Measures: keptOfFeedback},
		{Grain: "MONTH", Keys: []string{"responsible_org_id", "status"}, Measures: keptOfFeedback},
	},
})

var keptOfFeedback = []string{"received", "unanswered", "resolved", "reopenedShare", "duplicateShare", "meanSatisfaction"}

func hoursFrom(from, to string) string {
	return "extract(epoch FROM " + to + " - " + from + ") / 3600"
}

// FeedbackFilter narrows a list of feedback.
type FeedbackFilter struct {
	Status      []scalar.Enum
	Kinds       []scalar.Enum
	Category    *string
	Overdue     *bool
	Responsible *string
	Range       *DateRange
}

func (f *FeedbackFilter) Where(w *Where, ask *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.kind", f.Kinds)
	if f.Category != nil {
		w.And("t.category = ?", *f.Category)
	}
	if f.Overdue != nil {
		w.And("(t.due_at < ? AND t.status = ANY(?)) = ?", ask.Viewer.At, EnumTexts(waiting), *f.Overdue)
	}
	if err := w.Refers("t.responsible_org_id", f.Responsible, Organizations, "filter", "responsible"); err != nil {
		return err
	}
	return w.During("t.received_at", f.Range, "filter", "range")
}

// FeedbackNumber is the filter that finds an entry by its number.
type FeedbackNumber string

func (n FeedbackNumber) Where(w *Where, _ *Ask) error {
	w.And("t.number = ?", string(n))
	return nil
}

// Owner reads the community out of a number such as wenhua-2026-000042.
func (n FeedbackNumber) Owner() (string, error) {
	parts := strings.Split(string(n), "-")
	if k := len(parts); k >= 3 && len(parts[k-1]) >= 6 && number(parts[k-1]) && number(parts[k-2]) {
		if owner := strings.Join(parts[:k-2], "-"); page.IsOwner(owner) {
			return owner, nil
		}
	}
	return "", fault.Newf(fault.BadUserInput, "a number reads community-year-000000").At("number")
}

func number(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}
