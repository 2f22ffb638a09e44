package resolvers

import (
	"context"

	"linhui/graph"
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

func (s subscription) TodayEventsChanged(ctx context.Context, communities []string) (<-chan *store.TodayEventsChange, error) {
	chosen, err := s.Sources.Choose(s.Sources.Ask(ctx), communities, false)
	if err != nil {
		return nil, err
	}
	changes := s.Sources.Subscribe(ctx, store.TodayEvents.List, chosen.Owners)
	out := make(chan *store.TodayEventsChange)
	go func() {
		defer close(out)
		for c := range changes {
			d := s.Sources.Directory()
			change := &store.TodayEventsChange{Owner: c.Owner, At: s.Sources.Now(), Community: d.Community(c.Owner), Division: d.Division(c.Owner)}
			select {
			case out <- change:
			case <-ctx.Done():
			}
		}
	}()
	return out, nil
}

func (r *Root) TodayEventsChange() graph.TodayEventsChangeResolver { return todayEventsChange{r} }

type todayEventsChange struct{ *Root }

func (t todayEventsChange) Events(ctx context.Context, obj *store.TodayEventsChange, orderBy *store.OrderBy, first *int, after *string, last *int, before *string) (*store.EventConnection, error) {
	return hotPageOf(ctx, t.Root, store.TodayEvents, list{communities: []string{obj.Owner}, orderBy: orderBy, Args: page.Args{First: first, Last: last, After: after, Before: before}}, obj.At)
}
