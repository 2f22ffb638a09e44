package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// FeedbackPayload answers a write to the Echo Book.
type FeedbackPayload struct {
	Feedback   *Feedback
	UserErrors []UserError
}

// SubmitFeedbackInput enters something into the book.
type SubmitFeedbackInput struct {
	Community          string
	Kind               scalar.Enum
	Title              string
	Body               *string
	Channel            *string
	Station            *string
	Estate             *string
	Reporter           *string
	Anonymous, Private bool
	IdempotencyKey     string
}

func (in *SubmitFeedbackInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return FeedbackLife.Begin("submit", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		reporter := speaker(tx, form, in.Reporter, authz.StationStaff, "reporter")
		form.Set("kind", in.Kind)
		form.Text("title", in.Title, titleLength, "title")
		form.OptionalText("body", in.Body, textLength, "body")
		form.Refer("channel_id", in.Channel, Channels.Type, "channel")
		form.Refer("station_id", in.Station, Stations.Type, "station")
		form.Refer("estate_id", in.Estate, Estates.Type, "estate")
		form.Refer("reporter_id", reporter, Residents.Type, "reporter")
		form.Set("anonymous", in.Anonymous)
		form.Set("private", in.Private)
		form.Set("received_at", tx.Now())
		form.Set("due_at", tx.Ask.Directory.Calendar().Add(tx.Now(), Workdays(triageIn)))
		return form.Done()
	})
}

// TriageFeedbackInput gives an entry its category, and with it a deadline.
type TriageFeedbackInput struct {
	Edit
	Category string
	Note     *string
}

func (in *TriageFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("triage", in.Edit, in, func(tx *Tx, f *Feedback) (Change, error) {
		form := tx.Form()
		deadline(tx, form, in.Category, f.ReceivedAt)
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}

// MarkDuplicateInput points an entry at the one that it repeats.
type MarkDuplicateInput struct {
	Edit
	Of   string
	Note *string
}

func (in *MarkDuplicateInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("markDuplicate", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		form.Refer("duplicate_of", &in.Of, Feedbacks.Type, "of")
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}

// RefuseFeedbackInput answers an entry that is not taken on.
type RefuseFeedbackInput struct {
	Edit
	Reason, Reply string
}

func (in *RefuseFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("refuse", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		form.Note(in.Reason, textLength, "reason")
		form.Text("reply", in.Reply, textLength, "reply")
		form.Set("replied_at", tx.Now())
		return form.Done()
	})
}

// ReferFeedbackInput hands an entry to a body outside the community.
type ReferFeedbackInput struct {
	Edit
	To   string
	Note *string
}

func (in *ReferFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("refer", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		form.Text("referred_to", in.To, titleLength, "to")
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}

// AssignFeedbackInput is 定时、定人、定责.
type AssignFeedbackInput struct {
	Edit
	DueAt             time.Time
	Post, Responsible string
	Category, Note    *string
}

func (in *AssignFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("assign", in.Edit, in, func(tx *Tx, f *Feedback) (Change, error) {
		form := tx.Form()
		if in.Category != nil {
			deadline(tx, form, *in.Category, f.ReceivedAt)
		}
		if !in.DueAt.After(tx.Now()) {
			form.Fail(fault.Newf(fault.BadUserInput, "a deadline lies in the future").At("dueAt"))
		}
		dueAt(form, in.DueAt)
		form.Refer("assignee_post_id", &in.Post, StaffPosts.Type, "post")
		form.Refer("responsible_org_id", &in.Responsible, Organizations.Type, "responsible")
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}

// StepFeedbackInput is a step that needs nothing but itself.
type StepFeedbackInput struct {
	Edit
	Note *string
}

func (in *StepFeedbackInput) take(action string, set Values) (Command, error) {
	return FeedbackLife.Take(action, in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		for column, v := range set {
			form.Set(column, v)
		}
		form.OptionalNote(in.Note, textLength, "note")
		return form.Done()
	})
}

// StartFeedback and ResumeFeedback are the inputs of their steps.
type (
	StartFeedback  struct{ StepFeedbackInput }
	ResumeFeedback struct{ StepFeedbackInput }
)

func (in *StartFeedback) Command(*Ask) (Command, error) { return in.take("start", nil) }

func (in *ResumeFeedback) Command(*Ask) (Command, error) {
	return in.take("resume", Values{"review_at": nil})
}

// SuspendFeedbackInput lets an entry rest for a while; its deadline stays on record.
type SuspendFeedbackInput struct {
	Edit
	Reason   string
	ReviewOn scalar.Date
}

func (in *SuspendFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("suspend", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		today := scalar.DateOf(tx.Now())
		if in.ReviewOn.Compare(today) <= 0 || in.ReviewOn.Compare(today.AddDays(suspendFor)) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "the day of review is one of the next %d", suspendFor).At("reviewOn"))
		}
		form.Set("review_at", in.ReviewOn.Start())
		form.Note(in.Reason, textLength, "reason")
		return form.Done()
	})
}

// ReplyFeedbackInput answers the reporter.
type ReplyFeedbackInput struct {
	Edit
	Reply string
}

func (in *ReplyFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("reply", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		replied(tx, form, in.Reply)
		return form.Done()
	})
}

// replied writes a reply; the log keeps it when a later one takes its place.
func replied(tx *Tx, form *Form, reply string) {
	form.Text("reply", reply, textLength, "reply")
	form.Set("replied_at", tx.Now())
	form.Note(reply, textLength, "reply")
}

// ResolveFeedbackInput says how a matter was settled.
type ResolveFeedbackInput struct {
	Edit
	Outcome string
}

func (in *ResolveFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("resolve", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		form.Text("outcome", in.Outcome, textLength, "outcome")
		form.Set("resolved_at", tx.Now())
		form.Note(in.Outcome, textLength, "outcome")
		return form.Done()
	})
}

// CloseFeedbackInput ends the work on an entry.
type CloseFeedbackInput struct {
	Edit
	Reply, Note *string
}

func (in *CloseFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("close", in.Edit, in, func(tx *Tx, f *Feedback) (Change, error) {
		form := tx.Form()
		if in.Reply != nil {
			replied(tx, form, *in.Reply)
		}
		form.Set("closed_at", tx.Now())
		form.OptionalNote(in.Note, textLength, "note")
		if f.Status == "RESOLVED" && !f.Private {
			form.Fail(draftEcho(tx, f))
		}
		return form.Done()
	})
}

// ReopenFeedbackInput is a reporter who is not content. The matter needs a new answer: the old
// one stays in the log.
type ReopenFeedbackInput struct {
	Edit
	Reason string
}

func (in *ReopenFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("reopen", in.Edit, in, func(tx *Tx, f *Feedback) (Change, error) {
		form := tx.Form()
		form.Note(in.Reason, textLength, "reason")
		for _, column := range []string{"reply", "replied_at", "outcome", "resolved_at", "closed_at"} {
			form.Set(column, nil)
		}
		form.Set("reopened_count", f.ReopenedCount+1)
		dueAt(form, tx.Ask.Directory.Calendar().Add(tx.Now(), Workdays(triageIn)))
		return form.Done()
	})
}

// WithdrawFeedbackInput takes an entry back.
type WithdrawFeedbackInput struct {
	Edit
	Reason *string
}

func (in *WithdrawFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("withdraw", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		form.OptionalNote(in.Reason, textLength, "reason")
		return form.Done()
	})
}

// RateFeedbackInput is what the reporter thinks of how it was handled.
type RateFeedbackInput struct {
	Edit
	Score int
}

func (in *RateFeedbackInput) Command(*Ask) (Command, error) {
	return FeedbackLife.Take("rate", in.Edit, in, func(tx *Tx, _ *Feedback) (Change, error) {
		form := tx.Form()
		if in.Score < 1 || in.Score > 5 {
			form.Fail(fault.Newf(fault.BadUserInput, "a score is from 1 to 5").At("score"))
		}
		form.Set("satisfaction", in.Score)
		return form.Done()
	})
}
