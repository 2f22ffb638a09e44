package plan

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// position is a place in the answer whose objects are planned together: the root, the value of a field, or those
// objects of an abstract field that are of one concrete type.
type position struct {
	p      *planner
	parent *position
	w      *want     // nil for the root and for cases
	key    string    // of w in the merged data
	whole  *position // for a case: the abstract position it is a part of; otherwise itself
	typ    *ast.Definition
	// possible are the types its objects may have at run time, sorted.
	possible []string
	sites    []*site // the nearest first: reached with the parent's, then by entity fetches
	// needing are sites that are entered with what one field requires.
	needing map[string]*site

	children map[string]*position
	parts    map[string]*position // cases by type
	// taken says which field stands under each key of the merged data; "" where the client has several.
	taken map[string]string
	own   map[string]string // the planner's own fields: signature to key
	asked []*group          // what the client wants here
	lifts map[*want]bool

	depth    int  // fields of the planner's own on the way here
	alone    bool // a root of which only one subgraph's fields are looked at
	epoch    int  // when costs were computed last
	far      bool // they then included entity fetches
	relaxing bool
}

// site is a subgraph in which the objects of a position can be asked for fields.
type site struct {
	pos      *position
	g        *join.Subgraph
	view     *join.View
	provided []ast.SelectionSet // external fields that are answered nonetheless
	kind     siteKind
	up       *site  // of a field or a part: where it is reached from
	w        *want  // of a field
	jump     *jump  // of an entity fetch
	requires *group // of an entity fetch: what a field needs beside the key

	state   siteState
	cost    int
	sources []*site // of an entity fetch: where its representations come from
	fetch   *fetch
	sel     *selection
	ask     *ask // of an entity fetch
}

type siteKind int

const (
	atRoot siteKind = iota
	byField
	byType
	byEntity
)

type siteState int

const (
	idle siteState = iota
	entering
	active
)

// The price of a way: a call is dear, a field is cheap (chosen so that no operation within the limits has
// fields enough to outweigh a call that they would save).
const (
	hop      = 100_000
	never    = 1 << 50
	maxDepth = 5 // fields of keys in keys in keys; beyond, a key is taken for unreachable
)

func (p *planner) newPosition(parent *position, typ *ast.Definition) *position {
	pos := &position{p: p, parent: parent, typ: typ, children: map[string]*position{}, parts: map[string]*position{}, epoch: -1,
		taken: map[string]string{}, own: map[string]string{}, lifts: map[*want]bool{}, needing: map[string]*site{}}
	pos.whole = pos
	if parent != nil {
		pos.depth = parent.depth
	}
	return pos
}

// root is the position of the operation's root type, reachable in the subgraphs that only lets through.
func (p *planner) root(typ *ast.Definition, only func(*join.Subgraph) bool) *position {
	pos := p.newPosition(nil, typ)
	pos.possible = []string{typ.Name}
	for _, g := range p.s.model.Subgraphs {
		if v := g.Types[typ.Name]; v != nil && only(g) {
			pos.sites = append(pos.sites, &site{pos: pos, g: g, view: v, kind: atRoot})
		}
	}
	return pos
}

// ask notes what the client wants here, so that fields of the planner's own do not take the client's keys.
func (pos *position) ask(g *group) {
	if slices.Contains(pos.asked, g) {
		return
	}
	pos.asked = append(pos.asked, g)
	take := func(wants []*want) {
		for _, w := range wants {
			if w.key == "" {
				continue
			}
			if have, ok := pos.taken[w.key]; ok && have != w.signature() {
				pos.taken[w.key] = ""
			} else {
				pos.taken[w.key] = w.signature()
			}
		}
	}
	take(g.wants)
	for _, c := range g.cases {
		take(c.wants)
	}
}

// keyOf is where w stands in the merged data.
func (pos *position) keyOf(w *want) string {
	if w.key != "" {
		return w.key
	}
	pos, sig := pos.whole, w.signature()
	if key, ok := pos.own[sig]; ok {
		return key
	}
	key := w.name
	if have, ok := pos.taken[key]; ok && have != sig {
		key = fmt.Sprintf("_linhui_%d_%s", len(pos.own), w.name)
	}
	pos.own[sig], pos.taken[key] = key, sig
	return key
}

// child is the position of the value of w.
func (pos *position) child(w *want) *position {
	key := pos.keyOf(w)
	id := key + " " + w.signature() + " " + w.conds.String()
	if c := pos.children[id]; c != nil {
		if w.key != "" {
			c.ask(w.sub)
		}
		return c
	}
	c := pos.p.newPosition(pos, w.sub.def)
	c.w, c.key = w, key
	if w.key == "" {
		c.depth++
	} else {
		c.depth = 0
	}
	pos.children[id] = c
	for _, g := range pos.whole.asked {
		for _, set := range append([]*group{g}, g.cases...) {
			for _, have := range set.wants {
				if have.key == key && have.sub != nil {
					c.ask(have.sub)
				}
			}
		}
	}
	if w.key != "" {
		c.ask(w.sub)
	}
	for _, s := range pos.ways(w) {
		f := s.view.Fields[w.name]
		v := s.g.Types[f.Type.Name()]
		if v == nil {
			continue
		}
		n := &site{pos: c, g: s.g, view: v, kind: byField, up: s, w: w}
		if f.Provides != nil {
			n.provided = append(n.provided, f.Provides)
		}
		for _, set := range s.provided {
			n.provided = append(n.provided, providedOf(set, s.view.Name, w.name)...)
		}
		c.sites = append(c.sites, n)
	}
	c.possible = c.mayBe(pos, w)
	c.enter()
	return c
}

// mayBe lists the types that objects of c can have: a field that several subgraphs answer has, by the contract of
// @shareable, one value in all of them, so only types that all of them know.
func (c *position) mayBe(pos *position, w *want) []string {
	if !abstract(c.typ) {
		return []string{c.typ.Name}
	}
	var out []string
	some := false
	for _, s := range c.sites {
		if s.view.InterfaceObject || s.up.view.Fields[w.name].External {
			continue
		}
		if !some {
			out, some = slices.Clone(s.view.Possible), true
		} else {
			out = slices.DeleteFunc(out, func(n string) bool { return !s.view.Has(n) })
		}
	}
	if !some {
		return pos.p.possible(c.typ)
	}
	if len(out) == 0 {
		for _, s := range c.sites {
			out = append(out, s.view.Possible...)
		}
		slices.Sort(out)
	}
	return slices.Compact(out)
}

// part is the position of those objects that are of the concrete type def.
func (pos *position) part(def *ast.Definition) *position {
	if def == pos.typ {
		return pos
	}
	if c := pos.parts[def.Name]; c != nil {
		return c
	}
	c := pos.p.newPosition(pos, def)
	c.whole, c.possible = pos.whole, []string{def.Name}
	pos.parts[def.Name] = c
	for _, s := range pos.sites {
		if v := s.g.Types[def.Name]; v != nil && s.view.Has(def.Name) {
			c.sites = append(c.sites, &site{pos: c, g: s.g, view: v, kind: byType, up: s, provided: s.provided})
		}
	}
	c.enter()
	return c
}

// enter adds the sites that entity fetches reach, and for a value of the query type those that any operation reaches.
func (c *position) enter() {
	if len(c.sites) == 0 || c.depth > maxDepth {
		return
	}
	if c.typ == c.p.s.model.Full.Query {
		for _, g := range c.p.s.model.Subgraphs {
			if v := g.Types[c.typ.Name]; v != nil {
				c.sites = append(c.sites, &site{pos: c, g: g, view: v, kind: atRoot})
			}
		}
		return
	}
	for _, j := range c.p.s.jumps[c.typ.Name] {
		c.sites = append(c.sites, &site{pos: c, g: j.g, view: j.view, kind: byEntity, jump: j})
	}
}

// ways lists the sites of pos that answer w.
func (pos *position) ways(w *want) []*site {
	var out []*site
	for _, s := range pos.sites {
		if s.answers(w.name) {
			out = append(out, s)
		}
	}
	if abstract(pos.typ) && len(pos.p.s.jumps[pos.typ.Name]) == 0 {
		return out
	}
	for _, j := range pos.p.s.jumps[pos.typ.Name] {
		f := j.view.Fields[w.name]
		if f == nil || f.External || f.Requires == nil || j.view.Abstract() || pos.depth > maxDepth {
			continue
		}
		id := j.g.Name + " " + j.view.Name + " " + f.RequiresText
		n := pos.needing[id]
		if n == nil {
			n = &site{pos: pos, g: j.g, view: j.view, kind: byEntity, jump: j, requires: pos.p.required(pos.typ, f), cost: never}
			pos.needing[id] = n
			pos.sites = append(pos.sites, n)
			pos.epoch = -1
		}
		out = append(out, n)
	}
	return out
}

// answers reports whether a field can be asked for at the site for every object the site may give. A site that is
// entered with what a field requires answers that field, and those that require the same.
func (s *site) answers(name string) bool {
	f := s.view.Fields[name]
	if f == nil {
		return false
	}
	if s.requires != nil {
		return false // ways hands it out for its own field
	}
	if !s.view.Abstract() {
		return f.Requires == nil && (!f.External || s.provides(s.view.Name, name))
	}
	if f.External && !s.provides(s.view.Name, name) {
		return false
	}
	for _, t := range s.view.Possible {
		x := s.g.Types[t]
		if x == nil {
			return false
		}
		xf := x.Fields[name]
		if xf == nil || xf.Requires != nil || (xf.External && !s.provides(t, name)) || xf.Type.Name() != f.Type.Name() && !s.fits(xf.Type.Name(), f.Type.Name()) {
			return false
		}
	}
	return true
}

// fits reports whether a value of the narrower type is one of the wider in the site's subgraph.
func (s *site) fits(narrow, wide string) bool {
	n, w := s.g.Types[narrow], s.g.Types[wide]
	if n == nil || w == nil || !w.Abstract() {
		return false
	}
	for _, t := range n.Possible {
		if !w.Has(t) {
			return false
		}
	}
	return true
}

func (s *site) provides(typ, name string) bool {
	for _, set := range s.provided {
		if provided(set, typ, name, nil) {
			return true
		}
	}
	return false
}

// provided reports whether a field of an object of type typ is named by the set; found gets what is selected of it.
func provided(set ast.SelectionSet, typ, name string, found func(ast.SelectionSet)) bool {
	any := false
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == name {
				any = true
				if found != nil && len(sel.SelectionSet) > 0 {
					found(sel.SelectionSet)
				}
			}
		case *ast.InlineFragment:
			if sel.TypeCondition == "" || sel.TypeCondition == typ {
				any = provided(sel.SelectionSet, typ, name, found) || any
			}
		}
	}
	return any
}

func providedOf(set ast.SelectionSet, typ, name string) []ast.SelectionSet {
	var out []ast.SelectionSet
	provided(set, typ, name, func(s ast.SelectionSet) { out = append(out, s) })
	return out
}
