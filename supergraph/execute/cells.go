package execute

// A cell is one value of a request's answer so far, or part of the head of an object or a list.
// Cells point into the bodies that subgraphs sent and into each other by number, so that the
// garbage collector has nothing to follow and a value is merged by copying twelve bytes.
type cell struct {
	tag  uint32 // kind in the low eight bits, number of the body above
	a, b uint32 // the value's bytes in its body, or the head of an object or a list
}

const (
	absent  uint8 = iota // nothing was answered
	null                 // a is where it stands
	text                 // bytes a to b of the body, quotes included
	number               // bytes a to b
	boolean              // bytes a to b
	opaque               // bytes a to b: an object that nobody selects from
	object               // a is the number of its head
	list                 // a is the number of its head, b how many items follow
)

// An object is three head cells and a cell a slot of its shape. A list is one head cell and its
// items. The first head cell holds the bytes of the whole value, an object's second the walk that
// saw it last and the copies made of it, its third where and as what it was written.
const (
	objectHead = 3
	listHead   = 1
)

func (c cell) kind() uint8  { return uint8(c.tag) }
func (c cell) body() uint32 { return c.tag >> 8 }

// bodiesMost is how many bodies a tag can name.
const bodiesMost = 1<<24 - 1

// memory holds the cells and bodies of one request. It is reused by later ones.
type memory struct {
	cells  []cell
	bodies [][]byte
	most   int // cells that may be used
}

// bytes returns the JSON of a value as its subgraph wrote it.
func (m *memory) bytes(c cell) []byte {
	switch c.kind() {
	case object, list:
		h := m.cells[c.a]
		return m.bodies[h.body()][h.a:h.b]
	}
	return m.bodies[c.body()][c.a:c.b]
}

// slot returns the value of an object's slot.
func (m *memory) slot(obj uint32, slot int) cell { return m.cells[int(obj)+objectHead+slot] }

func (m *memory) set(obj uint32, slot int, c cell) { m.cells[int(obj)+objectHead+slot] = c }

// items returns the items of a list. They are valid until the next cell is made.
func (m *memory) items(l cell) []cell {
	at := int(l.a) + listHead
	return m.cells[at : at+int(l.b)]
}

// newObject makes an object without values.
func (m *memory) newObject(slots int) (uint32, bool) {
	at := len(m.cells)
	n := objectHead + slots
	if at+n > m.most {
		return 0, false
	}
	if at+n <= cap(m.cells) {
		m.cells = m.cells[:at+n]
		clear(m.cells[at:])
	} else {
		m.cells = append(m.cells, make([]cell, n)...)
	}
	return uint32(at), true
}

// newList makes a list of the items.
func (m *memory) newList(head cell, items []cell) (cell, bool) {
	at := len(m.cells)
	if at+listHead+len(items) > m.most {
		return cell{}, false
	}
	m.cells = append(m.cells, head)
	m.cells = append(m.cells, items...)
	return cell{tag: head.tag&^0xff | uint32(list), a: uint32(at), b: uint32(len(items))}, true
}

// stamp marks an object as seen by a walk, and reports whether it was not yet. Walks have
// numbers above zero.
func (m *memory) stamp(obj, walk uint32) bool {
	h := &m.cells[obj+1]
	if h.tag == walk {
		return false
	}
	h.tag = walk
	return true
}

// written returns where the JSON of an object stands in the answer, when it was written there as
// these fields.
func (m *memory) written(obj, fields uint32) (from, to int) {
	if h := m.cells[obj+2]; h.tag == fields {
		return int(h.a), int(h.b)
	}
	return 0, 0
}

func (m *memory) setWritten(obj, fields uint32, from, to int) {
	m.cells[obj+2] = cell{fields, uint32(from), uint32(to)}
}

// copied notes that an object was made from another one and stands in its place.
func (m *memory) copied(from, to uint32) {
	m.cells[to+1].a, m.cells[from+1].b = m.cells[from+1].b, to
}

// versions calls do for an object and for everything that was copied from it. A call that asked for the object's sake
// holds its number while other answers are merged, and the tree may have come to hold the copies.
func (m *memory) versions(obj uint32, do func(obj uint32)) {
	do(obj)
	for c := m.cells[obj+1].b; c != 0; c = m.cells[c+1].a {
		m.versions(c, do)
	}
}

// merge adds the values of object src to object dst of the same shape. What is there already
// stays, but for nulls and the type's name, which a later subgraph knows better: one that has an
// interface as an object answers the interface's name. Objects and lists inside either are never
// changed, because others may share them.
func (m *memory) merge(dst, src uint32, s *shape) bool {
	for i := range s.keys {
		from := m.slot(src, i)
		if from.kind() == absent {
			continue
		}
		merged, ok := m.merged(m.slot(dst, i), from, s.below[i], i == s.typename)
		if !ok {
			return false
		}
		m.set(dst, i, merged)
	}
	return true
}

func (m *memory) merged(old, new cell, s *shape, replace bool) (cell, bool) {
	switch {
	case old.kind() == absent || old.kind() == null:
		return new, true
	case new.kind() == object && old.kind() == object && s != nil && old.a != new.a:
		at, ok := m.newObject(len(s.keys))
		if !ok {
			return cell{}, false
		}
		m.cells[at] = m.cells[old.a]
		m.copied(old.a, at)
		copy(m.cells[at+objectHead:], m.cells[old.a+objectHead:int(old.a)+objectHead+len(s.keys)])
		return cell{tag: old.tag, a: at}, m.merge(at, new.a, s)
	case new.kind() == list && old.kind() == list && s != nil && old.b == new.b && old.a != new.a:
		both, ok := m.newList(m.cells[old.a], m.items(old))
		for i := uint32(0); ok && i < old.b; i++ {
			var item cell
			item, ok = m.merged(m.cells[old.a+listHead+i], m.cells[new.a+listHead+i], s, false)
			m.cells[both.a+listHead+i] = item
		}
		return both, ok
	case replace && new.kind() == text:
		return new, true
	}
	return old, true
}
