package server

import (
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
)

// guard refuses documents that are dear to validate or to run. It runs between parsing and
// validation, because validation itself is what most attacks aim at, and takes time linear in
// the document plus Limits.ExpandedFields.
func guard(doc *ast.QueryDocument, l *Limits) *refusedNode {
	if len(doc.Operations) > l.Operations {
		return refuse(doc.Operations[l.Operations].Position, "operations", l.Operations)
	}
	if len(doc.Fragments) > l.Fragments {
		return refuse(doc.Fragments[l.Fragments].Position, "fragments", l.Fragments)
	}
	s := shape{limits: l}
	for _, op := range doc.Operations {
		s.directives(op.Position, op.Directives)
		for _, v := range op.VariableDefinitions {
			s.directives(v.Position, v.Directives)
			s.value(v.DefaultValue, 0)
		}
		s.selections(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		s.directives(f.Position, f.Directives)
		s.selections(f.SelectionSet)
	}
	if s.refused != nil {
		return s.refused
	}
	return expand(doc, l)
}

// refusedNode says which limit a document passes, and where.
type refusedNode struct {
	at    *ast.Position
	limit string
	max   int
}

func refuse(at *ast.Position, limit string, most int) *refusedNode {
	return &refusedNode{at: at, limit: limit, max: most}
}

// Fault is the error for the client. It names the limit, never what was sent.
func (r *refusedNode) Fault() *fault.Error {
	if r.max == 0 {
		return fault.Newf(fault.BadUserInput, "a fragment spreads itself").With("limit", r.limit)
	}
	return fault.Newf(fault.BadUserInput, "the document is too large: at most %d %s", r.max, r.limit).
		With("limit", r.limit).With("max", r.max)
}

// shape checks what can be seen without expanding fragments.
type shape struct {
	limits  *Limits
	aliases int
	refused *refusedNode
}

func (s *shape) refuse(at *ast.Position, limit string, most int) {
	if s.refused == nil {
		s.refused = refuse(at, limit, most)
	}
}

func (s *shape) directives(at *ast.Position, list ast.DirectiveList) {
	if len(list) > s.limits.Directives {
		s.refuse(at, "directives on one node", s.limits.Directives)
		return
	}
	for _, d := range list {
		s.arguments(d.Arguments)
	}
}

func (s *shape) arguments(list ast.ArgumentList) {
	for _, a := range list {
		s.value(a.Value, 0)
	}
}

func (s *shape) value(v *ast.Value, depth int) {
	if v == nil || len(v.Children) == 0 || s.refused != nil {
		return
	}
	if depth++; depth > s.limits.ListDepth {
		s.refuse(v.Position, "lists inside lists", s.limits.ListDepth)
		return
	}
	for _, c := range v.Children {
		s.value(c.Value, depth)
	}
}

func (s *shape) selections(set ast.SelectionSet) {
	for _, sel := range set {
		if s.refused != nil {
			return
		}
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Alias != sel.Name {
				if s.aliases++; s.aliases > s.limits.Aliases {
					s.refuse(sel.Position, "aliases", s.limits.Aliases)
					return
				}
			}
			s.directives(sel.Position, sel.Directives)
			s.arguments(sel.Arguments)
			s.selections(sel.SelectionSet)
		case *ast.InlineFragment:
			s.directives(sel.Position, sel.Directives)
			s.selections(sel.SelectionSet)
		case *ast.FragmentSpread:
			s.directives(sel.Position, sel.Directives)
		}
	}
}

// expand walks the document as execution would, merging fields of one response path, and stops
// at the first limit passed. A fragment spread twice under one path is walked once there: it
// adds the same fields, and both validation and execution merge them.
func expand(doc *ast.QueryDocument, l *Limits) *refusedNode {
	e := expansion{
		limits:    l,
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		nodes:     make(map[nodeKey]int),
		spread:    make(map[nodeKey]bool),
		open:      make(map[string]bool),
		reached:   make(map[string]bool),
	}
	for _, f := range doc.Fragments {
		if _, twice := e.fragments[f.Name]; !twice {
			e.fragments[f.Name] = f
		}
	}
	for _, op := range doc.Operations {
		e.top, e.topFields = e.node(), 0
		if r := e.walk(e.top, op.SelectionSet, 0, false); r != nil {
			return r
		}
	}
	// Validation also walks every fragment by itself, used or not.
	e.top = -1
	for _, f := range doc.Fragments {
		if e.reached[f.Name] {
			continue
		}
		if r := e.walk(e.node(), f.SelectionSet, 0, false); r != nil {
			return r
		}
	}
	return nil
}

// nodeKey is a response key, or a fragment's name, under the node of a response path.
type nodeKey struct {
	parent int
	name   string
}

type expansion struct {
	limits    *Limits
	fragments map[string]*ast.FragmentDefinition
	nodes     map[nodeKey]int
	uses      []int // fields merged into each node
	spread    map[nodeKey]bool
	open      map[string]bool // fragments being walked
	reached   map[string]bool
	fields    int
	top       int // the node of the operation being walked, or -1
	topFields int
}

func (e *expansion) node() int {
	e.uses = append(e.uses, 0)
	return len(e.uses) - 1
}

func (e *expansion) walk(parent int, set ast.SelectionSet, depth int, introspection bool) *refusedNode {
	for _, sel := range set {
		var r *refusedNode
		switch sel := sel.(type) {
		case *ast.Field:
			r = e.field(parent, sel, depth+1, introspection)
		case *ast.InlineFragment:
			r = e.walk(parent, sel.SelectionSet, depth, introspection)
		case *ast.FragmentSpread:
			r = e.fragment(parent, sel, depth, introspection)
		}
		if r != nil {
			return r
		}
	}
	return nil
}

func (e *expansion) fragment(parent int, spread *ast.FragmentSpread, depth int, introspection bool) *refusedNode {
	f := e.fragments[spread.Name]
	if f == nil {
		return nil // validation names it
	}
	if e.open[f.Name] {
		return refuse(spread.Position, "fragment cycles", 0)
	}
	key := nodeKey{parent, f.Name}
	if e.spread[key] {
		return nil
	}
	e.spread[key], e.reached[f.Name], e.open[f.Name] = true, true, true
	r := e.walk(parent, f.SelectionSet, depth, introspection)
	delete(e.open, f.Name)
	return r
}

func (e *expansion) field(parent int, f *ast.Field, depth int, introspection bool) *refusedNode {
	if e.fields++; e.fields > e.limits.ExpandedFields {
		return refuse(f.Position, "fields after expansion", e.limits.ExpandedFields)
	}
	if parent == e.top {
		if e.topFields++; e.topFields > e.limits.RootFields {
			return refuse(f.Position, "root fields", e.limits.RootFields)
		}
	}
	introspection = introspection || depth == 1 && (f.Name == "__schema" || f.Name == "__type")
	most := e.limits.Depth
	if introspection {
		most = e.limits.IntrospectionDepth
	}
	if depth > most {
		return refuse(f.Position, "levels of fields", most)
	}
	key := nodeKey{parent, f.Alias}
	node, known := e.nodes[key]
	if !known {
		node = e.node()
		e.nodes[key] = node
	}
	if e.uses[node]++; e.uses[node] > e.limits.SameKey {
		return refuse(f.Position, "fields of one response key", e.limits.SameKey)
	}
	return e.walk(node, f.SelectionSet, depth, introspection)
}
