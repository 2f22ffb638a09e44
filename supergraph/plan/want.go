package plan

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
)

// group is what is wanted of one object: the fields of a selection set with its fragments dissolved.
// wants hold for every type the object may have, cases for one concrete type each. Never changed once built.
type group struct {
	def   *ast.Definition
	wants []*want
	cases []*group // by the order of first use; of abstract types only
	// typed says that the answer shows the type of the object, though no want asks for it.
	typed bool
}

// want is one field that is wanted.
type want struct {
	key   string // the client's response key; empty: the planner wants it and finds a key itself
	name  string
	args  string // "" or "(a:1,b:$x)", names sorted
	vars  []string
	conds conds
	typ   *ast.Type
	sub   *group // nil for scalars and enums
}

// signature tells fields of one type apart that have different values.
func (w *want) signature() string { return w.name + w.args }

// conds is a conjunction of variables, as "x" or "!x", sorted, that all must hold.
type conds []string

func (c conds) and(more ...string) conds {
	out := slices.Clone(c)
	for _, m := range more {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	sort.Strings(out)
	return out
}

func (c conds) String() string { return strings.Join(c, "&") }

// dissolver builds groups.
type dissolver struct {
	schema    *ast.Schema // for the possible types of what the selection is written against
	full      *ast.Schema
	fragments ast.FragmentDefinitionList
	refused   map[*ast.Field]bool // fields that are left out
	internal  bool
	left      int // selections that may still be looked at
	err       error
	made      map[wanting]*want
}

// wanting tells the wants of a dissolver apart.
type wanting struct {
	g                     *group
	key, signature, conds string
}

func (d *dissolver) possible(def *ast.Definition) []string {
	if def.Kind == ast.Object {
		return []string{def.Name}
	}
	var out []string
	for _, t := range d.schema.PossibleTypes[def.Name] {
		if t.Kind == ast.Object {
			out = append(out, t.Name)
		}
	}
	sort.Strings(out)
	return out
}

func abstract(def *ast.Definition) bool { return def.Kind == ast.Interface || def.Kind == ast.Union }

func (g *group) in(d *dissolver, name string) *group {
	for _, c := range g.cases {
		if c.def.Name == name {
			return c
		}
	}
	c := &group{def: d.full.Types[name]}
	g.cases = append(g.cases, c)
	return c
}

// add adds a selection set for objects of the types narrow, nil meaning all that g.def can be.
func (d *dissolver) add(g *group, set ast.SelectionSet, cs conds, narrow []string) {
	for _, s := range set {
		if d.left--; d.left < 0 && d.err == nil {
			d.err = fault.Newf(fault.CostExceeded, "the operation is too large: more fields than the planner's limit once its fragments are dissolved")
		}
		if d.err != nil {
			return
		}
		switch s := s.(type) {
		case *ast.Field:
			if strings.HasPrefix(s.Name, "__") || d.refused[s] {
				g.typed = g.typed || s.Name == "__typename" || narrow != nil
				continue
			}
			if more, ok := d.conditions(s.Directives, cs); ok {
				d.field(g, s, more, narrow)
			}
		case *ast.InlineFragment:
			if more, ok := d.conditions(s.Directives, cs); ok {
				d.fragment(g, s.TypeCondition, s.SelectionSet, more, narrow)
			}
		case *ast.FragmentSpread:
			f := d.fragments.ForName(s.Name)
			if more, ok := d.conditions(s.Directives, cs); ok && f != nil {
				d.fragment(g, f.TypeCondition, f.SelectionSet, more, narrow)
			}
		}
	}
}

func (d *dissolver) fragment(g *group, on string, set ast.SelectionSet, cs conds, narrow []string) {
	if on == "" || on == g.def.Name {
		d.add(g, set, cs, narrow)
		return
	}
	def := d.schema.Types[on]
	if def == nil {
		d.err = fault.Newf(fault.BadUserInput, "the type %s is not in the schema", on)
		return
	}
	fits := d.possible(def)
	now := narrow
	if now == nil {
		now = d.possible(g.def)
	}
	both := slices.DeleteFunc(slices.Clone(now), func(t string) bool { return !slices.Contains(fits, t) })
	switch {
	case len(both) == 0:
	case narrow == nil && len(both) == len(now):
		d.add(g, set, cs, nil)
	default:
		d.add(g, set, cs, both)
	}
}

func (d *dissolver) field(g *group, f *ast.Field, cs conds, narrow []string) {
	if !abstract(g.def) {
		d.put(g, f, cs)
		return
	}
	if narrow == nil {
		if g.def.Fields.ForName(f.Name) != nil {
			d.put(g, f, cs)
			return
		}
		narrow = d.possible(g.def)
	}
	d.left -= len(narrow)
	for _, t := range narrow {
		d.put(g.in(d, t), f, cs)
	}
}

func (d *dissolver) put(g *group, f *ast.Field, cs conds) {
	def := g.def.Fields.ForName(f.Name)
	if def == nil {
		d.err = fault.Newf(fault.BadUserInput, "%s has no field %s", g.def.Name, f.Name)
		return
	}
	w := &want{name: f.Name, conds: cs, typ: def.Type}
	w.args, w.vars = arguments(f.Arguments)
	if !d.internal {
		w.key = f.Alias
	}
	id := wanting{g, w.key, w.signature(), w.conds.String()}
	if have := d.made[id]; have != nil {
		w = have
	} else {
		if d.made == nil {
			d.made = map[wanting]*want{}
		}
		d.made[id] = w
		g.wants = append(g.wants, w)
		if t := d.full.Types[def.Type.Name()]; t.IsCompositeType() {
			w.sub = &group{def: t}
		}
	}
	if w.sub != nil {
		d.add(w.sub, f.SelectionSet, nil, nil)
	}
}

// conditions adds what @skip and @include say; false: never selected.
func (d *dissolver) conditions(ds ast.DirectiveList, cs conds) (conds, bool) {
	for _, dir := range ds {
		if dir.Name != "skip" && dir.Name != "include" {
			d.err = fault.Newf(fault.BadUserInput, "the directive @%s is not supported in operations on a supergraph", dir.Name)
			return nil, false
		}
		on := dir.Name == "include"
		arg := dir.Arguments.ForName("if")
		switch {
		case arg == nil:
			d.err = fault.Newf(fault.BadUserInput, "@%s needs the argument if", dir.Name)
			return nil, false
		case arg.Value.Kind == ast.Variable && on:
			cs = cs.and(arg.Value.Raw)
		case arg.Value.Kind == ast.Variable:
			cs = cs.and("!" + arg.Value.Raw)
		case (arg.Value.Raw == "true") != on:
			return nil, false
		}
	}
	for _, c := range cs {
		if slices.Contains(cs, "!"+c) {
			return nil, false
		}
	}
	return cs, true
}

// arguments prints arguments in the order of their names and lists the variables in them.
func arguments(args ast.ArgumentList) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	sorted := slices.Clone(args)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	var b strings.Builder
	var vars []string
	b.WriteByte('(')
	for i, a := range sorted {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.Name + ":")
		literal(&b, a.Value)
		vars = variables(a.Value, vars)
	}
	b.WriteByte(')')
	return b.String(), vars
}

// literal prints a value; strings as JSON writes them, which GraphQL reads too.
func literal(b *strings.Builder, v *ast.Value) {
	switch v.Kind {
	case ast.StringValue, ast.BlockValue:
		text, _ := json.Marshal(v.Raw) // a string cannot fail
		b.Write(text)
	case ast.ListValue:
		b.WriteByte('[')
		for i, c := range v.Children {
			if i > 0 {
				b.WriteByte(',')
			}
			literal(b, c.Value)
		}
		b.WriteByte(']')
	case ast.ObjectValue:
		b.WriteByte('{')
		for i, c := range v.Children {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(c.Name + ":")
			literal(b, c.Value)
		}
		b.WriteByte('}')
	default:
		b.WriteString(v.String())
	}
}

func variables(v *ast.Value, out []string) []string {
	if v.Kind == ast.Variable {
		return append(out, v.Raw)
	}
	for _, c := range v.Children {
		out = variables(c.Value, out)
	}
	return out
}

type narrowed struct {
	of  any // *group or *want
	def *ast.Definition
}

// groupOn is the group as it reads for objects of the concrete type def.
func (p *planner) groupOn(g *group, def *ast.Definition) *group {
	if g.def == def {
		return g
	}
	if have, ok := p.narrow[narrowed{g, def}]; ok {
		return have.(*group)
	}
	out := &group{def: def}
	for _, w := range g.wants {
		out.wants = append(out.wants, p.wantOn(w, def))
	}
	for _, c := range g.cases {
		if c.def == def {
			out.wants = append(out.wants, c.wants...)
		}
	}
	p.narrow[narrowed{g, def}] = out
	return out
}

// wantOn is the want as a field of def, whose type may be narrower than the interface's.
func (p *planner) wantOn(w *want, def *ast.Definition) *want {
	f := def.Fields.ForName(w.name)
	if f == nil || f.Type.String() == w.typ.String() {
		return w
	}
	if have, ok := p.narrow[narrowed{w, def}]; ok {
		return have.(*want)
	}
	c := *w
	c.typ = f.Type
	if w.sub != nil {
		if t := p.s.model.Full.Types[f.Type.Name()]; t.Kind == ast.Object {
			c.sub = p.groupOn(w.sub, t)
		}
	}
	p.narrow[narrowed{w, def}] = &c
	return &c
}
