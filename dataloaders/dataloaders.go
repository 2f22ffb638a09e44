// Package dataloaders follows links level by level: all rows of a level, from everywhere in
// the operation, one statement a link and source. There are no timer windows; when a level
// is complete is known from the operation itself, so the number of statements is fixed by
// the query's shape, whatever the load.
package dataloaders

import (
	"context"
	"fmt"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/internal/marshal"
	"linhui/sources"
	"linhui/store"
)

// ArgsFunc decodes the arguments of a field as its resolver would get them; the generated
// schema provides it.
type ArgsFunc func(ctx context.Context, oc *graphql.OperationContext, typ, field string, raw map[string]any) (map[string]any, error)

// Loaders loads for one operation and one viewer; nothing is shared between operations.
type Loaders struct {
	sources *sources.Sources
	schema  *ast.Schema
	args    ArgsFunc

	joint bool // root fields run side by side and load together

	mu      sync.Mutex
	waiting int     // root fields that have neither arrived nor finished
	arrived []*task // what the arrived ones wait for
	release chan struct{}
}

type (
	loadersKey struct{}
	rootKey    struct{}
)

// root is one root field of a query; it arrives once.
type root struct{ arrived bool }

// NewContext returns ctx carrying the loaders of the operation oc. The root fields of a
// query run side by side and load together; those of a mutation, and the events of a
// subscription, come one after another and each load for themselves.
func NewContext(ctx context.Context, s *sources.Sources, schema *ast.Schema, args ArgsFunc, oc *graphql.OperationContext) context.Context {
	l := &Loaders{sources: s, schema: schema, args: args, release: make(chan struct{})}
	if oc.Operation.Operation == ast.Query {
		for _, f := range graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{schema.Query.Name}) {
			if f.Name != "__typename" { // the only root field that gqlgen does not pass through AroundRoot
				l.waiting++
			}
		}
	}
	l.joint = l.waiting > 0
	return context.WithValue(ctx, loadersKey{}, l)
}

// AroundRoot is the root field middleware that tells the loaders when a root field is done,
// whether or not it loaded anything.
func AroundRoot(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	l, _ := ctx.Value(loadersKey{}).(*Loaders)
	if l == nil || !l.joint {
		return next(ctx)
	}
	r := &root{}
	defer func() {
		if !r.arrived {
			l.arrive(nil, nil)
		}
	}()
	return next(context.WithValue(ctx, rootKey{}, r))
}

// Fill loads every link that the operation selects below the current field, whose value is
// v: a row, a list of rows, a connection, or a struct that holds some. In a query it waits
// until every root field has come this far or is done, so that equal links of different root
// fields share their statements. Failures stand at the links they concern.
func Fill(ctx context.Context, v any) {
	w := newWalk(ctx)
	fc := graphql.GetFieldContext(ctx)
	if w == nil || fc == nil {
		return
	}
	tasks := w.below(nil, fc.Field.Definition.Type.Name(), fc.Field.Selections, v)
	if r, ok := ctx.Value(rootKey{}).(*root); ok && !r.arrived {
		r.arrived = true
		w.arrive(w, tasks)
		return
	}
	w.run(tasks)
}

// arrive joins one root field's rows with the others'. The last to arrive loads for all.
func (l *Loaders) arrive(w *walk, tasks []*task) {
	l.mu.Lock()
	l.arrived = append(l.arrived, tasks...)
	l.waiting--
	last := l.waiting == 0
	l.mu.Unlock()
	if last {
		defer close(l.release)
		if len(l.arrived) > 0 {
			l.arrived[0].walk.run(l.arrived)
		}
		return
	}
	if w != nil {
		// Not longer than the slowest root field, for which the answer waits anyhow. A field
		// that left before would read rows while the last to arrive still links them.
		<-l.release
	}
}

// Link returns what the current field's link led to. Fill has loaded it; a row that came
// another way is loaded here, alone.
func Link[V any](ctx context.Context, parent store.Node) (V, error) {
	fc := graphql.GetFieldContext(ctx)
	v, err, ok := parent.Base().Loaded(fc.Field.Field)
	if !ok {
		w := newWalk(ctx)
		if w == nil {
			return *new(V), fault.Newf(fault.Internal, "a link was followed outside an operation")
		}
		w.run([]*task{{walk: w, typ: parent.Base().TypeName(), rows: []store.Node{parent},
			sels: ast.SelectionSet{fc.Field.Field}}})
		v, err, _ = parent.Base().Loaded(fc.Field.Field)
	}
	value, fits := v.(V)
	if v != nil && !fits {
		return value, fmt.Errorf("the link %s leads to a %T, its field shows a %T", fc.Field.Name, v, value)
	}
	return value, err
}

// Show marshals what a link of the parent led to. It is the short way for a link that Fill has
// loaded; ok is false where the field's resolver has to tell more: an error, nothing there, a row
// that came another way.
func Show[V any](ctx context.Context, field graphql.CollectedField, parent store.Node, show func(context.Context, ast.SelectionSet, V) graphql.Marshaler) (m graphql.Marshaler, ok bool) {
	loaded, err, _ := parent.Base().Loaded(field.Field)
	v, ok := loaded.(V)
	if !ok || err != nil {
		return nil, false
	}
	return show(marshal.Below(ctx, field), field.Selections, v), true
}
