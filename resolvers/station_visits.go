package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) StationVisits(ctx context.Context, communities []string, filter *store.StationVisitFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.StationVisitConnection, error) {
	return pageOf(ctx, q.Root, store.StationVisits, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) stationVisit(ctx context.Context, in store.Input) (*store.StationVisitPayload, error) {
	return write(ctx, m.Root, store.StationVisits, in, func(v *store.StationVisit, broken []store.UserError) *store.StationVisitPayload {
		return &store.StationVisitPayload{Visit: v, UserErrors: broken}
	})
}

func (m mutation) RecordVisits(ctx context.Context, input store.RecordVisitsInput) (*store.StationVisitPayload, error) {
	return m.stationVisit(ctx, &input)
}

func (m mutation) VoidVisits(ctx context.Context, input store.VoidVisitsInput) (*store.StationVisitPayload, error) {
	return m.stationVisit(ctx, &input)
}
