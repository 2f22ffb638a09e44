package execute

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/plan"
)

// outputs is what the client selects at one place: a list of fields for each type of object that
// turns up there.
type outputs struct {
	program *Program
	doc     *ast.QueryDocument
	def     *ast.Definition
	shape   *shape // nil: nothing is fetched there
	sets    []guarded
	only    *fields // when def is an object type
	byType  sync.Map
}

// guarded is a selection and when it counts.
type guarded struct {
	set  ast.SelectionSet
	when cond
}

// cond holds when the switches in on are true and those in off are false.
type cond struct{ on, off uint64 }

func (c cond) holds(switches uint64) bool { return switches&c.on == c.on && switches&c.off == 0 }

// always reports whether any of the conditions has nothing to ask.
func always(list []cond) bool { return slices.Contains(list, cond{}) }

type fields struct {
	number   uint32
	typeName []byte // as JSON
	list     []field
}

type field struct {
	key  []byte // "name": as JSON has it
	name string
	slot int    // -1: nobody fetches it
	from string // the subgraph that is asked for it first
	kind fieldKind
	typ  *outType
	when []cond // any of them; nil: always
	// refused, when not empty, is when the field stands in the answer as null without being asked for; when goes before it.
	refused []cond
	below   *outputs
	ast     *ast.Field
}

type fieldKind uint8

const (
	plain fieldKind = iota
	typeNameField
	schemaField // __schema or __type
)

// outType is a type of the client's schema as a value is checked against it.
type outType struct {
	nonNull bool
	elem    *outType // of a list
	leaf    leafKind
	enum    map[string]bool
	name    string
}

type leafKind uint8

const (
	composite leafKind = iota
	anyLeaf            // a scalar that we know nothing of
	textLeaf
	intLeaf
	floatLeaf
	booleanLeaf
	idLeaf
	enumLeaf
)

var builtIn = map[string]leafKind{"String": textLeaf, "Int": intLeaf, "Float": floatLeaf, "Boolean": booleanLeaf, "ID": idLeaf}

func (c *compiler) output(p *plan.Plan) error {
	op := p.Operation()
	c.out = &outputs{program: c.Program, doc: p.Document, def: c.schema.Types[rootType(c.schema, p.Kind)], shape: c.Program.root,
		sets: []guarded{{set: op.SelectionSet}}}
	if c.out.def == nil {
		return fmt.Errorf("execute: the schema has no %s", p.Kind)
	}
	if err := c.findSwitches(op.SelectionSet, p.Document, map[string]bool{}); err != nil {
		return err
	}
	c.out.only = c.out.compile(c.out.def)
	return nil
}

// findSwitches gives every variable of @skip and @include its bit.
func (c *compiler) findSwitches(set ast.SelectionSet, doc *ast.QueryDocument, seen map[string]bool) error {
	for _, sel := range set {
		var list ast.DirectiveList
		var below ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.Field:
			list, below = sel.Directives, sel.SelectionSet
		case *ast.InlineFragment:
			list, below = sel.Directives, sel.SelectionSet
		case *ast.FragmentSpread:
			list = sel.Directives
			if !seen[sel.Name] {
				seen[sel.Name] = true
				below = doc.Fragments.ForName(sel.Name).SelectionSet
			}
		}
		for _, name := range []string{"skip", "include"} {
			d := list.ForName(name)
			if d == nil {
				continue
			}
			if v := d.Arguments.ForName("if").Value; v.Kind == ast.Variable && !slices.Contains(c.switches, v.Raw) {
				if c.switches = append(c.switches, v.Raw); len(c.switches) > switchesMost {
					return fmt.Errorf("execute: more than %d variables decide about fields", switchesMost)
				}
			}
		}
		if err := c.findSwitches(below, doc, seen); err != nil {
			return err
		}
	}
	return nil
}

// narrowed adds a selection's directives to the condition around it; ok is false when it can never hold.
func (p *Program) narrowed(when cond, list ast.DirectiveList) (_ cond, ok bool) {
	for _, name := range []string{"skip", "include"} {
		d := list.ForName(name)
		if d == nil {
			continue
		}
		v := d.Arguments.ForName("if").Value
		if v.Kind != ast.Variable {
			if (v.Raw == "true") == (name == "skip") {
				return when, false
			}
			continue
		}
		bit := uint64(1) << slices.Index(p.switches, v.Raw)
		if name == "skip" {
			when.off |= bit
		} else {
			when.on |= bit
		}
	}
	return when, when.on&when.off == 0
}

// of returns the fields of objects of a type; nil when the type cannot stand here.
func (o *outputs) of(typeName []byte) *fields {
	if o.only != nil {
		return o.only
	}
	if f, ok := o.byType.Load(string(typeName)); ok {
		return f.(*fields)
	}
	def := o.program.schema.Types[string(typeName)]
	if def == nil || def.Kind != ast.Object || !slices.Contains(o.program.schema.GetPossibleTypes(o.def), def) {
		return nil
	}
	f, _ := o.byType.LoadOrStore(def.Name, o.compile(def))
	return f.(*fields)
}

// untyped returns the fields of an object of which only the interface is known; nil when what is selected depends on its type.
func (o *outputs) untyped() *fields {
	f, ok := o.byType.Load("")
	if !ok {
		var made *fields
		all := o.program.schema.GetPossibleTypes(o.def)
		if o.def.Kind == ast.Interface && !slices.ContainsFunc(o.sets, func(g guarded) bool { return o.depends(g.set, all) }) {
			made = o.compile(o.def)
		}
		f, _ = o.byType.LoadOrStore("", made)
	}
	return f.(*fields)
}

// depends reports whether some objects of the types are answered differently from others.
func (o *outputs) depends(set ast.SelectionSet, types []*ast.Definition) bool {
	return slices.ContainsFunc(set, func(sel ast.Selection) bool {
		var list ast.DirectiveList
		var below ast.SelectionSet
		on := ""
		switch sel := sel.(type) {
		case *ast.Field:
			return o.def.Fields.ForName(sel.Name) == nil // __typename, or of the only type that there is
		case *ast.InlineFragment:
			list, below, on = sel.Directives, sel.SelectionSet, sel.TypeCondition
		case *ast.FragmentSpread:
			def := o.doc.Fragments.ForName(sel.Name)
			list, below, on = sel.Directives, def.SelectionSet, def.TypeCondition
		}
		if _, ok := o.program.narrowed(cond{}, list); !ok {
			return false
		}
		fits := o.meeting(types, on)
		return len(fits) > 0 && (len(fits) < len(types) || o.depends(below, fits))
	})
}

// meeting are the types that meet a type condition.
func (o *outputs) meeting(types []*ast.Definition, condition string) []*ast.Definition {
	if condition == "" || condition == o.def.Name {
		return types
	}
	possible := o.program.schema.GetPossibleTypes(o.program.schema.Types[condition])
	return slices.DeleteFunc(slices.Clone(types), func(d *ast.Definition) bool { return !slices.Contains(possible, d) })
}

// compile collects the fields of an object type (specification, CollectFields), those of every
// condition at once.
func (o *outputs) compile(def *ast.Definition) *fields {
	f := &fields{number: o.program.nextFields(), typeName: []byte(`"` + def.Name + `"`)}
	c := collector{outputs: o, def: def, fields: f, at: make(map[string]int)}
	for _, g := range o.sets {
		c.set(g.set, g.when)
	}
	for i := range f.list {
		x := &f.list[i]
		if always(x.when) {
			x.when, x.refused = nil, nil
		}
		if x.below != nil && x.below.def.Kind == ast.Object {
			x.below.only = x.below.compile(x.below.def)
		}
	}
	return f
}

// idle reports whether conditions take away everything that is selected.
func (o *outputs) idle(switches uint64) bool {
	if len(o.program.switches) == 0 {
		return false
	}
	return !slices.ContainsFunc(o.sets, func(g guarded) bool { return o.asks(g.set, g.when, switches) })
}

func (o *outputs) asks(set ast.SelectionSet, when cond, switches uint64) bool {
	for _, sel := range set {
		var list ast.DirectiveList
		var below ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.Field:
			list = sel.Directives
		case *ast.InlineFragment:
			list, below = sel.Directives, sel.SelectionSet
		case *ast.FragmentSpread:
			list, below = sel.Directives, o.doc.Fragments.ForName(sel.Name).SelectionSet
		}
		when, ok := o.program.narrowed(when, list)
		if ok && when.holds(switches) && (below == nil || o.asks(below, when, switches)) {
			return true
		}
	}
	return false
}

type collector struct {
	*outputs
	def    *ast.Definition
	fields *fields
	at     map[string]int
}

func (c *collector) set(set ast.SelectionSet, when cond) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if when, ok := c.program.narrowed(when, sel.Directives); ok {
				c.field(sel, when)
			}
		case *ast.InlineFragment:
			if when, ok := c.program.narrowed(when, sel.Directives); ok && c.fits(sel.TypeCondition) {
				c.set(sel.SelectionSet, when)
			}
		case *ast.FragmentSpread:
			def := c.doc.Fragments.ForName(sel.Name)
			if when, ok := c.program.narrowed(when, sel.Directives); ok && c.fits(def.TypeCondition) {
				c.set(def.SelectionSet, when)
			}
		}
	}
}

func (c *collector) fits(condition string) bool {
	if condition == "" || condition == c.def.Name {
		return true
	}
	if c.def.Kind == ast.Interface { // as untyped sees it: all of them or none
		return len(c.meeting(c.program.schema.GetPossibleTypes(c.def), condition)) > 0
	}
	other := c.program.schema.Types[condition]
	return other != nil && slices.Contains(c.program.schema.GetPossibleTypes(other), c.def)
}

func (c *collector) field(sel *ast.Field, when cond) {
	i, known := c.at[sel.Alias]
	if !known {
		i = len(c.fields.list)
		c.at[sel.Alias] = i
		c.fields.list = append(c.fields.list, c.newField(sel))
	}
	f := &c.fields.list[i]
	if c.program.Plan.Refused[sel] {
		f.refused = append(f.refused, when)
		return
	}
	f.when = append(f.when, when)
	if f.below != nil {
		f.below.sets = append(f.below.sets, guarded{sel.SelectionSet, when})
	}
}

func (c *collector) newField(sel *ast.Field) field {
	f := field{key: jsonKey(sel.Alias), name: sel.Alias, slot: -1, ast: sel}
	switch {
	case sel.Name == "__typename":
		f.kind = typeNameField
		return f
	case strings.HasPrefix(sel.Name, "__"):
		f.kind = schemaField
		return f
	}
	// The field of this type, not of the interface that the selection was written for: its type
	// may be narrower.
	def := c.def.Fields.ForName(sel.Name)
	f.typ = c.program.typeOf(def.Type)
	if c.shape != nil {
		if slot, ok := c.shape.index[sel.Alias]; ok {
			f.slot, f.from = slot, c.shape.from[slot]
		}
	}
	if len(sel.SelectionSet) > 0 {
		f.below = &outputs{program: c.program, doc: c.doc, def: c.program.schema.Types[def.Type.Name()]}
		if f.slot >= 0 {
			f.below.shape = c.shape.below[f.slot]
		}
	}
	return f
}

func (p *Program) typeOf(t *ast.Type) *outType {
	if t.Elem != nil {
		return &outType{nonNull: t.NonNull, elem: p.typeOf(t.Elem), name: t.String()}
	}
	out := &outType{nonNull: t.NonNull, name: t.NamedType}
	def := p.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Scalar:
		out.leaf = anyLeaf
		if kind, ok := builtIn[def.Name]; ok {
			out.leaf = kind
		}
	case ast.Enum:
		out.leaf = enumLeaf
		out.enum = make(map[string]bool, len(def.EnumValues))
		for _, v := range def.EnumValues {
			out.enum[`"`+v.Name+`"`] = true
		}
	}
	return out
}

func (p *Program) nextFields() uint32 { return p.written.Add(1) }
