package server

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/page"
)

// Price is what an operation may cost at most, before it runs.
type Price struct {
	Points      int    // roughly the objects that may be loaded
	Communities int    // fanned out to; the limit is per community, and 0 counts as 1
	Dearest     string // response key of the root field with the largest share
}

// The list sizes and fixed prices of DefaultCost were chosen, not measured. A list that is
// not paged says in the schema, by @listSize, how long it is assumed to be; else it is 10.
const (
	pageSize       = page.DefaultSize
	listSize       = 10
	mutationPrice  = 10
	schemaPrice    = 100
	typePrice      = 10
	priceOverflows = 1 << 40
)

// DefaultCost counts the objects an operation may return: one for each composite field, times
// first or last of every list around it. Scalars are free. It does not know communities.
func DefaultCost(_ context.Context, oc *graphql.OperationContext) Price {
	w := pricing{variables: oc.Variables}
	p := Price{Communities: 1}
	most := -1
	w.each(oc.Operation.SelectionSet, func(f *ast.Field) {
		points := w.field(f, 0)
		if oc.Operation.Operation == ast.Mutation {
			points += mutationPrice
		}
		p.Points = min(p.Points+points, priceOverflows)
		if points > most {
			most, p.Dearest = points, f.Alias
		}
	})
	p.Points = max(p.Points, 1)
	return p
}

// pricing walks one operation. Prices of fragments are remembered, which keeps the walk linear
// where fragments spread each other many times.
type pricing struct {
	variables map[string]any
	fragments map[pricedFragment]int
}

type pricedFragment struct {
	name string
	page int
}

// each calls visit for the fields of a root selection. Fragments at the root are few; one that
// spreads others repeatedly is bounded by the guard's limit of root fields.
func (w *pricing) each(set ast.SelectionSet, visit func(*ast.Field)) {
	seen := map[string]bool(nil)
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				visit(sel)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				if seen[sel.Name] {
					continue
				}
				if seen == nil {
					seen = make(map[string]bool)
				}
				seen[sel.Name] = true
				walk(sel.Definition.SelectionSet)
			}
		}
	}
	walk(set)
}

// set is the price of a selection on one object; edges is how many its connection has.
func (w *pricing) set(set ast.SelectionSet, edges int) int {
	sum := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sum += w.field(sel, edges)
		case *ast.InlineFragment:
			sum += w.set(sel.SelectionSet, edges)
		case *ast.FragmentSpread:
			key := pricedFragment{sel.Name, edges}
			points, known := w.fragments[key]
			if !known {
				points = w.set(sel.Definition.SelectionSet, edges)
				if w.fragments == nil {
					w.fragments = make(map[pricedFragment]int)
				}
				w.fragments[key] = points
			}
			sum += points
		}
		sum = min(sum, priceOverflows)
	}
	return sum
}

// assumed is the length of a list that is not paged.
func assumed(def *ast.FieldDefinition) int {
	d := def.Directives.ForName("listSize")
	if d == nil {
		return listSize
	}
	n, err := strconv.Atoi(d.Arguments.ForName("assumed").Value.Raw)
	if err != nil {
		return listSize // the schema's type check allows integers only
	}
	return n
}

func (w *pricing) field(f *ast.Field, edges int) int {
	switch f.Name {
	case "__schema":
		return schemaPrice
	case "__type":
		return typePrice
	}
	if len(f.SelectionSet) == 0 || f.Definition == nil || w.skipped(f.Directives) {
		return 0
	}
	rows, asked := w.asked(f.Arguments)
	if f.Definition.Type.Elem == nil {
		if !asked && strings.HasSuffix(f.Definition.Type.NamedType, "Connection") {
			rows = pageSize
		}
		return min(1+w.set(f.SelectionSet, rows), priceOverflows)
	}
	if !asked {
		rows = assumed(f.Definition)
		if edges > 0 {
			rows = edges // edges or nodes of a connection that was asked for a number
		}
	}
	each := 1 + w.set(f.SelectionSet, 0)
	if each > priceOverflows/max(rows, 1) {
		return priceOverflows
	}
	return rows * each
}

// asked returns the value of first or last, whether literal or variable.
func (w *pricing) asked(args ast.ArgumentList) (int, bool) {
	for _, a := range args {
		if a.Name != "first" && a.Name != "last" {
			continue
		}
		switch v := w.value(a.Value).(type) {
		case int64:
			return clampRows(v), true
		case int:
			return clampRows(int64(v)), true
		case float64:
			return clampRows(int64(v)), true
		case json.Number:
			n, err := v.Int64()
			return clampRows(n), err == nil
		case string:
			n, err := strconv.ParseInt(v, 10, 64)
			return clampRows(n), err == nil
		}
	}
	return 0, false
}

func clampRows(n int64) int { return int(min(max(n, 0), priceOverflows)) }

func (w *pricing) value(v *ast.Value) any {
	switch v.Kind {
	case ast.IntValue:
		return v.Raw
	case ast.Variable:
		return w.variables[v.Raw]
	}
	return nil
}

func (w *pricing) skipped(list ast.DirectiveList) bool {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" || len(d.Arguments) == 0 {
			continue
		}
		on, known := d.Arguments[0].Value.Raw == "true", d.Arguments[0].Value.Kind == ast.BooleanValue
		if !known {
			on, known = w.variables[d.Arguments[0].Value.Raw].(bool)
		}
		if known && on == (d.Name == "skip") {
			return true
		}
	}
	return false
}
