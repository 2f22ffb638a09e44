package gateway

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/supergraph"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
)

// Local is a graph of this process that is one of the supergraph's.
type Local struct {
	supergraph.Subgraph // answers parts of operations
	Name                string

	// Schema answers operations in which no other subgraph takes part, as they stand: for them
	// the supergraph costs one lookup. Before is their server.Options.Before.
	Schema graphql.ExecutableSchema
	Before func(context.Context, *graphql.OperationContext) (context.Context, error)
}

// joined serves a supergraph, and leaves to the local graph what is its alone.
type joined struct {
	supergraph *execute.Schema
	local      *Local
	planner    execute.Planner
	shown      bool // plans are, on request

	mu    sync.RWMutex
	known map[*ast.OperationDefinition]*own // nil: other subgraphs take part
}

// own is an operation as the local schema knows it.
type own struct {
	doc  *ast.QueryDocument
	op   *ast.OperationDefinition
	plan *plan.Plan
}

func newJoined(schema *execute.Schema, s *plan.Supergraph, local *Local, shown bool) *joined {
	directed(schema.Schema(), local.Schema.Schema())
	return &joined{supergraph: schema, local: local, planner: s, shown: shown, known: make(map[*ast.OperationDefinition]*own)}
}

type ownKey struct{}

// ownMost bounds the operations remembered, as the supergraph's programs are bounded.
const ownMost = 4096

// before is the server's: it gives an operation that is the local graph's alone to it.
func (j *joined) before(ctx context.Context, oc *graphql.OperationContext) (context.Context, error) {
	o := j.own(ctx, oc)
	if o == nil {
		return ctx, nil
	}
	oc.Doc, oc.Operation = o.doc, o.op
	ctx, err := j.local.Before(ctx, oc)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, ownKey{}, o), nil
}

// Schema is the client's schema.
func (j *joined) Schema() *ast.Schema { return j.supergraph.Schema() }

// Complexity knows of no field; the server prices operations itself.
func (j *joined) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// Exec implements graphql.ExecutableSchema.
func (j *joined) Exec(ctx context.Context) graphql.ResponseHandler {
	o, ok := ctx.Value(ownKey{}).(*own)
	if !ok {
		return j.supergraph.Exec(ctx)
	}
	if !j.shown || o.plan.Kind == ast.Subscription || !execute.Wanted(graphql.GetOperationContext(ctx)) {
		return j.local.Schema.Exec(ctx)
	}
	_, e := execute.Explain(ctx)
	done := e.Begin(&execute.Call{Subgraph: j.local.Name, Fetch: 1})
	answer := j.local.Schema.Exec(ctx)
	return func(ctx context.Context) *graphql.Response {
		resp := answer(ctx)
		if resp != nil {
			done(len(resp.Data), nil)
			e.Show(ctx, o.plan)
		}
		return resp
	}
}

// own returns the operation as the local schema knows it; nil when it is not the local graph's
// alone.
func (j *joined) own(ctx context.Context, oc *graphql.OperationContext) *own {
	j.mu.RLock()
	o, known := j.known[oc.Operation]
	j.mu.RUnlock()
	if known {
		return o
	}
	p, err := j.planner.Plan(ctx, oc.Doc, oc.OperationName)
	if err != nil {
		return nil // Exec meets the same error, and tells it
	}
	if fetchesOnly(p.Root, j.local.Name) && len(j.planner.Demands(oc.Doc, oc.OperationName)) == 0 {
		o = j.read(oc, p)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.known) >= ownMost {
		clear(j.known)
	}
	j.known[oc.Operation] = o
	return o
}

// read reads an operation once more by the local schema. It is nil when that would answer otherwise
// than the supergraph: where it is introspected, or a field's type is another there.
func (j *joined) read(oc *graphql.OperationContext, p *plan.Plan) *own {
	doc, errs := gqlparser.LoadQueryWithRules(j.local.Schema.Schema(), oc.RawQuery, nil)
	if len(errs) > 0 {
		return nil
	}
	op := doc.Operations[0]
	if oc.OperationName != "" {
		op = doc.Operations.ForName(oc.OperationName)
	}
	if !j.same(op.SelectionSet) {
		return nil
	}
	return &own{doc, op, p}
}

// same reports whether every field selected is of the same type in both schemas.
func (j *joined) same(set ast.SelectionSet) bool {
	return !slices.ContainsFunc(set, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.InlineFragment:
			return !j.same(s.SelectionSet)
		case *ast.FragmentSpread:
			return !j.same(s.Definition.SelectionSet)
		case *ast.Field:
			if strings.HasPrefix(s.Name, "__") {
				return s.Name != "__typename"
			}
			def := j.Schema().Types[s.ObjectDefinition.Name]
			if def == nil {
				return true
			}
			f := def.Fields.ForName(s.Name)
			return f == nil || f.Type.String() != s.Definition.Type.String() || !j.same(s.SelectionSet)
		}
		return true
	})
}

// fetchesOnly reports whether a plan asks something of one subgraph, and nothing of any other.
func fetchesOnly(n plan.Node, subgraph string) bool {
	only := func(n plan.Node) bool { return fetchesOnly(n, subgraph) }
	not := func(n plan.Node) bool { return !only(n) }
	switch n := n.(type) {
	case *plan.Fetch:
		return n.Subgraph == subgraph
	case *plan.BatchFetch:
		return n.Subgraph == subgraph
	case *plan.Flatten:
		return n.Fetch.Subgraph == subgraph
	case *plan.Sequence:
		return !slices.ContainsFunc(n.Nodes, not)
	case *plan.Parallel:
		return !slices.ContainsFunc(n.Nodes, not)
	case *plan.Condition:
		return (n.Then == nil || only(n.Then)) && (n.Else == nil || only(n.Else))
	case *plan.Subscription:
		return only(n.Primary) && (n.Rest == nil || only(n.Rest))
	}
	return false
}

// read are the directives by which the server prices lists and lays out files.
var read = []string{"listSize", "columns"}

// directed gives the fields of the client's schema the directives in read that they have in the
// local one, which composition leaves out.
func directed(schema, local *ast.Schema) {
	for name, from := range local.Types {
		to := schema.Types[name]
		if to == nil || to.BuiltIn {
			continue
		}
		for _, f := range to.Fields {
			own := from.Fields.ForName(f.Name)
			if own == nil {
				continue
			}
			for _, directive := range read {
				if d := own.Directives.ForName(directive); d != nil && f.Directives.ForName(directive) == nil {
					f.Directives = append(f.Directives, d)
				}
			}
		}
	}
}
