// Package resolvers answers the graph's fields, one file a domain. Bodies say what is asked;
// fetching, merging, caching and permission lie below.
package resolvers

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"linhui/dataloaders"
	"linhui/graph"
	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

// Root answers the root fields. Types whose fields are all columns and described links need
// no resolver of their own: graph.LinkRoot has them.
type Root struct {
	graph.LinkRoot
	Sources *sources.Sources
	// Parameters checks a document that is to be saved, and returns its variables.
	Parameters func(document string, operation *string) ([]store.SavedQueryParameter, error)
}

func (r *Root) Query() graph.QueryResolver { return query{r, graph.Cubes{Aggregate: r.aggregate}} }

type query struct {
	*Root
	graph.Cubes
}

// list is a root list as it was asked for.
type list struct {
	communities []string
	filter      store.Filter
	orderBy     *store.OrderBy
	page.Args
	onPartial *store.OnPartial
}

// pageOf answers a root list and loads what is selected below it.
func pageOf[T any](ctx context.Context, r *Root, t *store.Table[T], l list) (*page.Connection[T], error) {
	ask := r.Sources.Ask(ctx)
	asked, err := t.NewList("Query."+graphql.GetFieldContext(ctx).Field.Name, l.filter, l.orderBy, l.Args)
	if err != nil {
		return nil, err
	}
	chosen, err := r.Sources.Choose(ask, l.communities, t.Restricted)
	if err != nil {
		return nil, err
	}
	c, err := sources.Page(ctx, r.Sources, ask, t, asked, chosen, l.onPartial.Abort())
	return filled(ctx, c, err)
}

// hotPageOf answers a root list that stands in a hot list, at an instant. What the list does
// not keep (the rows behind its latest ones) comes from the sources.
func hotPageOf[T any](ctx context.Context, r *Root, h *store.HotList[T], l list, at time.Time) (*page.Connection[T], error) {
	ask := r.Sources.Ask(ctx)
	asked, err := h.Table.NewList("Query."+graphql.GetFieldContext(ctx).Field.Name, l.filter, l.orderBy, l.Args)
	if err != nil {
		return nil, err
	}
	counted := ask.Demand[graphql.GetFieldContext(ctx).Field.Definition.Type.Name()]["totalCount"]
	if w := asked.Window; h.Latest > 0 && (counted || w.Backward || w.Cursor != "" || w.Size >= h.Latest || l.orderBy != nil) {
		return pageOf(ctx, r, h.Table, l)
	}
	chosen, err := r.Sources.Choose(ask, l.communities, false)
	if err != nil {
		return nil, err
	}
	c, err := sources.HotPage(ctx, r.Sources, ask, h, asked, chosen, at, l.onPartial.Abort())
	return filled(ctx, c, err)
}

// filled loads the links below a value and reports what it lacks.
func filled[V any](ctx context.Context, v V, err error) (V, error) {
	if err = lacking(ctx, err); err != nil {
		return *new(V), err
	}
	dataloaders.Fill(ctx, v)
	return v, nil
}

// lacking reports what a partial answer lacks, and returns what is wrong besides. gqlgen drops a
// value that comes with an error, so the faults are added to the response instead.
func lacking(ctx context.Context, err error) error {
	var partial *sources.Partial
	if !errors.As(err, &partial) {
		return err
	}
	for _, f := range partial.Faults {
		graphql.AddError(ctx, f)
	}
	return nil
}
