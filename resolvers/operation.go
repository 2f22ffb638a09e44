package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/dataloaders"
	"linhui/graph"
	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/schema"
	"linhui/sources"
)

// Begin prepares an operation before any of its fields runs: it refuses fields the viewer
// may not have and links with wrong arguments, writes the audit row that personal fields need
// first, and puts into the context what fields share. Every transport and both listeners call
// it. Its statements may take as long as budget says.
func (r *Root) Begin(ctx context.Context, oc *graphql.OperationContext, s *ast.Schema, budget database.Budget) (context.Context, error) {
	v := authz.FromContext(ctx)
	access, err := schema.Check(s, oc.Operation, oc.Variables, v)
	if err != nil {
		return nil, err
	}
	ctx = sources.NewContext(ctx, &sources.Request{Demand: access.Demand, Budget: budget})
	ctx = dataloaders.NewContext(ctx, r.Sources, s, graph.Args, oc)
	if err := dataloaders.Check(ctx); err != nil {
		return nil, err
	}
	if len(access.Personal) > 0 {
		if err := r.Sources.Audit(ctx, v, access.Personal); err != nil {
			return nil, err
		}
	}
	return ctx, nil
}
