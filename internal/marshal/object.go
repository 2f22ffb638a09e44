package marshal

import (
	"context"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Object is what graphql.FieldSet is for an object whose fields are resolved one after the
// other: its JSON, which the generated code puts together in the order of the fields. Response
// keys are GraphQL names: nothing in them is escaped.
//
// Put and Slice take over the objects they are given and use them again for others: an object
// is put into one place only, as generated code does, and never looked at afterwards.
type Object struct {
	Invalids uint32 // fields whose null makes the object null
	json     []byte // but for the closing brace
	fields   []graphql.CollectedField
}

var objects = sync.Pool{New: func() any { return new(Object) }}

// NewObject begins an object of the fields.
func NewObject(fields []graphql.CollectedField) *Object {
	o := objects.Get().(*Object)
	o.Invalids, o.fields, o.json = 0, fields, append(o.json[:0], '{')
	return o
}

// List is the JSON of a list, which Slice makes.
type List struct {
	Nulled bool   // an element is graphql.Null
	json   []byte // but for the closing bracket
}

var lists = sync.Pool{New: func() any { return new(List) }}

func (l *List) MarshalGQL(w io.Writer) { w.Write(append(l.json, ']')) }

// AppendGQL appends the list.
func (l *List) AppendGQL(b []byte) []byte { return append(append(b, l.json...), ']') }

// take appends a value, which is nobody's afterwards.
func take(b []byte, m graphql.Marshaler) []byte {
	b = Append(b, m)
	switch x := m.(type) {
	case *Object:
		if cap(x.json) <= keptBuffer {
			objects.Put(x)
		}
	case *List:
		if cap(x.json) <= keptBuffer {
			lists.Put(x)
		}
	}
	return b
}

// Put appends field i; a value that is invalid nulls the object. The fields come in order.
func (o *Object) Put(i int, value, invalid graphql.Marshaler) {
	if value == invalid {
		o.Invalids++
		return
	}
	o.key(i)
	o.json = take(o.json, value)
}

// String is Put of a text.
func (o *Object) String(i int, s string) {
	o.key(i)
	o.json = AppendString(o.json, s)
}

// Int is Put of an integer.
func (o *Object) Int(i, n int) {
	o.key(i)
	o.json = strconv.AppendInt(o.json, int64(n), 10)
}

func (o *Object) key(i int) {
	if i > 0 {
		o.json = append(o.json, ',')
	}
	o.json = append(o.json, '"')
	o.json = append(o.json, o.fields[i].Alias...)
	o.json = append(o.json, '"', ':')
}

func (o *Object) MarshalGQL(w io.Writer) { w.Write(append(o.json, '}')) }

// AppendGQL appends the object.
func (o *Object) AppendGQL(b []byte) []byte { return append(append(b, o.json...), '}') }

// mostForeseen bounds what a list takes before it is needed. Chosen: a page of long rows.
const mostForeseen = 4 << 20

// Slice takes what graphql.MarshalSliceConcurrently does and marshals one element after the
// other: their links have been loaded before.
func Slice(ctx context.Context, n int, _ int64, _ bool, element func(context.Context, int) graphql.Marshaler) *List {
	l := lists.Get().(*List)
	l.Nulled, l.json = false, append(l.json[:0], '[')
	places := make([]place, n)
	for i := range n {
		if i > 0 {
			l.json = append(l.json, ',')
		}
		places[i].Context, places[i].index = ctx, i
		m := element(&places[i], i)
		l.Nulled = l.Nulled || m == graphql.Null
		l.json = take(l.json, m)
		if i == 0 { // the others are about as long: to grow bit by bit copies a long list many times
			l.json = slices.Grow(l.json, min(n*(len(l.json)+1), mostForeseen))
		}
	}
	return l
}

// Collector remembers, for one operation, which fields its selections collect: every row of a
// list is shown with the same ones. It is safe for concurrent use.
type Collector struct {
	mu    sync.RWMutex
	known map[collection][]graphql.CollectedField
}

type collection struct {
	first *ast.Selection
	count int
	typ   *string // the first of the type's conditions, one array a generated type
}

// Collect is graphql.CollectFields. Selections must not change while the operation runs.
func (c *Collector) Collect(oc *graphql.OperationContext, sel ast.SelectionSet, satisfies []string) []graphql.CollectedField {
	if len(sel) == 0 {
		return nil
	}
	key := collection{&sel[0], len(sel), &satisfies[0]}
	c.mu.RLock()
	fields, ok := c.known[key]
	c.mu.RUnlock()
	if ok {
		return fields
	}
	fields = graphql.CollectFields(oc, sel, satisfies)
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[key]; ok {
		return known // fields that were handed out stay the ones: their selections are keys too
	}
	if c.known == nil {
		c.known = map[collection][]graphql.CollectedField{}
	}
	c.known[key] = fields
	return fields
}
