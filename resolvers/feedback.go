package resolvers

import (
	"context"

	"github.com/google/uuid"

	"linhui/graph"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

func (q query) Feedbacks(ctx context.Context, communities []string, filter *store.FeedbackFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.FeedbackConnection, error) {
	return pageOf(ctx, q.Root, store.Feedbacks, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Feedback(ctx context.Context, number string) (*store.Feedback, error) {
	owner, err := store.FeedbackNumber(number).Owner()
	if err != nil {
		return nil, err
	}
	f, err := sources.First(ctx, q.Sources, q.Sources.Ask(ctx), store.Feedbacks, owner, store.FeedbackNumber(number))
	return filled(ctx, f, err)
}

func (q query) FeedbackCategories(ctx context.Context, communities []string, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.FeedbackCategoryConnection, error) {
	return pageOf(ctx, q.Root, store.FeedbackCategories, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) SLARules(ctx context.Context, communities []string, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.SlaRuleConnection, error) {
	return pageOf(ctx, q.Root, store.SlaRules, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) EchoWall(ctx context.Context, communities []string, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.EchoWallPostConnection, error) {
	return pageOf(ctx, q.Root, store.EchoWallPosts, list{communities, &store.EchoFilter{}, nil, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (s subscription) FeedbackChanged(ctx context.Context, communities []string) (<-chan *store.FeedbackChange, error) {
	return changes(ctx, s.Root, store.FeedbackLife.Topic, communities, true, func(ctx context.Context, c sources.Change) *store.FeedbackChange {
		id, err := uuid.Parse(c.ID)
		if err != nil {
			return nil
		}
		found := sources.Nodes(ctx, s.Sources, s.Sources.Ask(ctx), []page.ID{{Type: store.Feedbacks.Type, Owner: c.Owner, UUID: id}})[0]
		if fault.Is(found.Err, fault.NotFound) {
			return nil // not the viewer's to see
		}
		entry, _ := found.Node.(*store.Feedback)
		return &store.FeedbackChange{Community: s.Sources.Directory().Community(c.Owner), Entry: entry, Err: found.Err}
	})
}

func (r *Root) FeedbackChange() graph.FeedbackChangeResolver { return feedbackChange{r} }

type feedbackChange struct{ *Root }

func (feedbackChange) Feedback(ctx context.Context, obj *store.FeedbackChange) (*store.Feedback, error) {
	return filled(ctx, obj.Entry, obj.Err)
}

func (m mutation) feedback(ctx context.Context, in store.Input) (*store.FeedbackPayload, error) {
	return write(ctx, m.Root, store.Feedbacks, in, func(f *store.Feedback, broken []store.UserError) *store.FeedbackPayload {
		return &store.FeedbackPayload{Feedback: f, UserErrors: broken}
	})
}

func (m mutation) SubmitFeedback(ctx context.Context, input store.SubmitFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) TriageFeedback(ctx context.Context, input store.TriageFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) MarkDuplicate(ctx context.Context, input store.MarkDuplicateInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) RefuseFeedback(ctx context.Context, input store.RefuseFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) ReferFeedback(ctx context.Context, input store.ReferFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) AssignFeedback(ctx context.Context, input store.AssignFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) SuspendFeedback(ctx context.Context, input store.SuspendFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) ReplyFeedback(ctx context.Context, input store.ReplyFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) ResolveFeedback(ctx context.Context, input store.ResolveFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) CloseFeedback(ctx context.Context, input store.CloseFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) ReopenFeedback(ctx context.Context, input store.ReopenFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) WithdrawFeedback(ctx context.Context, input store.WithdrawFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) RateFeedback(ctx context.Context, input store.RateFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &input)
}

func (m mutation) StartFeedback(ctx context.Context, input store.StepFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &store.StartFeedback{StepFeedbackInput: input})
}

func (m mutation) ResumeFeedback(ctx context.Context, input store.StepFeedbackInput) (*store.FeedbackPayload, error) {
	return m.feedback(ctx, &store.ResumeFeedback{StepFeedbackInput: input})
}
