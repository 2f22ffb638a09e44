// Package join reads a supergraph SDL: which subgraph has what of each type, as the join directives say it.
package join

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// Supergraph is a supergraph SDL, read. It is immutable.
type Supergraph struct {
	Subgraphs []*Subgraph // in the order of the enum join__Graph
	// Full holds every type, also what is inaccessible; API is what clients see. Neither has join directives.
	Full, API *ast.Schema
	// APISDL is the text of API.
	APISDL string
	// Guards says of types ("User") and fields ("User.email") what a viewer must show to see them.
	Guards map[string]Guard
}

// Subgraph is one graph of the supergraph and its view of the types.
type Subgraph struct {
	Index int
	Name  string
	URL   string // may be empty
	Types map[string]*View
}

// View is a type as one subgraph has it.
type View struct {
	Name            string
	Kind            ast.DefinitionKind // of an interface object: Object
	InterfaceObject bool
	Keys            []*Key // in the order of the SDL
	Fields          map[string]*Field
	// Possible are the object types a value of this type can have in this subgraph, sorted; an object's is
	// itself, an interface object's is nil: the subgraph does not know them.
	Possible []string
}

// Key is one way to name an entity.
type Key struct {
	Selection  ast.SelectionSet
	Text       string
	Resolvable bool
}

// Field is a field as one subgraph has it.
type Field struct {
	Name string
	Type *ast.Type
	// External fields are not answered here, except where Provides of a field on the way names them.
	External bool
	Requires ast.SelectionSet // nil: none
	Provides ast.SelectionSet
	// RequiresText is Requires as it was written; equal texts need equal representations.
	RequiresText string
}

// Has reports whether an object of type name can be a value of the view.
func (v *View) Has(name string) bool {
	for _, p := range v.Possible {
		if p == name {
			return true
		}
	}
	return false
}

// Abstract reports whether the view is an interface or a union.
func (v *View) Abstract() bool { return v.Kind == ast.Interface || v.Kind == ast.Union }
