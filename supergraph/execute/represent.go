package execute

import (
	"bytes"
	"encoding/json"
	"hash/maphash"

	"linhui/internal/fault"
)

// gathered is what one call asks entities for: which objects wait for which representation.
type gathered struct {
	wanted []wanted
	counts []int             // representations, by target
	lost   map[int][]int     // slots of what lacks its requirements, by index of wanted
	read   map[[2]int32]cell // elements that were read again, by representation and place
	spans  []span            // of representations in the request
}

type wanted struct {
	object             uint32
	rep, target, place int32
}

type span struct{ from, to int }

// objects returns the objects that wait for a representation at a place.
func (x *execution) objects(g *gathered, target, place, rep int) map[uint32]bool {
	var found map[uint32]bool
	for _, w := range g.wanted {
		if int(w.target) == target && int(w.place) == place && int(w.rep) == rep {
			if found == nil {
				found = make(map[uint32]bool)
			}
			x.versions(w.object, func(obj uint32) { found[obj] = true })
		}
	}
	return found
}

// request makes the body of a call; wanted is false when there is nothing to ask for.
func (x *execution) request(k *call) (body []byte, wanted bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := append(x.asks[k.number][:0], k.head...)
	defer func() { x.asks[k.number] = body }()
	for i, v := range k.variables {
		raw, sent := x.variable(v.name)
		if !sent {
			continue
		}
		if i > 0 && b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, v.key...), raw...)
	}
	if k.targets == nil {
		reached := len(k.into.path) == 0
		if !reached {
			x.each(&k.into, func(uint32) { reached = true })
		}
		return append(b, "}}"...), reached
	}
	g := &x.reps[k.number]
	g.wanted, g.counts = g.wanted[:0], g.counts[:0]
	clear(g.lost)
	for ti := range k.targets {
		t := &k.targets[ti]
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, t.key...), '[')
		b = x.representations(b, t, ti, g)
		b = append(b, ']')
		wanted = wanted || g.counts[ti] > 0
	}
	return append(b, "}}"...), wanted && x.fatal == nil
}

// variable returns a variable of the client as JSON; false when it was not given.
func (x *execution) variable(name string) ([]byte, bool) {
	if raw, ok := x.encoded[name]; ok {
		return raw, raw != nil
	}
	v, given := x.variables[name]
	var raw []byte
	if given {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if enc.Encode(v) == nil {
			raw = bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
		}
	}
	x.encoded[name] = raw
	return raw, raw != nil
}

// representations appends those of one target, each of them once.
func (x *execution) representations(b []byte, t *target, ti int, g *gathered) []byte {
	clear(x.table)
	g.spans = g.spans[:0]
	for pi := range t.places {
		p := &t.places[pi]
		x.each(p, func(obj uint32) {
			from := len(b)
			if from > x.limits.Bodies && x.fatal == nil {
				x.fatal = fault.Newf(fault.CostExceeded, "what would be sent to a subgraph is larger than %d bytes: ask for fewer rows or fields", x.limits.Bodies)
			}
			if x.fatal != nil {
				return
			}
			if len(g.spans) > 0 {
				b = append(b, ',')
			}
			start := len(b)
			var lost []int
			var ok bool
			if b, lost, ok = x.representation(b, obj, p); !ok {
				b = b[:from]
				return
			}
			if lost != nil {
				if g.lost == nil {
					g.lost = make(map[int][]int)
				}
				g.lost[len(g.wanted)] = lost
			}
			h := maphash.Bytes(seed, b[start:])
			for {
				rep, known := x.table[h]
				if !known {
					rep = int32(len(g.spans))
					x.table[h] = rep
					g.spans = append(g.spans, span{start, len(b)})
				} else if s := g.spans[rep]; !bytes.Equal(b[s.from:s.to], b[start:]) {
					h++
					continue
				} else {
					b = b[:from]
				}
				g.wanted = append(g.wanted, wanted{obj, rep, int32(ti), int32(pi)})
				return
			}
		})
	}
	g.counts = append(g.counts, len(g.spans))
	return b
}

// representation appends that of one object; false when it is not to be asked for. lost are slots of what the answer may
// not be used for.
func (x *execution) representation(b []byte, obj uint32, p *place) (_ []byte, lost []int, ok bool) {
	for i := range p.requires {
		r := &p.requires[i]
		if len(r.types) > 0 && !x.isOneOf(obj, p.shape, r.types) {
			continue
		}
		name := r.typeName
		if name == nil {
			if name = x.typeName(obj, p.shape); name == nil {
				return b, nil, false
			}
		}
		b = append(append(b, `{"__typename":`...), name...)
		keys, nulls := 0, 0
		for j := range r.fields {
			f := &r.fields[j]
			if len(f.types) > 0 && !x.isOneOf(obj, p.shape, f.types) {
				continue
			}
			c := x.slot(obj, f.slot)
			if f.isKey {
				keys++
				if c.kind() == null {
					nulls++
				}
			}
			b = append(append(b, ','), f.name...)
			from := len(b)
			if b, ok = x.part(b, c, f); ok {
				continue
			}
			if f.isKey || !r.partly || f.lost == nil {
				return b, nil, false
			}
			b = append(b[:from], "null"...)
			lost = append(lost, f.lost...)
		}
		return append(b, '}'), lost, keys == 0 || nulls < keys
	}
	return b, nil, false
}

// part appends the value of one field of a representation; false when a value that it needs was
// never answered.
func (x *execution) part(b []byte, c cell, f *requiredField) ([]byte, bool) {
	switch kind := c.kind(); {
	case kind == absent:
		return b, false
	case kind == null:
		return append(b, "null"...), true
	case f.fields == nil:
		return append(b, x.bytes(c)...), true
	case kind == list:
		b = append(b, '[')
		for i := range int(c.b) {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = x.part(b, x.cells[int(c.a)+listHead+i], f); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case kind != object:
		return b, false
	}
	b = append(b, '{')
	first := true
	for i := range f.fields {
		sub := &f.fields[i]
		if len(sub.types) > 0 && !x.isOneOf(c.a, f.shape, sub.types) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		var ok bool
		if b, ok = x.part(append(b, sub.name...), x.slot(c.a, sub.slot), sub); !ok {
			return b, false
		}
	}
	return append(b, '}'), true
}
