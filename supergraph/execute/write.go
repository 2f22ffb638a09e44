package execute

import (
	"bytes"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
)

// writer writes the merged data as the client asked for it, once, into one buffer. A null where
// the client's schema allows none takes back what its parent has written so far.
type writer struct {
	*execution
	out      []byte
	path     []pathStep
	valid    int // what stands beyond was taken back at least once: it is no model for a copy
	most     int
	switches uint64
}

type pathStep struct {
	field *field // nil: an index
	index int
}

// write returns the answer's data.
func (x *execution) write(out []byte) []byte {
	w := writer{execution: x, out: out, valid: math.MaxInt, most: len(out) + x.limits.ResponseBytes}
	for i, name := range x.program.switches {
		if on, _ := x.variables[name].(bool); on {
			w.switches |= 1 << i
		}
	}
	start := len(out)
	if !w.object(x.root, x.program.out) {
		return append(w.out[:start], "null"...)
	}
	return w.out
}

// takeBack forgets what was written from n on.
func (w *writer) takeBack(n int) {
	w.out = w.out[:n]
	w.valid = min(w.valid, n)
}

// object writes an object; false when it must be null.
func (w *writer) object(obj uint32, o *outputs) bool {
	f := o.only
	if f == nil {
		if o.idle(w.switches) {
			w.out = append(w.out, "{}"...) // whatever it is: its type was not asked for either
			return true
		}
		if f = w.fieldsOf(obj, o); f == nil {
			return false
		}
	}
	if from, to := w.written(obj, f.number); to > 0 && to <= w.valid {
		if len(w.out)+to-from > w.most {
			w.tooLarge()
			return false
		}
		w.out = append(w.out, w.out[from:to]...)
		return true
	}
	start, known := len(w.out), len(w.errors)
	w.out = append(w.out, '{')
	w.path = append(w.path, pathStep{})
	for i := range f.list {
		f := &f.list[i]
		refused := false
		if (f.when != nil || f.refused != nil) && !w.holds(f.when) {
			if refused = w.holds(f.refused); !refused {
				continue
			}
		}
		if len(w.out) > start+1 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, f.key...)
		w.path[len(w.path)-1].field = f
		if refused && !w.refused(f) || !refused && !w.field(obj, f, o) {
			w.path = w.path[:len(w.path)-1]
			w.takeBack(start)
			return false
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.out = append(w.out, '}')
	if len(w.out) > w.most {
		w.tooLarge()
		return false
	}
	if len(w.errors) == known {
		w.setWritten(obj, f.number, start, len(w.out))
	}
	return true
}

// fieldsOf returns what is selected of an object whose type only its __typename tells.
func (w *writer) fieldsOf(obj uint32, o *outputs) *fields {
	if o.shape == nil || o.shape.typename < 0 {
		if f := o.untyped(); f != nil {
			return f
		}
		w.fail(fault.Internal, "the type of an object was not asked for")
		return nil
	}
	name := w.slot(obj, o.shape.typename)
	if name.kind() == absent && w.typedLater(o) {
		f := o.untyped()
		if f == nil && !w.explained(w.clientPath()) {
			who := o.shape.from[o.shape.typename]
			w.add(&Error{Path: w.clientPath(), Fault: fault.Newf(fault.SourceUnavailable, "the subgraph %s does not know of which type the object is", who).With("subgraph", who)})
		}
		return f
	}
	if name.kind() != text {
		w.wrong("an object without the name of its type")
		return nil
	}
	raw := w.bytes(name)
	f := o.of(raw[1 : len(raw)-1])
	if f == nil {
		w.wrong("an object of a type that cannot stand here")
	}
	return f
}

// typedLater reports whether the type of an object is another subgraph's to tell than the one that the object came from, so
// that it may be unknown through no fault of that one: an @interfaceObject whose entity was not found or not answered.
func (w *writer) typedLater(o *outputs) bool {
	for i := len(w.path) - 1; i >= 0; i-- {
		if f := w.path[i].field; f != nil {
			return f.from != o.shape.from[o.shape.typename]
		}
	}
	return false
}

func (w *writer) holds(list []cond) bool {
	for _, c := range list {
		if c.holds(w.switches) {
			return true
		}
	}
	return false
}

func (w *writer) field(obj uint32, f *field, o *outputs) bool {
	switch f.kind {
	case typeNameField:
		if o.only != nil {
			w.out = append(w.out, o.only.typeName...)
		} else {
			w.out = append(w.out, w.bytes(w.slot(obj, o.shape.typename))...)
		}
		return true
	case schemaField:
		w.out = w.introspect(w.out, f)
		return true
	}
	var c cell
	if f.slot >= 0 {
		c = w.slot(obj, f.slot)
	}
	return w.value(c, f.typ, f.below)
}

// refused writes the null of a field that the viewer may not see; false when it allows none.
func (w *writer) refused(f *field) bool {
	w.add(&Error{Path: w.clientPath(), Fault: w.program.refusal})
	w.out = append(w.out, "null"...)
	return !f.typ.nonNull
}

// value writes a value of type t; false when it must be null and t does not allow it. What it
// has written then is the caller's to take back.
func (w *writer) value(c cell, t *outType, below *outputs) bool {
	start := len(w.out)
	var ok bool
	switch {
	case c.kind() == null || c.kind() == absent:
		if t.nonNull {
			w.missing(t)
		}
	case t.elem != nil:
		if ok = c.kind() == list; ok {
			ok = w.list(c, t.elem, below)
		} else {
			w.wrong("no list")
		}
	case t.leaf == composite:
		if ok = c.kind() == object; ok {
			ok = w.object(c.a, below)
		} else {
			w.wrong("no object")
		}
	default:
		ok = w.leaf(c, t)
	}
	if ok {
		return true
	}
	if t.nonNull {
		return false
	}
	w.takeBack(start)
	w.out = append(w.out, "null"...)
	return true
}

func (w *writer) list(l cell, t *outType, below *outputs) bool {
	w.out = append(w.out, '[')
	w.path = append(w.path, pathStep{})
	defer func() { w.path = w.path[:len(w.path)-1] }()
	for i := range int(l.b) {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.path[len(w.path)-1].index = i
		if !w.value(w.cells[int(l.a)+listHead+i], t, below) {
			return false
		}
	}
	w.out = append(w.out, ']')
	return true
}

// leaf writes a scalar or an enum value that is one of its type.
func (w *writer) leaf(c cell, t *outType) bool {
	raw := w.bytes(c)
	kind := c.kind()
	ok := false
	switch t.leaf {
	case anyLeaf:
		ok = true
	case textLeaf:
		ok = kind == text
	case intLeaf:
		ok = kind == number && isInt32(raw)
	case floatLeaf:
		ok = kind == number && isFloat64(raw)
	case booleanLeaf:
		ok = kind == boolean
	case idLeaf:
		if ok = kind == number && !bytes.ContainsAny(raw, ".eE"); ok {
			w.out = append(append(append(w.out, '"'), raw...), '"')
			return true
		}
		ok = kind == text
	case enumLeaf:
		ok = kind == text && t.enum[string(raw)]
	}
	if !ok {
		w.wrong("a value that is no " + t.name)
		return false
	}
	w.out = append(w.out, raw...)
	return true
}

// isInt32 reports whether a JSON number is an Int (specification, 3.5.1).
func isInt32(raw []byte) bool {
	if len(raw) > 9 {
		_, err := strconv.ParseInt(string(raw), 10, 32)
		return err == nil
	}
	for _, c := range raw {
		if c < '0' && c != '-' || c > '9' {
			return false
		}
	}
	return true
}

// isFloat64 reports whether a JSON number is a Float (specification, 3.5.2): one beyond double precision's range is none.
func isFloat64(raw []byte) bool {
	if len(raw) < 300 && !bytes.ContainsAny(raw, "eE") {
		return true
	}
	_, err := strconv.ParseFloat(string(raw), 64)
	return err == nil
}

// clientPath is where the writer stands.
func (w *writer) clientPath() ast.Path {
	path := make(ast.Path, 0, len(w.path))
	for _, s := range w.path {
		if s.field != nil {
			path = append(path, ast.PathName(s.field.name))
		} else {
			path = append(path, ast.PathIndex(s.index))
		}
	}
	return path
}

// missing tells of a null where none is allowed, unless an error already says why.
func (w *writer) missing(t *outType) {
	if !w.explained(w.clientPath()) {
		w.fail(fault.SourceUnavailable, "null was answered where the schema has "+t.name+"!")
	}
}

func (w *writer) wrong(what string) { w.fail(fault.SourceUnavailable, what+" was answered") }

func (w *writer) fail(code fault.Code, message string) {
	f := fault.Newf(code, "%s", message)
	for i := len(w.path) - 1; i >= 0; i-- {
		if w.path[i].field != nil {
			if from := w.path[i].field.from; from != "" {
				f = f.With("subgraph", from)
			}
			break
		}
	}
	w.add(&Error{Path: w.clientPath(), Fault: f})
}

func (w *writer) tooLarge() {
	w.fatal = fault.Newf(fault.CostExceeded, "the answer is larger than %d bytes: ask for fewer rows or fields", w.limits.ResponseBytes)
}
