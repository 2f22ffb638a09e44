// Package compose makes one supergraph SDL of the SDLs of subgraphs, Federation 1 and 2, or says everything that stands in the
// way. The same inputs give the same text, whatever their order.
package compose

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph/plan"
)

// Input is one subgraph.
type Input struct {
	Name string // letters, digits, "_" and "-"; unique
	URL  string // carried into the supergraph; may be empty
	File string // where the SDL comes from, for messages; empty: the name
	SDL  string
}

// Result is a composed supergraph.
type Result struct {
	SDL      string
	Warnings []Problem // what composed, but perhaps not as meant
}

// Place is a line of a subgraph's SDL.
type Place struct {
	Subgraph, File string
	Line           int // from 1; 0 when the whole file is meant
}

// Problem is one thing that stands in the way.
type Problem struct {
	Code    string // as other composers call it, e.g. INVALID_FIELD_SHARING
	Message string
	Mend    string // what to do about it
	Places  []Place
}

func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Code, p.Message)
	for _, at := range p.Places {
		fmt.Fprintf(&b, "\n  at %s (%s", at.Subgraph, at.File)
		if at.Line > 0 {
			fmt.Fprintf(&b, ":%d", at.Line)
		}
		b.WriteString(")")
	}
	if p.Mend != "" {
		b.WriteString("\n  mend: " + p.Mend)
	}
	return b.String()
}

// Error is everything that stands in the way of composing.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return fmt.Sprintf("the subgraphs do not compose (problems: %d)\n%s", len(e.Problems), strings.Join(lines, "\n"))
}

// Compose composes. The error is an *Error, or the context's.
func Compose(ctx context.Context, inputs []Input) (*Result, error) {
	c := &composer{}
	for _, step := range []func([]Input){c.load, c.check, c.merge} {
		if step(inputs); len(c.problems) > 0 {
			return nil, c.failed()
		}
	}
	sdl := c.print()
	s, err := plan.New(sdl)
	if err != nil {
		c.problem("INVALID_GRAPHQL", nil, "", "the composed schema is not valid: %v", err)
		return nil, c.failed()
	}
	lost, err := s.Unreachable(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range lost {
		var places []Place
		fragment := strings.HasPrefix(l.Field, "... ")
		for _, g := range c.graphs {
			if t := g.types[l.Type]; t != nil {
				if f := t.field(l.Field); f != nil {
					places = append(places, g.at(f.pos))
				} else if fragment {
					places = append(places, g.at(t.pos))
				}
			}
		}
		if fragment {
			c.problem("SATISFIABILITY_ERROR", places, "give the interface, in the subgraph that knows its types, a @key that is resolvable",
				"which type a %s is of cannot be found out for the query %s; tried: %s", l.Type, l.Query, l.Tried)
			continue
		}
		c.problem("SATISFIABILITY_ERROR", places, "give the type a @key that the subgraphs on the way can provide, or let another subgraph resolve the field (@shareable)",
			"%s.%s cannot be reached by the query %s; tried: %s", l.Type, l.Field, l.Query, l.Tried)
	}
	if len(c.problems) > 0 {
		return nil, c.failed()
	}
	return &Result{SDL: sdl, Warnings: c.warnings}, nil
}

type composer struct {
	graphs   []*graph // by name
	types    map[string]*merged
	order    []string // names of types, sorted
	problems []Problem
	warnings []Problem
	families []*family // of directives that @composeDirective carries
}

func (c *composer) failed() error {
	sort.SliceStable(c.problems, func(i, j int) bool {
		a, b := c.problems[i], c.problems[j]
		if len(a.Places) == 0 || len(b.Places) == 0 {
			return len(a.Places) < len(b.Places)
		}
		if a.Places[0].Subgraph != b.Places[0].Subgraph {
			return a.Places[0].Subgraph < b.Places[0].Subgraph
		}
		return a.Places[0].Line < b.Places[0].Line
	})
	return &Error{c.problems}
}

func (c *composer) problem(code string, places []Place, mend, format string, args ...any) {
	c.problems = append(c.problems, Problem{code, fmt.Sprintf(format, args...), mend, places})
}

func (c *composer) warn(code string, places []Place, mend, format string, args ...any) {
	c.warnings = append(c.warnings, Problem{code, fmt.Sprintf(format, args...), mend, places})
}

func (g *graph) at(pos *ast.Position) Place {
	p := Place{Subgraph: g.name, File: g.file}
	if pos != nil {
		p.Line = pos.Line
	}
	return p
}

func one(p Place) []Place { return []Place{p} }
