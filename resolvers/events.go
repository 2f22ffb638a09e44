package resolvers

import (
	"context"

	"linhui/graph"
	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema/scalar"
	"linhui/sources"
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

func (s subscription) TodayEventsChanged(ctx context.Context, communities []string) (<-chan *store.TodayEventsChange, error) {
	return changes(ctx, s.Root, store.TodayEvents.List, communities, false, func(_ context.Context, c sources.Change) *store.TodayEventsChange {
		d := s.Sources.Directory()
		return &store.TodayEventsChange{Owner: c.Owner, At: s.Sources.Now(), Community: d.Community(c.Owner), Division: d.Division(c.Owner)}
	})
}

func (r *Root) TodayEventsChange() graph.TodayEventsChangeResolver { return todayEventsChange{r} }

type todayEventsChange struct{ *Root }

func (t todayEventsChange) Events(ctx context.Context, obj *store.TodayEventsChange, orderBy *store.OrderBy, first *int, after *string, last *int, before *string) (*store.EventConnection, error) {
	return hotPageOf(ctx, t.Root, store.TodayEvents, list{communities: []string{obj.Owner}, orderBy: orderBy, Args: page.Args{First: first, Last: last, After: after, Before: before}}, obj.At)
}
