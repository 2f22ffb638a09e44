package store

import (
	"context"
	"database/sql"
	"reflect"

	"linhui/internal/database"
	"linhui/schema"

	"github.com/lib/pq"
)

// Value describes a field that SQL computes for each row of its type, such as a sum over
// what hangs on it.
type Value struct {
	Field string
	// SQL gives one value of the parent p(owner, id), in parentheses when it is a SELECT.
	// It holds one ? for each of Args.
	SQL string
	// Args reads the field's own arguments; nil: SQL needs none.
	Args func(ask *Ask, args map[string]any) ([]any, error)
	// Restricted values are made of rows that only viewers with the owner in scope may read.
	Restricted bool
}

// HasValue describes a computed field, one statement a batch. V is the field's Go type; it
// must hold NULL: a pointer or a slice.
func HasValue[V, P any](parent *Table[P], v Value) *Link {
	typ := reflect.TypeFor[V]()
	column := &column{name: v.Field, enum: schema.EnumOf(parent.Type, v.Field)}
	check := func(ask *Ask, args map[string]any) error {
		if v.Args == nil {
			return nil
		}
		_, err := v.Args(ask, args)
		return err
	}
	return register(&Link{Parent: parent.Type, Field: v.Field, scoped: v.Restricted, check: check, load: func(ctx context.Context, src Source, b *Batch) error {
		var args []any
		if v.Args != nil {
			var err error
			if args, err = v.Args(b.Ask, b.Args); err != nil {
				return err
			}
		}
		var w Where
		ks := keysOf(b.Parents)
		from := ks.parentRows(&w)
		q := database.Query{Access: database.Public, Class: b.Ask.Budget}
		if v.Restricted {
			q.Access, q.Owners = database.Scoped, b.Ask.Sees(ks.distinctOwners())
			if len(q.Owners) == 0 {
				return nil
			}
			w.And("p.owner = ANY(?)", pq.Array(q.Owners))
		}
		q.SQL = "SELECT p.n, " + w.place(v.SQL, args) + " FROM " + from + " WHERE " + w.String()
		q.Args, q.OnePlan = w.args, true
		r := parent.reader(0, b.Ask.Log)
		return each(ctx, src, q, func(rs *sql.Rows) error {
			var n int
			value := reflect.New(typ)
			dest := value.Convert(reflect.PointerTo(scanType(typ))).Interface()
			if err := rs.Scan(&n, dest); err != nil {
				return err
			}
			if column.enum != nil {
				r.mapUnknown(column, dest)
			}
			b.Values[n-1] = value.Elem().Interface()
			return nil
		})
	}})
}

// keysOf numbers the parents of a batch; the loader hands every parent over once.
func keysOf(parents []Node) *keys {
	var ks keys
	for _, p := range parents {
		r := p.Base()
		ks.owners = append(ks.owners, r.Owner)
		ks.ids = append(ks.ids, r.UUID.String())
	}
	return &ks
}
