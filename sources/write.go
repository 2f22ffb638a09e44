package sources

import (
	"context"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/store"
)

// Write does what an input asks for, in the one source that holds the community it concerns,
// within the request's budget, and returns the row as the viewer sees it now. See store.Write for
// errors.
func Write[T any](ctx context.Context, s *Sources, ask *store.Ask, t *store.Table[T], in store.Input) (*T, error) {
	c, err := in.Command(ask)
	if err != nil {
		return nil, err
	}
	src := s.Holder(c.Owner)
	switch {
	case !ask.Directory.Holds(c.Owner):
		return nil, notFound
	case src == nil:
		return nil, fault.Newf(fault.SourceUnavailable, "no source is known to hold this community").
			With("communities", []string{c.Owner})
	}
	ctx, cancel := context.WithTimeout(ctx, s.budget(ask.Budget))
	defer cancel()
	row, err := store.Write(ctx, src, ask, t, c)
	if f := fault.Of(err); f != nil && f.Extensions["state"] == database.StateCommitUnknown {
		err = &fault.Error{Code: f.Code, Extensions: f.Extensions, Cause: err,
			Message: "the source did not say whether it wrote: send the same again, with the same idempotency key"}
	}
	return row, err
}

// First returns the first row of a table, in one owner, that a filter lets through; NOT_FOUND
// when there is none in the viewer's sight.
func First[T any](ctx context.Context, s *Sources, ask *store.Ask, t *store.Table[T], owner string, f store.Filter) (*T, error) {
	if !ask.Directory.Holds(owner) || t.Restricted && !ask.Viewer.Covers(owner) {
		return nil, notFound
	}
	order, err := t.Ordered(nil)
	if err != nil {
		return nil, err
	}
	p := Gather(ctx, s, []string{owner}, func(ctx context.Context, src *Source, owners []string) ([]*T, error) {
		return t.Page(ctx, src, ask, order, store.PageQuery{Owners: owners, Filter: f, Limit: 1})
	})[0]
	switch {
	case p.Err != nil:
		return nil, p.Named(owner)
	case len(p.Value) == 0:
		return nil, notFound
	}
	return p.Value[0], nil
}
