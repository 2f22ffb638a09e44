package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) OpinionDrives(ctx context.Context, communities []string, filter *store.OpinionDriveFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.OpinionDriveConnection, error) {
	return pageOf(ctx, q.Root, store.OpinionDrives, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) HomeVisits(ctx context.Context, communities []string, filter *store.HomeVisitFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.HomeVisitConnection, error) {
	return pageOf(ctx, q.Root, store.HomeVisits, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) opinionDrive(ctx context.Context, in store.Input) (*store.OpinionDrivePayload, error) {
	return write(ctx, m.Root, store.OpinionDrives, in, func(d *store.OpinionDrive, broken []store.UserError) *store.OpinionDrivePayload {
		return &store.OpinionDrivePayload{Drive: d, UserErrors: broken}
	})
}

func (m mutation) OpenOpinionDrive(ctx context.Context, input store.OpenOpinionDriveInput) (*store.OpinionDrivePayload, error) {
	return m.opinionDrive(ctx, &input)
}

func (m mutation) CloseOpinionDrive(ctx context.Context, input store.CloseOpinionDriveInput) (*store.OpinionDrivePayload, error) {
	return m.opinionDrive(ctx, &input)
}

func (m mutation) homeVisit(ctx context.Context, in store.Input) (*store.HomeVisitPayload, error) {
	return write(ctx, m.Root, store.HomeVisits, in, func(v *store.HomeVisit, broken []store.UserError) *store.HomeVisitPayload {
		return &store.HomeVisitPayload{Visit: v, UserErrors: broken}
	})
}

func (m mutation) RecordHomeVisit(ctx context.Context, input store.RecordHomeVisitInput) (*store.HomeVisitPayload, error) {
	return m.homeVisit(ctx, &input)
}

func (m mutation) FollowUpHomeVisit(ctx context.Context, input store.FollowUpHomeVisitInput) (*store.HomeVisitPayload, error) {
	return m.homeVisit(ctx, &input)
}
