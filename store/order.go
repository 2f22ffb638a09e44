package store

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// OrderBy is every list's orderBy input: a value of the list's order enum and a direction.
type OrderBy struct {
	Field     scalar.Enum
	Direction scalar.Enum
}

// order is a total order of a table: its keys, then owner, then id, all one way.
type order[T any] struct {
	name  string
	keys  []orderKey[T]
	mask  mask        // columns that the keys are read from
	class authz.Class // the highest class among them
}

type orderKey[T any] struct {
	form    string // SQL around the column; text by COLLATE "C", so that SQL and Go order alike
	column  *column
	cast    string // of the argument it is compared with
	value   func(*T) any
	compare func(a, b *T) int // value(a) with value(b), without making either
}

// over is the key of a table's row; of is the key of a row of a sub-select that reads it.
func (k orderKey[T]) over() string { return strings.ReplaceAll(k.form, "?", k.column.expr) }
func (k orderKey[T]) of() string   { return strings.ReplaceAll(k.form, "?", "t."+k.column.name) }

// never is where rows without an instant stand: after all others.
var (
	never   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	lastDay = scalar.DateOf(never)
)

func (t *Table[T]) order(cols []string) order[T] {
	o := order[T]{name: strings.Join(cols, ",")}
	for _, name := range cols {
		i := t.columnIndex(name)
		c := &t.columns[i]
		o.mask |= 1 << i
		o.class = max(o.class, c.class)
		o.keys = append(o.keys, keyOf[T](c))
	}
	return o
}

func keyOf[T any](c *column) orderKey[T] {
	const text, plain = `? COLLATE "C"`, "?"
	switch c.typ {
	case reflect.TypeFor[string]():
		return keyBy[T](c, text, "text", strings.Compare, func(s string) any { return s })
	case reflect.TypeFor[scalar.Enum]():
		return keyBy[T](c, known(c)+` COLLATE "C"`, "text", cmp.Compare[scalar.Enum], func(e scalar.Enum) any { return string(e) })
	case reflect.TypeFor[int]():
		return keyBy[T](c, plain, "bigint", cmp.Compare[int], func(i int) any { return int64(i) })
	case reflect.TypeFor[time.Time]():
		return keyBy[T](c, plain, "timestamptz", time.Time.Compare, func(t time.Time) any { return t })
	case reflect.TypeFor[*time.Time]():
		return keyBy[T](c, "COALESCE(?, '9999-12-31 00:00:00+00')", "timestamptz",
			func(a, b *time.Time) int { return or(a, never).Compare(or(b, never)) },
			func(t *time.Time) any { return or(t, never) })
	case reflect.TypeFor[scalar.Date]():
		return keyBy[T](c, plain, "date", scalar.Date.Compare, func(d scalar.Date) any { return d.String() })
	case reflect.TypeFor[*scalar.Date]():
		return keyBy[T](c, "COALESCE(?, '9999-12-31')", "date",
			func(a, b *scalar.Date) int { return or(a, lastDay).Compare(or(b, lastDay)) },
			func(d *scalar.Date) any { return or(d, lastDay).String() })
	}
	panic(fmt.Sprintf("store: a list cannot be ordered by a column of type %s", c.typ))
}

// known is SQL for an enum column as rows show it: a value that this version does not know
// stands where OTHER stands, to which it is mapped, else a page would step over rows.
func known(c *column) string {
	if c.enum == nil {
		return "?"
	}
	var values []string
	for _, v := range c.enum.EnumValues {
		values = append(values, "'"+v.Name+"'")
	}
	return "(CASE WHEN ? IN (" + strings.Join(values, ", ") + ") THEN ? ELSE 'OTHER' END)"
}

// keyBy is the order key of a column whose Go field is a V.
func keyBy[T, V any](c *column, form, cast string, compare func(a, b V) int, value func(V) any) orderKey[T] {
	at := func(row *T) V { return *(*V)(unsafe.Add(unsafe.Pointer(row), c.offset)) }
	return orderKey[T]{form, c, cast,
		func(row *T) any { return value(at(row)) },
		func(a, b *T) int { return compare(at(a), at(b)) }}
}

func or[V any](v *V, none V) V {
	if v == nil {
		return none
	}
	return *v
}

// Ordered is one order of a table in one direction.
type Ordered[T any] struct {
	table *Table[T]
	by    order[T]
	desc  bool
}

// Ordered looks an orderBy up; nil is the table's default order.
func (t *Table[T]) Ordered(by *OrderBy) (Ordered[T], error) {
	if by == nil {
		return Ordered[T]{table: t, by: t.orders[""], desc: t.DefaultDesc}, nil
	}
	o, ok := t.orders[string(by.Field)]
	if !ok {
		return Ordered[T]{}, fault.Newf(fault.BadUserInput, "%s cannot be ordered by that field", t.Type).At("orderBy", "field")
	}
	return Ordered[T]{table: t, by: o, desc: by.Direction == "DESC"}, nil
}

// Position is the place of a row.
func (o Ordered[T]) Position(row *T) page.Position { return o.table.position(row, o.by) }

// Compare orders two rows as the list shows them.
func (o Ordered[T]) Compare(a, b *T) int {
	if o.desc {
		a, b = b, a
	}
	for _, k := range o.by.keys {
		if c := k.compare(a, b); c != 0 {
			return c
		}
	}
	x, y := (*Row)(unsafe.Pointer(a)), (*Row)(unsafe.Pointer(b))
	if c := strings.Compare(x.Owner, y.Owner); c != 0 {
		return c
	}
	return bytes.Compare(x.UUID[:], y.UUID[:])
}

// ComparePositions orders two places as the list shows them.
func (o Ordered[T]) ComparePositions(a, b page.Position) int {
	if o.desc {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Name identifies the order in a cursor's binding.
func (o Ordered[T]) Name() string {
	if o.desc {
		return o.by.name + " desc"
	}
	return o.by.name
}

// orderSQL is the ORDER BY list over a table's rows; backward reads from the list's end.
func (o Ordered[T]) orderSQL(backward bool) string {
	return o.orderList(backward, orderKey[T].over)
}

// orderOf is orderSQL over the rows of a sub-select.
func (o Ordered[T]) orderOf(backward bool) string {
	return o.orderList(backward, orderKey[T].of)
}

func (o Ordered[T]) orderList(backward bool, key func(orderKey[T]) string) string {
	dir := ""
	if o.desc != backward {
		dir = " DESC"
	}
	var b strings.Builder
	for _, k := range o.by.keys {
		b.WriteString(key(k) + dir + ", ")
	}
	b.WriteString(`t.owner COLLATE "C"` + dir + ", t.id" + dir)
	return b.String()
}

// after adds the keyset condition for rows behind a place, in reading direction.
func (o Ordered[T]) after(w *Where, p page.Position, backward bool) error {
	if len(p) != len(o.by.keys)+2 {
		return fault.Newf(fault.BadUserInput, "the cursor belongs to another order of this list")
	}
	var left, right []string
	for i, k := range o.by.keys {
		left = append(left, k.over())
		right = append(right, w.Arg(p[i])+"::"+k.cast)
	}
	id, err := uuid.Parse(fmt.Sprint(p[len(p)-1]))
	if err != nil {
		return fault.Newf(fault.BadUserInput, "the cursor belongs to another order of this list")
	}
	left = append(left, `t.owner COLLATE "C"`, "t.id")
	right = append(right, w.Arg(p[len(p)-2])+"::text", w.Arg(id.String())+"::uuid")
	op := ">"
	if o.desc != backward {
		op = "<"
	}
	if len(o.by.keys) > 0 {
		// The tuple cannot enter an index that begins with the owner; its first part can.
		w.And(left[0] + " " + op + "= " + right[0])
	}
	w.And("(" + strings.Join(left, ", ") + ") " + op + " (" + strings.Join(right, ", ") + ")")
	return nil
}
