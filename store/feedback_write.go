package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// triageIn is how long an entry may lie unsorted. model.md §5: one working day.
	triageIn = 1
	// reopenWithin and reopenTimes bound how often a reporter may come back. model.md §5.
	reopenWithin = 30 * 24 * time.Hour
	reopenTimes  = 2
	// contentAfter is how long nobody has objected to an answer when it closes by itself. model.md §5.
	contentAfter = 14 * 24 * time.Hour
	// suspendFor bounds how long nobody looks at an entry. model.md §5.
	suspendFor = 30

	// Characters that fit. Chosen: a headline, and what a sheet of paper holds.
	titleLength, textLength = 100, 4000
)

var (
	staff    = Holding[Feedback](authz.CommunityStaff)
	admin    = Holding[Feedback](authz.CommunityAdmin)
	reporter = Named(func(f *Feedback) *uuid.UUID { return f.ReporterID })
	// inCharge is who holds the post that the entry is assigned to.
	inCharge = Who[Feedback](func(v *authz.Viewer, f *Feedback) bool {
		owner, id, ok := Post(v)
		return ok && f.Owner == owner && f.AssigneePostID != nil && *f.AssigneePostID == id
	})
)

// FeedbackLife is the state machine of model.md §5.
var FeedbackLife = &Machine[Feedback]{
	Table: Feedbacks, Topic: "feedback", Log: "feedback_updates", LogKey: "feedback_id",
	State: func(f *Feedback) (scalar.Enum, int) { return f.Status, f.Version },
	Transitions: []Transition[Feedback]{
		{"submit", nil, "RECEIVED", Holding[Feedback](authz.Resident), nil},
		{"triage", In("RECEIVED"), "TRIAGED", staff, nil},
		{"markDuplicate", In("RECEIVED TRIAGED ASSIGNED IN_PROGRESS"), "DUPLICATE", staff, nil},
		{"refuse", In("RECEIVED TRIAGED"), "NOT_ACCEPTED", staff, nil},
		{"refer", In("RECEIVED TRIAGED ASSIGNED"), "REFERRED", staff, nil},
		{"assign", In("TRIAGED REOPENED"), "ASSIGNED", staff, nil},
		{"start", In("ASSIGNED"), "IN_PROGRESS", staff.Or(inCharge), nil},
		{"suspend", In("IN_PROGRESS"), "SUSPENDED", admin, nil},
		{"resume", In("SUSPENDED"), "IN_PROGRESS", admin, nil},
		{"reply", In("IN_PROGRESS"), "REPLIED", staff.Or(inCharge), nil},
		{"resolve", In("IN_PROGRESS REPLIED"), "RESOLVED", staff.Or(inCharge), nil},
		{"close", In("REPLIED RESOLVED NOT_ACCEPTED REFERRED"), "CLOSED", staff, nil},
		{"reopen", In("REPLIED RESOLVED CLOSED"), "REOPENED", reporter, mayReopen},
		{"withdraw", In("RECEIVED TRIAGED"), "WITHDRAWN", reporter, nil},
		{"rate", In("REPLIED RESOLVED CLOSED NOT_ACCEPTED"), "", reporter, nil},
	},
	Rules: Rules{
		"no_close_without_reply":                  fault.Newf(fault.BadUserInput, "it closes only with a reply (件件有回音): give one").At("reply"),
		"duplicate_of_a_root":                     fault.Newf(fault.BadUserInput, "a duplicate points at an entry that is none itself and that the others point at: point them all at the same one").At("of"),
		"duplicate_is_linked":                     fault.Newf(fault.BadUserInput, "an entry does not repeat itself").At("of"),
		"feedbacks_owner_duplicate_of_fkey":       fault.Newf(fault.NotFound, "there is no such entry in this community").At("of"),
		"three_fixes":                             fault.Newf(fault.BadUserInput, "it needs a category before it is assigned").At("category"),
		"feedbacks_owner_category_fkey":           noCategory,
		"feedbacks_owner_channel_id_fkey":         missing("channel"),
		"feedbacks_owner_station_id_fkey":         missing("station"),
		"feedbacks_owner_estate_id_fkey":          missing("estate"),
		"feedbacks_owner_reporter_id_fkey":        missing("reporter"),
		"feedbacks_owner_assignee_post_id_fkey":   missing("post"),
		"feedbacks_owner_responsible_org_id_fkey": missing("responsible"),
	},
}

var noCategory = fault.Newf(fault.BadUserInput, "this community has no such category").At("category")

// missing is the refusal of a reference to nothing.
func missing(at string) *fault.Error {
	return fault.Newf(fault.NotFound, "there is no such %s in this community", at).At(at)
}

func mayReopen(ask *Ask, f *Feedback) error {
	switch {
	case f.ReopenedCount >= reopenTimes:
		return fault.Newf(fault.InvalidTransition, "it was reopened %d times already; submit a new entry", f.ReopenedCount).With("allowed", []string{"rate"})
	case f.ClosedAt != nil && ask.Viewer.At.After(f.ClosedAt.Add(reopenWithin)):
		return fault.Newf(fault.InvalidTransition, "it was closed more than 30 days ago; submit a new entry").With("allowed", []string{"rate"})
	}
	return nil
}

// deadline writes the due date that a category's rule gives, counted from receipt, and lets
// escalation begin anew. A category without a rule leaves the deadline as it is.
func deadline(tx *Tx, form *Form, category string, received time.Time) {
	var hours *int
	var workingDays *bool
	found, err := tx.Get(`SELECT r.due_in_hours, r.working_days FROM feedback_categories c
		LEFT JOIN sla_rules r ON r.owner = c.owner AND r.category = c.code
		WHERE c.owner = $1 AND c.code = $2 AND c.retired_at IS NULL`, []any{tx.Owner, category}, &hours, &workingDays)
	switch {
	case err != nil:
		form.Fail(err)
	case !found:
		form.Fail(noCategory)
	case hours != nil:
		span := time.Duration(*hours) * time.Hour
		due := received.Add(span)
		if *workingDays {
			due = tx.Ask.Directory.Calendar().Add(received, span)
		}
		dueAt(form, due)
	}
	form.Set("category", category)
}

// dueAt sets a deadline; the ladder is climbed anew for each.
func dueAt(form *Form, at time.Time) {
	form.Set("due_at", at)
	form.Set("escalation_level", 0)
}

// An answer that nobody objected to is closed as staff close one, wall and all. What was resolved
// and never answered stays: nothing closes without a reply (I6).
var _ = keeps(Chore{Name: "closing", AtOnce: 100, Do: func(r *Round) (int, error) {
	return r.take(func(owner string, id uuid.UUID) (Command, error) {
		in := CloseFeedbackInput{Edit: Edit{ID: page.ID{Type: Feedbacks.Type, Owner: owner, UUID: id}.String()}}
		return in.Command(r.Ask)
	}, `SELECT owner, id FROM feedbacks WHERE owner = ANY($1) AND status IN ('REPLIED', 'RESOLVED') AND replied_at IS NOT NULL
		AND greatest(replied_at, resolved_at) <= $2 ORDER BY owner, id LIMIT $3 FOR UPDATE SKIP LOCKED`,
		pq.Array(r.Owners), r.Ask.Viewer.At.Add(-contentAfter), r.AtOnce)
}})
