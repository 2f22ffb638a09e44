package plan

import (
	"fmt"
	"slices"
	"strings"
)

// alias gives fields of different cases that GraphQL would not let share a key keys of their own.
func (w *writer) alias(n *node, path Path, rewrites *[]Rewrite) {
	all := n.flat()
	taken := map[string]int{}
	for _, o := range all {
		taken[o.f.alias]++
	}
	before := map[string][]placed{}
	count := 0
	for _, b := range all {
		clash := slices.ContainsFunc(before[b.f.alias], func(a placed) bool {
			return !a.f.mergeable(b.f, a.on == b.on || a.on == "" || b.on == "")
		})
		if !clash {
			before[b.f.alias] = append(before[b.f.alias], b)
			continue
		}
		for taken[b.f.alias] > 0 {
			b.f.alias = fmt.Sprintf("_linhui_%d_%s", count, b.f.name)
			count++
		}
		taken[b.f.alias]++
		before[b.f.alias] = append(before[b.f.alias], b)
		if b.on != "" {
			n.typename = true
		}
	}
	for _, o := range all {
		if o.f.sub != nil {
			p := slices.Clone(path)
			if o.on != "" && len(n.cases) > 1 {
				p = append(p, Step{Types: w.types(o.on)})
			}
			p = append(p, Step{Key: o.f.alias})
			for i := 0; i < strings.Count(o.f.shape, "["); i++ {
				p = append(p, Step{Each: true})
			}
			before := len(*rewrites)
			if w.alias(o.f.sub, p, rewrites); len(*rewrites) > before && len(n.cases) > 1 {
				n.typename = true
			}
		}
	}
	for _, o := range all {
		if o.f.alias != o.f.key {
			p := slices.Clone(path)
			if o.on != "" {
				p = append(p, Step{Types: w.types(o.on)})
			}
			*rewrites = append(*rewrites, Rewrite{Path: p, From: o.f.alias, To: o.f.key})
		}
	}
}

// types are the run-time types of objects that a fragment on the given type holds.
func (w *writer) types(on string) []string {
	def := w.b.s.model.Full.Types[on]
	d := dissolver{schema: w.b.s.model.Full}
	return d.possible(def)
}

// mergeable reports whether GraphQL lets two fields share a response key; same: an object can have both.
func (f *printed) mergeable(o *printed, same bool) bool {
	if f.shape != o.shape || (f.sub == nil) != (o.sub == nil) {
		return false
	}
	if same && (f.name != o.name || f.args != o.args) {
		return false
	}
	if f.sub == nil {
		return true
	}
	for _, a := range f.sub.flat() {
		for _, b := range o.sub.flat() {
			if a.f.alias == b.f.alias && !a.f.mergeable(b.f, same && (a.on == b.on || a.on == "" || b.on == "")) {
				return false
			}
		}
	}
	return true
}

type placed struct {
	on string
	f  *printed
}

func (n *node) flat() []placed {
	var out []placed
	for _, f := range n.fields {
		out = append(out, placed{"", f})
	}
	for _, c := range n.cases {
		for _, p := range c.set.flat() {
			if p.on == "" {
				p.on = c.on
			}
			out = append(out, p)
		}
	}
	return out
}
