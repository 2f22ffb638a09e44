package plan

import (
	"fmt"
	"strings"
)

// lost is a field that no way leads to.
type lost struct {
	pos *position
	w   *want
}

func (l *lost) path() string {
	keys := []string{l.w.name}
	for pos := l.pos; pos != nil; pos = pos.parent {
		if pos.w != nil {
			keys = append(keys, pos.w.name)
		}
	}
	for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
		keys[i], keys[j] = keys[j], keys[i]
	}
	return strings.Join(keys, ".")
}

// tried says of every subgraph that has the field why it does not help; where it is a fragment that is wanted, of every
// subgraph that could tell which type a value is of.
func (l *lost) tried() string {
	var out []string
	if l.w.typ == nil {
		for _, g := range l.pos.p.s.model.Subgraphs {
			switch v := g.Types[l.pos.typ.Name]; {
			case v == nil:
			case v.InterfaceObject:
				out = append(out, g.Name+" (there "+v.Name+" is an @interfaceObject, whose types it does not know)")
			default:
				out = append(out, g.Name+" (it cannot be entered from here: no key of "+v.Name+" there can be had)")
			}
		}
		return strings.Join(out, ", ")
	}
	for _, g := range l.pos.p.s.model.Subgraphs {
		v := g.Types[l.pos.typ.Name]
		if v == nil || v.Fields[l.w.name] == nil {
			continue
		}
		f := v.Fields[l.w.name]
		why := "it cannot be entered from here: no key of " + v.Name + " there can be had"
		switch {
		case f.External:
			why = "there it is @external"
		case len(v.Keys) == 0:
			why = v.Name + " has no @key there"
		case f.Requires != nil:
			why = fmt.Sprintf("what it requires (%s) or a key cannot be had", f.RequiresText)
		}
		out = append(out, g.Name+" ("+why+")")
	}
	if len(out) == 0 {
		return "no subgraph has it"
	}
	return strings.Join(out, ", ")
}

func (p *planner) miss(pos *position, w *want) {
	if pos.depth == 0 && p.lost == nil && w != nil && w.key != "" {
		p.lost = &lost{pos, w}
	}
}
