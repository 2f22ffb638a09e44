package execute

import (
	"bytes"
	"errors"
	"hash/maphash"
)

// errTooLarge refuses an answer of more values than a request may hold.
var errTooLarge = errors.New("the answer holds too many values")

// reader reads one body into cells.
type reader struct {
	scanner
	*memory
	tag   uint32 // of cells of this body
	depth int    // of lists inside one another
	stack []cell // items of lists that are not complete
	same  map[uint64]uint32
}

// seed is one for all programs: hashes leave neither the process nor a request.
var seed = maphash.MakeSeed()

// envelope is what a body holds beside its data.
type envelope struct {
	data   cell
	errors []byte // JSON; nil: none
}

// response reads a whole body.
func (r *reader) response(s *shape) (envelope, error) {
	var e envelope
	clear(r.same)
	r.stack = r.stack[:0]
	if r.space() != '{' {
		return e, r.broken("it is no object")
	}
	r.at++
	if r.space() == '}' {
		r.at++
	} else {
		for more := true; more; {
			name, err := r.key()
			if err != nil {
				return e, err
			}
			r.space()
			from := r.at
			switch string(name) {
			case "data":
				e.data, err = r.value(s)
			case "errors":
				if err = r.skip(0); err == nil {
					e.errors = r.scanner.body[from:r.at]
				}
			default:
				err = r.skip(0)
			}
			if err != nil {
				return e, err
			}
			if more, err = r.comma('}'); err != nil {
				return e, err
			}
		}
	}
	if r.space(); r.at != len(r.scanner.body) {
		return e, r.broken("more than one value")
	}
	return e, nil
}

// key reads a key and its colon and returns it without quotes.
func (r *reader) key() ([]byte, error) {
	if r.space() != '"' {
		return nil, r.broken("a key is missing")
	}
	from := r.at
	if err := r.text(); err != nil {
		return nil, err
	}
	name := r.scanner.body[from+1 : r.at-1]
	return name, r.colon()
}

// value reads a value; s is the shape of the objects in it, nil for a leaf.
func (r *reader) value(s *shape) (cell, error) {
	c := r.space()
	from := r.at
	switch {
	case c == '{' && s != nil:
		return r.object(s)
	case c == '{':
		err := r.skip(0)
		return r.cell(opaque, from), err
	case c == '[':
		return r.list(s)
	}
	kind, err := r.scalar()
	return r.cell(kind, from), err
}

func (r *reader) cell(kind uint8, from int) cell {
	return cell{tag: r.tag | uint32(kind), a: uint32(from), b: uint32(r.at)}
}

func (r *reader) list(s *shape) (cell, error) {
	from := r.at
	base := len(r.stack)
	if r.depth++; r.depth > depthMost {
		return cell{}, r.broken("too many lists inside one another")
	}
	r.at++
	if r.space() == ']' {
		r.at++
	} else {
		for more := true; more; {
			item, err := r.value(s)
			if err != nil {
				return cell{}, err
			}
			r.stack = append(r.stack, item)
			if more, err = r.comma(']'); err != nil {
				return cell{}, err
			}
		}
	}
	r.depth--
	l, ok := r.newList(r.cell(list, from), r.stack[base:])
	r.stack = r.stack[:base]
	if !ok {
		return cell{}, errTooLarge
	}
	return l, nil
}

func (r *reader) object(s *shape) (cell, error) {
	from := r.at
	first := len(r.cells)
	obj, ok := r.newObject(len(s.keys))
	if !ok {
		return cell{}, errTooLarge
	}
	r.at++
	if r.space() == '}' {
		r.at++
	} else {
		next := 0 // subgraphs mostly answer in the order of the selection, and so do slots stand
		for more := true; more; {
			slot, err := r.slotHere(s, next)
			if err != nil {
				return cell{}, err
			}
			if slot < 0 {
				err = r.skip(0)
			} else {
				var v cell
				v, err = r.value(s.below[slot])
				r.set(obj, slot, v)
				next = slot + 1
			}
			if err != nil {
				return cell{}, err
			}
			if more, err = r.comma('}'); err != nil {
				return cell{}, err
			}
		}
	}
	head := r.cell(object, from)
	if s.interned {
		id := r.hash(s, head)
		if twin, known := r.same[id]; known && r.equal(twin, head) {
			r.cells = r.cells[:first]
			return cell{tag: head.tag, a: twin}, nil
		}
		r.same[id] = obj
	}
	r.cells[obj] = head
	return cell{tag: head.tag, a: obj}, nil
}

// nearSlots is how many slots are tried before the key is looked up; chosen.
const nearSlots = 4

// slotHere reads a key and its colon. It is the slot of next in most answers.
func (r *reader) slotHere(s *shape, next int) (int, error) {
	r.space()
	for i := next; i < min(next+nearSlots, len(s.keys)); i++ {
		if bytes.HasPrefix(r.scanner.body[r.at:], s.keys[i]) {
			r.at += len(s.keys[i])
			return i, nil
		}
	}
	name, err := r.key()
	if err != nil {
		return 0, err
	}
	return s.find(name), nil
}

func (r *reader) hash(s *shape, head cell) uint64 {
	return maphash.Bytes(seed, r.scanner.body[head.a:head.b]) + uint64(s.number)*0x9e3779b97f4a7c15
}

// equal reports whether an earlier object of this body has the same bytes.
func (r *reader) equal(obj uint32, head cell) bool {
	old := r.cells[obj]
	return bytes.Equal(r.scanner.body[old.a:old.b], r.scanner.body[head.a:head.b])
}
