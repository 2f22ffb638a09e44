package compose

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

const machinerySDL = `
directive @join__directive(graphs: [join__Graph!], name: String!, args: join__DirectiveArguments) repeatable on SCHEMA | OBJECT | INTERFACE | FIELD_DEFINITION

directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE

directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean, overrideLabel: String) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION

directive @join__graph(name: String!, url: String!) on ENUM_VALUE

directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE

directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR

directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION

directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA

scalar join__DirectiveArguments

scalar join__FieldSet

scalar link__Import

enum link__Purpose {
  """
  ` + "`SECURITY` features provide metadata necessary to securely resolve fields." + `
  """
  SECURITY

  """
  ` + "`EXECUTION` features provide metadata necessary for operation execution." + `
  """
  EXECUTION
}
`

// features are the directives that are carried, in the order in which they are linked.
var features = []struct{ name, url, purpose, definition string }{
	{"tag", "https://specs.apollo.dev/tag/v0.3", "", "directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCHEMA"},
	{"inaccessible", "https://specs.apollo.dev/inaccessible/v0.2", "SECURITY", "directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION"},
	{"authenticated", "https://specs.apollo.dev/authenticated/v0.1", "SECURITY", "directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM"},
	{"requiresScopes", "https://specs.apollo.dev/requiresScopes/v0.1", "SECURITY", "directive @requiresScopes(scopes: [[requiresScopes__Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM\n\nscalar requiresScopes__Scope"},
	{"policy", "https://specs.apollo.dev/policy/v0.1", "SECURITY", "directive @policy(policies: [[policy__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM\n\nscalar policy__Policy"},
}

func quote(s string) string {
	text, _ := json.Marshal(s) // a string cannot fail
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
}

func literal(v *ast.Value) string {
	switch v.Kind {
	case ast.StringValue, ast.BlockValue:
		return quote(v.Raw)
	case ast.ListValue, ast.ObjectValue:
		parts := make([]string, len(v.Children))
		for i, c := range v.Children {
			parts[i] = literal(c.Value)
			if v.Kind == ast.ObjectValue {
				parts[i] = c.Name + ": " + parts[i]
			}
		}
		if v.Kind == ast.ObjectValue {
			return "{" + strings.Join(parts, ", ") + "}"
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.String()
}

func describe(b *strings.Builder, indent, text string) {
	if text == "" {
		return
	}
	b.WriteString(indent + `"""` + "\n")
	for _, line := range strings.Split(strings.ReplaceAll(text, `"""`, `\"""`), "\n") {
		if line != "" {
			b.WriteString(indent + line)
		}
		b.WriteByte('\n')
	}
	b.WriteString(indent + `"""` + "\n")
}

// print writes the supergraph.
func (c *composer) print() string {
	var types strings.Builder
	for _, name := range c.order {
		if m := c.types[name]; name != "Query" || len(m.fields) > 0 {
			c.printType(&types, m)
		}
	}
	body := types.String()
	var b strings.Builder
	b.WriteString("schema\n  @link(url: \"https://specs.apollo.dev/link/v1.0\")\n  @link(url: \"https://specs.apollo.dev/join/v0.4\", for: EXECUTION)\n")
	var definitions []string
	for _, f := range features {
		if !c.uses(f.name) {
			continue
		}
		b.WriteString("  @link(url: " + quote(f.url))
		if f.purpose != "" {
			b.WriteString(", for: " + f.purpose)
		}
		b.WriteString(")\n")
		definitions = append(definitions, f.definition)
	}
	links, custom := c.customs()
	for _, l := range links {
		b.WriteString("  " + l + "\n")
	}
	definitions = append(definitions, custom...)
	b.WriteString("{\n  query: Query\n")
	for _, root := range []string{"Mutation", "Subscription"} {
		if c.types[root] != nil {
			b.WriteString("  " + strings.ToLower(root) + ": " + root + "\n")
		}
	}
	b.WriteString("}\n" + machinerySDL + "\nenum join__Graph {\n")
	for _, g := range c.graphs {
		fmt.Fprintf(&b, "  %s @join__graph(name: %s, url: %s)\n", g.enum, quote(g.name), quote(g.url))
	}
	b.WriteString("}\n")
	for _, d := range definitions {
		b.WriteString("\n" + d + "\n")
	}
	b.WriteString(body)
	return b.String()
}

// uses reports whether any element of the supergraph carries the directive.
func (c *composer) uses(name string) bool {
	has := func(dirs []string) bool {
		return slices.ContainsFunc(dirs, func(d string) bool { return applies(d, name) })
	}
	for _, m := range c.types {
		if has(m.dirs) {
			return true
		}
		for _, f := range m.fields {
			if has(f.dirs) || slices.ContainsFunc(f.args, func(a *mergedArg) bool { return has(a.dirs) }) {
				return true
			}
		}
		for _, v := range m.values {
			if has(v.dirs) {
				return true
			}
		}
	}
	return false
}

func (c *composer) printType(b *strings.Builder, m *merged) {
	b.WriteByte('\n')
	describe(b, "", m.description)
	keyword := map[ast.DefinitionKind]string{ast.Object: "type", ast.Interface: "interface", ast.Union: "union", ast.Enum: "enum", ast.InputObject: "input", ast.Scalar: "scalar"}[m.kind]
	b.WriteString(keyword + " " + m.name)
	if len(m.interfaces) > 0 {
		b.WriteString(" implements " + strings.Join(m.interfaces, " & "))
	}
	b.WriteByte('\n')
	for _, o := range m.in {
		c.printJoins(b, m, o)
	}
	if m.name == "Query" {
		// Every subgraph has _entities and _service: other gateways look for their Query.
		for _, g := range c.graphs {
			if g.types["Query"] == nil {
				fmt.Fprintf(b, "  @join__type(graph: %s)\n", g.enum)
			}
		}
	}
	for _, d := range m.dirs {
		b.WriteString("  " + d + "\n")
	}
	switch m.kind {
	case ast.Union:
		b.WriteString("  = " + strings.Join(m.members, " | ") + "\n")
	case ast.Enum:
		b.WriteString("{\n")
		for _, v := range m.values {
			describe(b, "  ", v.description)
			b.WriteString("  " + v.name)
			for _, g := range v.in {
				b.WriteString(" @join__enumValue(graph: " + g.enum + ")")
			}
			b.WriteString(suffix(v.dirs) + "\n")
		}
		b.WriteString("}\n")
	case ast.Object, ast.Interface, ast.InputObject:
		b.WriteString("{\n")
		for _, f := range m.fields {
			c.printField(b, f)
		}
		b.WriteString("}\n")
	}
}

func suffix(dirs []string) string {
	if len(dirs) == 0 {
		return ""
	}
	return " " + strings.Join(dirs, " ")
}

// printJoins writes what one subgraph has of the type.
func (c *composer) printJoins(b *strings.Builder, m *merged, o owned) {
	flags := ""
	if o.t.isObject {
		flags = ", isInterfaceObject: true"
	}
	if o.t.extension && len(o.t.keys) > 0 {
		flags = ", extension: true" + flags
	}
	if len(o.t.keys) == 0 {
		fmt.Fprintf(b, "  @join__type(graph: %s%s)\n", o.g.enum, flags)
	}
	for _, k := range o.t.keys {
		resolvable := ""
		if !k.resolvable {
			resolvable = ", resolvable: false"
		}
		fmt.Fprintf(b, "  @join__type(graph: %s, key: %s%s%s)\n", o.g.enum, quote(strings.Join(strings.Fields(k.text), " ")), flags, resolvable)
	}
	interfaces := slices.Clone(o.t.interfaces)
	sort.Strings(interfaces)
	for _, i := range interfaces {
		fmt.Fprintf(b, "  @join__implements(graph: %s, interface: %s)\n", o.g.enum, quote(i))
	}
	members := slices.Clone(o.t.members)
	sort.Strings(members)
	for _, member := range members {
		fmt.Fprintf(b, "  @join__unionMember(graph: %s, member: %s)\n", o.g.enum, quote(member))
	}
}

func (c *composer) printField(b *strings.Builder, f *mergedField) {
	describe(b, "  ", f.description)
	b.WriteString("  " + f.name)
	if len(f.args) > 0 {
		args := make([]string, len(f.args))
		for i, a := range f.args {
			if a.description != "" {
				args[i] = quote(a.description) + " "
			}
			args[i] += a.name + ": " + a.typ.String()
			if a.def != nil {
				args[i] += " = " + literal(a.def)
			}
			args[i] += suffix(a.dirs)
		}
		b.WriteString("(" + strings.Join(args, ", ") + ")")
	}
	b.WriteString(": " + f.typ.String())
	if f.def != nil {
		b.WriteString(" = " + literal(f.def))
	}
	b.WriteString(suffix(f.joins) + suffix(f.dirs) + "\n")
}
