package marshal

import (
	"context"
	"io"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Object is what graphql.FieldSet is for an object whose fields are resolved one after the
// other: its JSON, which the generated code puts together in the order of the fields. Response
// keys are GraphQL names: nothing in them is escaped.
type Object struct {
	Invalids uint32 // fields whose null makes the object null
	json     []byte // but for the closing brace
	fields   []graphql.CollectedField
}

// fieldSize is the room made for a field. Chosen: a name, a key and a short text.
const fieldSize = 48

// NewObject begins an object of the fields.
func NewObject(fields []graphql.CollectedField) *Object {
	return &Object{fields: fields, json: append(make([]byte, 0, fieldSize*len(fields)), '{')}
}

// Put appends field i; a value that is invalid nulls the object. The fields come in order.
func (o *Object) Put(i int, value, invalid graphql.Marshaler) {
	if value == invalid {
		o.Invalids++
		return
	}
	o.key(i)
	o.json = Append(o.json, value)
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

// Slice has the signature of graphql.MarshalSliceConcurrently and marshals one element after
// the other: their links have been loaded before.
func Slice(ctx context.Context, n int, _ int64, _ bool, element func(context.Context, int) graphql.Marshaler) graphql.Array {
	ret := make(graphql.Array, n)
	index := make([]int, n)
	contexts := make([]graphql.FieldContext, n)
	for i := range ret {
		index[i] = i
		contexts[i].Index = &index[i]
		ret[i] = element(graphql.WithFieldContext(ctx, &contexts[i]), i)
	}
	return ret
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
