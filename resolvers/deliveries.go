package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ServiceDeliveries(ctx context.Context, communities []string, filter *store.ServiceDeliveryFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ServiceDeliveryConnection, error) {
	if filter == nil {
		filter = &store.ServiceDeliveryFilter{}
	}
	return pageOf(ctx, q.Root, store.ServiceDeliveries, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ReportedStatistics(ctx context.Context, communities []string, filter *store.ReportedStatisticFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ReportedStatisticConnection, error) {
	return pageOf(ctx, q.Root, store.ReportedStatistics, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) RecordServiceDelivery(ctx context.Context, input store.RecordServiceDeliveryInput) (*store.ServiceDeliveryPayload, error) {
	return write(ctx, m.Root, store.ServiceDeliveries, &input, func(d *store.ServiceDelivery, broken []store.UserError) *store.ServiceDeliveryPayload {
		return &store.ServiceDeliveryPayload{Delivery: d, UserErrors: broken}
	})
}
