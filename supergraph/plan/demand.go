package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/join"
)

// Demand is what a viewer must show before a field is asked for (@authenticated, @requiresScopes, @policy). Equal demands
// of one Supergraph are one Demand.
//
// A field demands what it says itself, what its type and its parent's type say, and what the fields that it @requires
// demand; through an interface it demands that of every implementation, because which one answers is known too late.
// A field that is needed as part of a key is asked for whoever asks: it joins subgraphs and is not shown.
type Demand struct {
	guards []join.Guard
	text   string // names it
}

// Claims are what is known of a viewer. Nil functions hold nothing.
type Claims struct {
	Authenticated bool
	Scope         func(name string) bool
	Policy        func(name string) bool
}

// Met reports whether a viewer may see what the demand is about.
func (d *Demand) Met(c Claims) bool {
	return !slices.ContainsFunc(d.guards, func(g join.Guard) bool {
		return g.Authenticated && !c.Authenticated || !met(g.Scopes, c.Scope) || !met(g.Policies, c.Policy)
	})
}

func met(any join.Alternatives, holds func(string) bool) bool {
	return any == nil || slices.ContainsFunc(any, func(all []string) bool {
		return !slices.ContainsFunc(all, func(name string) bool { return holds == nil || !holds(name) })
	})
}

// Demands lists the different demands of an operation's fields, in the order of the document. Nil: it has none.
func (s *Supergraph) Demands(doc *ast.QueryDocument, operationName string) []*Demand {
	if len(s.demands) == 0 {
		return nil
	}
	one, err := alone(doc, operationName)
	if err != nil {
		return nil // Plan says so
	}
	var out []*Demand
	s.demanding(one, func(_ *ast.Field, d *Demand) {
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	})
	return out
}

func (s *Supergraph) refused(doc *ast.QueryDocument, demands []*Demand) map[*ast.Field]bool {
	if len(demands) == 0 {
		return nil
	}
	out := map[*ast.Field]bool{}
	s.demanding(doc, func(f *ast.Field, d *Demand) {
		if slices.Contains(demands, d) {
			out[f] = true
		}
	})
	return out
}

// demanding shows every field of the document that demands something.
func (s *Supergraph) demanding(doc *ast.QueryDocument, see func(*ast.Field, *Demand)) {
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.ObjectDefinition != nil {
					if d := s.demands[sel.ObjectDefinition.Name+"."+sel.Name]; d != nil {
						see(sel, d)
					}
				}
				walk(sel.SelectionSet)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			}
		}
	}
	for _, op := range doc.Operations {
		walk(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		walk(f.SelectionSet)
	}
}

// guardian works out the demands of a supergraph's fields.
type guardian struct {
	*join.Supergraph
	guards []join.Guard
	seen   map[string]bool
}

func demandsOf(model *join.Supergraph) map[string]*Demand {
	if len(model.Guards) == 0 {
		return nil
	}
	out, known := map[string]*Demand{}, map[string]*Demand{}
	for _, def := range model.Full.Types {
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		for _, f := range def.Fields {
			g := guardian{Supergraph: model, seen: map[string]bool{}}
			g.field(def, f)
			if g.guards == nil {
				continue
			}
			parts := make([]string, len(g.guards))
			for i, x := range g.guards {
				parts[i] = fmt.Sprintf("%#v", x)
			}
			slices.Sort(parts)
			text := "\x00" + strings.Join(slices.Compact(parts), "\x01")
			if known[text] == nil {
				known[text] = &Demand{g.guards, text}
			}
			out[def.Name+"."+f.Name] = known[text]
		}
	}
	return out
}

func (g *guardian) add(id string) bool {
	if g.seen[id] {
		return false
	}
	g.seen[id] = true
	if guard, ok := g.Guards[id]; ok {
		g.guards = append(g.guards, guard)
	}
	return true
}

// field adds what a field demands, itself and through what it requires.
func (g *guardian) field(def *ast.Definition, f *ast.FieldDefinition) {
	if !g.add(def.Name + "." + f.Name) {
		return
	}
	g.typ(def)
	g.typ(g.Full.Types[f.Type.Name()])
	if def.Kind == ast.Interface {
		for _, t := range g.Full.PossibleTypes[def.Name] {
			if own := t.Fields.ForName(f.Name); own != nil {
				g.field(t, own)
			}
		}
	}
	for _, s := range g.Subgraphs {
		for _, as := range append([]string{def.Name}, def.Interfaces...) {
			if v := s.Types[as]; v != nil && v.Fields[f.Name] != nil {
				g.required(def, v.Fields[f.Name].Requires)
			}
		}
	}
}

func (g *guardian) required(def *ast.Definition, set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if f := def.Fields.ForName(sel.Name); f != nil && !strings.HasPrefix(sel.Name, "__") {
				g.field(def, f)
				g.required(g.Full.Types[f.Type.Name()], sel.SelectionSet)
			}
		case *ast.InlineFragment:
			on := def
			if sel.TypeCondition != "" {
				on = g.Full.Types[sel.TypeCondition]
			}
			if on != nil {
				g.required(on, sel.SelectionSet)
			}
		}
	}
}

// typ adds what a type demands; an interface that of its implementations too.
func (g *guardian) typ(def *ast.Definition) {
	if !g.add(def.Name) || def.Kind != ast.Interface {
		return
	}
	for _, t := range g.Full.PossibleTypes[def.Name] {
		g.add(t.Name)
	}
}
