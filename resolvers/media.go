package resolvers

import (
	"context"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/store"
)

func (q query) MediaSeries(ctx context.Context, communities []string, filter *store.MediaSeriesFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MediaSeriesConnection, error) {
	return pageOf(ctx, q.Root, store.MediaSerieses, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) MediaColumns(ctx context.Context, communities []string, filter *store.MediaColumnFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MediaColumnConnection, error) {
	return pageOf(ctx, q.Root, store.MediaColumns, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) MediaIssues(ctx context.Context, communities []string, filter *store.MediaIssueFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MediaIssueConnection, error) {
	return pageOf(ctx, q.Root, store.MediaIssues, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) LatestMediaIssues(ctx context.Context, communities []string, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MediaIssueConnection, error) {
	return hotPageOf(ctx, q.Root, store.LatestMediaIssues, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial}, authz.FromContext(ctx).At)
}

func (q query) Productions(ctx context.Context, communities []string, filter *store.ProductionFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ProductionConnection, error) {
	return pageOf(ctx, q.Root, store.Productions, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) mediaIssue(ctx context.Context, in store.Input) (*store.MediaIssuePayload, error) {
	return write(ctx, m.Root, store.MediaIssues, in, func(i *store.MediaIssue, broken []store.UserError) *store.MediaIssuePayload {
		return &store.MediaIssuePayload{Issue: i, UserErrors: broken}
	})
}

func (m mutation) DraftMediaIssue(ctx context.Context, input store.DraftMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &input)
}

func (m mutation) AddMediaSegment(ctx context.Context, input store.AddMediaSegmentInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &input)
}

func (m mutation) RecordMediaIssue(ctx context.Context, input store.RecordMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &input)
}

func (m mutation) ReworkMediaIssue(ctx context.Context, input store.StepMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &store.ReworkMediaIssue{StepMediaIssueInput: input})
}

func (m mutation) ReviewMediaIssue(ctx context.Context, input store.StepMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &store.ReviewMediaIssue{StepMediaIssueInput: input})
}

func (m mutation) PublishMediaIssue(ctx context.Context, input store.StepMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &store.PublishMediaIssue{StepMediaIssueInput: input})
}

func (m mutation) WithdrawMediaIssue(ctx context.Context, input store.WithdrawMediaIssueInput) (*store.MediaIssuePayload, error) {
	return m.mediaIssue(ctx, &input)
}

func (m mutation) mediaSegment(ctx context.Context, in store.Input) (*store.MediaSegmentPayload, error) {
	return write(ctx, m.Root, store.MediaSegments, in, func(s *store.MediaSegment, broken []store.UserError) *store.MediaSegmentPayload {
		return &store.MediaSegmentPayload{Segment: s, UserErrors: broken}
	})
}

func (m mutation) ReleaseMediaSegment(ctx context.Context, input store.ReleaseMediaSegmentInput) (*store.MediaSegmentPayload, error) {
	return m.mediaSegment(ctx, &input)
}

func (m mutation) RevokeMediaRelease(ctx context.Context, input store.RevokeMediaReleaseInput) (*store.MediaSegmentPayload, error) {
	return m.mediaSegment(ctx, &input)
}

func (m mutation) RecordProduction(ctx context.Context, input store.RecordProductionInput) (*store.ProductionPayload, error) {
	return write(ctx, m.Root, store.Productions, &input, func(p *store.Production, broken []store.UserError) *store.ProductionPayload {
		return &store.ProductionPayload{Production: p, UserErrors: broken}
	})
}
