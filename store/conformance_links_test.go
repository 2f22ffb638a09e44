package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema"
	"linhui/schema/scalar"
)

// conformLink follows a link from rows that were read for it alone, and pages through it.
func (t *Table[T]) conformLink(tt *testing.T, w *world, l *Link) {
	if child := schema.Parsed().Types[t.Type].Fields.ForName(l.Field).Type.Name(); l.Child != "" && tables[l.Child] == nil ||
		l.Child != "" && child != l.Child && child != l.Child+"Connection" {
		tt.Errorf("%s.%s shows a %s, its link leads to %q", t.Type, l.Field, child, l.Child)
	}
	if l.Local() || l.Hot() != nil {
		return
	}
	const some = 200
	parents := func(v *authz.Viewer, d Demand) []Node {
		if t.local() {
			return t.nodes(tt, w, w.ask(tt, &authz.Viewer{At: noon}, d), some)
		}
		return t.nodes(tt, w, w.ask(tt, v, d), some)
	}
	follow := func(v *authz.Viewer, d Demand, from []Node, args map[string]any) []any {
		tt.Helper()
		b := &Batch{Ask: w.ask(tt, v, d), Parents: from, Args: args, Want: Want{Rows: true, Count: true},
			Coverage: func(string) *page.Coverage { return nil }, Values: make([]any, len(from))}
		if err := l.Load(tt.Context(), w.source, b); err != nil {
			tt.Fatalf("%v", err)
		}
		return b.Values
	}
	args := arguments(t.Type, l.Field)
	whole := follow(all(), nil, parents(all(), nil), args)
	alone := follow(all(), nil, parents(all(), demand(t.Type, l.Field)), args)
	widest := -1
	for i := range whole {
		want, got := led(tt, whole[i]), led(tt, alone[i])
		if !slices.Equal(got, want) {
			tt.Errorf("leads to %v when selected alone, to %v among all fields: its key column lacks it in its for tag", got, want)
			break
		}
		if widest < 0 || len(want) > len(led(tt, whole[widest])) {
			widest = i
		}
	}
	rule := schema.Fields()[t.Type+"."+l.Field]
	public := &authz.Viewer{At: noon}
	if public.Reads(rule.Class) && (rule.Roles == nil || public.Has(rule.Roles...)) && !t.Restricted {
		for _, v := range follow(public, demand(l.Child, "id"), parents(public, demand(t.Type, l.Field)), args) {
			if c := tables[l.Child]; c != nil && c.described().Restricted && len(led(tt, v)) > 0 {
				tt.Errorf("leads the public to restricted rows")
				break
			}
		}
	}
	follow(within(w.owners[0]), nil, parents(within(w.owners[0]), nil), args) // partly out of scope
	if widest >= 0 {
		if _, paged := whole[widest].(interface{ PageInfo() *page.PageInfo }); paged {
			t.conformPages(tt, w, l, parents(all(), nil)[widest], func(from Node, args map[string]any) any { return follow(all(), nil, []Node{from}, args)[0] })
		}
	}
}

// arguments are values for a field's required arguments.
func arguments(typ, field string) map[string]any {
	args := map[string]any{}
	for _, a := range schema.Parsed().Types[typ].Fields.ForName(field).Arguments {
		if a.Type.NonNull && a.Type.Name() == "DateRange" {
			args[a.Name] = DateRange{From: scalar.DateOf(noon).AddDays(-30), To: scalar.DateOf(noon)}
		}
	}
	return args
}

// led is where a link led: ids of rows, or one value.
func led(tt *testing.T, v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case Node:
		return []string{x.Base().ID()}
	case interface{ Each(func(any)) }:
		var out []string
		x.Each(func(r any) { out = append(out, r.(Node).Base().ID()) })
		return out
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice {
		var out []string
		for i := range rv.Len() {
			if n, ok := rv.Index(i).Interface().(Node); ok {
				out = append(out, n.Base().ID())
			} else {
				out = append(out, fmt.Sprint(rv.Index(i).Interface()))
			}
		}
		return out
	}
	b, err := json.Marshal(v)
	if err != nil {
		tt.Fatal(err)
	}
	return []string{string(b)}
}

// conformPages pages through a parent's list, both ways.
func (t *Table[T]) conformPages(tt *testing.T, w *world, l *Link, parent Node, follow func(Node, map[string]any) any) {
	size := page.MaxSize
	whole := follow(parent, map[string]any{"first": &size})
	want := led(tt, whole)
	if len(want) == size {
		want = nil // longer than a page: only its count is compared
	}
	if c, ok := whole.(interface {
		TotalCount(context.Context) (*int, error)
	}); ok && want != nil {
		if n, err := c.TotalCount(tt.Context()); err != nil || n == nil || *n != len(want) {
			tt.Errorf("counts %v rows where %d are read: %v", n, len(want), err)
		}
	}
	step := len(want)/4 + 1
	for _, way := range []struct{ size, from string }{{"first", "after"}, {"last", "before"}} {
		var got []string
		args := map[string]any{way.size: &step}
		for range 10 {
			v := follow(parent, args)
			info := v.(interface{ PageInfo() *page.PageInfo }).PageInfo()
			next, more := info.EndCursor(), info.HasNextPage
			if way.size == "last" {
				got = append(slices.Clone(led(tt, v)), got...)
				next, more = info.StartCursor(), info.HasPreviousPage
			} else {
				got = append(got, led(tt, v)...)
			}
			if !more {
				break
			}
			args = map[string]any{way.size: &step, way.from: next}
		}
		if want != nil && !slices.Equal(got, want) {
			tt.Errorf("%s: pages give %v, the list %v", way.size, got, want)
		}
	}
}
