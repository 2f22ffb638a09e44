package main

import (
	"fmt"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/store"
)

type plugin struct {
	plain map[string]string // a plain field's function -> what takes the place of putting its answer
	links map[string]string // a described link's function -> what marshals where it leads
}

func (*plugin) Name() string { return "linhui" }

// InjectSourcesLate adds what the described cubes make, and the federation root fields, whose
// union's members follow from the types that carry @key.
func (*plugin) InjectSourcesLate(schema *ast.Schema) ([]*ast.Source, error) {
	var entities []string
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		t := schema.Types[name]
		if t.Kind == ast.Object && t.Directives.ForName("key") != nil {
			entities = append(entities, name)
		}
	}
	return []*ast.Source{{Name: "cubes.graphqls", Input: store.CubesSDL()}, {Name: "federation.graphqls", BuiltIn: false, Input: fmt.Sprintf(`
scalar _Any
union _Entity = %s
type _Service @class(level: P0_PUBLIC) { sdl: String }
extend type Query {
  _entities(representations: [_Any!]!): [_Entity]!
  _service: _Service!
}
`, strings.Join(entities, " | "))}}, nil
}

// MutateConfig binds what needs no line of configuration: every enum is a scalar.Enum, every
// input of a field and a direction is a store.OrderBy.
func (*plugin) MutateConfig(cfg *config.Config) error {
	for _, c := range store.Cubes() {
		cfg.Models.Add(c.AggregateType(), "linhui/store.Aggregate")
		cfg.Models.Add(c.GroupType(), "linhui/store.Group")
		cfg.Models.Add(c.GroupType()+"Edge", "linhui/store.GroupEdge")
		cfg.Models.Add(c.MeasuresType(), "linhui/store.Group")
	}
	for name, t := range cfg.Schema.Types {
		if strings.HasPrefix(name, "__") || cfg.Models.UserDefined(name) {
			continue
		}
		switch {
		case t.Kind == ast.Enum:
			cfg.Models.Add(name, "linhui/schema/scalar.Enum")
		case t.Kind == ast.InputObject && len(t.Fields) == 2 && t.Fields[0].Name == "field" && t.Fields[1].Name == "direction":
			cfg.Models.Add(name, "linhui/store.OrderBy")
		case name == "_Entity":
			cfg.Models.Add(name, "linhui/store.Node")
		}
	}
	return nil
}

// GenerateCode runs before gqlgen writes its files.
func (p *plugin) GenerateCode(data *codegen.Data) error {
	p.plain, p.links = map[string]string{}, map[string]string{}
	var objects []*linked
	var cubes []*codegen.Field
	for _, o := range data.Objects {
		if o.BuiltIn || strings.HasPrefix(o.Name, "__") {
			continue
		}
		if o.Root {
			resolveFederation(o)
			for _, f := range o.Fields {
				if store.CubeAt(f.Name) != nil {
					cubes = append(cubes, f)
				}
			}
			continue
		}
		o.DisableConcurrency = true
		l := &linked{Object: o, Complete: true}
		for _, f := range o.Fields {
			switch {
			case f.IsResolver && (store.LinkAt(o.Name, f.Name) != nil || store.IsMeasured(o.Name, f.Name)):
				l.Links = append(l.Links, f)
				p.links["_"+o.Name+"_"+f.Name] = f.TypeReference.MarshalFunc()
			case f.IsResolver:
				l.Complete = false
			default:
				p.addPlain(o, f)
			}
		}
		if len(l.Links) > 0 {
			objects = append(objects, l)
		}
	}
	var withArgs []*codegen.Field
	for _, o := range data.Objects {
		for _, f := range o.Fields {
			if len(f.Args) > 0 && !o.Root && !o.BuiltIn && !strings.HasPrefix(o.Name, "__") {
				withArgs = append(withArgs, f)
			}
		}
	}
	return templates.Render(templates.Options{
		PackageName:     data.Config.Exec.Package,
		Filename:        filepath.Join(data.Config.Exec.DirName, "links.gen.go"),
		Template:        linksTemplate,
		Data:            map[string]any{"Objects": objects, "Args": withArgs, "Cubes": cubes},
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
		PruneOptions:    data.Config.GetPruneOptions(),
	})
}

// resolveFederation makes the federation root fields ordinary resolvers. gqlgen would call
// functions of its own federation plugin, before the other root fields have begun, and the
// loaders wait for all of them.
func resolveFederation(o *codegen.Object) {
	for _, f := range o.Fields {
		switch f.Name {
		case "_entities":
			f.GoFieldName = "Entities"
		case "_service":
			f.GoFieldName = "Service"
		default:
			continue
		}
		f.IsResolver, f.NoErr = true, false
	}
}

// linked is an object with the fields that store describes as links. It is complete when no
// other field of it needs a resolver.
type linked struct {
	*codegen.Object
	Links    []*codegen.Field
	Complete bool
}

// addPlain notes a field whose value is at hand: a struct field or an argumentless method
// without context or error. Such a field needs no resolver, and no field context of its own when
// nothing is below it.
func (p *plugin) addPlain(o *codegen.Object, f *codegen.Field) {
	if len(f.Args) > 0 || f.HasDirectives() || f.IsMap() || f.VOkFunc || f.MethodHasContext {
		return
	}
	value := "obj." + f.GoFieldName
	switch {
	case f.IsMethod():
		if !f.NoErr {
			return
		}
		value += "()"
	case !f.IsVariable():
		return
	}
	ctx := "ctx"
	if !f.TypeReference.Definition.IsLeafType() {
		ctx = "marshal.Below(ctx, field)"
	}
	with := fmt.Sprintf("out.Put(i, ec.%s(%s, field.Selections, %s), $2)", f.TypeReference.MarshalFunc(), ctx, value)
	if b, ok := f.TypeReference.GO.Underlying().(*types.Basic); ok {
		switch b.Kind() {
		case types.String:
			with = "out.String(i, string(" + value + "))"
		case types.Int:
			with = "out.Int(i, " + value + ")"
		}
	}
	p.plain["_"+o.Name+"_"+f.Name] = with
}

const linksTemplate = `
{{ reserveImport "context" }}
{{ reserveImport "github.com/99designs/gqlgen/graphql" }}
{{ reserveImport "linhui/dataloaders" }}
{{ reserveImport "linhui/store" }}

// LinkRoot gives the resolvers of every type whose resolved fields are all described links.
type LinkRoot struct{}
{{ range $o := .Objects }}
// {{ $o.Name }}Links resolves the described links of {{ $o.Name }}.
type {{ $o.Name }}Links struct{}
{{ range $f := $o.Links }}
func ({{ $o.Name }}Links) {{ $f.GoFieldName }}{{ $f.ShortResolverDeclaration }} {
	return dataloaders.Link[{{ $f.TypeReference.GO | ref }}](ctx, obj)
}
{{ end }}
{{ if $o.Complete }}
func (LinkRoot) {{ $o.Name }}() {{ $o.Name }}Resolver { return {{ $o.Name }}Links{} }
{{ end }}
{{ end }}
// Cubes resolves the root fields of the described cubes.
type Cubes struct {
	// Aggregate answers the current field.
	Aggregate func(ctx context.Context) (*store.Aggregate, error)
}
{{ range $f := .Cubes }}
func (c Cubes) {{ $f.GoFieldName }}{{ $f.ShortResolverDeclaration }} { return c.Aggregate(ctx) }
{{ end }}
// Args decodes the arguments of a field of a type other than the roots.
func Args(ctx context.Context, oc *graphql.OperationContext, typ, field string, raw map[string]any) (map[string]any, error) {
	ec := newExecutionContext(oc, nil, nil)
	switch typ + "." + field {
	{{- range $f := .Args }}
	case "{{ $f.Object.Name }}.{{ $f.Name }}":
		return ec.{{ $f.ArgsFunc }}(ctx, raw)
	{{- end }}
	}
	return nil, nil
}
`
