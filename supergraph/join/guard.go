package join

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Guard is what a viewer must show before something of the schema is answered: all that it says.
type Guard struct {
	Authenticated bool
	Scopes        Alternatives // nil: none
	Policies      Alternatives // nil: none
}

// Alternatives are met by any of their elements, of which all names are needed. Without an element they are never met.
type Alternatives [][]string

// guards notes what @authenticated, @requiresScopes and @policy say of a type or field.
func (r *reader) guard(id string, directives ast.DirectiveList) {
	var g Guard
	found := false
	for _, d := range directives {
		switch r.guarding[d.Name] {
		case "authenticated":
			g.Authenticated = true
		case "requiresScopes":
			g.Scopes = alternatives(d, "scopes")
		case "policy":
			g.Policies = alternatives(d, "policies")
		default:
			continue
		}
		found = true
	}
	if found {
		r.out.Guards[id] = g
	}
}

func alternatives(d *ast.Directive, argument string) Alternatives {
	out := Alternatives{}
	if a := d.Arguments.ForName(argument); a != nil {
		for _, group := range a.Value.Children {
			var names []string
			for _, name := range group.Value.Children {
				names = append(names, name.Value.Raw)
			}
			out = append(out, names)
		}
	}
	return out
}

// renamed is what a link calls the directive that bears the specification's name.
func renamed(d *ast.Directive, name string) string {
	if a := d.Arguments.ForName("import"); a != nil {
		for _, item := range a.Value.Children {
			var from, to string
			for _, f := range item.Value.Children {
				switch f.Name {
				case "name":
					from = f.Value.Raw
				case "as":
					to = f.Value.Raw
				}
			}
			if from == "@"+name && to != "" {
				return strings.TrimPrefix(to, "@")
			}
			if item.Value.Raw == "@"+name {
				return name
			}
		}
	}
	if as := text(d, "as"); as != "" {
		return as
	}
	return name
}

// guarding are the specifications whose directives guard.
var guarding = []string{"authenticated", "requiresScopes", "policy"}

func isGuarding(name string) bool { return slices.Contains(guarding, name) }
