package compose

import (
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// guard is what elements that carry @authenticated, @requiresScopes and @policy demand together.
type guard struct {
	authenticated    bool
	scopes, policies [][]string // alternatives, each sorted; nil: no demand
}

// guardOf is what all that is said of an element demands: whoever meets it may see the element in every subgraph.
func guardOf(from []carrier) guard {
	var g guard
	for _, f := range from {
		for _, d := range f.ds {
			switch d.Name {
			case "authenticated":
				g.authenticated = true
			case "requiresScopes":
				g.scopes = both(g.scopes, alternatives(d, "scopes"))
			case "policy":
				g.policies = both(g.policies, alternatives(d, "policies"))
			}
		}
	}
	return g
}

func alternatives(d *ast.Directive, argument string) [][]string {
	out := [][]string{}
	if a := d.Arguments.ForName(argument); a != nil {
		for _, alternative := range a.Value.Children {
			var one []string
			for _, s := range alternative.Value.Children {
				one = append(one, s.Value.Raw)
			}
			sort.Strings(one)
			out = append(out, slices.Compact(one))
		}
	}
	return out
}

// both are alternatives that satisfy each of two demands, without those that another one makes needless; nil is no demand.
func both(a, b [][]string) [][]string {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	out := [][]string{}
	for _, x := range a {
		for _, y := range b {
			all := append(slices.Clone(x), y...)
			sort.Strings(all)
			all = slices.Compact(all)
			if slices.ContainsFunc(out, func(o []string) bool { return subset(o, all) }) {
				continue
			}
			out = slices.DeleteFunc(out, func(o []string) bool { return subset(all, o) })
			out = append(out, all)
		}
	}
	return out
}

// subset reports whether every name of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// print returns the directives that say what the guard demands.
func (g guard) print() []string {
	var out []string
	if g.authenticated {
		out = append(out, "@authenticated")
	}
	for _, x := range []struct {
		name, argument string
		any            [][]string
	}{{"requiresScopes", "scopes", g.scopes}, {"policy", "policies", g.policies}} {
		if x.any == nil {
			continue
		}
		groups := make([]string, len(x.any))
		for i, all := range x.any {
			quoted := make([]string, len(all))
			for j, s := range all {
				quoted[j] = quote(s)
			}
			groups[i] = "[" + strings.Join(quoted, ", ") + "]"
		}
		out = append(out, "@"+x.name+"("+x.argument+": ["+strings.Join(groups, ", ")+"])")
	}
	return out
}

// and is what both guards demand.
func (g guard) and(o guard) guard {
	return guard{g.authenticated || o.authenticated, both(g.scopes, o.scopes), both(g.policies, o.policies)}
}

// implies reports whether whoever meets the guard meets the other one.
func (g guard) implies(o guard) bool {
	covers := func(mine, other [][]string) bool {
		return other == nil || mine != nil && !slices.ContainsFunc(mine, func(all []string) bool {
			return !slices.ContainsFunc(other, func(x []string) bool { return subset(x, all) })
		})
	}
	return (g.authenticated || !o.authenticated) && covers(g.scopes, o.scopes) && covers(g.policies, o.policies)
}

// guards checks that a field demands what the fields that it requires demand: who sees it could work them out from it.
func (c *composer) guards() {
	for _, g := range c.graphs {
		for _, name := range g.order {
			for _, f := range g.types[name].fields {
				if f.requires == "" || f.external || f.overridden {
					continue
				}
				set, err := join.FieldSet(f.requires)
				if err != nil {
					continue // check has said so
				}
				own := c.guardOn(name).and(c.guardOn(name, f.name))
				c.demanded(name, set, func(of string, demand guard) {
					if !own.implies(demand) {
						c.problem("MISSING_TRANSITIVE_AUTH_REQUIREMENTS", one(g.at(f.pos)), "add "+strings.Join(demand.print(), " ")+" to the field, or to the type",
							"%s.%s requires %s, which not every viewer may see, and does not demand as much itself", name, f.name, of)
					}
				})
			}
		}
	}
}

// guardOn is what all subgraphs together say of a type, or of one of its fields.
func (c *composer) guardOn(typ string, field ...string) guard {
	var from []carrier
	for _, o := range c.types[typ].in {
		if len(field) == 0 {
			from = append(from, carrier{o.g, o.t.dirs})
		} else if f := o.t.field(field[0]); f != nil {
			from = append(from, carrier{o.g, f.dirs})
		}
	}
	return guardOf(from)
}

// demanded shows the fields of a selection that demand something.
func (c *composer) demanded(typ string, set ast.SelectionSet, see func(of string, demand guard)) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			m := c.types[typ]
			at := slices.IndexFunc(m.fields, func(f *mergedField) bool { return f.name == s.Name })
			if at < 0 {
				continue
			}
			demand := c.guardOn(typ, s.Name)
			of := m.fields[at].typ.Name()
			if c.types[of] != nil {
				demand = demand.and(c.guardOn(of))
			}
			if len(demand.print()) > 0 {
				see(typ+"."+s.Name, demand)
			}
			c.demanded(of, s.SelectionSet, see)
		case *ast.InlineFragment:
			if s.TypeCondition != "" {
				c.demanded(s.TypeCondition, s.SelectionSet, see)
			} else {
				c.demanded(typ, s.SelectionSet, see)
			}
		}
	}
}
