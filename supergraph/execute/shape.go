package execute

import (
	"encoding/json"
	"slices"
)

// A shape is a place in the tree of answers: the response keys that any fetch asks for there,
// each with a slot in the objects that stand there.
type shape struct {
	number     uint32 // of its program
	names      []string
	keys       [][]byte // "name": as JSON has it, for one comparison
	below      []*shape // of the objects in a slot; nil: a leaf
	from       []string // the first subgraph that is asked for a slot; empty: none is
	index      map[string]int
	typename   int    // slot of __typename; -1: nobody asks
	static     string // the type of every object here, when the client's schema fixes it
	staticJSON []byte
	// interned: objects of equal bytes in one body may be one object. Not below a type
	// condition, where two fields of one response key may differ in what is asked of their values.
	interned bool
}

// slotOf returns the slot of a response key, and makes one where there is none.
func (s *shape) slotOf(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	i := len(s.names)
	key, _ := json.Marshal(name)
	s.names = append(s.names, name)
	s.keys = append(s.keys, append(key, ':'))
	s.below = append(s.below, nil)
	s.from = append(s.from, "")
	if s.index == nil {
		s.index = make(map[string]int)
	}
	s.index[name] = i
	if name == "__typename" {
		s.typename = i
	}
	return i
}

// find returns the slot of a key as a body spells it, without its quotes; -1 when nobody asked.
func (s *shape) find(raw []byte) int {
	if slices.Contains(raw, '\\') {
		var name string
		if json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &name) != nil {
			return -1
		}
		raw = []byte(name)
	}
	if i, ok := s.index[string(raw)]; ok {
		return i
	}
	return -1
}

// finish says of this shape and those below what only the whole program tells.
func (s *shape) finish(apart bool, seen map[*shape]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	s.interned = s.interned && !apart
	if s.static != "" {
		s.staticJSON = []byte(`"` + s.static + `"`)
	}
	for _, b := range s.below {
		b.finish(apart, seen)
	}
}
