package resolvers

import (
	"context"

	"linhui/graph"
	"linhui/sources"
	"linhui/store"
)

func (r *Root) Mutation() graph.MutationResolver { return mutation{r} }

type mutation struct{ *Root }

// write does what an input asks for and makes the payload of it: of the row, or of the rules
// that the write broke.
func write[T, P any](ctx context.Context, r *Root, t *store.Table[T], in store.Input, payload func(*T, []store.UserError) *P) (*P, error) {
	row, err := sources.Write(ctx, r.Sources, r.Sources.Ask(ctx), t, in)
	broken := []store.UserError{}
	if err != nil {
		if broken = store.UserErrors(err); broken == nil {
			return nil, err
		}
	}
	return filled(ctx, payload(row, broken), nil)
}
