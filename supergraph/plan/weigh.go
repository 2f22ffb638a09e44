package plan

import (
	"context"
	"slices"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph/join"
)

// planner plans one operation, or one run of root fields of a mutation.
type planner struct {
	s       *Supergraph
	ctx     context.Context
	epoch   int // raised whenever a site is entered: costs fall
	steps   int
	err     error // the first limit that was met; nothing is decided after it
	fetches []*fetch
	sets    map[string]*group // what fields require, by type and text
	lost    *lost
	narrow  map[narrowed]any
	// unlimited lets a whole schema be weighed rather than one operation; only the context ends it.
	unlimited bool
}

func (p *planner) possible(def *ast.Definition) []string {
	d := dissolver{schema: p.s.model.Full}
	return d.possible(def)
}

func (p *planner) required(typ *ast.Definition, f *join.Field) *group {
	id := typ.Name + " " + f.RequiresText
	if g := p.sets[id]; g != nil {
		return g
	}
	d := &dissolver{schema: p.s.model.Full, full: p.s.model.Full, internal: true, left: p.s.limits.Fields}
	g := &group{def: typ}
	if d.add(g, f.Requires, nil, nil); d.err != nil && p.err == nil {
		p.err = fault.Newf(fault.BadUserInput, "what %s.%s requires (%q) cannot be read: %s", typ.Name, f.Name, f.RequiresText, fault.Of(d.err).Message)
	}
	p.sets[id] = g
	return g
}

func (p *planner) step() bool {
	if p.err != nil {
		return false
	}
	p.steps++
	if p.steps > p.s.limits.Steps && !p.unlimited {
		p.err = fault.Newf(fault.CostExceeded, "planning was given up: more ways to reach the operation's fields than the limit")
	} else if p.steps&255 == 0 && p.ctx.Err() != nil {
		p.err = fault.Newf(fault.CostExceeded, "planning was given up: it took longer than the limit").Because(p.ctx.Err())
	}
	return p.err == nil
}

// leaf is a field to be asked for at one of some sites; without a want it is the object itself, and of an
// abstract type its __typename.
type leaf struct {
	pos   *position
	w     *want
	sites []*site
}

// leaves appends the leaves of g at pos. False: some field cannot be reached, which p.lost tells.
func (p *planner) leaves(pos *position, g *group, out []leaf) ([]leaf, bool) {
	if !p.step() {
		return out, false
	}
	before := len(out)
	var ok bool
	if abstract(g.def) {
		var known []*site
		for _, s := range pos.sites {
			if !s.view.InterfaceObject {
				known = append(known, s)
			}
		}
		if !p.typeless(pos, g) {
			out = append(out, leaf{pos: pos, sites: known})
		}
		for _, w := range g.wants {
			if p.lift(pos, w) {
				out, _ = p.reach(pos, w, out)
				continue
			}
			for _, name := range pos.possible {
				def := p.s.model.Full.Types[name]
				if out, ok = p.reach(pos.part(def), p.wantOn(w, def), out); !ok {
					return out, false
				}
			}
		}
		for _, c := range g.cases {
			for _, name := range pos.possible {
				if name != c.def.Name {
					continue
				}
				for _, w := range c.wants {
					if out, ok = p.reach(pos.part(c.def), w, out); !ok {
						return out, false
					}
				}
			}
		}
		return out, true
	}
	for _, w := range g.wants {
		if out, ok = p.reach(pos, w, out); !ok {
			return out, false
		}
	}
	if len(out) == before {
		out = append(out, leaf{pos: pos, sites: pos.sites})
	}
	return out, true
}

func (p *planner) reach(pos *position, w *want, out []leaf) ([]leaf, bool) {
	if w.sub == nil {
		l := leaf{pos: pos, w: w, sites: pos.ways(w)}
		if len(l.sites) == 0 {
			p.miss(pos, w)
			return out, false
		}
		return append(out, l), true
	}
	c := pos.child(w)
	if len(c.sites) == 0 {
		p.miss(pos, w)
		return out, false
	}
	return p.leaves(c, p.groupOn(w.sub, c.typ), out)
}

// typeless reports whether the type of objects that an @interfaceObject gives need not be known: what is wanted of them is
// the same for all types, and another subgraph would have to be asked for the type alone.
func (p *planner) typeless(pos *position, g *group) bool {
	return pos.depth == 0 && !g.typed && len(g.cases) == 0 && len(g.wants) > 0 &&
		slices.ContainsFunc(pos.sites, func(s *site) bool { return s.kind == byField && s.view.InterfaceObject }) &&
		!slices.ContainsFunc(g.wants, func(w *want) bool { return !p.lift(pos, w) })
}

// lift reports whether w can be asked for of all objects of an abstract position at once, rather than type by type.
func (p *planner) lift(pos *position, w *want) bool {
	if lifted, ok := pos.lifts[w]; ok {
		return lifted
	}
	lost := p.lost
	all, ok := p.reach(pos, w, nil)
	if ok {
		_, ok = p.pick(all)
	}
	p.lost = lost
	if !pos.unsettled() && p.err == nil {
		pos.lifts[w] = ok
	}
	return ok
}

// pick chooses the cheapest site of every leaf as things stand.
func (p *planner) pick(leaves []leaf) ([]*site, bool) {
	out := make([]*site, 0, len(leaves))
	for _, l := range leaves {
		s := p.best(l)
		if s == nil {
			if l.w != nil {
				p.miss(l.pos, l.w)
			}
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// best is the cheapest site of the leaf, nil when none can be reached. For what the planner itself wants, ways without a
// further entity fetch are looked at first: keys that need keys would otherwise be weighed without end.
func (p *planner) best(l leaf) *site {
	if l.pos.depth > 0 {
		l.pos.settle(false)
		if s := l.cheapest(); s != nil {
			return s
		}
	}
	l.pos.settle(true)
	return l.cheapest()
}

func (l leaf) cheapest() *site {
	var best *site
	for _, s := range l.sites {
		if s.cost < never && (best == nil || s.cost < best.cost || s.cost == best.cost && s.state == active && best.state == active && s.fetch.depth < best.fetch.depth) {
			best = s
		}
	}
	return best
}

// unsettled reports whether costs on the way here are being computed right now.
func (pos *position) unsettled() bool {
	for ; pos != nil; pos = pos.parent {
		if pos.relaxing {
			return true
		}
	}
	return false
}

// settle computes the costs of the position's sites: ways without an entity fetch first and then, when far, entity
// fetches until none gets cheaper.
func (pos *position) settle(far bool) {
	p := pos.p
	if pos.relaxing || !p.step() {
		return
	}
	if !pos.unsettled() && pos.epoch == p.epoch && (pos.far || !far) {
		return
	}
	if pos.parent != nil {
		pos.parent.settle(far || pos.parent.depth == 0)
	}
	pos.relaxing = true
	defer func() { pos.relaxing = false }()
	pending := false
	first := never
	for i := 0; i < len(pos.sites); i++ { // the list may grow: ways adds to it
		s := pos.sites[i]
		s.cost, s.sources = never, nil
		switch {
		case s.state == active:
			s.cost = 0
		case s.state == entering:
		case s.kind == atRoot && pos.parent == nil:
			s.cost = hop
		case s.kind == atRoot:
			s.cost = min(never, hop+first)
		case s.kind == byField:
			s.cost = min(never, s.up.cost+1)
		case s.kind == byType:
			s.cost = s.up.cost
		default:
			pending = far
		}
		first = min(first, s.cost)
	}
	for round := 0; pending && round <= len(pos.sites) && p.err == nil; round++ {
		pending = false
		shared := map[*group]found{} // entity fetches by the same key have the same sources
		for i := 0; i < len(pos.sites); i++ {
			s := pos.sites[i]
			if s.kind != byEntity || s.state != idle {
				continue
			}
			for _, key := range s.jump.keys {
				from, known := shared[key]
				if !known || s.requires != nil {
					from.sources, from.ok = p.sources(s, key)
				}
				if !known && s.requires == nil {
					shared[key] = from
				}
				if !from.ok {
					continue
				}
				if c, ok := p.price(s, from.sources); ok && c < s.cost {
					s.cost, s.sources = c, from.sources
					pending = true
				}
			}
		}
	}
	if pos.far = far; pos.parent == nil || !pos.parent.unsettled() {
		pos.epoch = p.epoch
	} else {
		pos.epoch = -1
	}
}

type found struct {
	sources []*site
	ok      bool
}

// sources picks where a representation of the key, and what else the site requires, comes from.
func (p *planner) sources(s *site, key *group) ([]*site, bool) {
	all, ok := p.wanted(s, key)
	if !ok {
		return nil, false
	}
	return p.pick(all)
}

func (p *planner) wanted(s *site, key *group) ([]leaf, bool) {
	if !p.step() {
		return nil, false
	}
	lost := p.lost
	defer func() { p.lost = lost }()
	all, ok := p.leaves(s.pos, key, nil)
	if ok && s.requires != nil {
		all, ok = p.leaves(s.pos, s.requires, all)
	}
	if abstract(s.pos.typ) { // the representation names the interface: no __typename is needed for it
		all = slices.DeleteFunc(all, func(l leaf) bool { return l.pos == s.pos && l.w == nil })
	}
	return all, ok
}

// price is the cost of a call of s and of everything idle that its sources need. False: they need s itself.
func (p *planner) price(s *site, sources []*site) (int, bool) {
	seen := map[*site]bool{}
	total := hop
	var walk func(*site) bool
	walk = func(x *site) bool {
		if x == s {
			return false
		}
		if x == nil || seen[x] || x.state == active {
			return true
		}
		seen[x] = true
		switch x.kind {
		case atRoot, byEntity:
			total += hop
		case byField:
			total++
		}
		for _, y := range x.sources {
			if !walk(y) {
				return false
			}
		}
		return walk(x.up)
	}
	for _, x := range sources {
		total++
		if !walk(x) {
			return 0, false
		}
	}
	return total, true
}

// tries sorts leaves so that those with no choice come first: what they enter is free for the others.
func tries(leaves []leaf) {
	open := func(l leaf) int {
		l.pos.settle(true)
		n := 0
		for _, s := range l.sites {
			if s.cost < never {
				n++
			}
		}
		return min(n, 2)
	}
	choices := make([]int, len(leaves))
	order := make([]int, len(leaves))
	for i, l := range leaves {
		choices[i], order[i] = open(l), i
	}
	sort.SliceStable(order, func(i, j int) bool { return choices[order[i]] < choices[order[j]] })
	sorted := make([]leaf, len(leaves))
	for i, j := range order {
		sorted[i] = leaves[j]
	}
	copy(leaves, sorted)
}
