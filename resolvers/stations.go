package resolvers

import (
	"context"
	"time"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/store"
)

func (q query) Stations(ctx context.Context, communities []string, filter *store.StationFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.StationConnection, error) {
	return pageOf(ctx, q.Root, store.Stations, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) OpenStationsNow(ctx context.Context, communities []string, at *time.Time, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.StationConnection, error) {
	now := authz.FromContext(ctx).At
	if at != nil {
		now = *at
	}
	return hotPageOf(ctx, q.Root, store.OpenStationsNow, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial}, now)
}
