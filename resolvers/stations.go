package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Stations(ctx context.Context, communities []string, filter *store.StationFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.StationConnection, error) {
	return pageOf(ctx, q.Root, store.Stations, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}
