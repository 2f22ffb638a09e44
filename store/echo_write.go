package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Characters that fit on the wall. Chosen: a headline and a paragraph.
const echoTitleLength, echoTextLength = 60, 1000

// EchoLife is the way of a post to the wall and off it; model.md §5. Its author does not review
// it, which the database holds.
var EchoLife = &Machine[EchoWallPost]{
	Table: EchoWallPosts, Topic: "echo",
	State: func(p *EchoWallPost) (scalar.Enum, int) { return p.Status, p.Version },
	Transitions: []Transition[EchoWallPost]{
		{"draft", nil, "DRAFT", Holding[EchoWallPost](authz.CommunityStaff), nil},
		{"revise", In("DRAFT REVIEWED"), "DRAFT", Holding[EchoWallPost](authz.CommunityStaff), nil},
		{"review", In("DRAFT"), "REVIEWED", Holding[EchoWallPost](authz.CommunityStaff), scanned},
		{"publish", In("REVIEWED"), "PUBLISHED", Holding[EchoWallPost](authz.CommunityAdmin), scanned},
		{"withdraw", In("DRAFT REVIEWED PUBLISHED"), "WITHDRAWN", Holding[EchoWallPost](authz.CommunityAdmin), nil},
	},
	Rules: Rules{
		"reviewed_by_another":                    fault.Newf(fault.Forbidden, "another than the author reviews a post"),
		"echo_of_answered_feedback":              fault.Newf(fault.InvalidTransition, "only feedback that is answered and not private goes on the wall").At("feedback"),
		"echo_wall_posts_one_live":               fault.Newf(fault.Conflict, "this feedback has a post already; revise or withdraw that one").At("feedback"),
		"echo_wall_posts_owner_feedback_id_fkey": missing("feedback"),
	},
}

// scanned refuses a post whose text seems to hold personal data (I23).
func scanned(_ *Ask, p *EchoWallPost) error {
	if err := CheckPublic(p.TitleZh, "titleZh"); err != nil {
		return err
	}
	return CheckPublic(p.OutcomeZh, "outcomeZh")
}

// EchoPayload answers a write to the Echo Wall.
type EchoPayload struct {
	Post       *EchoWallPost
	UserErrors []UserError
}

// DraftEchoInput proposes what the wall is to say about a feedback.
type DraftEchoInput struct {
	Feedback           string
	TitleZh, OutcomeZh string
	LearnedFrom        *string
	IdempotencyKey     string
}

func (in *DraftEchoInput) Command(*Ask) (Command, error) {
	about, err := page.ParseID(in.Feedback)
	if err != nil {
		return Command{}, fault.Of(err).At("feedback")
	}
	return EchoLife.Begin("draft", about.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("feedback_id", &in.Feedback, Feedbacks.Type, "feedback")
		form.Set("authored_by", tx.Principal())
		publicText(form, in.TitleZh, in.OutcomeZh)
		if in.LearnedFrom != nil {
			from, err := page.ParseID(*in.LearnedFrom)
			if err != nil || from.Type != EchoWallPosts.Type {
				form.Fail(fault.Newf(fault.BadUserInput, "the id is not one of a post").At("learnedFrom"))
			}
			form.Set("learned_from_owner", from.Owner)
			form.Set("learned_from_id", from.UUID)
		}
		return form.Done()
	})
}

func publicText(form *Form, title, outcome string) {
	form.Text("title_zh", title, echoTitleLength, "titleZh")
	form.Text("outcome_zh", outcome, echoTextLength, "outcomeZh")
	form.Fail(CheckPublic(title, "titleZh"))
	form.Fail(CheckPublic(outcome, "outcomeZh"))
}

// draftEcho proposes a post for a resolved feedback that has none, from what staff wrote: the
// resident's own words stay in the book. The draft is scanned when it is reviewed.
func draftEcho(tx *Tx, f *Feedback) error {
	var title string
	free, err := tx.Get(`SELECT c.name_zh FROM feedback_categories c WHERE c.owner = $1 AND c.code = $2
		AND NOT EXISTS (SELECT FROM echo_wall_posts p WHERE p.owner = c.owner AND p.feedback_id = $3 AND p.status <> 'WITHDRAWN')`,
		[]any{tx.Owner, f.CategoryCode, f.UUID}, &title)
	if err != nil || !free {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return EchoLife.begin(tx, id, "draft", Change{Set: Values{"feedback_id": f.UUID, "title_zh": title,
		"outcome_zh": f.Outcome, "authored_by": tx.Principal()}})
}

// ReviseEchoInput changes the text of a post that is not on the wall yet.
type ReviseEchoInput struct {
	Edit
	TitleZh, OutcomeZh string
}

func (in *ReviseEchoInput) Command(*Ask) (Command, error) {
	return EchoLife.Take("revise", in.Edit, in, func(tx *Tx, _ *EchoWallPost) (Change, error) {
		form := tx.Form()
		publicText(form, in.TitleZh, in.OutcomeZh)
		form.Set("authored_by", tx.Principal())
		form.Set("reviewed_by", nil)
		form.Set("reviewed_at", nil)
		return form.Done()
	})
}

// StepEchoInput is a step that needs nothing but itself.
type StepEchoInput struct{ Edit }

// ReviewEcho and PublishEcho are the inputs of their steps.
type (
	ReviewEcho  struct{ StepEchoInput }
	PublishEcho struct{ StepEchoInput }
)

func (in *ReviewEcho) Command(*Ask) (Command, error) {
	return EchoLife.Take("review", in.Edit, in, func(tx *Tx, _ *EchoWallPost) (Change, error) {
		return Change{Set: Values{"reviewed_by": tx.Principal(), "reviewed_at": tx.Now()}}, nil
	})
}

func (in *PublishEcho) Command(*Ask) (Command, error) {
	return EchoLife.Take("publish", in.Edit, in, func(tx *Tx, _ *EchoWallPost) (Change, error) {
		return Change{Set: Values{"published_at": tx.Now()}}, nil
	})
}

// WithdrawEchoInput takes a post down; the hot list forgets it in the same transaction.
type WithdrawEchoInput struct {
	Edit
	Reason string
}

func (in *WithdrawEchoInput) Command(*Ask) (Command, error) {
	return EchoLife.Take("withdraw", in.Edit, in, func(tx *Tx, _ *EchoWallPost) (Change, error) {
		form := tx.Form()
		form.Text("withdrawn_reason", in.Reason, textLength, "reason")
		form.Set("withdrawn_at", tx.Now())
		return form.Done()
	})
}
