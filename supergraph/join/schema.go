package join

import (
	"bytes"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// finish makes the two schemas of what is left when the join directives are gone.
func (r *reader) finish() error {
	full, err := r.schema(false)
	if err != nil {
		return err
	}
	api, err := r.schema(true)
	if err != nil {
		return err
	}
	if r.out.Full, err = load("supergraph", full); err != nil {
		return err
	}
	if r.out.API, err = load("API schema", api); err != nil {
		return err
	}
	r.out.APISDL = api
	return nil
}

func load(name, sdl string) (*ast.Schema, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: sdl})
	if err != nil {
		return nil, bad("the supergraph's schema is not valid: %v", err)
	}
	if schema.Query == nil {
		return nil, bad("the supergraph has no type Query")
	}
	return schema, nil
}

// schema is the text of the schema: without the supergraph's machinery and, for clients, without what is inaccessible.
func (r *reader) schema(public bool) (string, error) {
	hidden := func(ds ast.DirectiveList) bool {
		return public && r.inacc != "" && ds.ForName(r.inacc) != nil
	}
	gone := map[string]bool{}
	for _, def := range r.doc.Definitions {
		gone[def.Name] = r.own(def.Name) || hidden(def.Directives)
	}
	declared := map[string]bool{"deprecated": true, "specifiedBy": true, "oneOf": true}
	var out ast.SchemaDocument
	for _, d := range r.doc.Directives {
		if !r.own(d.Name) {
			declared[d.Name] = true
			c := *d
			c.Arguments = r.arguments(d.Arguments, hidden, declared)
			out.Directives = append(out.Directives, &c)
		}
	}
	keep := func(ds ast.DirectiveList) ast.DirectiveList {
		return slices.DeleteFunc(slices.Clone(ds), func(d *ast.Directive) bool { return !declared[d.Name] })
	}
	for _, def := range r.doc.Definitions {
		if gone[def.Name] {
			continue
		}
		c := *def
		c.Directives = keep(def.Directives)
		c.Interfaces = slices.DeleteFunc(slices.Clone(def.Interfaces), func(n string) bool { return gone[n] })
		c.Types = slices.DeleteFunc(slices.Clone(def.Types), func(n string) bool { return gone[n] })
		c.Fields, c.EnumValues = nil, nil
		for _, f := range def.Fields {
			if hidden(f.Directives) || gone[f.Type.Name()] {
				continue
			}
			fc := *f
			fc.Directives = keep(f.Directives)
			fc.Arguments = r.arguments(f.Arguments, hidden, declared)
			c.Fields = append(c.Fields, &fc)
		}
		for _, v := range def.EnumValues {
			if !hidden(v.Directives) {
				vc := *v
				vc.Directives = keep(v.Directives)
				c.EnumValues = append(c.EnumValues, &vc)
			}
		}
		if len(c.Fields)+len(c.EnumValues)+len(c.Types) == 0 && c.Kind != ast.Scalar {
			gone[c.Name] = true
			continue
		}
		out.Definitions = append(out.Definitions, &c)
	}
	for _, s := range append(slices.Clone(r.doc.Schema), r.doc.SchemaExtension...) {
		var ops ast.OperationTypeDefinitionList
		for _, o := range s.OperationTypes {
			if !gone[o.Type] {
				ops = append(ops, o)
			}
		}
		if len(ops) > 0 {
			out.Schema = append(out.Schema, &ast.SchemaDefinition{OperationTypes: ops, Description: s.Description})
		}
	}
	var b bytes.Buffer
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchemaDocument(&out)
	return strings.TrimSpace(b.String()) + "\n", nil
}

func (r *reader) arguments(args ast.ArgumentDefinitionList, hidden func(ast.DirectiveList) bool, declared map[string]bool) ast.ArgumentDefinitionList {
	var out ast.ArgumentDefinitionList
	for _, a := range args {
		if hidden(a.Directives) {
			continue
		}
		c := *a
		c.Directives = slices.DeleteFunc(slices.Clone(a.Directives), func(d *ast.Directive) bool { return !declared[d.Name] })
		out = append(out, &c)
	}
	return out
}
