package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Residents(ctx context.Context, communities []string, filter *store.ResidentFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ResidentConnection, error) {
	return pageOf(ctx, q.Root, store.Residents, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}
