package resolvers

import (
	"context"

	"linhui/graph"
	"linhui/sources"
)

func (r *Root) Subscription() graph.SubscriptionResolver { return subscription{r} }

type subscription struct{ *Root }

// Next prepares the context of each event of a subscription: a source that was down at an earlier one
// may be up again.
func Next(ctx context.Context) context.Context {
	return sources.NewContext(ctx, &sources.Request{Demand: sources.RequestOf(ctx).Demand})
}

// changes are the events that a subscription makes of the changes of a topic in the communities; event
// returns nil for what the viewer is not told. Unlike a list, a subscription to restricted rows does
// not begin when some of the communities are outside the viewer's scope: nothing could say so later.
func changes[T any](ctx context.Context, r *Root, topic string, communities []string, restricted bool, event func(context.Context, sources.Change) *T) (<-chan *T, error) {
	chosen, err := r.Sources.Choose(r.Sources.Ask(ctx), communities, restricted)
	if err != nil {
		return nil, err
	}
	if len(chosen.Forbidden) > 0 {
		return nil, sources.OutOfScope(chosen.Forbidden...)
	}
	heard := r.Sources.Subscribe(ctx, topic, chosen.Owners)
	out := make(chan *T)
	go func() {
		defer close(out)
		for c := range heard {
			told := event(Next(ctx), c)
			if told == nil {
				continue
			}
			select {
			case out <- told:
			case <-ctx.Done():
			}
		}
	}()
	return out, nil
}
