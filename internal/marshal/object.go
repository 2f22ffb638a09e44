package marshal

import (
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Object is what graphql.FieldSet is for an object whose fields are resolved one after the
// other. The generated code fills Values and counts Invalids.
type Object struct {
	Values   []graphql.Marshaler
	Invalids uint32
	fields   []graphql.CollectedField
}

// NewObject makes room for the fields' values.
func NewObject(fields []graphql.CollectedField) *Object {
	return &Object{fields: fields, Values: make([]graphql.Marshaler, len(fields))}
}

func (o *Object) MarshalGQL(w io.Writer) { write(w, o) }

// AppendGQL appends the object. Response keys are GraphQL names: nothing in them is escaped.
func (o *Object) AppendGQL(b []byte) []byte {
	b = append(b, '{')
	for i, v := range o.Values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, o.fields[i].Alias...)
		b = append(b, '"', ':')
		b = Append(b, v)
	}
	return append(b, '}')
}

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
