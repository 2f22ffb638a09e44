package compose

import (
	"errors"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// graph is one subgraph, read: extensions joined, federation's names made canonical, root types named as usual.
type graph struct {
	name, url, file, enum string
	fed1                  bool
	types                 map[string]*typ
	order                 []string
	doc                   *ast.SchemaDocument
	local                 map[string]string // a directive's name here: its canonical name
	roots                 map[string]string // a root type's name here: its usual name
	links                 []link
	composed              []string // names of custom directives that @composeDirective carries
}

// typ is a type of one subgraph. All directives carry canonical names.
type typ struct {
	name        string
	kind        ast.DefinitionKind
	pos         *ast.Position
	description string
	dirs        ast.DirectiveList
	interfaces  []string
	fields      []*field
	members     []string
	values      []*ast.EnumValueDefinition
	extension   bool // every part of it is an extension, or says @extends
	keys        []key
	isObject    bool // @interfaceObject
}

type key struct {
	text       string
	sel        ast.SelectionSet
	resolvable bool
	pos        *ast.Position
}

type field struct {
	name        string
	pos         *ast.Position
	description string
	typ         *ast.Type
	args        ast.ArgumentDefinitionList
	def         *ast.Value
	dirs        ast.DirectiveList
	external    bool
	shareable   bool
	requires    string
	provides    string
	override    string
	label       string
	overridden  bool // another subgraph's @override took it
	used        bool // by a key, @requires, @provides or an interface of this subgraph
	provided    bool // by a @provides of this subgraph: it answers the field there, external or not
}

func (t *typ) field(name string) *field {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

var validName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func (c *composer) load(inputs []Input) {
	inputs = slices.Clone(inputs)
	sort.SliceStable(inputs, func(i, j int) bool { return inputs[i].Name < inputs[j].Name })
	if len(inputs) == 0 {
		c.problem("NO_SUBGRAPHS", nil, "name at least one subgraph", "there is nothing to compose")
	}
	enums := map[string]bool{}
	for i, in := range inputs {
		if in.File == "" {
			in.File = in.Name
		}
		g := &graph{name: in.Name, url: in.URL, file: in.File, types: map[string]*typ{}, local: map[string]string{}, roots: map[string]string{}}
		if !validName.MatchString(in.Name) {
			c.problem("INVALID_SUBGRAPH_NAME", one(g.at(nil)), "use letters, digits, _ and -, not beginning with a digit", "%q cannot be the name of a subgraph", in.Name)
			continue
		}
		if i > 0 && inputs[i-1].Name == in.Name {
			c.problem("INVALID_SUBGRAPH_NAME", one(g.at(nil)), "give each subgraph a name of its own", "two subgraphs are called %q", in.Name)
			continue
		}
		g.enum = strings.ToUpper(strings.ReplaceAll(in.Name, "-", "_"))
		for enums[g.enum] {
			g.enum += "_"
		}
		enums[g.enum] = true
		doc, err := parser.ParseSchema(&ast.Source{Name: in.File, Input: in.SDL})
		if err != nil {
			at := g.at(nil)
			var ge *gqlerror.Error
			if errors.As(err, &ge) && len(ge.Locations) > 0 {
				at.Line = ge.Locations[0].Line
				err = errors.New(ge.Message)
			}
			c.problem("INVALID_GRAPHQL", one(at), "correct the SDL's syntax", "the SDL cannot be read: %v", err)
			continue
		}
		g.doc = doc
		c.graphs = append(c.graphs, g)
		c.names(g)
		c.read(g)
	}
}

// machinery are types and fields that federation itself brings.
func machinery(name string) bool {
	switch name {
	case "_Any", "_Entity", "_Service", "_FieldSet", "FieldSet":
		return true
	}
	return strings.HasPrefix(name, "federation__") || strings.HasPrefix(name, "link__")
}

// read joins the definitions and extensions of each type.
func (c *composer) read(g *graph) {
	for _, list := range []struct {
		defs      ast.DefinitionList
		extension bool
	}{{g.doc.Definitions, false}, {g.doc.Extensions, true}} {
		for _, def := range list.defs {
			if !machinery(def.Name) {
				c.readType(g, def, list.extension)
			}
		}
	}
	for _, name := range g.order {
		t := g.types[name]
		c.readKeys(g, t)
		for _, f := range t.fields {
			c.readField(g, t, f)
		}
	}
}

func (g *graph) usual(name string) string {
	if u := g.roots[name]; u != "" {
		return u
	}
	return name
}

func (g *graph) usualType(t *ast.Type) *ast.Type {
	c := *t
	if t.Elem != nil {
		c.Elem = g.usualType(t.Elem)
	} else {
		c.NamedType = g.usual(t.NamedType)
	}
	return &c
}

// canonical gives federation's directives their own names; what is not federation's, GraphQL's or composed falls away.
func (c *composer) canonical(g *graph, ds ast.DirectiveList) ast.DirectiveList {
	var out ast.DirectiveList
	for _, d := range ds {
		name := g.local[d.Name]
		switch {
		case strings.HasPrefix(name, "!"):
			c.problem("INVALID_LINK_DIRECTIVE_USAGE", one(g.at(d.Position)), `add: extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@`+d.Name+`"])`, "@%s is of Federation 2, but the subgraph does not link it", d.Name)
		case slices.Contains(refused, name):
			c.problem("UNSUPPORTED_FEATURE", one(g.at(d.Position)), "remove it", "@%s is not supported", name)
		case name != "" && name != "composeDirective":
			cp := *d
			cp.Name = name
			out = append(out, &cp)
		case d.Name == "deprecated" || d.Name == "specifiedBy" || d.Name == "oneOf" || slices.Contains(g.composed, d.Name):
			out = append(out, d)
		case name == "" && g.doc.Directives.ForName(d.Name) == nil:
			known := slices.ContainsFunc(g.links, func(l link) bool {
				_, ok := l.brings(d.Name)
				return ok
			})
			if _, fed := exported[d.Name]; fed && !known {
				c.problem("INVALID_GRAPHQL", one(g.at(d.Position)), "import it in the subgraph's @link to federation", "@%s is used but not imported", d.Name)
			} else if !known {
				c.problem("INVALID_GRAPHQL", one(g.at(d.Position)), "define the directive or remove it", "the directive @%s is not defined", d.Name)
			}
		}
	}
	return out
}

func (c *composer) readType(g *graph, def *ast.Definition, extension bool) {
	name := g.usual(def.Name)
	t := g.types[name]
	dirs := c.canonical(g, def.Directives)
	extends := extension || dirs.ForName("extends") != nil
	if t == nil {
		t = &typ{name: name, kind: def.Kind, pos: def.Position, description: def.Description, extension: extends}
		g.types[name] = t
		g.order = append(g.order, name)
	} else {
		if !extension && !t.extension {
			c.problem("INVALID_GRAPHQL", []Place{g.at(t.pos), g.at(def.Position)}, "define it once; use extend for the rest", "%s is defined twice", name)
			return
		}
		if t.kind != def.Kind {
			c.problem("INVALID_GRAPHQL", []Place{g.at(t.pos), g.at(def.Position)}, "extend it as what it is", "%s is defined as %s and extended as %s", name, kindName(t.kind), kindName(def.Kind))
			return
		}
		t.extension = t.extension && extends
		if t.description == "" {
			t.description = def.Description
		}
	}
	t.dirs = append(t.dirs, dirs...)
	for _, i := range def.Interfaces {
		if !slices.Contains(t.interfaces, i) {
			t.interfaces = append(t.interfaces, i)
		}
	}
	for _, f := range def.Fields {
		if name == "Query" && (f.Name == "_entities" || f.Name == "_service") {
			continue
		}
		if old := t.field(f.Name); old != nil {
			c.problem("INVALID_GRAPHQL", []Place{g.at(old.pos), g.at(f.Position)}, "define it once", "%s.%s is defined twice", name, f.Name)
			continue
		}
		nf := &field{name: f.Name, pos: f.Position, description: f.Description, typ: g.usualType(f.Type), args: f.Arguments, def: f.DefaultValue, dirs: c.canonical(g, f.Directives)}
		nf.shareable = dirs.ForName("shareable") != nil
		nf.external = dirs.ForName("external") != nil
		t.fields = append(t.fields, nf)
	}
	for _, m := range def.Types {
		if !slices.Contains(t.members, g.usual(m)) {
			t.members = append(t.members, g.usual(m))
		}
	}
	t.values = append(t.values, def.EnumValues...)
}

func (c *composer) readKeys(g *graph, t *typ) {
	t.isObject = t.dirs.ForName("interfaceObject") != nil
	for _, d := range t.dirs.ForNames("key") {
		if t.kind == ast.Interface && g.fed1 {
			continue // Federation 1 let it stand there without a meaning
		}
		k := key{text: argument(d, "fields"), resolvable: argument(d, "resolvable") != "false", pos: d.Position}
		if a := d.Arguments.ForName("fields"); a == nil || a.Value.Kind != ast.StringValue && a.Value.Kind != ast.BlockValue {
			c.problem("KEY_INVALID_FIELDS_TYPE", one(g.at(d.Position)), `write @key(fields: "…")`, "@key of %s: fields must be a string", t.name)
			continue
		}
		t.keys = append(t.keys, k)
	}
}

func (c *composer) readField(g *graph, t *typ, f *field) {
	f.external = f.external || f.dirs.ForName("external") != nil
	f.shareable = f.shareable || f.dirs.ForName("shareable") != nil
	if g.fed1 {
		f.shareable = true
	}
	for _, set := range []struct {
		name string
		to   *string
	}{{"requires", &f.requires}, {"provides", &f.provides}} {
		name, to := set.name, set.to
		if d := f.dirs.ForName(name); d != nil {
			a := d.Arguments.ForName("fields")
			if a == nil || a.Value.Kind != ast.StringValue && a.Value.Kind != ast.BlockValue || strings.TrimSpace(a.Value.Raw) == "" {
				c.problem(strings.ToUpper(name)+"_INVALID_FIELDS_TYPE", one(g.at(d.Position)), "write @"+name+`(fields: "…")`, "@%s of %s.%s: fields must be a string that is not empty", name, t.name, f.name)
				continue
			}
			*to = a.Value.Raw
		}
	}
	if d := f.dirs.ForName("override"); d != nil {
		f.override, f.label = argument(d, "from"), argument(d, "label")
	}
}

func kindName(k ast.DefinitionKind) string {
	return strings.ToLower(strings.ReplaceAll(string(k), "_", " "))
}
