package execute

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/plan"
)

// walk adds the selections of one document to shapes.
type walk struct {
	*compiler
	doc      *ast.QueryDocument
	subgraph string
	err      error
}

func (w *walk) set(set ast.SelectionSet, s *shape, interned bool, rewrites []plan.Rewrite) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			w.field(sel, s, interned, rewrites)
		case *ast.InlineFragment:
			w.set(sel.SelectionSet, s, interned && (sel.TypeCondition == "" || len(set) == 1), rewrites)
		case *ast.FragmentSpread:
			def := w.doc.Fragments.ForName(sel.Name)
			if def == nil {
				w.err = fmt.Errorf("execute: the plan's document has no fragment %s", sel.Name)
				return
			}
			w.set(def.SelectionSet, s, interned && len(set) == 1, rewrites)
		}
	}
}

func (w *walk) field(f *ast.Field, s *shape, interned bool, rewrites []plan.Rewrite) {
	for _, name := range w.names(f, rewrites) {
		if slot := s.slotOf(name); s.from[slot] == "" {
			s.from[slot] = w.subgraph
		}
	}
	if len(f.SelectionSet) == 0 {
		return
	}
	var below []plan.Rewrite
	names := w.names(f, rewrites)
	for _, r := range rewrites {
		if at := firstKey(r.Path); at >= 0 && slices.Contains(names, r.Path[at].Key) {
			r.Path = r.Path[at+1:]
			below = append(below, r)
		}
	}
	// What is renamed keeps its objects, so both keys have one shape.
	var child *shape
	for _, name := range names {
		if b := s.below[s.slotOf(name)]; child == nil {
			child = b
		} else if b != nil && b != child {
			w.err = fmt.Errorf("execute: the plan renames to %s what has another shape", name)
			return
		}
	}
	if child == nil {
		child = w.shape(interned)
	}
	for _, name := range names {
		s.below[s.slotOf(name)] = child
	}
	child.interned = child.interned && interned
	w.set(f.SelectionSet, child, interned, below)
}

// names are the keys under which a field stands before and after renaming.
func (w *walk) names(f *ast.Field, rewrites []plan.Rewrite) []string {
	names := []string{f.Alias}
	for _, r := range rewrites {
		if firstKey(r.Path) < 0 && r.From == f.Alias {
			names = append(names, r.To)
		}
	}
	return names
}

func firstKey(p plan.Path) int {
	return slices.IndexFunc(p, func(s plan.Step) bool { return s.Key != "" })
}
