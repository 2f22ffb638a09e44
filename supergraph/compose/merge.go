package compose

import (
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// merged is a type of the supergraph.
type merged struct {
	name        string
	kind        ast.DefinitionKind
	description string
	in          []owned
	dirs        []string // what the type carries beside join's directives, printed
	interfaces  []string
	fields      []*mergedField
	members     []string
	values      []*mergedValue
	hidden      bool // @inaccessible
}

// owned is a type as one subgraph has it.
type owned struct {
	g *graph
	t *typ
}

type mergedField struct {
	name, description string
	typ               *ast.Type
	args              []*mergedArg
	def               *ast.Value // of an input field
	joins             []string   // @join__field, printed; none: all subgraphs of the type have it alike
	dirs              []string
	hidden            bool
}

type mergedArg struct {
	name, description string
	typ               *ast.Type
	def               *ast.Value
	dirs              []string
}

type mergedValue struct {
	name, description string
	in                []*graph
	dirs              []string
}

func (c *composer) merge([]Input) {
	c.types = map[string]*merged{}
	for _, g := range c.graphs {
		for _, name := range g.order {
			m := c.types[name]
			if m == nil {
				m = &merged{name: name}
				c.types[name] = m
				c.order = append(c.order, name)
			}
			m.in = append(m.in, owned{g, g.types[name]})
		}
	}
	sort.Strings(c.order)
	c.bases()
	for _, name := range c.order {
		c.kindOf(c.types[name])
	}
	if len(c.problems) > 0 {
		return
	}
	inputs, outputs := c.usage()
	for _, name := range c.order {
		m := c.types[name]
		var ds []carrier
		for _, o := range m.in {
			ds = append(ds, carrier{o.g, o.t.dirs})
			if m.description == "" {
				m.description = o.t.description
			}
			for _, i := range o.t.interfaces {
				if !slices.Contains(m.interfaces, i) {
					m.interfaces = append(m.interfaces, i)
				}
			}
		}
		sort.Strings(m.interfaces)
		m.dirs, m.hidden = c.carried(ds)
		switch m.kind {
		case ast.Object, ast.Interface:
			c.mergeFields(m)
		case ast.InputObject:
			c.mergeInput(m)
		case ast.Union:
			for _, o := range m.in {
				m.members = append(m.members, o.t.members...)
			}
			sort.Strings(m.members)
			m.members = slices.Compact(m.members)
		case ast.Enum:
			c.mergeEnum(m, inputs[name], outputs[name])
		}
	}
	c.interfaceObjects()
	c.guards()
	c.finally()
}

// bases checks that every type that is extended is defined somewhere.
func (c *composer) bases() {
	for _, name := range c.order {
		m := c.types[name]
		if isRoot(name) || slices.ContainsFunc(m.in, func(o owned) bool { return !o.t.extension || o.t.dirs.ForName("extends") != nil && !o.g.fed1 }) {
			continue
		}
		c.problem("EXTENSION_WITH_NO_BASE", c.places(m.in), "define the type in one of them, without extend", "%s is only ever extended: no subgraph defines it", name)
	}
}

func isRoot(name string) bool { return name == "Query" || name == "Mutation" || name == "Subscription" }

func (c *composer) places(in []owned) []Place {
	out := make([]Place, len(in))
	for i, o := range in {
		out[i] = o.g.at(o.t.pos)
	}
	return out
}

// kindOf finds what the type is; an @interfaceObject counts as the interface that it stands for.
func (c *composer) kindOf(m *merged) {
	interfaceElsewhere := false
	for _, o := range m.in {
		k := o.t.kind
		if o.t.isObject {
			k = ast.Interface
		} else if k == ast.Interface {
			interfaceElsewhere = true
		}
		if m.kind == "" {
			m.kind = k
		}
		if m.kind != k {
			var kinds []string
			for _, o := range m.in {
				kinds = append(kinds, kindName(o.t.kind)+" in "+o.g.name)
			}
			c.problem("TYPE_KIND_MISMATCH", c.places(m.in), "make it the same kind everywhere, or rename one", "%s is not of one kind: %s", m.name, strings.Join(kinds, ", "))
			return
		}
	}
	if m.kind == ast.Interface && !interfaceElsewhere {
		c.problem("INTERFACE_OBJECT_USAGE_ERROR", c.places(m.in), "define the interface, with the same @key, in another subgraph", "%s is an @interfaceObject, but no subgraph defines the interface", m.name)
		return
	}
	for _, o := range m.in {
		if !o.t.isObject {
			continue
		}
		for _, k := range o.t.keys {
			known := false
			for _, x := range m.in {
				known = known || x.t.kind == ast.Interface && slices.ContainsFunc(x.t.keys, func(y key) bool {
					return strings.Join(strings.Fields(y.text), " ") == strings.Join(strings.Fields(k.text), " ")
				})
			}
			if !known {
				c.problem("INTERFACE_KEY_MISSING_IMPLEMENTATION_TYPE", []Place{o.g.at(k.pos)}, `add @key(fields: "`+k.text+`") to the interface in the subgraph that knows its types`, "%s is an @interfaceObject with the key %q, which no subgraph gives the interface", m.name, k.text)
			}
		}
		for name, t := range o.g.types {
			if x := c.types[name]; x != nil && t.kind == ast.Object && slices.ContainsFunc(x.in, func(y owned) bool { return slices.Contains(y.t.interfaces, m.name) }) {
				c.problem("INTERFACE_OBJECT_USAGE_ERROR", []Place{o.g.at(t.pos)}, "leave the type to the subgraphs that have the interface", "%s implements %s, which is an @interfaceObject in this subgraph", name, m.name)
			}
		}
	}
	for _, o := range m.in {
		if o.t.kind != ast.Interface {
			continue
		}
		for _, k := range o.t.keys {
			for _, name := range c.order {
				for _, x := range c.types[name].in {
					if x.t.kind != ast.Object || !slices.Contains(x.t.interfaces, m.name) {
						continue
					}
					here := o.g.types[name]
					if here == nil {
						c.problem("INTERFACE_KEY_MISSING_IMPLEMENTATION_TYPE", []Place{o.g.at(k.pos), x.g.at(x.t.pos)}, "define the type in this subgraph too", "%s has a @key here, so this subgraph must know all that implements it; it lacks %s", m.name, name)
						break
					}
					if !slices.ContainsFunc(here.keys, func(y key) bool {
						return strings.Join(strings.Fields(y.text), " ") == strings.Join(strings.Fields(k.text), " ")
					}) && slices.Contains(here.interfaces, m.name) {
						c.problem("INTERFACE_KEY_NOT_ON_IMPLEMENTATION", []Place{o.g.at(k.pos), o.g.at(here.pos)}, `add @key(fields: "`+k.text+`") to `+name, "%s has the key %q, %s implements it without", m.name, k.text, name)
						break
					}
				}
			}
		}
	}
}

// usage tells which types stand in arguments and input fields, and which in fields.
func (c *composer) usage() (inputs, outputs map[string]bool) {
	inputs, outputs = map[string]bool{}, map[string]bool{}
	for _, g := range c.graphs {
		for _, t := range g.types {
			for _, f := range t.fields {
				if t.kind == ast.InputObject {
					inputs[f.typ.Name()] = true
					continue
				}
				outputs[f.typ.Name()] = true
				for _, a := range f.args {
					inputs[a.Type.Name()] = true
				}
			}
		}
	}
	return inputs, outputs
}

func (c *composer) mergeEnum(m *merged, in, out bool) {
	byName := map[string]*mergedValue{}
	dirs := map[string][]carrier{}
	for _, o := range m.in {
		for _, v := range o.t.values {
			mv := byName[v.Name]
			if mv == nil {
				mv = &mergedValue{name: v.Name}
				byName[v.Name] = mv
				m.values = append(m.values, mv)
			}
			if mv.description == "" {
				mv.description = v.Description
			}
			if !slices.Contains(mv.in, o.g) {
				mv.in = append(mv.in, o.g)
			}
			dirs[v.Name] = append(dirs[v.Name], carrier{o.g, c.canonical(o.g, v.Directives)})
		}
	}
	var kept []*mergedValue
	for _, v := range m.values {
		var hidden bool
		v.dirs, hidden = c.carried(dirs[v.name])
		if len(v.in) == len(m.in) || !in || hidden {
			kept = append(kept, v)
			continue
		}
		var missing []Place
		for _, o := range m.in {
			if !slices.Contains(v.in, o.g) {
				missing = append(missing, o.g.at(o.t.pos))
			}
		}
		if out {
			c.problem("ENUM_VALUE_MISMATCH", missing, "add the value there, or mark it @inaccessible", "%s is used for input and for output, so its values must be the same everywhere; %s is missing", m.name, v.name)
		} else {
			c.warn("INCONSISTENT_ENUM_VALUE_FOR_INPUT_ENUM", missing, "add the value there", "%s.%s is not in every subgraph and is left out: the enum is used for input", m.name, v.name)
		}
	}
	m.values = kept
	if len(kept) == 0 && len(c.problems) == 0 {
		c.problem("EMPTY_MERGED_ENUM_TYPE", c.places(m.in), "give all subgraphs a value in common", "%s has no value that all subgraphs know", m.name)
	}
}

func different(t, merged *ast.Type) string {
	if t.String() == merged.String() {
		return ""
	}
	return t.String()
}

func fieldNames(m *merged) []string {
	var names []string
	seen := map[string]bool{}
	for _, o := range m.in {
		for _, f := range o.t.fields {
			if !seen[f.name] {
				seen[f.name] = true
				names = append(names, f.name)
			}
		}
	}
	return names
}
