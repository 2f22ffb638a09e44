package execute

import (
	"bytes"
	"fmt"
	"slices"

	"linhui/internal/fault"
)

// merged reads a body and puts its values where they belong.
func (x *execution) merged(k *call, body []byte) error {
	if x.read += len(body); x.read > x.limits.Bodies {
		x.fatal = fault.Newf(fault.CostExceeded, "the subgraphs answered more than %d bytes: ask for fewer rows or fields", x.limits.Bodies)
		return nil
	}
	if len(x.bodies) > bodiesMost || len(body) > 1<<31 {
		return errTooLarge
	}
	x.bodies = append(x.bodies, body)
	r := &x.reader
	r.scanner = scanner{body: body}
	r.tag, r.depth = uint32(len(x.bodies)-1)<<8, 0
	e, err := r.response(k.answer)
	if err != nil {
		return err
	}
	g := &x.reps[k.number]
	told := x.toldErrors(k, e.errors, g)
	switch {
	case e.data.kind() == object:
	case told:
		return nil
	case e.data.kind() == absent, e.data.kind() == null:
		return fmt.Errorf("neither data nor errors were answered")
	default:
		return fmt.Errorf("data is no object")
	}
	if k.targets == nil {
		return x.mergeRoot(k, e.data.a)
	}
	for i := range k.targets {
		if err := x.mergeEntities(k, i, e.data.a, g, told); err != nil {
			return err
		}
	}
	return nil
}

func (x *execution) mergeRoot(k *call, data uint32) error {
	x.rename(data, k.into.rewrites)
	ok := true
	x.each(&k.into, func(obj uint32) { ok = ok && x.merge(obj, data, k.into.shape) })
	if !ok {
		return errTooLarge
	}
	return nil
}

func (x *execution) mergeEntities(k *call, ti int, data uint32, g *gathered, told bool) error {
	t := &k.targets[ti]
	l := x.slot(data, t.slot)
	count := g.counts[ti]
	switch {
	case l.kind() == list && int(l.b) == count:
	case l.kind() != list && (told || count == 0):
		return nil
	case l.kind() != list:
		return fmt.Errorf("%s is no list", t.alias)
	default:
		return fmt.Errorf("%s has %d elements for %d representations", t.alias, l.b, count)
	}
	clear(g.read)
	for i, w := range g.wanted {
		if int(w.target) != ti {
			continue
		}
		p := &t.places[w.place]
		c := x.cells[int(l.a)+listHead+int(w.rep)]
		if t.again {
			var err error
			if c, err = x.readAgain(c, p, w, g); err != nil {
				return err
			}
		}
		switch c.kind() {
		case null:
			continue
		case object:
		default:
			return fmt.Errorf("%s has an element that is no object", t.alias)
		}
		if p.rewrites != nil {
			x.rename(c.a, p.rewrites)
		}
		ok := true
		x.versions(w.object, func(obj uint32) { ok = ok && x.merge(obj, c.a, p.shape) })
		for _, slot := range g.lost[i] {
			x.versions(w.object, func(obj uint32) { x.set(obj, slot, cell{}) })
		}
		if !ok {
			return errTooLarge
		}
	}
	return nil
}

// readAgain reads an element for the shape of one of several places: once for all objects there,
// or, when paths part by type, for each object.
func (x *execution) readAgain(c cell, p *place, w wanted, g *gathered) (cell, error) {
	if c.kind() != opaque {
		return c, nil
	}
	id := [2]int32{w.rep, w.place}
	if known, ok := g.read[id]; ok && !x.program.apart {
		return known, nil
	}
	x.reader.scanner.at, x.reader.depth = int(c.a), 0
	made, err := x.reader.value(p.shape)
	if err == nil {
		if g.read == nil {
			g.read = make(map[[2]int32]cell)
		}
		g.read[id] = made
	}
	return made, err
}

// rename does the rewrites of an answer that starts at an object.
func (x *execution) rename(obj uint32, list []rewrite) {
	for i := range list {
		r := &list[i]
		x.follow(cell{tag: uint32(object), a: obj}, r.steps, func(at uint32) {
			if c := x.slot(at, r.from); c.kind() != absent {
				x.set(at, r.to, c)
				x.set(at, r.from, cell{})
			}
		})
	}
}

// each calls do once for every object at a place.
func (x *execution) each(p *place, do func(obj uint32)) {
	x.walk++
	x.follow(cell{tag: uint32(object), a: x.root}, p.steps, func(obj uint32) {
		if x.stamp(obj, x.walk) {
			do(obj)
		}
	})
}

// follow calls do for every object that steps lead to from a value.
func (x *execution) follow(c cell, steps []step, do func(obj uint32)) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.each:
			if c.kind() != list {
				return
			}
			for j := range int(c.b) {
				x.follow(x.cells[int(c.a)+listHead+j], steps[i+1:], do)
			}
			return
		case c.kind() != object:
			return
		case s.types != nil:
			if !x.isOneOf(c.a, s.shape, s.types) {
				return
			}
		default:
			c = x.slot(c.a, s.slot)
		}
	}
	if c.kind() == object {
		do(c.a)
	}
}

// typeName is the name of an object's type as JSON; nil when nobody said.
func (x *execution) typeName(obj uint32, s *shape) []byte {
	if s.typename >= 0 {
		if c := x.slot(obj, s.typename); c.kind() == text {
			return x.bytes(c)
		}
	}
	return s.staticJSON
}

func (x *execution) isOneOf(obj uint32, s *shape, types []string) bool {
	name := x.typeName(obj, s)
	if name == nil {
		return false
	}
	return slices.ContainsFunc(types, func(t string) bool { return len(name) == len(t)+2 && bytes.Equal(name[1:len(name)-1], []byte(t)) })
}
