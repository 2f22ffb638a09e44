package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema"
	"linhui/sources"
	"linhui/store"
)

// maxNodes bounds ids and representations of one field; page.MaxSize for the same reason.
const maxNodes = page.MaxSize

func (q query) Node(ctx context.Context, id string) (store.Node, error) {
	parsed, err := page.ParseID(id)
	if err != nil {
		return nil, err
	}
	found := sources.Nodes(ctx, q.Sources, q.Sources.Ask(ctx), []page.ID{parsed})[0]
	return filled(ctx, found.Node, found.Err)
}

func (q query) Nodes(ctx context.Context, ids []string) ([]store.Node, error) {
	if len(ids) > maxNodes {
		return nil, fault.Newf(fault.BadUserInput, "at most %d ids can be asked at once", maxNodes).At("ids")
	}
	parsed := make([]page.ID, len(ids))
	for i, id := range ids {
		var err error
		if parsed[i], err = page.ParseID(id); err != nil {
			return nil, err
		}
	}
	return reported(ctx, sources.Nodes(ctx, q.Sources, q.Sources.Ask(ctx), parsed))
}

// reported turns lookups into a list with null where one failed, its error at its place.
func reported(ctx context.Context, found []sources.Found) ([]store.Node, error) {
	out := make([]store.Node, len(found))
	for i, f := range found {
		if f.Err != nil {
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), f.Err)
			continue
		}
		out[i] = f.Node
	}
	return filled(ctx, out, nil)
}

// Entities resolves the representations that a federation gateway sends. They are input of
// a client like any other: permission, scope and masking apply as on every path.
func (q query) Entities(ctx context.Context, representations []map[string]any) ([]store.Node, error) {
	if len(representations) > maxNodes {
		return nil, fault.Newf(fault.BadUserInput, "at most %d representations can be asked at once", maxNodes).At("representations")
	}
	return reported(ctx, sources.Entities(ctx, q.Sources, q.Sources.Ask(ctx), representations))
}

func (q query) Service(context.Context) (schema.Service, error) {
	sdl := store.SDL()
	return schema.Service{Sdl: &sdl}, nil
}
