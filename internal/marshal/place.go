package marshal

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// place is the context of what is marshalled at a place of the answer: an element of a list, or
// what stands below a field. gqlgen asks it for its FieldContext where something has to know its
// path, an error or a resolver. Most places are never asked, and make none.
type place struct {
	context.Context
	field graphql.CollectedField // of no field: an element
	index int
	made  atomic.Pointer[graphql.FieldContext]
}

// Below is the context of what is marshalled below a field.
func Below(ctx context.Context, field graphql.CollectedField) context.Context {
	return &place{Context: ctx, field: field}
}

func (p *place) Value(key any) any {
	if key != fieldKey {
		return p.Context.Value(key)
	}
	if fc := p.made.Load(); fc != nil {
		return fc
	}
	fc := &graphql.FieldContext{Parent: graphql.GetFieldContext(p.Context), Field: p.field}
	if p.field.Field == nil {
		fc.Index = &p.index
	}
	if !p.made.CompareAndSwap(nil, fc) {
		return p.made.Load() // what was handed out stays the one
	}
	return fc
}

// fieldKey is the key that gqlgen keeps the FieldContext of a context under. It has no name
// outside gqlgen, but every context that is asked for one is told.
var fieldKey = func() any {
	var l listener
	graphql.GetFieldContext(&l)
	return l.key
}()

type listener struct {
	context.Context
	key any
}

func (l *listener) Value(key any) any {
	l.key = key
	return nil
}
