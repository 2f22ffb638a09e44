package server

import (
	"context"
	"maps"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/page"
)

// paged is an operation rewritten to answer one page of a list: with first and after of the
// server's, and with what the server has to know of a page.
type paged struct {
	doc      *ast.QueryDocument
	def      *ast.OperationDefinition
	coverage bool // the connection says what it lacks
}

// The response keys of what the server asks for, and the variable it pages by.
const (
	infoKey       = "linhuiPageInfo"
	coverageKey   = "linhuiCoverage"
	afterVariable = "linhuiAfter"
)

// smallestPage bounds how far a page shrinks to fit the cost limit; chosen: below it an export
// is slower than its rows are worth.
const smallestPage = 25

// rewrite makes the operations of the first and of the following pages. Pages are as large as a
// list allows, and the cost limit.
func (x *export) rewrite(ctx context.Context) error {
	s := x.shape
	if s.Connection == nil {
		x.begin = x.paged(nil, s.Root.Selections, s.Root.Arguments)
		return nil
	}
	args := x.base.Variables
	for _, backward := range []string{"last", "before"} {
		if s.Root.ArgumentMap(args)[backward] != nil {
			return errBackward
		}
	}
	x.top = s.Aggregate() && s.Root.ArgumentMap(args)["first"] != nil
	if after, ok := s.Root.ArgumentMap(args)["after"].(string); ok {
		x.after = &after
	}
	info := injected(x.valid, s.Connection, "pageInfo", infoKey, "hasNextPage", "endCursor")
	rows := append(ast.SelectionSet{info}, s.Rows...)
	var covered bool
	if s.Connection.Fields.ForName("coverage") != nil {
		sources := injected(x.valid, x.valid.Types["Coverage"], "sources", "sources", "state", "communities")
		coverage := injected(x.valid, s.Connection, "coverage", coverageKey)
		coverage.SelectionSet = ast.SelectionSet{sources}
		rows, covered = append(rows, coverage), true
	}
	for size := page.MaxSize; ; size /= 2 {
		x.begin = x.paged(&size, append(s.Beside[:len(s.Beside):len(s.Beside)], rows...), s.Root.Arguments)
		x.onward = x.paged(&size, rows, s.Root.Arguments)
		x.begin.coverage, x.onward.coverage = covered, covered
		price := x.cost(ctx, &x.begin.operation(x.base, nil).OperationContext)
		if price.Points <= x.limits.Cost*max(price.Communities, 1) || size <= smallestPage {
			return nil
		}
	}
}

// injected is a field that the client did not select, of leaves.
func injected(schema *ast.Schema, on *ast.Definition, name, alias string, leaves ...string) *ast.Field {
	f := &ast.Field{Alias: alias, Name: name, Definition: on.Fields.ForName(name), ObjectDefinition: on, Position: &ast.Position{}}
	typ := schema.Types[f.Definition.Type.Name()]
	for _, leaf := range leaves {
		f.SelectionSet = append(f.SelectionSet, injected(schema, typ, leaf, leaf))
	}
	return f
}

// paged makes the operation of a page of size rows; nil leaves the arguments as they are.
func (x *export) paged(size *int, set ast.SelectionSet, args ast.ArgumentList) *paged {
	root := *x.shape.Root.Field
	root.SelectionSet = set
	root.Directives = nil // skip and include let it stand
	def := *x.base.Operation
	def.SelectionSet = ast.SelectionSet{&root}
	if size != nil {
		root.Arguments = nil
		for _, a := range args {
			if a.Name != "after" && (a.Name != "first" || x.top) {
				root.Arguments = append(root.Arguments, a)
			}
		}
		text := ast.NamedType("String", nil)
		after := &ast.VariableDefinition{Variable: afterVariable, Type: text, Definition: x.valid.Types["String"], Used: true, Position: &ast.Position{}}
		def.VariableDefinitions = append(def.VariableDefinitions[:len(def.VariableDefinitions):len(def.VariableDefinitions)], after)
		value := func(kind ast.ValueKind, raw, typ string) *ast.Value {
			return &ast.Value{Kind: kind, Raw: raw, Definition: x.valid.Types[typ], ExpectedType: ast.NamedType(typ, nil), Position: &ast.Position{}}
		}
		cursor := value(ast.Variable, afterVariable, "String")
		cursor.VariableDefinition = after
		root.Arguments = append(root.Arguments, &ast.Argument{Name: "after", Value: cursor, Position: &ast.Position{}})
		if !x.top {
			root.Arguments = append(root.Arguments, &ast.Argument{Name: "first", Value: value(ast.IntValue, strconv.Itoa(*size), "Int"), Position: &ast.Position{}})
		}
	}
	return &paged{def: &def, doc: &ast.QueryDocument{Operations: ast.OperationList{&def}, Fragments: x.base.Doc.Fragments}}
}

// operation is a page of it, after a cursor.
func (p *paged) operation(base *operation, after *string) *operation {
	op := &operation{engine: base.engine}
	op.left.Store(base.engine.limits.ResponseBytes)
	vars := maps.Clone(base.Variables)
	if after != nil {
		vars[afterVariable] = *after
	}
	op.OperationContext = graphql.OperationContext{
		RawQuery:               base.RawQuery,
		Variables:              vars,
		OperationName:          base.OperationName,
		Extensions:             base.Extensions,
		Headers:                base.Headers,
		Doc:                    p.doc,
		Operation:              p.def,
		RecoverFunc:            base.RecoverFunc,
		ResolverMiddleware:     base.ResolverMiddleware,
		RootResolverMiddleware: op.aroundRoot,
		Stats:                  base.Stats,
	}
	return op
}
