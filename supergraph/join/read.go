package join

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"linhui/internal/fault"
)

// Read reads a supergraph SDL of join spec v0.1 to v0.5. A version or a mandatory feature that is not known is an error:
// half a meaning would be planned wrong.
func Read(sdl string) (*Supergraph, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: sdl})
	if err != nil {
		return nil, bad("the supergraph is not an SDL: %v", err)
	}
	r := &reader{doc: doc, graph: map[string]*Subgraph{}, guarding: map[string]string{}, out: &Supergraph{Guards: map[string]Guard{}}}
	for _, step := range []func() error{r.features, r.graphs, r.types, r.finish} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func bad(format string, args ...any) error { return fault.Newf(fault.BadUserInput, format, args...) }

type reader struct {
	doc    *ast.SchemaDocument
	prefix string // of the join spec's names: "join__"
	v1     bool   // join v0.1: types without an owner are everywhere
	inacc  string // name of the @inaccessible directive; empty when not linked
	links  []string
	graph  map[string]*Subgraph // by enum value
	// guarding tells which of the SDL's directives are @authenticated, @requiresScopes and @policy.
	guarding map[string]string
	out      *Supergraph
}

var feature = regexp.MustCompile(`^(.*)/([A-Za-z_][A-Za-z0-9_-]*)/v(\d+\.\d+)$`)

// known lists features whose purpose is EXECUTION or SECURITY and that the planner knows or may carry along.
var known = []string{"join", "link", "core", "inaccessible", "tag", "authenticated", "requiresScopes", "policy", "context", "cost", "listSize", "cacheTag"}

func (r *reader) features() error {
	var directives ast.DirectiveList
	for _, s := range append(slices.Clone(r.doc.Schema), r.doc.SchemaExtension...) {
		directives = append(directives, s.Directives...)
	}
	found := false
	for _, d := range directives {
		url := text(d, "url")
		if url == "" {
			url = text(d, "feature")
		}
		m := feature.FindStringSubmatch(url)
		if m == nil {
			continue
		}
		name, version := m[2], m[3]
		as := text(d, "as")
		if as == "" {
			as = name
		}
		r.links = append(r.links, as)
		purpose := text(d, "for")
		if purpose != "" && !slices.Contains(known, name) {
			return bad("the supergraph needs the feature %s v%s (for: %s), which this gateway does not have", name, version, purpose)
		}
		switch {
		case isGuarding(name):
			local := renamed(d, name)
			r.guarding[local] = name
			r.links = append(r.links, local)
		case name == "inaccessible":
			r.inacc = renamed(d, name)
			r.links = append(r.links, r.inacc)
		case name == "join":
			switch version {
			case "0.1":
				r.v1 = true
			case "0.2", "0.3", "0.4", "0.5":
			default:
				return bad("the supergraph is of join spec v%s; this gateway reads v0.1 to v0.5", version)
			}
			r.prefix, found = as+"__", true
		}
	}
	if !found {
		return bad("this is not a supergraph SDL: its schema does not link the join spec (https://specs.apollo.dev/join/v0.3); a subgraph's SDL must be composed first")
	}
	return nil
}

// text is a string or enum argument, or "".
func text(d *ast.Directive, name string) string {
	if a := d.Arguments.ForName(name); a != nil && a.Value != nil && a.Value.Kind != ast.NullValue {
		return a.Value.Raw
	}
	return ""
}

func flag(d *ast.Directive, name string, otherwise bool) bool {
	if a := d.Arguments.ForName(name); a != nil && a.Value != nil && a.Value.Kind == ast.BooleanValue {
		return a.Value.Raw == "true"
	}
	return otherwise
}

func (r *reader) graphs() error {
	def := r.doc.Definitions.ForName(r.prefix + "Graph")
	if def == nil || def.Kind != ast.Enum || len(def.EnumValues) == 0 {
		return bad("the supergraph has no enum %sGraph that names its subgraphs", r.prefix)
	}
	for i, v := range def.EnumValues {
		g := &Subgraph{Index: i, Name: strings.ToLower(v.Name), Types: map[string]*View{}}
		if d := v.Directives.ForName(r.prefix + "graph"); d != nil {
			if name := text(d, "name"); name != "" {
				g.Name = name
			}
			g.URL = text(d, "url")
		}
		r.graph[v.Name] = g
		r.out.Subgraphs = append(r.out.Subgraphs, g)
	}
	return nil
}

func (r *reader) subgraph(d *ast.Directive, arg string) (*Subgraph, error) {
	name := text(d, arg)
	g := r.graph[name]
	if g == nil {
		return nil, bad("the supergraph's line %d: @%s names the subgraph %q, which %sGraph does not hold", d.Position.Line, d.Name, name, r.prefix)
	}
	return g, nil
}

// own reports whether a definition belongs to the supergraph's machinery rather than to the graph.
func (r *reader) own(name string) bool {
	if name == "core" || name == "link" {
		return true
	}
	for _, l := range r.links {
		if strings.HasPrefix(name, l+"__") || name == l {
			return true
		}
	}
	return false
}

func (r *reader) types() error {
	for _, def := range r.doc.Definitions {
		if r.own(def.Name) {
			continue
		}
		if err := r.typ(def); err != nil {
			return err
		}
	}
	for _, def := range r.doc.Definitions {
		if !r.own(def.Name) && def.Kind == ast.Union {
			r.union(def)
		}
	}
	for _, g := range r.out.Subgraphs {
		for _, v := range g.Types {
			sort.Strings(v.Possible)
		}
	}
	return nil
}

func (r *reader) typ(def *ast.Definition) error {
	r.guard(def.Name, def.Directives)
	var extended []*View
	view := func(g *Subgraph) *View {
		v := g.Types[def.Name]
		if v == nil {
			v = &View{Name: def.Name, Kind: def.Kind, Fields: map[string]*Field{}}
			g.Types[def.Name] = v
		}
		return v
	}
	var in []*Subgraph
	enter := func(g *Subgraph) {
		if !slices.Contains(in, g) {
			in = append(in, g)
		}
	}
	owner := (*Subgraph)(nil)
	for _, d := range def.Directives {
		switch d.Name {
		case r.prefix + "owner":
			g, err := r.subgraph(d, "graph")
			if err != nil {
				return err
			}
			owner = g
			enter(g)
			view(g)
		case r.prefix + "type":
			g, err := r.subgraph(d, "graph")
			if err != nil {
				return err
			}
			enter(g)
			v := view(g)
			if flag(d, "isInterfaceObject", false) {
				v.InterfaceObject, v.Kind = true, ast.Object
			}
			if flag(d, "extension", false) {
				extended = append(extended, v)
			}
			if key := text(d, "key"); key != "" {
				sel, err := FieldSet(key)
				if err != nil {
					return bad("the supergraph's line %d: key of %s: %v", d.Position.Line, def.Name, err)
				}
				v.Keys = append(v.Keys, &Key{Selection: sel, Text: key, Resolvable: flag(d, "resolvable", true)})
			}
		}
	}
	if len(in) == 0 && (r.v1 || def.BuiltIn) {
		for _, g := range r.out.Subgraphs {
			enter(g)
			view(g)
		}
	}
	for _, g := range in {
		if v := g.Types[def.Name]; v.Kind == ast.Object && !v.InterfaceObject {
			v.Possible = []string{def.Name}
		}
	}
	if def.Kind == ast.Object {
		if err := r.implements(def, in); err != nil {
			return err
		}
	}
	if def.Kind == ast.Object || def.Kind == ast.Interface || def.Kind == ast.InputObject {
		for _, f := range def.Fields {
			if err := r.field(def, f, in, owner); err != nil {
				return err
			}
		}
	}
	for _, v := range extended {
		for _, k := range v.Keys {
			for _, s := range k.Selection {
				if f, ok := s.(*ast.Field); ok && v.Fields[f.Name] != nil {
					v.Fields[f.Name].External = false
				}
			}
		}
	}
	return nil
}

func (r *reader) implements(def *ast.Definition, in []*Subgraph) error {
	said := map[string]bool{}
	add := func(g *Subgraph, name string) {
		i := g.Types[name]
		if i == nil {
			i = &View{Name: name, Kind: ast.Interface, Fields: map[string]*Field{}}
			g.Types[name] = i
		}
		if !slices.Contains(i.Possible, def.Name) && !i.InterfaceObject {
			i.Possible = append(i.Possible, def.Name)
		}
	}
	for _, d := range def.Directives.ForNames(r.prefix + "implements") {
		g, err := r.subgraph(d, "graph")
		if err != nil {
			return err
		}
		said[text(d, "interface")] = true
		add(g, text(d, "interface"))
	}
	if len(said) == 0 {
		for _, name := range def.Interfaces {
			for _, g := range in {
				add(g, name)
			}
		}
	}
	return nil
}

func (r *reader) field(def *ast.Definition, f *ast.FieldDefinition, in []*Subgraph, owner *Subgraph) error {
	r.guard(def.Name+"."+f.Name, f.Directives)
	said := f.Directives.ForNames(r.prefix + "field")
	if len(said) == 0 {
		if owner != nil {
			in = []*Subgraph{owner}
		}
		for _, g := range in {
			if v := g.Types[def.Name]; !v.InterfaceObject || def.Kind == ast.Interface {
				v.Fields[f.Name] = &Field{Name: f.Name, Type: f.Type}
			}
		}
		return nil
	}
	for _, d := range said {
		if d.Arguments.ForName("graph") == nil || text(d, "graph") == "" {
			continue // an interface object gives it to the type
		}
		g, err := r.subgraph(d, "graph")
		if err != nil {
			return err
		}
		v := g.Types[def.Name]
		if v == nil {
			return bad("the supergraph's line %d: %s.%s is in the subgraph %s, which does not have the type", d.Position.Line, def.Name, f.Name, g.Name)
		}
		if a := d.Arguments.ForName("contextArguments"); a != nil && len(a.Value.Children) > 0 {
			return bad("the supergraph's line %d: %s.%s takes arguments from a context (@fromContext), which this gateway does not have", d.Position.Line, def.Name, f.Name)
		}
		out := &Field{Name: f.Name, Type: f.Type, External: flag(d, "external", false), RequiresText: text(d, "requires")}
		if t := text(d, "type"); t != "" {
			if out.Type, err = typeOf(t); err != nil {
				return bad("the supergraph's line %d: type of %s.%s: %v", d.Position.Line, def.Name, f.Name, err)
			}
		}
		if flag(d, "usedOverridden", false) {
			out.External = !inKey(v.Keys, f.Name)
		}
		if text(d, "override") != "" && text(d, "overrideLabel") != "" {
			out.External = true // a progressive override is not begun: the field stays where it was
		}
		if out.RequiresText != "" {
			if out.Requires, err = FieldSet(out.RequiresText); err != nil {
				return bad("the supergraph's line %d: requires of %s.%s: %v", d.Position.Line, def.Name, f.Name, err)
			}
		}
		if s := text(d, "provides"); s != "" {
			if out.Provides, err = FieldSet(s); err != nil {
				return bad("the supergraph's line %d: provides of %s.%s: %v", d.Position.Line, def.Name, f.Name, err)
			}
		}
		v.Fields[f.Name] = out
	}
	return nil
}

func inKey(keys []*Key, field string) bool {
	for _, k := range keys {
		for _, s := range k.Selection {
			if f, ok := s.(*ast.Field); ok && f.Name == field {
				return true
			}
		}
	}
	return false
}

func (r *reader) union(def *ast.Definition) {
	members := def.Directives.ForNames(r.prefix + "unionMember")
	for _, g := range r.out.Subgraphs {
		v := g.Types[def.Name]
		if v == nil {
			continue
		}
		if len(members) == 0 {
			for _, m := range def.Types {
				if g.Types[m] != nil {
					v.Possible = append(v.Possible, m)
				}
			}
		}
		for _, d := range members {
			if r.graph[text(d, "graph")] == g {
				v.Possible = append(v.Possible, text(d, "member"))
			}
		}
	}
}
