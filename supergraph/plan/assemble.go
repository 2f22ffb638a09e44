package plan

import (
	"slices"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// builder makes nodes of fetches.
type builder struct {
	s     *Supergraph
	op    *ast.OperationDefinition
	calls int
}

// tree arranges the planner's fetches in waves.
func (b *builder) tree(p *planner) (Node, error) {
	fetches := unite(p.fetches)
	waves := wave(fetches)
	ids := map[*fetch]int{}
	var nodes []Node
	for _, w := range waves {
		var together []Node
		for _, batch := range batches(w) {
			b.calls++
			for _, f := range batch {
				ids[f] = b.calls
			}
			n, err := b.node(batch, b.calls, ids)
			if err != nil {
				return nil, err
			}
			together = append(together, n)
		}
		if len(together) == 1 {
			nodes = append(nodes, together[0])
		} else {
			nodes = append(nodes, &Parallel{together})
		}
	}
	return sequence(nodes), nil
}

// unite makes one fetch of those that ask one subgraph for the same objects, when neither waits for the other.
func unite(fetches []*fetch) []*fetch {
	type target struct {
		g   *join.Subgraph
		pos *position
	}
	var kept []*fetch
	same := map[target][]*fetch{}
	for _, b := range fetches {
		at := target{b.g, b.pos}
		i := slices.IndexFunc(same[at], func(a *fetch) bool { return a.fits(b) && !a.waits(b) && !b.waits(a) })
		if i < 0 {
			kept, same[at] = append(kept, b), append(same[at], b)
			continue
		}
		b.united = same[at][i]
		b.united.take(b)
	}
	for _, f := range kept {
		after := map[*fetch]bool{}
		for d := range f.after {
			after[d.kept()] = true
		}
		f.after = after
	}
	return kept
}

// kept is the fetch that does what f was to do.
func (f *fetch) kept() *fetch {
	for f.united != nil {
		f = f.united
	}
	return f
}

// waits reports whether f needs the answer of o, directly or not.
func (f *fetch) waits(o *fetch) bool {
	seen := map[*fetch]bool{}
	var walk func(*fetch) bool
	walk = func(x *fetch) bool {
		for d := range x.after {
			d = d.kept()
			if d == o || !seen[d] && walk(d) {
				return true
			}
			seen[d] = true
		}
		return false
	}
	return walk(f.kept())
}

// fits reports whether an object would find what it is asked for in one list of both fetches' representations.
func (f *fetch) fits(o *fetch) bool {
	if f.root != nil || o.root != nil {
		return f.root != nil && o.root != nil
	}
	for _, a := range f.asks {
		for _, b := range o.asks {
			same := a.rep == b.rep && slices.Equal(a.types, b.types)
			apart := a.types != nil && b.types != nil && !slices.ContainsFunc(a.types, func(t string) bool { return slices.Contains(b.types, t) })
			switch {
			case apart && a.rep == b.rep: // the document cannot tell them apart
				if !slices.EqualFunc(a.required, b.required, RequiredField.equal) || !a.sel.equal(b.sel) {
					return false
				}
			case !apart && (!same || contradict(a.required, b.required)):
				return false
			}
		}
	}
	return true
}

func (f RequiredField) equal(o RequiredField) bool {
	return f.Key == o.Key && f.Name == o.Name && f.IsKey == o.IsKey && slices.Equal(f.Types, o.Types) && slices.EqualFunc(f.Fields, o.Fields, RequiredField.equal)
}

// equal reports whether two selections of one view ask the same.
func (s *selection) equal(o *selection) bool {
	return s.view == o.view && s.typename == o.typename && slices.EqualFunc(s.cases, o.cases, (*selection).equal) &&
		slices.EqualFunc(s.fields, o.fields, func(a, b *chosen) bool {
			return a.id() == b.id() && (a.sub == nil || a.sub.equal(b.sub))
		})
}

// contradict reports whether a representation would need two values under one name: fields that require the same field
// with different arguments need calls of their own.
func contradict(a, b []RequiredField) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Name == y.Name && (x.Key != y.Key || contradict(x.Fields, y.Fields)) {
				return true
			}
		}
	}
	return false
}

func (f *fetch) take(o *fetch) {
	for d := range o.after {
		f.after[d] = true
	}
	if f.root != nil {
		f.root.take(o.root)
		return
	}
next:
	for _, a := range o.asks {
		for _, have := range f.asks {
			if have.rep == a.rep && slices.Equal(have.types, a.types) {
				have.sel.take(a.sel)
				have.required = mergeRequired(have.required, a.required)
				have.partly = have.partly || a.partly
				continue next
			}
		}
		f.asks = append(f.asks, a)
	}
}

func (s *selection) take(o *selection) {
	s.typename = s.typename || o.typename
	for _, c := range o.fields {
		if have := s.add(c); have != c && c.sub != nil {
			have.sub.take(c.sub)
		}
	}
	for _, c := range o.cases {
		s.of(c.view).take(c)
	}
}

// wave sorts fetches by how many others they wait for in a row.
func wave(fetches []*fetch) [][]*fetch {
	level := map[*fetch]int{}
	var of func(*fetch) int
	of = func(f *fetch) int {
		if l, ok := level[f]; ok {
			return l
		}
		l := 0
		for d := range f.after {
			l = max(l, of(d)+1)
		}
		level[f] = l
		return l
	}
	for _, f := range fetches {
		of(f)
	}
	postpone(fetches, level)
	var out [][]*fetch
	for _, f := range fetches {
		l := level[f]
		for len(out) <= l {
			out = append(out, nil)
		}
		out[l] = append(out[l], f)
	}
	for _, w := range out {
		sort.SliceStable(w, func(i, j int) bool { return w[i].order < w[j].order })
	}
	return out
}

// postpone moves an entity fetch that nothing waits for to a later wave, when its subgraph is called there anyway: one call
// less, and the last wave is where it was.
func postpone(fetches []*fetch, level map[*fetch]int) {
	waiting, together := map[*fetch][]*fetch{}, map[string][]*fetch{}
	for _, f := range fetches {
		for d := range f.after {
			waiting[d] = append(waiting[d], f)
		}
		if f.root == nil {
			together[f.batch()] = append(together[f.batch()], f)
		}
	}
	for i := len(fetches) - 1; i >= 0; i-- {
		f := fetches[i]
		if f.root != nil {
			continue
		}
		until := int(never)
		for _, o := range waiting[f] {
			until = min(until, level[o])
		}
		best := until
		for _, o := range together[f.batch()] {
			if l := level[o]; l > level[f] && l < best {
				best = l
			}
		}
		if best < until {
			level[f] = best
		}
	}
}

// batch tells which entity fetches of a wave may share a call.
func (f *fetch) batch() string { return f.g.Name + " " + f.conds().String() }

// batches groups the entity fetches of a wave that go to one subgraph under the same conditions.
func batches(wave []*fetch) [][]*fetch {
	var out [][]*fetch
	at := map[string]int{}
	for _, f := range wave {
		if f.root != nil {
			out = append(out, []*fetch{f})
			continue
		}
		key := f.batch()
		if i, ok := at[key]; ok {
			out[i] = append(out[i], f)
			continue
		}
		at[key] = len(out)
		out = append(out, []*fetch{f})
	}
	return out
}

// conds are the conditions without which the fetch has nothing to ask for.
func (f *fetch) conds() conds {
	var out conds
	first := true
	see := func(cs conds) {
		if first {
			out, first = slices.Clone(cs), false
			return
		}
		out = slices.DeleteFunc(out, func(c string) bool { return !slices.Contains(cs, c) })
	}
	var walk func(*selection)
	walk = func(s *selection) {
		if s.typename {
			see(nil)
		}
		for _, c := range s.fields {
			see(c.conds)
		}
		for _, c := range s.cases {
			walk(c)
		}
	}
	for _, a := range f.selections() {
		walk(a)
	}
	return out
}

func (f *fetch) selections() []*selection {
	if f.root != nil {
		return []*selection{f.root}
	}
	out := make([]*selection, len(f.asks))
	for i, a := range f.asks {
		out[i] = a.sel
	}
	return out
}

// path is where the objects of the position stand in the merged data.
func (pos *position) path() Path {
	if pos.parent == nil {
		return nil
	}
	if pos.w == nil {
		return append(pos.parent.path(), Step{Types: pos.possible})
	}
	out := append(pos.parent.path(), Step{Key: pos.key})
	for t := pos.w.typ; t.Elem != nil; t = t.Elem {
		out = append(out, Step{Each: true})
	}
	return out
}

// node makes the node of a batch.
func (b *builder) node(batch []*fetch, id int, ids map[*fetch]int) (Node, error) {
	var after []int
	for _, f := range batch {
		for d := range f.after {
			if !slices.Contains(after, ids[d]) {
				after = append(after, ids[d])
			}
		}
	}
	sort.Ints(after)
	cs := batch[0].conds()
	kind := ast.Query
	if batch[0].root != nil && batch[0].pos.parent == nil {
		kind = b.op.Operation
	}
	w := b.newWriter(kind, cs)
	var out Node
	if len(batch) == 1 {
		f := &Fetch{ID: id, Subgraph: batch[0].g.Name, Kind: kind, OperationName: b.op.Name, DependsOn: after}
		f.Document, f.Requires, f.Rewrites = w.single(batch[0])
		f.Variables = w.used()
		out = f
		if path := batch[0].where(); len(path) > 0 {
			out = &Flatten{Path: path, Fetch: f}
		}
	} else {
		f := &BatchFetch{ID: id, Subgraph: batch[0].g.Name, OperationName: b.op.Name, DependsOn: after}
		f.Document, f.Targets = w.batch(batch)
		f.Variables = w.used()
		out = f
	}
	for i := len(cs) - 1; i >= 0; i-- {
		if cs[i][0] == '!' {
			out = &Condition{Variable: cs[i][1:], Else: out}
		} else {
			out = &Condition{Variable: cs[i], Then: out}
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return out, nil
}

// where is the fetch's path: limited to the types that it has something to ask of.
func (f *fetch) where() Path {
	path := f.pos.path()
	var types []string
	for _, a := range f.asks {
		if a.types == nil {
			return path
		}
		types = append(types, a.types...)
	}
	if types == nil {
		return path
	}
	sort.Strings(types)
	return append(path, Step{Types: slices.Compact(types)})
}
