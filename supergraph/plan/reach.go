package plan

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// Lost is a field of the API schema that some query reaches by no way.
type Lost struct {
	Type, Field string
	Query       string // the shortest query that cannot be planned
	Tried       string // of every subgraph that has the field, why it does not help
}

// Unreachable finds every field of the API schema that can be asked for and not be planned. The same field is told once,
// however many ways lead to its type.
func (s *Supergraph) Unreachable(ctx context.Context) ([]Lost, error) {
	r := &reacher{s: s, told: map[string]bool{}, seen: map[string]bool{}}
	r.p = s.newPlanner(ctx)
	r.p.unlimited = true
	for _, def := range []*ast.Definition{s.model.API.Query, s.model.API.Mutation, s.model.API.Subscription} {
		if def == nil {
			continue
		}
		full := s.model.Full.Types[def.Name]
		if def == s.model.API.Query {
			r.queue = append(r.queue, r.p.root(full, func(*join.Subgraph) bool { return true }))
			continue
		}
		for _, g := range s.model.Subgraphs {
			if g.Types[def.Name] != nil { // a root field of a mutation or subscription is done by one subgraph
				pos := r.p.root(full, func(x *join.Subgraph) bool { return x == g })
				pos.alone = true
				r.queue = append(r.queue, pos)
			}
		}
	}
	for len(r.queue) > 0 && r.p.err == nil {
		pos := r.queue[0]
		r.queue = r.queue[1:]
		r.visit(pos)
	}
	return r.out, r.p.err
}

type reacher struct {
	s     *Supergraph
	p     *planner
	queue []*position
	seen  map[string]bool
	told  map[string]bool
	out   []Lost
}

// state tells positions apart from which different fields can be reached: by the sites that are reached without an entity
// fetch, for those decide which entity fetches can follow.
func state(pos *position) string {
	pos.settle(false)
	var ways []string
	for _, s := range pos.sites {
		if s.cost < never && s.kind != byEntity {
			way := s.g.Name + " " + s.view.Name
			for _, set := range s.provided {
				way += fmt.Sprintf(" %p", set)
			}
			ways = append(ways, way)
		}
	}
	sort.Strings(ways)
	return fmt.Sprint(pos.typ.Name, "|", pos.possible, "|", slices.Compact(ways))
}

func (r *reacher) visit(pos *position) {
	id := state(pos)
	if r.seen[id] {
		return
	}
	r.seen[id] = true
	pos.settle(true)
	api := r.s.model.API.Types[pos.typ.Name]
	if api == nil {
		return // inaccessible
	}
	if abstract(pos.typ) {
		for _, name := range pos.possible {
			if r.s.model.API.Types[name] == nil {
				continue
			}
			part := pos.part(r.s.model.Full.Types[name])
			if len(part.sites) == 0 {
				r.lose(pos, &want{name: "... on " + name})
				continue
			}
			r.queue = append(r.queue, part)
		}
		return
	}
	for _, f := range api.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		full := pos.typ.Fields.ForName(f.Name)
		w := &want{key: f.Name, name: f.Name, typ: full.Type}
		sites := pos.ways(w)
		if len(sites) == 0 && pos.alone {
			continue // another subgraph's
		}
		if r.p.best(leaf{pos: pos, w: w, sites: sites}) == nil {
			r.lose(pos, w)
			continue
		}
		if t := r.s.model.Full.Types[full.Type.Name()]; t.IsCompositeType() {
			w.sub = &group{def: t}
			c := pos.child(w)
			if !r.seen[state(c)] {
				r.queue = append(r.queue, c)
			}
		}
	}
}

func (r *reacher) lose(pos *position, w *want) {
	id := pos.typ.Name + "." + w.name
	if r.p.err != nil || r.told[id] {
		return
	}
	r.told[id] = true
	l := &lost{pos, w}
	inner := w.name
	if strings.HasPrefix(w.name, "... on ") {
		inner += " { __typename }"
	}
	if t := r.s.model.Full.Types[typeName(w)]; t != nil && t.IsCompositeType() {
		inner += " { __typename }"
	}
	last := ""
	for x := pos; x != nil; x = x.parent {
		switch {
		case x.parent == nil:
			last = strings.ToLower(x.typ.Name)
		case x.w != nil:
			inner = x.w.name + " { " + inner + " }"
		default:
			inner = "... on " + x.typ.Name + " { " + inner + " }"
		}
	}
	query := "{ " + inner + " }"
	if last != "query" {
		query = last + " " + query
	}
	r.out = append(r.out, Lost{Type: pos.typ.Name, Field: w.name, Query: query, Tried: l.tried()})
}

func typeName(w *want) string {
	if w.typ == nil {
		return ""
	}
	return w.typ.Name()
}
