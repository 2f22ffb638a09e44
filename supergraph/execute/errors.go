package execute

import (
	"encoding/json"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// Error is one error of an answer, in the client's terms.
type Error struct {
	Path  ast.Path // nil: of the whole answer
	Fault *fault.Error
	fetch int // in the plan; 0: found while writing
}

const (
	errorsMost   = 100 // kept of one answer; the server shows no more either
	messageBytes = 500 // of a subgraph's message; chosen
	pathMost     = 64  // steps of a subgraph's path; deeper than any document may be
	twinsMost    = 8   // places named when one answer of a subgraph is missing in several; chosen
)

func (x *execution) add(e *Error) {
	if len(x.errors) < errorsMost {
		x.errors = append(x.errors, e)
	}
}

// explained reports whether an error is told of already at path, above it or below it.
func (x *execution) explained(path ast.Path) bool {
	for _, e := range x.errors {
		n := min(len(e.Path), len(path))
		if same(e.Path[:n], path[:n]) {
			return true
		}
	}
	return false
}

func same(a, b ast.Path) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// failed tells that a call has no answer at all.
func (x *execution) failed(k *call, err error) {
	f := fault.Of(err)
	if f.Code == fault.Internal {
		f = fault.Newf(fault.SourceUnavailable, "the subgraph %s did not answer as it should", k.subgraph).Because(err)
	}
	x.everywhere(k, f)
}

// everywhere adds an error at each place that a call's answer would have filled.
func (x *execution) everywhere(k *call, f *fault.Error) {
	f = f.With("subgraph", k.subgraph)
	if k.targets == nil && len(k.into.path) == 0 {
		for _, key := range k.keys {
			x.add(&Error{ast.Path{ast.PathName(key)}, f, k.id})
		}
		if len(k.keys) == 0 {
			x.add(&Error{nil, f, k.id})
		}
		return
	}
	for _, p := range k.places() {
		x.add(&Error{firstPart(p.path), f, k.id})
	}
}

func (k *call) places() []place {
	if k.targets == nil {
		return []place{k.into}
	}
	var list []place
	for _, t := range k.targets {
		list = append(list, t.places...)
	}
	return list
}

// firstPart is the beginning of a path that is the same for everything it leads to.
func firstPart(p plan.Path) ast.Path {
	var path ast.Path
	for _, s := range p {
		if s.Each {
			break
		}
		if s.Key != "" {
			path = append(path, ast.PathName(s.Key))
		}
	}
	return path
}

// told is an error as a subgraph tells it.
type told struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// toldErrors adds the errors that a subgraph answered. It reports whether there were any.
func (x *execution) toldErrors(k *call, raw []byte, g *gathered) bool {
	if len(raw) == 0 || string(raw) == "null" {
		return false
	}
	var list []told
	if err := json.Unmarshal(raw, &list); err != nil {
		x.everywhere(k, fault.Newf(fault.SourceUnavailable, "the subgraph %s answered errors that cannot be read", k.subgraph).Because(err))
		return true
	}
	for i, t := range list {
		if i == errorsMost {
			break
		}
		f := x.policy(k.subgraph).fault(k.subgraph, &t).With("subgraph", k.subgraph)
		paths := x.clientPaths(k, t.Path, g)
		if paths == nil {
			x.everywhere(k, f)
		}
		for _, path := range paths {
			x.add(&Error{path, f, k.id})
		}
	}
	return len(list) > 0
}

// clientPaths turns a subgraph's path into the client's; nil when it says nothing.
func (x *execution) clientPaths(k *call, path []any, g *gathered) []ast.Path {
	if len(path) == 0 || len(path) > pathMost {
		return nil
	}
	if k.targets == nil {
		rest := clientSteps(path, k.into.rewrites)
		if len(k.into.path) == 0 {
			if len(rest) == 0 {
				return nil
			}
			return []ast.Path{rest}
		}
		return []ast.Path{append(firstPart(k.into.path), rest...)}
	}
	alias, _ := path[0].(string)
	for ti := range k.targets {
		t := &k.targets[ti]
		if t.alias != alias || len(path) < 2 {
			continue
		}
		index, ok := path[1].(float64)
		if !ok {
			return nil
		}
		var found []ast.Path
		for pi := range t.places {
			p := &t.places[pi]
			wanted := x.objects(g, ti, pi, int(index))
			if len(wanted) == 0 {
				continue
			}
			rest := clientSteps(path[2:], p.rewrites)
			x.locate(p, wanted, func(at ast.Path) bool {
				found = append(found, append(at, rest...))
				return len(found) < twinsMost
			})
		}
		return found
	}
	return nil
}

// clientSteps is the part of a subgraph's path that the client knows, with its renames undone.
func clientSteps(path []any, rewrites []rewrite) ast.Path {
	var steps ast.Path
	for _, s := range path {
		switch s := s.(type) {
		case float64:
			steps = append(steps, ast.PathIndex(int(s)))
		case string:
			for _, r := range rewrites {
				if r.rename.From == s {
					s = r.rename.To
				}
			}
			if strings.HasPrefix(s, internalKey) {
				return steps
			}
			steps = append(steps, ast.PathName(s))
		default:
			return steps
		}
	}
	return steps
}

// locate calls found with the client's path of every way to one of the wanted objects, until it
// returns false.
func (x *execution) locate(p *place, wanted map[uint32]bool, found func(ast.Path) bool) {
	more := true
	var walk func(c cell, steps []step, keys plan.Path, at ast.Path)
	walk = func(c cell, steps []step, keys plan.Path, at ast.Path) {
		switch {
		case !more:
		case len(steps) == 0:
			if c.kind() == object && wanted[c.a] {
				more = found(append(ast.Path(nil), at...))
			}
		case steps[0].each:
			if c.kind() != list {
				return
			}
			for i := range int(c.b) {
				walk(x.cells[int(c.a)+listHead+i], steps[1:], keys[1:], append(at, ast.PathIndex(i)))
			}
		case c.kind() != object:
		case steps[0].types != nil:
			if x.isOneOf(c.a, steps[0].shape, steps[0].types) {
				walk(c, steps[1:], keys[1:], at)
			}
		default:
			walk(x.slot(c.a, steps[0].slot), steps[1:], keys[1:], append(at, ast.PathName(keys[0].Key)))
		}
	}
	walk(cell{tag: uint32(object), a: x.root}, p.steps, p.path, nil)
}
