package dataloaders

import (
	"context"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/store"
)

// walk goes down one operation, a level at a time.
type walk struct {
	*Loaders
	ctx context.Context
	oc  *graphql.OperationContext
	ask *store.Ask
}

func newWalk(ctx context.Context) *walk {
	l, _ := ctx.Value(loadersKey{}).(*Loaders)
	if l == nil {
		return nil
	}
	return &walk{Loaders: l, ctx: ctx, oc: graphql.GetOperationContext(ctx), ask: l.sources.Ask(ctx)}
}

// task is rows of one type with the selections made on them.
type task struct {
	walk *walk
	typ  string
	rows []store.Node
	sels ast.SelectionSet
}

// run follows the tasks' links, then the links of what those led to, and so on.
func (w *walk) run(level []*task) {
	for len(level) > 0 {
		var follows []*follow
		for _, t := range level {
			had := places(follows)
			follows = w.collect(follows, t)
			store.Expect(t.rows, places(follows)-had)
		}
		w.load(follows)
		level = nil
		for _, f := range follows {
			if f.link.Child == "" {
				continue
			}
			for _, p := range f.places {
				level = w.below(level, p.typ, p.sels, f.values(p)...)
			}
		}
	}
}

// places is how many fields of the operation ask for the follows.
func places(follows []*follow) int {
	n := 0
	for _, f := range follows {
		n += len(f.places)
	}
	return n
}

// collect adds the links that a task's selections follow. Equal links with equal arguments
// are one follow, whatever their alias and place.
func (w *walk) collect(follows []*follow, t *task) []*follow {
	for _, f := range graphql.CollectFields(w.oc, t.sels, w.satisfied(t.typ)) {
		link := store.LinkAt(t.typ, f.Name)
		if link == nil {
			continue
		}
		next := &follow{link: link, want: w.want(link, f)}
		if len(f.Definition.Arguments) > 0 {
			next.args, next.argErr = w.args(w.ctx, w.oc, t.typ, f.Name, f.ArgumentMap(w.oc.Variables))
		}
		follows = join(follows, next, place{key: f.Field, typ: f.Definition.Type.Name(), sels: f.Selections, rows: t.rows})
	}
	return follows
}

// want says which parts of a connection a field selects.
func (w *walk) want(link *store.Link, f graphql.CollectedField) store.Want {
	name := f.Definition.Type.Name()
	if name == link.Child || link.Child == "" {
		return store.Want{}
	}
	var want store.Want
	for _, sub := range graphql.CollectFields(w.oc, f.Selections, []string{name}) {
		switch sub.Name {
		case "totalCount":
			want.Count = true
		case "edges", "nodes", "pageInfo":
			want.Rows = true
		}
	}
	return want
}

// satisfied names the type conditions that rows of a type pass.
func (w *walk) satisfied(typ string) []string {
	names := []string{typ}
	for _, d := range w.schema.Implements[typ] {
		names = append(names, d.Name)
	}
	return names
}

// connection is a page of rows, whatever their type.
type connection interface{ Each(func(row any)) }

// below adds the rows in the values that a field of the given type shows, with what is
// selected on them.
func (w *walk) below(level []*task, typ string, sels ast.SelectionSet, values ...any) []*task {
	var rows, paged []store.Node
	for _, v := range values {
		switch x := v.(type) {
		case store.Node:
			if !reflect.ValueOf(x).IsNil() {
				rows = append(rows, x)
			}
		case connection:
			if !reflect.ValueOf(x).IsNil() {
				x.Each(func(r any) { paged = append(paged, r.(store.Node)) })
			}
		default:
			level, rows = w.inside(level, rows, typ, sels, v)
		}
	}
	level = w.grouped(level, sels, rows)
	if len(paged) == 0 {
		return level
	}
	for _, f := range graphql.CollectFields(w.oc, sels, []string{typ}) {
		switch f.Name {
		case "nodes":
			level = w.grouped(level, f.Selections, paged)
		case "edges":
			for _, n := range graphql.CollectFields(w.oc, f.Selections, []string{f.Definition.Type.Name()}) {
				if n.Name == "node" {
					level = w.grouped(level, n.Selections, paged)
				}
			}
		}
	}
	return level
}

// inside looks into a list of rows, or into the selected fields of a plain struct that
// holds rows, such as a mutation's payload.
func (w *walk) inside(level []*task, rows []store.Node, typ string, sels ast.SelectionSet, v any) ([]*task, []store.Node) {
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.Slice:
		for i := range rv.Len() {
			if n, ok := rv.Index(i).Interface().(store.Node); ok && !reflect.ValueOf(n).IsNil() {
				rows = append(rows, n)
			}
		}
	case rv.Kind() == reflect.Pointer && !rv.IsNil() && rv.Elem().Kind() == reflect.Struct:
		for _, f := range graphql.CollectFields(w.oc, sels, w.satisfied(typ)) {
			held := rv.Elem().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, f.Name) })
			if held.IsValid() && held.CanInterface() {
				level = w.below(level, f.Definition.Type.Name(), f.Selections, held.Interface())
			}
		}
	}
	return level, rows
}

// grouped adds a task for each type among the rows.
func (w *walk) grouped(level []*task, sels ast.SelectionSet, rows []store.Node) []*task {
	var byType []*task
next:
	for _, r := range rows {
		typ := r.Base().TypeName()
		for _, t := range byType {
			if t.typ == typ {
				t.rows = append(t.rows, r)
				continue next
			}
		}
		byType = append(byType, &task{walk: w, typ: typ, rows: []store.Node{r}, sels: sels})
	}
	return append(level, byType...)
}
