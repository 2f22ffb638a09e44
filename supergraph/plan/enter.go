package plan

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph/join"
)

// fetch is a call that is being put together.
type fetch struct {
	order  int
	depth  int // how many fetches it waits for in a row
	g      *join.Subgraph
	pos    *position // whose objects it is for: never a part
	root   *selection
	asks   []*ask // of an entity fetch, one a type of representation
	after  map[*fetch]bool
	united *fetch // the fetch that does this one's work too; nil: it stands for itself
}

// ask is what an entity fetch asks of one type of representation.
type ask struct {
	types    []string // run-time types of the objects; nil: all
	rep      string
	sel      *selection
	required []RequiredField
	partly   bool // some field needs the key alone
}

// entered notes under which key something is asked for at the site: what it requires is for that.
func (s *site) entered(key string) {
	for s.kind == byType {
		s = s.up
	}
	if s.kind != byEntity {
		return
	}
	if s.requires == nil {
		s.ask.partly = true
		return
	}
	for i := range s.ask.required {
		if f := &s.ask.required[i]; !f.IsKey && !slices.Contains(f.For, key) {
			f.For = append(f.For, key)
		}
	}
}

// selection is a selection set of a document.
type selection struct {
	g        *join.Subgraph
	view     *join.View
	typename bool
	fields   []*chosen
	index    map[string]*chosen // of fields, by id
	cases    []*selection
}

type chosen struct {
	key, name, args string
	vars            []string
	conds           conds
	typ             *ast.Type // in the subgraph
	sub             *selection
}

func (s *selection) of(v *join.View) *selection {
	if v == s.view {
		return s
	}
	for _, c := range s.cases {
		if c.view == v {
			return c
		}
	}
	c := &selection{g: s.g, view: v}
	s.cases = append(s.cases, c)
	return c
}

func (s *selection) choose(key string, w *want) *chosen {
	f := s.view.Fields[w.name]
	c := &chosen{key: key, name: w.name, args: w.args, vars: w.vars, conds: w.conds, typ: f.Type}
	if have := s.add(c); have != c {
		return have
	}
	if w.sub != nil {
		c.sub = &selection{g: s.g, view: s.g.Types[f.Type.Name()]}
	}
	return c
}

// id tells the fields of a selection apart.
func (c *chosen) id() string { return c.key + " " + c.name + c.args + " " + c.conds.String() }

// add adds a field, and returns the one that was there instead.
func (s *selection) add(c *chosen) *chosen {
	id := c.id()
	if have := s.index[id]; have != nil {
		return have
	}
	if s.index == nil {
		s.index = map[string]*chosen{}
	}
	s.index[id] = c
	s.fields = append(s.fields, c)
	return c
}

// commit asks for every leaf at its cheapest site and returns the fetches that answer them.
func (p *planner) commit(leaves []leaf) []*fetch {
	var out []*fetch
	for _, l := range leaves {
		s := p.best(l)
		if s == nil {
			if p.err == nil {
				p.err = fault.Newf(fault.Internal, "the planner lost the way to %s", l.name())
			}
			return out
		}
		s.enter()
		if p.err != nil {
			return out
		}
		switch {
		case l.w != nil:
			s.sel.choose(l.pos.keyOf(l.w), l.w)
			s.entered(l.pos.keyOf(l.w))
		case abstract(l.pos.typ):
			s.sel.typename = true
			s.entered("__typename")
		}
		if !slices.Contains(out, s.fetch) {
			out = append(out, s.fetch)
		}
	}
	return out
}

func (l leaf) name() string {
	if l.w == nil {
		return l.pos.typ.Name
	}
	return l.pos.typ.Name + "." + l.w.name
}

// enter makes the site part of the plan.
func (s *site) enter() {
	p := s.pos.p
	if s.state == active || p.err != nil {
		return
	}
	switch s.kind {
	case byField:
		s.up.enter()
		if p.err != nil {
			return
		}
		s.fetch = s.up.fetch
		s.sel = s.up.sel.choose(s.pos.key, s.w).sub
		s.up.entered(s.pos.key)
	case byType:
		s.up.enter()
		if p.err != nil {
			return
		}
		s.fetch = s.up.fetch
		if s.sel = s.up.sel.of(s.view); s.sel != s.up.sel {
			s.up.sel.typename = true
		}
	case atRoot:
		s.state = entering
		s.fetch = p.newFetch(s.g, s.pos)
		s.fetch.root = &selection{g: s.g, view: s.view}
		s.sel = s.fetch.root
		if s.pos.parent != nil {
			p.epoch++
			direct := slices.DeleteFunc(slices.Clone(s.pos.sites), func(x *site) bool { return x.kind == atRoot })
			s.fetch.wait(p.commit([]leaf{{pos: s.pos, sites: direct}}))
		}
	case byEntity:
		s.represent()
	}
	s.state = active
	p.epoch++
}

// represent makes an entity fetch and asks for all that its representations are made of.
func (s *site) represent() {
	p := s.pos.p
	s.state = entering
	p.epoch++
	s.pos.settle(true)
	var key *group
	var all []leaf
	cheapest, soonest := never, 0
	for _, k := range s.jump.keys {
		leaves, ok := p.wanted(s, k)
		if !ok {
			continue
		}
		sources, ok := p.pick(leaves)
		if !ok {
			continue
		}
		// Of keys at one price the one that is there first: fetches that wait for the same can be united.
		if c, ok := p.price(s, sources); ok && (c < cheapest || c == cheapest && depth(sources) < soonest) {
			key, all, cheapest, soonest = k, leaves, c, depth(sources)
		}
	}
	if key == nil {
		if p.err == nil {
			p.err = fault.Newf(fault.Internal, "the planner lost the key of %s in %s", s.view.Name, s.g.Name)
		}
		return
	}
	deps := p.commit(all)
	if p.err != nil {
		return
	}
	f := p.newFetch(s.g, s.pos.whole)
	f.wait(deps)
	a := &ask{rep: s.jump.rep, sel: &selection{g: s.g, view: s.view}}
	if s.pos.whole != s.pos {
		a.types = s.pos.possible
	}
	a.required = p.fields(s.pos, key, true, false)
	if s.requires != nil {
		a.required = mergeRequired(a.required, p.fields(s.pos, s.requires, false, false))
	}
	f.asks = []*ask{a}
	s.fetch, s.sel, s.ask = f, a.sel, a
}

func (p *planner) newFetch(g *join.Subgraph, pos *position) *fetch {
	f := &fetch{order: len(p.fetches), g: g, pos: pos, after: map[*fetch]bool{}}
	p.fetches = append(p.fetches, f)
	return f
}

func (f *fetch) wait(deps []*fetch) {
	for _, d := range deps {
		f.after[d] = true
		f.depth = max(f.depth, d.depth+1)
	}
}

// depth is how many fetches in a row must have answered before the sources give what they are for.
func depth(sources []*site) int {
	n := 0
	for _, s := range sources {
		if s.fetch != nil {
			n = max(n, s.fetch.depth)
		}
	}
	return n
}

// fields tells where the fields of a group stand in the merged data, once they have been committed.
func (p *planner) fields(pos *position, g *group, key, nested bool) []RequiredField {
	out := []RequiredField{}
	add := func(pos *position, w *want, types []string) {
		f := RequiredField{Key: pos.keyOf(w), Name: w.name, Types: types, IsKey: key}
		if w.sub != nil {
			c := pos.child(w)
			f.Fields = p.fields(c, p.groupOn(w.sub, c.typ), key, true)
		}
		out = mergeRequired(out, []RequiredField{f})
	}
	if !abstract(g.def) {
		for _, w := range g.wants {
			add(pos, w, nil)
		}
		return out
	}
	if nested {
		out = append(out, RequiredField{Key: "__typename", Name: "__typename"})
	}
	for _, w := range g.wants {
		if p.lift(pos, w) {
			add(pos, w, nil)
			continue
		}
		for _, name := range pos.possible {
			def := p.s.model.Full.Types[name]
			add(pos.part(def), p.wantOn(w, def), []string{name})
		}
	}
	for _, c := range g.cases {
		if slices.Contains(pos.possible, c.def.Name) {
			for _, w := range c.wants {
				add(pos.part(c.def), w, []string{c.def.Name})
			}
		}
	}
	return out
}

// mergeRequired adds fields to those that are there, in order and without repeating.
func mergeRequired(have, more []RequiredField) []RequiredField {
next:
	for _, m := range more {
		for i, h := range have {
			if h.Key == m.Key && h.Name == m.Name && slices.Equal(h.Types, m.Types) {
				have[i].IsKey = h.IsKey || m.IsKey
				for _, key := range m.For {
					if !slices.Contains(have[i].For, key) {
						have[i].For = append(slices.Clip(have[i].For), key)
					}
				}
				if m.Fields != nil {
					have[i].Fields = mergeRequired(slices.Clone(h.Fields), m.Fields)
				}
				continue next
			}
		}
		have = append(have, m)
	}
	return have
}
