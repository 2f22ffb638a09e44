package schema

import (
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/internal/fault"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Access is what an operation asks for, as far as permission and loading care.
type Access struct {
	Demand   map[string]map[string]bool // selected fields by type
	Personal []string                   // "Type.field" of class P2 and above that staff ask for, sorted
}

// Check walks an operation once, fragments included, and refuses it when it selects a field, or
// filters by one, that the viewer's roles or purpose do not allow. The refusal names every such
// field, and the path of the first. The operation must be valid in s, and variables be its own.
func Check(s *ast.Schema, op *ast.OperationDefinition, variables map[string]any, v *authz.Viewer) (*Access, error) {
	c := &check{schema: s, variables: variables, viewer: v, access: &Access{Demand: map[string]map[string]bool{}}}
	c.selections(op.SelectionSet, nil)
	if len(c.denied) > 0 {
		slices.Sort(c.denied)
		c.denied = slices.Compact(c.denied)
		return nil, &gqlerror.Error{Path: c.first, Err: c.refusal()}
	}
	slices.Sort(c.access.Personal)
	c.access.Personal = slices.Compact(c.access.Personal)
	return c.access, nil
}

// MayAsk refuses a field that an operation does not select but is answered like.
func MayAsk(v *authz.Viewer, name string) error {
	c := &check{viewer: v, access: &Access{}}
	c.permit(name, Fields()[name], nil)
	if c.denied != nil {
		return c.refusal()
	}
	return nil
}

type check struct {
	schema    *ast.Schema
	variables map[string]any
	viewer    *authz.Viewer
	access    *Access
	denied    []string
	first     ast.Path
	needs     Field // of the first denied field
}

func (c *check) selections(sels ast.SelectionSet, path ast.Path) {
	for _, sel := range sels {
		switch x := sel.(type) {
		case *ast.Field:
			c.field(x, append(path[:len(path):len(path)], ast.PathName(x.Alias)))
		case *ast.InlineFragment:
			c.selections(x.SelectionSet, path)
		case *ast.FragmentSpread:
			c.selections(x.Definition.SelectionSet, path)
		}
	}
}

func (c *check) field(f *ast.Field, path ast.Path) {
	if f.ObjectDefinition == nil || f.Name == "__typename" || f.ObjectDefinition.BuiltIn {
		return
	}
	for _, t := range c.concrete(f.ObjectDefinition) {
		fields := c.access.Demand[t.Name]
		if fields == nil {
			fields = map[string]bool{}
			c.access.Demand[t.Name] = fields
		}
		if !fields[f.Name] {
			fields[f.Name] = true
			if rule, ok := Fields()[t.Name+"."+f.Name]; ok { // else federation's own
				c.permit(t.Name+"."+f.Name, rule, path)
			}
		}
	}
	c.filters(f, path)
	c.selections(f.SelectionSet, path)
}

// concrete returns the object types behind an object or interface. Of an interface, types
// whose rows the viewer does not find (see Finds) are left out.
func (c *check) concrete(d *ast.Definition) []*ast.Definition {
	if d.Kind == ast.Object {
		return []*ast.Definition{d}
	}
	var found []*ast.Definition
	for _, t := range c.schema.GetPossibleTypes(d) {
		if Finds(c.viewer, t.Name) {
			found = append(found, t)
		}
	}
	return found
}

// Finds reports whether a viewer's roles let a type's rows be found by id: those that the
// type itself asks for. Other rows do not exist for the viewer, and not even __typename tells.
func Finds(v *authz.Viewer, typ string) bool { return types()[typ].allows(v) }

// FindsOthers reports whether these rows may be other people's too, and not only the viewer's own.
func FindsOthers(v *authz.Viewer, typ string) bool { return types()[typ].allowsRole(v) }

// OwnOnly names the fields of a type that a viewer may read for no reason but that rows are their
// own, sorted. Who finds others' rows too must have none.
func OwnOnly(v *authz.Viewer, typ string) (names []string) {
	for name, f := range Fields() {
		if of, field, _ := strings.Cut(name, "."); of == typ && f.allows(v) && !f.allowsRole(v) {
			names = append(names, field)
		}
	}
	slices.Sort(names)
	return names
}

// ClassOf returns the class of a type: who does not read it does not see its rows.
func ClassOf(typ string) authz.Class { return types()[typ].Class }

// types maps a type to what its own directives say.
var types = sync.OnceValue(func() map[string]Field {
	rules := map[string]Field{}
	for _, t := range Parsed().Types {
		class, _ := classOf(t.Directives)
		rules[t.Name] = Field{Class: class, Roles: rolesOf(t.Directives), Own: isOwn(t.Directives, false)}
	}
	return rules
})

// allows reports whether the viewer may read the field, if only on rows of their own.
func (f Field) allows(v *authz.Viewer) bool {
	return f.Own && v.Person() || f.allowsRole(v)
}

// allowsRole reports whether the viewer's roles and purpose suffice.
func (f Field) allowsRole(v *authz.Viewer) bool {
	return v.Reads(f.Class) && (f.Roles == nil || v.Has(f.Roles...))
}

func (c *check) permit(name string, rule Field, path ast.Path) {
	if rule.Class >= authz.P2Personal && !c.viewer.Person() {
		c.access.Personal = append(c.access.Personal, name)
	}
	if rule.allows(c.viewer) {
		return
	}
	if c.denied == nil {
		c.first, c.needs = path, rule
	}
	c.denied = append(c.denied, name)
}

func (c *check) refusal() *fault.Error {
	err := fault.Newf(fault.Forbidden, "your roles do not allow these fields")
	switch {
	case c.viewer.Principal == "":
		err = fault.Newf(fault.Unauthenticated, "these fields need a signed-in viewer: send a token in the Authorization header")
	case c.needs.Class >= authz.P2Personal && c.viewer.Purpose == "":
		err = fault.Newf(fault.Forbidden, "personal fields need a stated purpose: send it in the X-Linhui-Purpose header")
	}
	err = err.With("fields", c.denied)
	if c.needs.Roles != nil {
		err = err.With("anyOf", c.needs.Roles)
	}
	return err
}
