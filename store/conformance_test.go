package store

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/schema"
	"linhui/schema/scalar"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The conformance suite runs over every described table and link, so that a new domain is
// tested before its author writes a test. Rows are those of the demonstration.
func TestConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, d := range tables {
		d.(conforming).retire(t, w) // before anything is compared
		d.(conforming).widen(t, w)
	}
	for _, typ := range slices.Sorted(maps.Keys(tables)) {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			tables[typ].(conforming).conform(t, w)
		})
	}
}

// conforming is what a Table adds in tests.
type conforming interface {
	conform(t *testing.T, w *world)
	retire(t *testing.T, w *world)
	widen(t *testing.T, w *world)
	reads(columns, named map[string]bool)
}

const everything = 1 << 20

func (t *Table[T]) conform(tt *testing.T, w *world) {
	owners := t.owned(tt, w)
	ask := w.ask(tt, all(), nil)
	if n := len(t.nodes(tt, w, ask, everything)); n == 0 {
		tt.Errorf("the demonstration has no rows of %s: seed some, so that this suite says something", t.Table)
		return
	}
	tt.Run("description", func(tt *testing.T) { t.conformDescription(tt, w) })
	tt.Run("roles", func(tt *testing.T) { t.conformRoles(tt, w, owners) })
	tt.Run("orders", func(tt *testing.T) { t.conformOrders(tt, w, ask, owners) })
	tt.Run("indexes", func(tt *testing.T) { t.conformIndexes(tt, w) })
	tt.Run("fields", func(tt *testing.T) { t.conformFields(tt, w) })
	tt.Run("sight", func(tt *testing.T) { t.conformSight(tt, w, owners) })
	for _, field := range slices.Sorted(maps.Keys(links[t.Type])) {
		if l := links[t.Type][field]; schema.Parsed().Types[t.Type].Fields.ForName(field) != nil {
			tt.Run("link "+field, func(tt *testing.T) { t.conformLink(tt, w, l) })
		}
	}
	if !t.local() {
		tt.Run("newer enum values", func(tt *testing.T) { t.conformEnums(tt, w) })
	}
}

// conformDescription compares the description with the schema and the database.
func (t *Table[T]) conformDescription(tt *testing.T, w *world) {
	if err := t.checkColumns(); err != nil {
		tt.Error(err)
	}
	row := reflect.TypeFor[*T]()
	for _, f := range schema.Parsed().Types[t.Type].Fields {
		link := links[t.Type][f.Name] != nil
		if bound := goField(row, f.Name) != ""; !strings.HasPrefix(f.Name, "__") && bound == link {
			tt.Errorf("%s.%s must have a column or a method, or else a link: bound %t, link %t", t.Type, f.Name, bound, link)
		}
	}
	_, db := t.in(w)
	for _, c := range t.columns {
		if c.scan == reflect.TypeFor[uuid.UUID]() && c.class > authz.P0Public {
			continue // NULL is read as the nil UUID, which is no row's
		}
		nullable := c.scan.Kind() == reflect.Pointer || c.scan.Kind() == reflect.Slice
		if nullable {
			continue
		}
		if c.class > authz.P0Public && !t.Restricted {
			tt.Errorf("column %s is NULL for who may not read it: make it a pointer, and its field nullable", c.name)
		}
		var nulls int
		if err := db.QueryRow("SELECT count(*) FROM " + t.Table + " t WHERE " + c.expr + " IS NULL").Scan(&nulls); err != nil {
			tt.Errorf("column %s: %v", c.name, err)
		} else if nulls > 0 {
			tt.Errorf("column %s is NULL in %d rows", c.name, nulls)
		}
		if plain := c.expr == "t."+c.name; plain && !t.local() {
			var may bool
			if err := db.QueryRow("SELECT NOT attnotnull AND relkind = 'r' FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE attrelid = $1::regclass AND attname = $2", t.Table, c.name).Scan(&may); err != nil {
				tt.Errorf("column %s: %v", c.name, err)
			} else if may {
				tt.Errorf("column %s may be NULL in the database and not in Go", c.name)
			}
		}
	}
}

// conformIndexes: a page of a root list in its default order is read along an index and not sorted
// from all rows of an owner. An enum has no such index, since its order maps values of newer versions.
func (t *Table[T]) conformIndexes(tt *testing.T, w *world) {
	o, err := t.Ordered(nil)
	if err != nil {
		tt.Fatal(err)
	}
	listed := slices.ContainsFunc(schema.Parsed().Query.Fields, func(f *ast.FieldDefinition) bool { return f.Type.Name() == t.Type+"Connection" })
	if !listed || t.local() || len(o.by.keys) == 0 || o.by.keys[0].column.enum != nil {
		return
	}
	_, db := t.in(w)
	tx, err := db.BeginTx(tt.Context(), nil)
	if err != nil {
		tt.Fatal(err)
	}
	defer tx.Rollback()
	var plan string
	if _, err := tx.Exec("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"); err != nil {
		tt.Fatal(err)
	}
	if err := tx.QueryRow("EXPLAIN (FORMAT JSON) SELECT t.id FROM " + t.Table + " t WHERE t.owner = 'a' ORDER BY " + o.orderSQL(false) + " LIMIT 10").Scan(&plan); err != nil {
		tt.Fatal(err)
	}
	if strings.Contains(plan, `"Node Type": "Sort"`) {
		tt.Errorf("no index reads %s in its default order: one on (owner, (%s)) is missing", t.Table, o.orderSQL(false))
	}
}

// goField names the Go field or method that gqlgen binds to a field.
func goField(row reflect.Type, field string) string {
	for i := range row.NumMethod() {
		if m := row.Method(i); strings.EqualFold(m.Name, field) {
			return m.Name
		}
	}
	if f, ok := row.Elem().FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, field) }); ok && f.IsExported() {
		return f.Name
	}
	return ""
}

// conformRoles reads every column as the database roles do.
func (t *Table[T]) conformRoles(tt *testing.T, w *world, owners []string) {
	_, db := t.in(w)
	read := func(role, expr string) error {
		tx, err := db.BeginTx(tt.Context(), nil)
		if err != nil {
			tt.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec("SET LOCAL ROLE " + role + "; SET LOCAL linhui.owners = " + pq.QuoteLiteral(strings.Join(owners, ","))); err != nil {
			tt.Fatal(err)
		}
		_, err = tx.Exec("SELECT " + expr + " FROM " + t.Table + " t LIMIT 1")
		return err
	}
	for _, c := range t.columns {
		err := read("linhui_public", c.expr)
		refused := false
		if e := new(pq.Error); errors.As(err, &e) {
			refused = e.Code == "42501"
		}
		switch open := c.class == authz.P0Public && !t.Restricted; {
		case open && err != nil:
			tt.Errorf("column %s is public, and the public role cannot read it: %v", c.name, err)
		case !open && !refused && (t.Restricted || !isKey(c)):
			tt.Errorf("column %s is not public, and the public role reads it (%v)", c.name, err)
		}
		if !t.local() {
			if err := read("linhui_scoped", c.expr); err != nil {
				tt.Errorf("column %s, as linhui_scoped: %v", c.name, err)
			}
		}
	}
}

// isKey reports whether a column only leads to rows, whose own table holds back what is personal.
func isKey(c column) bool {
	return c.scan == reflect.TypeFor[uuid.UUID]() || c.scan == reflect.TypeFor[*uuid.UUID]()
}

// conformOrders pages through the table in every order, both ways.
func (t *Table[T]) conformOrders(tt *testing.T, w *world, ask *Ask, owners []string) {
	orders := []*OrderBy{nil}
	for name := range t.orders {
		if name != "" {
			orders = append(orders, &OrderBy{scalar.Enum(name), "ASC"}, &OrderBy{scalar.Enum(name), "DESC"})
		}
	}
	for _, by := range orders {
		o, err := t.Ordered(by)
		if err != nil {
			tt.Fatal(err)
		}
		rows := t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: everything})
		for i := 1; i < len(rows); i++ {
			if o.Compare(rows[i-1], rows[i]) >= 0 {
				tt.Fatalf("by %q, PostgreSQL has %v before %v, Go does not", o.Name(), o.Position(rows[i-1]), o.Position(rows[i]))
			}
		}
		want := ids(nodesOf(rows))
		for _, backward := range []bool{false, true} {
			got := t.walkPages(tt, w, ask, o, owners, backward, len(rows)/6+1)
			if !slices.Equal(got, want) {
				tt.Errorf("by %q, backward %t: pages give %d rows, the list %d, or in another order", o.Name(), backward, len(got), len(want))
			}
		}
		// One owner is read by another statement than several.
		single := t.walkPages(tt, w, ask, o, owners[:1], false, len(rows)/3+1)
		var own []string
		for _, r := range rows {
			if r := any(r).(Node).Base(); r.Owner == owners[0] {
				own = append(own, r.ID())
			}
		}
		if !slices.Equal(single, own) {
			tt.Errorf("by %q: one owner's pages give %d rows, the list %d", o.Name(), len(single), len(own))
		}
	}
	if _, err := t.Ordered(&OrderBy{Field: "NONE"}); err == nil {
		tt.Error("an unknown order was taken")
	}
}

// walkPages pages through the list and returns the ids in the list's order.
func (t *Table[T]) walkPages(tt *testing.T, w *world, ask *Ask, o Ordered[T], owners []string, backward bool, size int) []string {
	var out []string
	var from page.Position
	for {
		// A position travels as a cursor, which must keep it whole.
		if from != nil {
			c, err := ask.Cursors.Open("", ask.Cursors.Seal("", page.Cursor{At: from}))
			if err != nil {
				tt.Fatal(err)
			}
			from = c.At
		}
		rows := t.page(tt, w, ask, o, PageQuery{Owners: owners, From: from, Limit: size, Backward: backward})
		if len(rows) == 0 {
			break // also the page behind the last row, which is empty
		}
		out = append(out, ids(nodesOf(rows))...)
		from = o.Position(rows[len(rows)-1])
	}
	if backward {
		slices.Reverse(out)
	}
	return out
}

// conformFields reads each field alone and compares it with what it is among all others.
func (t *Table[T]) conformFields(tt *testing.T, w *world) {
	const some = 60
	whole := t.nodes(tt, w, w.ask(tt, all(), nil), some)
	ctx := authz.NewContext(tt.Context(), all())
	for _, f := range schema.Parsed().Types[t.Type].Fields {
		name := goField(reflect.TypeFor[*T](), f.Name)
		if name == "" || strings.HasPrefix(f.Name, "__") {
			continue
		}
		alone := t.nodes(tt, w, w.ask(tt, all(), demand(t.Type, f.Name)), some)
		if len(alone) != len(whole) {
			tt.Errorf("%s alone: %d rows of %d", f.Name, len(alone), len(whole))
			continue
		}
		for i := range whole {
			got, want := fieldValue(tt, ctx, alone[i], name), fieldValue(tt, ctx, whole[i], name)
			if got != want {
				tt.Errorf("%s is %s alone and %s among all fields: a column lacks it in its for tag", f.Name, got, want)
				break
			}
		}
	}
}

// fieldValue is a bound field of a row as JSON.
func fieldValue(tt *testing.T, ctx context.Context, n Node, name string) string {
	tt.Helper()
	v := reflect.ValueOf(n)
	if m := v.MethodByName(name); m.IsValid() {
		var args []reflect.Value
		if m.Type().NumIn() == 1 {
			args = append(args, reflect.ValueOf(ctx))
		}
		if m.Type().NumIn() > 1 {
			return ""
		}
		v = m.Call(args)[0]
	} else {
		v = v.Elem().FieldByName(name)
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		tt.Fatal(err)
	}
	return string(b)
}
