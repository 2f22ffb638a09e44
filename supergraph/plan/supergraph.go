package plan

import (
	"context"
	"sort"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph/join"
)

// Limits bound the work of planning one operation.
type Limits struct {
	// Time is how long planning one operation may take; zero is 2 s (chosen: a hundred times what the
	// benchmark's query takes).
	Time time.Duration
	// Fields is how many fields an operation may have once its fragments are dissolved; zero is 20,000.
	Fields int
	// Steps is how many ways to reach a field may be weighed; zero is 5,000,000.
	Steps int
	// Plans is how many plans are kept; zero is 1,024, negative none.
	Plans int
}

func (l Limits) filled() Limits {
	if l.Time == 0 {
		l.Time = 2 * time.Second
	}
	if l.Fields == 0 {
		l.Fields = 20_000
	}
	if l.Steps == 0 {
		l.Steps = 5_000_000
	}
	if l.Plans == 0 {
		l.Plans = 1024
	}
	return l
}

// Supergraph plans operations. It is safe for concurrent use; only its plan cache changes.
type Supergraph struct {
	model   *join.Supergraph
	limits  Limits
	jumps   map[string][]*jump // by type
	demands map[string]*Demand // of fields that not every viewer may see, by "Type.field"
	cache   *cache
}

// jump is a way to enter a subgraph at an object of some type: an entity fetch.
type jump struct {
	g    *join.Subgraph
	view *join.View
	rep  string // the __typename of its representations
	keys []*group
}

// New reads a supergraph SDL.
func New(sdl string) (*Supergraph, error) { return NewWithLimits(sdl, Limits{}) }

// NewWithLimits is New with limits other than the default ones.
func NewWithLimits(sdl string, limits Limits) (*Supergraph, error) {
	model, err := join.Read(sdl)
	if err != nil {
		return nil, err
	}
	s := &Supergraph{model: model, limits: limits.filled(), jumps: map[string][]*jump{}}
	s.cache = newCache(s.limits.Plans)
	names := make([]string, 0, len(model.Full.Types))
	for name := range model.Full.Types {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := s.addJumps(model.Full.Types[name]); err != nil {
			return nil, err
		}
	}
	s.demands = demandsOf(model)
	return s, nil
}

// APISchema is what clients see.
func (s *Supergraph) APISchema() *ast.Schema { return s.model.API }

// APISDL is the text of APISchema.
func (s *Supergraph) APISDL() string { return s.model.APISDL }

// Subgraphs lists the names and addresses of the subgraphs, in the supergraph's order. An address may be empty.
func (s *Supergraph) Subgraphs() []SubgraphInfo {
	out := make([]SubgraphInfo, len(s.model.Subgraphs))
	for i, g := range s.model.Subgraphs {
		out[i] = SubgraphInfo{Name: g.Name, URL: g.URL}
	}
	return out
}

// SubgraphInfo is what a supergraph says of a subgraph.
type SubgraphInfo struct{ Name, URL string }

func (s *Supergraph) addJumps(def *ast.Definition) error {
	if def.Kind != ast.Object && def.Kind != ast.Interface {
		return nil
	}
	keys := map[string]*group{} // equal keys are one group, so that they are weighed once
	for _, g := range s.model.Subgraphs {
		for _, as := range append([]string{def.Name}, def.Interfaces...) {
			v := g.Types[as]
			if v == nil || (as != def.Name && !v.InterfaceObject) {
				continue
			}
			j := &jump{g: g, view: v, rep: as}
			for _, k := range v.Keys {
				if !k.Resolvable {
					continue
				}
				if key := keys[k.Text]; key != nil {
					j.keys = append(j.keys, key)
					continue
				}
				d := &dissolver{schema: s.model.Full, full: s.model.Full, internal: true, left: s.limits.Fields}
				key := &group{def: def}
				if d.add(key, k.Selection, nil, nil); d.err != nil {
					return fault.Newf(fault.BadUserInput, "the key %q of %s in the subgraph %s cannot be read: %s", k.Text, as, g.Name, fault.Of(d.err).Message)
				}
				keys[k.Text] = key
				j.keys = append(j.keys, key)
			}
			if len(j.keys) > 0 {
				s.jumps[def.Name] = append(s.jumps[def.Name], j)
			}
		}
	}
	return nil
}

// Plan plans the operation of the given name, or the only one. The document must be valid against APISchema.
// Fields whose Demands are refused are not asked for. The plan may be shared with other callers.
func (s *Supergraph) Plan(ctx context.Context, doc *ast.QueryDocument, operationName string, refused ...*Demand) (*Plan, error) {
	one, err := alone(doc, operationName)
	if err != nil {
		return nil, err
	}
	key := normal(one)
	for _, d := range refused {
		key += d.text
	}
	if p := s.cache.get(key); p != nil {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Time)
	defer cancel()
	p, err := s.plan(ctx, one, refused)
	if err != nil {
		return nil, err
	}
	s.cache.put(key, p)
	return p, nil
}

// CacheStats counts what the plan cache did since the supergraph was made.
func (s *Supergraph) CacheStats() CacheStats { return s.cache.stats() }

// alone is the document with one operation and the fragments it uses.
func alone(doc *ast.QueryDocument, name string) (*ast.QueryDocument, error) {
	var op *ast.OperationDefinition
	switch {
	case len(doc.Operations) == 0:
		return nil, fault.Newf(fault.BadUserInput, "the document has no operation")
	case name != "":
		if op = doc.Operations.ForName(name); op == nil {
			return nil, fault.Newf(fault.BadUserInput, "the document has no operation of the name that was asked for")
		}
	case len(doc.Operations) > 1:
		return nil, fault.Newf(fault.BadUserInput, "the document has several operations: operationName must say which one")
	default:
		op = doc.Operations[0]
	}
	out := &ast.QueryDocument{Operations: ast.OperationList{op}}
	used := map[string]bool{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				if f := doc.Fragments.ForName(s.Name); f != nil && !used[s.Name] {
					used[s.Name] = true
					walk(f.SelectionSet)
				}
			}
		}
	}
	walk(op.SelectionSet)
	for _, f := range doc.Fragments {
		if used[f.Name] {
			out.Fragments = append(out.Fragments, f)
		}
	}
	return out, nil
}
