// Package schema holds the SDL, one file a domain, and what its directives say about each
// field: who may ask for it and how personal it is.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
)

//go:embed *.graphqls
var files embed.FS

// SDL returns the subgraph's SDL with its federation directives, the files in name order.
func SDL() string {
	var b strings.Builder
	for _, s := range Sources() {
		b.WriteString(s.Input)
		b.WriteByte('\n')
	}
	return b.String()
}

// Sources returns the SDL files in name order.
func Sources() []*ast.Source {
	names, err := fs.Glob(files, "*.graphqls")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	sources := make([]*ast.Source, 0, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the name was just listed
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(text)})
	}
	return sources
}

// Parsed is the schema of the SDL files alone. A broken SDL cannot be built, so it panics.
var Parsed = sync.OnceValue(func() *ast.Schema {
	s, err := gqlparser.LoadSchema(Sources()...)
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err))
	}
	return s
})

// Field is what the directives say of one field.
type Field struct {
	Class authz.Class
	Roles []authz.Role // any of them suffices; nil means anyone
	Own   bool         // a viewer who asks as a resident may read it on rows of their own
}

// Fields maps "Type.field" to what its directives say. A field without a class of its own
// has its type's; one without either is missing here, and Unclassified names it.
var Fields = sync.OnceValue(func() map[string]Field {
	fields := map[string]Field{}
	for _, t := range Parsed().Types {
		if t.BuiltIn || (t.Kind != ast.Object && t.Kind != ast.Interface) {
			continue
		}
		for _, f := range t.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			class, ok := classOf(f.Directives)
			if !ok {
				class, ok = classOf(t.Directives)
			}
			if !ok && (t.Kind == ast.Interface || t.Name == "Mutation" || t.Name == "Subscription") {
				// What an interface promises, its types classify; what a write or an event
				// answers is classified on the payload.
				class, ok = authz.P0Public, true
			}
			if !ok {
				continue
			}
			roles := rolesOf(f.Directives)
			if roles == nil {
				roles = rolesOf(t.Directives)
			}
			fields[t.Name+"."+f.Name] = Field{Class: class, Roles: roles, Own: isOwn(f.Directives, isOwn(t.Directives, false))}
		}
	}
	return fields
})

// Declare adds what holds for a field that stands in no SDL file, because it is made from a
// description. Only package initialisation calls it.
func Declare(name string, f Field) { Fields()[name] = f }

// Unclassified names the fields without a class, sorted. The build's tests fail unless it is
// empty.
func Unclassified() []string {
	var missing []string
	known := Fields()
	for _, t := range Parsed().Types {
		if t.BuiltIn || t.Kind != ast.Object {
			continue
		}
		for _, f := range t.Fields {
			if _, ok := known[t.Name+"."+f.Name]; !ok && !strings.HasPrefix(f.Name, "__") {
				missing = append(missing, t.Name+"."+f.Name)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// EnumOf returns the enum behind Type.field, through lists and non-nulls; nil when the
// field is not an enum.
func EnumOf(typeName, field string) *ast.Definition {
	t := Parsed().Types[typeName]
	if t == nil {
		return nil
	}
	f := t.Fields.ForName(field)
	if f == nil {
		return nil
	}
	if d := Parsed().Types[f.Type.Name()]; d != nil && d.Kind == ast.Enum {
		return d
	}
	return nil
}

func classOf(ds ast.DirectiveList) (authz.Class, bool) {
	d := ds.ForName("class")
	if d == nil {
		return 0, false
	}
	switch d.Arguments.ForName("level").Value.Raw {
	case "P0_PUBLIC":
		return authz.P0Public, true
	case "P1_STAFF":
		return authz.P1Staff, true
	case "P2_PERSONAL":
		return authz.P2Personal, true
	default:
		return authz.P3Sensitive, true
	}
}

// isOwn reads @own; without it, it is what the type says.
func isOwn(ds ast.DirectiveList, ofType bool) bool {
	d := ds.ForName("own")
	if d == nil {
		return ofType
	}
	read := d.Arguments.ForName("read")
	return read == nil || read.Value.Raw != "false"
}

func rolesOf(ds ast.DirectiveList) []authz.Role {
	d := ds.ForName("auth")
	if d == nil {
		return nil
	}
	var roles []authz.Role
	for _, c := range d.Arguments.ForName("any").Value.Children {
		roles = append(roles, authz.Role(c.Value.Raw))
	}
	return roles
}

// Service is the subgraph's own description of itself, _service.
type Service struct{ Sdl *string }
