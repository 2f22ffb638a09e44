package plan

import (
	"context"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph/join"
)

func (s *Supergraph) plan(ctx context.Context, doc *ast.QueryDocument, refused []*Demand) (*Plan, error) {
	op := doc.Operations[0]
	def := map[ast.Operation]*ast.Definition{ast.Query: s.model.Full.Query, ast.Mutation: s.model.Full.Mutation, ast.Subscription: s.model.Full.Subscription}[op.Operation]
	if def == nil {
		return nil, fault.Newf(fault.BadUserInput, "the schema has no %s type", op.Operation)
	}
	for _, d := range op.Directives {
		return nil, fault.Newf(fault.BadUserInput, "the directive @%s is not supported on operations on a supergraph", d.Name)
	}
	out := &Plan{Kind: op.Operation, Document: doc, Refused: s.refused(doc, refused)}
	d := &dissolver{schema: s.model.API, full: s.model.Full, fragments: doc.Fragments, refused: out.Refused, left: s.limits.Fields}
	root := &group{def: def}
	if d.add(root, op.SelectionSet, nil, nil); d.err != nil {
		return nil, d.err
	}
	b := &builder{s: s, op: op}
	if len(root.wants) == 0 {
		return out, nil
	}
	var err error
	switch op.Operation {
	case ast.Query:
		p := s.newPlanner(ctx)
		if err = p.all(root, func(*join.Subgraph) bool { return true }); err == nil {
			out.Root, err = b.tree(p)
		}
	case ast.Mutation:
		out.Root, err = b.mutation(ctx, root)
	case ast.Subscription:
		out.Root, err = b.subscription(ctx, root)
	}
	if err != nil {
		return nil, err
	}
	out.Fetches = b.calls
	return out, nil
}

func (s *Supergraph) newPlanner(ctx context.Context) *planner {
	return &planner{s: s, ctx: ctx, sets: map[string]*group{}, narrow: map[narrowed]any{}}
}

// all plans everything that g wants of the root.
func (p *planner) all(g *group, only func(*join.Subgraph) bool) error {
	root := p.root(g.def, only)
	root.ask(g)
	leaves, ok := p.leaves(root, g, nil)
	if ok {
		_, ok = p.pick(leaves)
	}
	if p.err != nil {
		return p.err
	}
	if !ok {
		return p.unreachable()
	}
	tries(leaves)
	p.commit(leaves)
	return p.err
}

func (p *planner) unreachable() error {
	if p.lost == nil {
		return fault.Newf(fault.Internal, "the operation cannot be planned")
	}
	return fault.Newf(fault.Internal, "the operation cannot be planned: %s cannot be reached at %s; tried: %s", leaf{pos: p.lost.pos, w: p.lost.w}.name(), p.lost.path(), p.lost.tried())
}

// run is a part of a mutation that one subgraph does.
type run struct {
	g    *join.Subgraph
	root *group
}

// runs assigns each root field to one subgraph, for it must be done once and no more, and joins neighbours.
func (b *builder) runs(ctx context.Context, root *group) ([]run, error) {
	var out []run
	for _, turn := range turns(root.wants) {
		var best *join.Subgraph
		fewest := 0
		var first error
		name := turn[0].name
		for _, g := range b.s.model.Subgraphs {
			if v := g.Types[root.def.Name]; v == nil || v.Fields[name] == nil || v.Fields[name].External {
				continue
			}
			p := b.s.newPlanner(ctx)
			err := p.all(&group{def: root.def, wants: turn}, func(x *join.Subgraph) bool { return x == g })
			if err != nil {
				if first == nil {
					first = err
				}
				continue
			}
			if best == nil || len(p.fetches) < fewest {
				best, fewest = g, len(p.fetches)
			}
		}
		if best == nil {
			if first == nil {
				first = fault.Newf(fault.Internal, "the operation cannot be planned: no subgraph answers %s.%s", root.def.Name, name)
			}
			return nil, first
		}
		if n := len(out); n > 0 && out[n-1].g == best {
			out[n-1].root.wants = append(out[n-1].root.wants, turn...)
		} else {
			out = append(out, run{best, &group{def: root.def, wants: turn}})
		}
	}
	return out, nil
}

func (b *builder) mutation(ctx context.Context, root *group) (Node, error) {
	runs, err := b.runs(ctx, root)
	if err != nil {
		return nil, err
	}
	var nodes []Node
	for _, r := range runs {
		p := b.s.newPlanner(ctx)
		if err := p.all(r.root, func(g *join.Subgraph) bool { return g == r.g }); err != nil {
			return nil, err
		}
		n, err := b.tree(p)
		if err != nil {
			return nil, err
		}
		if s, ok := n.(*Sequence); ok {
			nodes = append(nodes, s.Nodes...)
		} else {
			nodes = append(nodes, n)
		}
	}
	return sequence(nodes), nil
}

func (b *builder) subscription(ctx context.Context, root *group) (Node, error) {
	if len(root.wants) != 1 {
		return nil, fault.Newf(fault.BadUserInput, "a subscription must have one root field")
	}
	if len(root.wants[0].conds) > 0 {
		return nil, fault.Newf(fault.BadUserInput, "the root field of a subscription cannot be conditional")
	}
	runs, err := b.runs(ctx, root)
	if err != nil {
		return nil, err
	}
	p := b.s.newPlanner(ctx)
	if err := p.all(root, func(g *join.Subgraph) bool { return g == runs[0].g }); err != nil {
		return nil, err
	}
	n, err := b.tree(p)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *Fetch:
		return &Subscription{Primary: n}, nil
	case *Sequence:
		if f, ok := n.Nodes[0].(*Fetch); ok {
			return &Subscription{Primary: f, Rest: sequence(slices.Clone(n.Nodes[1:]))}, nil
		}
	}
	return nil, fault.Newf(fault.Internal, "the operation cannot be planned: a subscription must begin with one fetch")
}

func sequence(nodes []Node) Node {
	switch len(nodes) {
	case 0:
		return nil
	case 1:
		return nodes[0]
	}
	return &Sequence{nodes}
}
