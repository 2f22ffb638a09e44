package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/schema"
	"linhui/schema/scalar"
	"linhui/seed"
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

// world is a directory and a source with the demonstration's rows.
type world struct {
	directory, source   *database.DB
	directoryDB, admins *sql.DB // the directory's and the source's superuser
	picture             *Directory
	owners              []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	directory, source := testkit.Database(t, testkit.Directory), testkit.Database(t, testkit.Source)
	target := seed.Target{Directory: directory.Open(t), Sources: map[string]*sql.DB{"": source.Open(t)}, Place: func(string) string { return "" }}
	if _, err := seed.Import(t.Context(), target, seed.Facts, nil); err != nil {
		t.Fatal(err)
	}
	var owners []string
	err := target.Sources[""].QueryRow("SELECT array_agg(owner ORDER BY owner) FROM owners").Scan((*pq.StringArray)(&owners))
	if err != nil {
		t.Fatal(err)
	}
	if err := seed.Demo(t.Context(), target, seed.DemoOptions{Seed: 1, Now: noon, Communities: owners, Residents: 20}); err != nil {
		t.Fatal(err)
	}
	// What the demonstration has no reason to show.
	if _, err := target.Sources[""].Exec(`INSERT INTO contest_entries (owner, event_id, title_zh, rank)
		SELECT owner, id, '作品' || i, CASE WHEN i < 3 THEN 1 END FROM (SELECT owner, id FROM events ORDER BY owner, id LIMIT 2) e, generate_series(1, 3) i`); err != nil {
		t.Fatal(err)
	}
	w := &world{directory: openDB(t, directory), source: openDB(t, source), directoryDB: superuser(t, directory), admins: superuser(t, source), owners: owners}
	if w.picture, err = LoadDirectory(t.Context(), w.directory, &Ask{Viewer: &authz.Viewer{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return w
}

func openDB(t *testing.T, db *testkit.DB) *database.DB {
	t.Helper()
	minute := [3]time.Duration{time.Minute, time.Minute, time.Minute}
	d, err := database.Open(database.Config{Key: db.Name, DSN: db.DSN, Budgets: minute, Queue: 1000, QueueWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func superuser(t *testing.T, db *testkit.DB) *sql.DB {
	t.Helper()
	d, err := sql.Open("postgres", db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func (w *world) ask(t *testing.T, v *authz.Viewer, d Demand) *Ask {
	a := askOf(t, v, d)
	a.Directory = w.picture
	return a
}

// all is a viewer who may see everything.
func all() *authz.Viewer {
	return &authz.Viewer{Principal: "all", Roles: authz.Roles(), All: true, Purpose: "test", At: noon}
}

// within is such a viewer of one owner.
func within(owner string) *authz.Viewer {
	v := all()
	v.All, v.Communities = false, []string{owner}
	return v
}

func (t *Table[T]) local() bool { return strings.HasPrefix(t.Table, "(") }

func (t *Table[T]) in(w *world) (src Source, db *sql.DB) {
	if t.local() {
		return w.directory, w.directoryDB
	}
	return w.source, w.admins
}

// owned returns the owners of a table's rows.
func (t *Table[T]) owned(tt *testing.T, w *world) []string {
	tt.Helper()
	_, db := t.in(w)
	var owners []string
	if err := db.QueryRow("SELECT array_agg(DISTINCT owner) FROM " + t.Table + " t").Scan((*pq.StringArray)(&owners)); err != nil {
		tt.Fatal(err)
	}
	slices.Sort(owners)
	return owners
}

const everything = 1 << 20

func (t *Table[T]) page(tt *testing.T, w *world, ask *Ask, o Ordered[T], q PageQuery) []*T {
	tt.Helper()
	src, _ := t.in(w)
	rows, err := t.Page(tt.Context(), src, ask, o, q)
	if err != nil {
		tt.Fatalf("page by %q: %v", o.Name(), err)
	}
	return rows
}

func (t *Table[T]) nodes(tt *testing.T, w *world, ask *Ask, limit int) []Node {
	tt.Helper()
	o, _ := t.Ordered(nil)
	var out []Node
	for _, r := range t.page(tt, w, ask, o, PageQuery{Owners: t.owned(tt, w), Limit: limit}) {
		out = append(out, any(r).(Node))
	}
	return out
}

func ids(nodes []Node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.Base().ID()
	}
	return out
}

func nodesOf[T any](rows []*T) []Node {
	out := make([]Node, len(rows))
	for i, r := range rows {
		out[i] = any(r).(Node)
	}
	return out
}

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
			if err := db.QueryRow("SELECT NOT attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2", t.Table, c.name).Scan(&may); err != nil {
				tt.Errorf("column %s: %v", c.name, err)
			} else if may {
				tt.Errorf("column %s may be NULL in the database and not in Go", c.name)
			}
		}
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

// conformSight looks for rows that are not the viewer's to see.
func (t *Table[T]) conformSight(tt *testing.T, w *world, owners []string) {
	src, db := t.in(w)
	find := func(v *authz.Viewer, ids ...page.ID) []Node {
		tt.Helper()
		nodes, err := t.Nodes(tt.Context(), src, w.ask(tt, v, demand(t.Type, "id")), ids)
		if err != nil {
			tt.Fatal(err)
		}
		return nodes
	}
	rows := t.nodes(tt, w, w.ask(tt, all(), demand(t.Type, "id")), 50)
	for _, r := range rows {
		own := page.ID{Type: t.Type, Owner: r.Base().Owner, UUID: r.Base().UUID}
		unknown, foreign := own, own
		unknown.UUID = uuid.New()
		foreign.Owner = owners[(slices.Index(owners, own.Owner)+1)%len(owners)]
		if t.local() {
			foreign.Owner = "nowhere"
		}
		found := find(all(), unknown, own, foreign, own)
		if found[0] != nil || found[1] == nil || found[1].Base().ID() != own.String() || found[3] == nil || len(owners) > 1 && found[2] != nil {
			tt.Errorf("looked up an unknown id, %s, the same of %s, and itself: %v", own, foreign.Owner, found)
		}
		if found := find(&authz.Viewer{At: noon}, own); t.Restricted && found[0] != nil {
			tt.Errorf("the public finds a restricted row")
		}
		if found := find(within("nowhere"), own); t.Restricted && found[0] != nil {
			tt.Errorf("a viewer finds a restricted row out of scope")
		}
	}
	if o, _ := t.Ordered(nil); t.Restricted {
		for name, v := range map[string]*authz.Viewer{"the public": {At: noon}, "another community's staff": within("nowhere")} {
			ask := w.ask(tt, v, demand(t.Type, "id"))
			if n := len(t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: 10})); n > 0 {
				tt.Errorf("%s reads %d restricted rows", name, n)
			}
			if n, err := t.Count(tt.Context(), src, ask, owners, nil); n > 0 || err != nil {
				tt.Errorf("%s counts %d restricted rows, %v", name, n, err)
			}
		}
		ask := w.ask(tt, within(owners[0]), nil)
		seen := t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: everything})
		for _, r := range seen {
			if any(r).(Node).Base().Owner != owners[0] {
				tt.Fatal("a row out of scope was read")
			}
		}
		if n, err := t.Count(tt.Context(), src, ask, owners, nil); n != len(seen) || err != nil {
			tt.Errorf("%d rows are counted where %d are read: %v", n, len(seen), err)
		}
	}
	// Counts and pages agree, whatever is demanded beside them and for whomever.
	for name, v := range map[string]*authz.Viewer{"the public": {At: noon}, "one owner's staff": within(owners[0]), "everybody's staff": all()} {
		for _, d := range []Demand{demand(t.Type, "id"), nil} {
			o, _ := t.Ordered(nil)
			ask := w.ask(tt, v, d)
			n, err := t.Count(tt.Context(), src, ask, owners, nil)
			if read := len(t.page(tt, w, ask, o, PageQuery{Owners: owners, Limit: everything})); err != nil || n != read {
				tt.Errorf("%s counts %d rows and reads %d: %v", name, n, read, err)
			}
		}
	}
	if t.Visible != "" && !t.local() {
		for _, id := range t.hidden(tt, db) {
			if found := find(all(), id); found[0] != nil {
				tt.Errorf("a row that is not (%s) is found", t.Visible)
			}
		}
	}
}

// retire hides a row of the tables that hide what is retired.
func (t *Table[T]) retire(tt *testing.T, w *world) {
	tt.Helper()
	if _, db := t.in(w); !t.local() && strings.Contains(t.Visible, "retired_at") {
		if _, err := db.Exec("UPDATE " + t.Table + " SET retired_at = now() WHERE (owner, id) = (SELECT owner, max(id::text)::uuid FROM " + t.Table + " GROUP BY owner HAVING count(*) > 3 LIMIT 1)"); err != nil {
			tt.Fatal(err)
		}
	}
}

// hidden returns rows that the table's condition hides.
func (t *Table[T]) hidden(tt *testing.T, db *sql.DB) (out []page.ID) {
	tt.Helper()
	rows, err := db.Query("SELECT owner, id FROM " + t.Table + " t WHERE (" + t.Visible + ") IS NOT TRUE LIMIT 10")
	if err != nil {
		tt.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		id := page.ID{Type: t.Type}
		if err := rows.Scan(&id.Owner, &id.UUID); err != nil {
			tt.Fatal(err)
		}
		out = append(out, id)
	}
	if len(out) == 0 {
		tt.Errorf("no row is hidden by (%s): seed one", t.Visible)
	}
	return out
}

// conformLink follows a link from rows that were read for it alone, and pages through it.
func (t *Table[T]) conformLink(tt *testing.T, w *world, l *Link) {
	if child := schema.Parsed().Types[t.Type].Fields.ForName(l.Field).Type.Name(); l.Child != "" && tables[l.Child] == nil ||
		l.Child != "" && child != l.Child && child != l.Child+"Connection" {
		tt.Errorf("%s.%s shows a %s, its link leads to %q", t.Type, l.Field, child, l.Child)
	}
	if l.Local() || l.Hot() != nil {
		return
	}
	const some = 200
	parents := func(v *authz.Viewer, d Demand) []Node {
		if t.local() {
			return t.nodes(tt, w, w.ask(tt, &authz.Viewer{At: noon}, d), some)
		}
		return t.nodes(tt, w, w.ask(tt, v, d), some)
	}
	follow := func(v *authz.Viewer, d Demand, from []Node, args map[string]any) []any {
		tt.Helper()
		b := &Batch{Ask: w.ask(tt, v, d), Parents: from, Args: args, Want: Want{Rows: true, Count: true},
			Coverage: func(string) *page.Coverage { return nil }, Values: make([]any, len(from))}
		if err := l.Load(tt.Context(), w.source, b); err != nil {
			tt.Fatalf("%v", err)
		}
		return b.Values
	}
	args := arguments(t.Type, l.Field)
	whole := follow(all(), nil, parents(all(), nil), args)
	alone := follow(all(), nil, parents(all(), demand(t.Type, l.Field)), args)
	widest := -1
	for i := range whole {
		want, got := led(tt, whole[i]), led(tt, alone[i])
		if !slices.Equal(got, want) {
			tt.Errorf("leads to %v when selected alone, to %v among all fields: its key column lacks it in its for tag", got, want)
			break
		}
		if widest < 0 || len(want) > len(led(tt, whole[widest])) {
			widest = i
		}
	}
	rule := schema.Fields()[t.Type+"."+l.Field]
	public := &authz.Viewer{At: noon}
	if public.Reads(rule.Class) && (rule.Roles == nil || public.Has(rule.Roles...)) && !t.Restricted {
		for _, v := range follow(public, demand(l.Child, "id"), parents(public, demand(t.Type, l.Field)), args) {
			if c := tables[l.Child]; c != nil && c.described().Restricted && len(led(tt, v)) > 0 {
				tt.Errorf("leads the public to restricted rows")
				break
			}
		}
	}
	follow(within(w.owners[0]), nil, parents(within(w.owners[0]), nil), args) // partly out of scope
	if widest >= 0 {
		if _, paged := whole[widest].(interface{ PageInfo() *page.PageInfo }); paged {
			t.conformPages(tt, w, l, parents(all(), nil)[widest], func(from Node, args map[string]any) any { return follow(all(), nil, []Node{from}, args)[0] })
		}
	}
}

// arguments are values for a field's required arguments.
func arguments(typ, field string) map[string]any {
	args := map[string]any{}
	for _, a := range schema.Parsed().Types[typ].Fields.ForName(field).Arguments {
		if a.Type.NonNull && a.Type.Name() == "DateRange" {
			args[a.Name] = DateRange{From: scalar.DateOf(noon).AddDays(-30), To: scalar.DateOf(noon)}
		}
	}
	return args
}

// led is where a link led: ids of rows, or one value.
func led(tt *testing.T, v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case Node:
		return []string{x.Base().ID()}
	case interface{ Each(func(any)) }:
		var out []string
		x.Each(func(r any) { out = append(out, r.(Node).Base().ID()) })
		return out
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice {
		var out []string
		for i := range rv.Len() {
			if n, ok := rv.Index(i).Interface().(Node); ok {
				out = append(out, n.Base().ID())
			} else {
				out = append(out, fmt.Sprint(rv.Index(i).Interface()))
			}
		}
		return out
	}
	b, err := json.Marshal(v)
	if err != nil {
		tt.Fatal(err)
	}
	return []string{string(b)}
}

// conformPages pages through a parent's list, both ways.
func (t *Table[T]) conformPages(tt *testing.T, w *world, l *Link, parent Node, follow func(Node, map[string]any) any) {
	size := page.MaxSize
	whole := follow(parent, map[string]any{"first": &size})
	want := led(tt, whole)
	if len(want) == size {
		want = nil // longer than a page: only its count is compared
	}
	if c, ok := whole.(interface {
		TotalCount(context.Context) (*int, error)
	}); ok && want != nil {
		if n, err := c.TotalCount(tt.Context()); err != nil || n == nil || *n != len(want) {
			tt.Errorf("counts %v rows where %d are read: %v", n, len(want), err)
		}
	}
	step := len(want)/4 + 1
	for _, way := range []struct{ size, from string }{{"first", "after"}, {"last", "before"}} {
		var got []string
		args := map[string]any{way.size: &step}
		for range 10 {
			v := follow(parent, args)
			info := v.(interface{ PageInfo() *page.PageInfo }).PageInfo()
			next, more := info.EndCursor(), info.HasNextPage
			if way.size == "last" {
				got = append(slices.Clone(led(tt, v)), got...)
				next, more = info.StartCursor(), info.HasPreviousPage
			} else {
				got = append(got, led(tt, v)...)
			}
			if !more {
				break
			}
			args = map[string]any{way.size: &step, way.from: next}
		}
		if want != nil && !slices.Equal(got, want) {
			tt.Errorf("%s: pages give %v, the list %v", way.size, got, want)
		}
	}
}

// widen drops the checks of enum columns, as a newer database has wider ones. It locks the table, so
// it is not for where others read.
func (t *Table[T]) widen(tt *testing.T, w *world) {
	if t.local() {
		return
	}
	for _, c := range t.columns {
		if c.enum == nil {
			continue
		}
		if _, err := w.admins.Exec(fmt.Sprintf(`DO $$ DECLARE rule text; BEGIN
			FOR rule IN SELECT conname FROM pg_constraint c JOIN pg_attribute a ON attrelid = conrelid AND attnum = ANY(conkey)
				WHERE conrelid = '%[1]s'::regclass AND contype = 'c' AND attname = '%[2]s'
			LOOP EXECUTE format('ALTER TABLE %[1]s DROP CONSTRAINT %%I', rule); END LOOP; END $$`, t.Table, c.name)); err != nil {
			tt.Fatal(err)
		}
	}
}

// conformEnums writes enum values that this version does not know, as a newer one would.
func (t *Table[T]) conformEnums(tt *testing.T, w *world) {
	for _, c := range t.columns {
		if c.enum == nil || c.expr != "t."+c.name {
			continue
		}
		tt.Run(c.name, func(tt *testing.T) {
			value := "'NEWER_' || left(md5(id::text), 1)" // some before and some after OTHER and all else
			if c.scan == reflect.TypeFor[Enums]() {
				value = "ARRAY['NEWER']"
			}
			tx := &inTransaction{tt: tt, db: w.admins}
			defer tx.rollback()
			if err := tx.exec("ALTER TABLE " + t.Table + " DISABLE TRIGGER USER"); err != nil {
				tt.Fatal(err)
			}
			err := tx.exec("UPDATE " + t.Table + " SET " + c.name + " = " + value + " WHERE left(md5(id::text), 1) > '7'")
			if e := new(pq.Error); errors.As(err, &e) && e.Code == "23503" {
				return // kinds have a table of their own
			} else if err != nil {
				tt.Fatal(err)
			}
			var log lines
			ask := w.ask(tt, all(), nil)
			ask.Log = slog.New(slog.NewTextHandler(&log, nil))
			owners := t.owned(tt, w)
			for name, o := range t.orders {
				rows, err := t.Page(tt.Context(), tx, ask, Ordered[T]{table: t, by: o}, PageQuery{Owners: owners, Limit: everything})
				if err != nil {
					tt.Fatal(err)
				}
				for i := 1; i < len(rows); i++ {
					if a, b := t.position(rows[i-1], o), t.position(rows[i], o); a.Compare(b) >= 0 {
						tt.Fatalf("by %q, with newer values, PostgreSQL has %v before %v", name, a, b)
					}
				}
				for _, r := range rows {
					b, err := json.Marshal(r)
					if err != nil {
						tt.Fatal(err)
					}
					if strings.Contains(string(b), "NEWER") {
						tt.Fatalf("a newer value is shown: %s", b)
					}
				}
			}
			if text := log.String(); !strings.Contains(text, "unknown enum value") || strings.Contains(text, "NEWER") {
				tt.Errorf("logged: %.300s", text)
			}
		})
	}
}

// inTransaction is a Source that reads in a transaction which is then rolled back.
type inTransaction struct {
	tt *testing.T
	db *sql.DB
	tx *sql.Tx
}

func (x *inTransaction) exec(text string) (err error) {
	if x.tx == nil {
		if x.tx, err = x.db.Begin(); err != nil {
			return err
		}
	}
	_, err = x.tx.Exec(text)
	return err
}

func (x *inTransaction) rollback() {
	if x.tx != nil {
		x.tx.Rollback()
	}
}

func (x *inTransaction) Query(ctx context.Context, q database.Query, each func(*sql.Rows) error) error {
	rows, err := x.tx.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return each(rows)
}

// lines is a log that several goroutines write to.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
