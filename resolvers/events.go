package resolvers

import (
	"context"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema/scalar"
	"linhui/store"
)

func (q query) Events(ctx context.Context, communities []string, filter *store.EventFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.EventConnection, error) {
	return pageOf(ctx, q.Root, store.Events, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) TodayEvents(ctx context.Context, communities []string, date *scalar.Date, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.EventConnection, error) {
	at := store.Instant(map[string]any{"date": date}, authz.FromContext(ctx).At)
	return hotPageOf(ctx, q.Root, store.TodayEvents, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial}, at)
}

func (q query) EventSeries(ctx context.Context, communities []string, filter *store.EventSeriesFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.EventSeriesConnection, error) {
	return pageOf(ctx, q.Root, store.EventSerieses, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Campaigns(ctx context.Context, communities []string, filter *store.CampaignFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.CampaignConnection, error) {
	return pageOf(ctx, q.Root, store.Campaigns, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}
