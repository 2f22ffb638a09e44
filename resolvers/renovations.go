package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Renovations(ctx context.Context, communities []string, filter *store.RenovationFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.RenovationConnection, error) {
	return pageOf(ctx, q.Root, store.Renovations, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) RecordRenovation(ctx context.Context, input store.RecordRenovationInput) (*store.RenovationPayload, error) {
	return write(ctx, m.Root, store.Renovations, &input, func(row *store.Renovation, broken []store.UserError) *store.RenovationPayload {
		return &store.RenovationPayload{Renovation: row, UserErrors: broken}
	})
}
