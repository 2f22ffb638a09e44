package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema"
	"linhui/schema/scalar"

	"github.com/vektah/gqlparser/v2/ast"
)

// Spec describes a table to Define.
type Spec struct {
	Type  string // GraphQL type
	Table string // SQL table
	// Restricted rows are read only by viewers in whose scope their owner lies; the rows of
	// other tables are public, though some of their columns may not be.
	Restricted bool
	// Own is the condition on t under which a row of a restricted table is of the resident whose
	// id stands for its ?: viewers who may not see others' rows see these. Without it they see none.
	Own string
	// Shown is a condition on t of a restricted table with Own: rows that do not meet it are read by
	// nobody but whom they are of, such as what a resident keeps to themselves.
	Shown string
	// Visible is a condition on t every reader is held to, such as a publication state.
	Visible string
	// Published is a condition on t: rows that do not meet it, such as drafts, are read only by
	// staff in whose scope their owner lies.
	Published string
	// Orders maps a value of the type's order enum to the columns it sorts by, all in one
	// direction; owner and id follow by themselves.
	Orders map[string][]string
	// Default is the order without an orderBy; DefaultDesc turns it round.
	Default     []string
	DefaultDesc bool
}

// Table is a described type. T embeds Row first.
type Table[T any] struct {
	Spec
	columns []column
	orders  map[string]order[T]

	mu    sync.RWMutex
	lists map[mask]string // SELECT lists by columns, see columnList
}

// mask is a set of columns of one table, at most 64.
type mask uint64

// column is one database column and the fields that need it.
type column struct {
	name     string
	expr     string // SQL over t
	offset   uintptr
	typ      reflect.Type    // of the Go field
	scan     reflect.Type    // the type with the same layout that reads it
	enum     *ast.Definition // the SDL's enum behind it, nil for other types
	document bool            // of a type that is a Document
	fields   []string        // GraphQL fields that need it; nil: needed always
	class    authz.Class     // the lowest class among those fields
}

// Described is a Table without its row type, for what is generic over domains.
type Described interface {
	TypeName() string
	described() Spec
	checkColumns() error
}

// tables are the described types by GraphQL name; filled by package initialisation only.
var tables = map[string]Described{}

// Tables returns the described types by GraphQL name. The map must not be changed.
func Tables() map[string]Described { return tables }

// Define describes a domain's type. Columns come from T's db tags:
//
//	NameZh   string     `db:"name_zh"`                  // field nameZh
//	EstateID *uuid.UUID `db:"estate_id" for:"estate"`   // needed by the link estate
//	Starts   time.Time  `db:"starts_at" sql:"lower(t.during)"`
//
// A field community leads to the row's owner by itself.
//
// A column whose Go field is a field of the GraphQL type is read when that field, or one
// named in its for tag, is selected. A column without either is always read.
func Define[T any](s Spec) *Table[T] {
	t := &Table[T]{Spec: s, lists: map[mask]string{}}
	if _, twice := tables[s.Type]; twice {
		panic("store: " + s.Type + " is described twice")
	}
	rt := reflect.TypeFor[T]()
	if rt.NumField() == 0 || rt.Field(0).Type != reflect.TypeFor[Row]() {
		panic("store: " + s.Type + " must embed Row first")
	}
	t.addColumns(rt, 0)
	if len(t.columns) > 64 {
		panic("store: " + s.Type + " has more than 64 columns")
	}
	t.orders = make(map[string]order[T], len(s.Orders)+1)
	for name, cols := range s.Orders {
		t.orders[name] = t.order(cols)
	}
	t.orders[""] = t.order(s.Default)
	tables[s.Type] = t
	if def := schema.Parsed().Types[s.Type]; def != nil {
		if f := def.Fields.ForName("community"); f != nil && f.Type.Name() == "Community" {
			FromOwner(t, "community", "Community", func(d *Directory, owner string) any { return d.Community(owner) })
		}
	}
	return t
}

func (t *Table[T]) TypeName() string { return t.Type }
func (t *Table[T]) described() Spec  { return t.Spec }

func (t *Table[T]) addColumns(rt reflect.Type, base uintptr) {
	for i := range rt.NumField() {
		f := rt.Field(i)
		if f.Anonymous {
			t.addColumns(f.Type, base+f.Offset)
			continue
		}
		name, ok := f.Tag.Lookup("db")
		if !ok {
			continue
		}
		c := column{name: name, expr: "t." + name, offset: base + f.Offset, typ: f.Type, scan: scanType(f.Type)}
		if expr, ok := f.Tag.Lookup("sql"); ok {
			c.expr = expr
		}
		if d, ok := reflect.Zero(f.Type).Interface().(Document); ok {
			c.expr, c.document = d.SQL(), true
		}
		if rt != reflect.TypeFor[Row]() {
			if own := fieldNamed(t.Type, f.Name); own != "" {
				c.fields = append(c.fields, own)
				c.enum = schema.EnumOf(t.Type, own)
			}
			if list, ok := f.Tag.Lookup("for"); ok {
				c.fields = append(c.fields, strings.Split(list, ",")...)
			}
			for i, field := range c.fields {
				if c.enum == nil && isEnum(c.typ) { // a method shows it under another name
					c.enum = schema.EnumOf(t.Type, field)
				}
				rule, ok := schema.Fields()[t.Type+"."+field]
				if !ok {
					panic(fmt.Sprintf("store: column %s.%s is for %s.%s, which the schema does not have", t.Table, name, t.Type, field))
				}
				if i == 0 || rule.Class < c.class {
					c.class = rule.Class
				}
			}
		}
		t.columns = append(t.columns, c)
	}
}

func isEnum(t reflect.Type) bool {
	return t == reflect.TypeFor[scalar.Enum]() || t == reflect.TypeFor[*scalar.Enum]() || t == reflect.TypeFor[[]scalar.Enum]()
}

// scanType is the named type that knows how to read an array column: fields are plain slices,
// since gqlgen takes no others for lists.
func scanType(t reflect.Type) reflect.Type {
	switch t {
	case reflect.TypeFor[[]string]():
		return reflect.TypeFor[Texts]()
	case reflect.TypeFor[[]scalar.Enum]():
		return reflect.TypeFor[Enums]()
	case reflect.TypeFor[[]int]():
		return reflect.TypeFor[Numbers]()
	}
	return t
}

// fieldNamed returns the GraphQL field that gqlgen binds to a Go field: the one of the same
// name without regard to case, "" when there is none.
func fieldNamed(typ, goName string) string {
	if def := schema.Parsed().Types[typ]; def != nil {
		for _, f := range def.Fields {
			if strings.EqualFold(f.Name, goName) {
				return f.Name
			}
		}
	}
	return ""
}

func (t *Table[T]) columnIndex(name string) int {
	for i := range t.columns {
		if t.columns[i].name == name {
			return i
		}
	}
	panic(fmt.Sprintf("store: %s has no column %s", t.Type, name))
}

func (t *Table[T]) columnNamed(name string) *column { return &t.columns[t.columnIndex(name)] }

// wanted returns the columns that the demand and an order need, and the highest class among
// those that are read for the demand.
func (t *Table[T]) wanted(ask *Ask, o order[T]) (m mask, class authz.Class) {
	fields, all := ask.Demand.Fields(t.Type)
	for i := range t.columns {
		c := &t.columns[i]
		need := c.fields == nil
		for _, f := range c.fields {
			if all && ask.Viewer.Reads(c.class) || fields[f] {
				need = true
				break
			}
		}
		if need {
			m |= 1 << i
			class = max(class, c.class)
		}
	}
	return m | o.mask, max(class, o.class)
}

// Who reads the columns above P0 of a public table: everybody who reads the row, nobody, or
// the owners in an argument, whose placeholder stands instead.
const everybody, nobody = "", "-"

// maxLists bounds the column lists that are kept. Chosen: more than an application's queries
// have, fewer than a client can make up.
const maxLists = 1000

// columnList is the SELECT list of the columns in m. Columns above P0 are NULL for those who
// do not read them.
func (t *Table[T]) columnList(m mask, readers string) string {
	if readers == everybody {
		t.mu.RLock()
		s, ok := t.lists[m]
		t.mu.RUnlock()
		if ok {
			return s
		}
	}
	var b strings.Builder
	for i := range t.columns {
		if m&(1<<i) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		c := &t.columns[i]
		switch {
		case readers == nobody && c.class > authz.P0Public:
			b.WriteString("NULL AS " + c.name)
		case readers != everybody && c.class > authz.P0Public:
			fmt.Fprintf(&b, "CASE WHEN t.owner = ANY(%s) THEN %s END AS %s", readers, c.expr, c.name)
		case c.expr != "t."+c.name:
			b.WriteString(c.expr + " AS " + c.name)
		default:
			b.WriteString(c.expr)
		}
	}
	s := b.String()
	if readers == everybody {
		t.mu.Lock()
		if len(t.lists) < maxLists {
			t.lists[m] = s
		}
		t.mu.Unlock()
	}
	return s
}

// reader scans the rows of one statement; it is used by one goroutine.
type reader[T any] struct {
	table *Table[T]
	cols  []int
	dest  []any
	lead  int
	log   *slog.Logger
}

// reader returns a scanner of rows that begin with lead columns of the caller's own.
func (t *Table[T]) reader(m mask, log *slog.Logger, lead ...any) *reader[T] {
	r := &reader[T]{table: t, lead: len(lead), log: log, dest: append(make([]any, 0, len(lead)+len(t.columns)), lead...)}
	for i := range t.columns {
		if m&(1<<i) != 0 {
			r.cols = append(r.cols, i)
			r.dest = append(r.dest, nil)
		}
	}
	return r
}

func (r *reader[T]) read(rows *sql.Rows) (*T, error) {
	row := new(T)
	base := unsafe.Pointer(row)
	for i, c := range r.cols {
		col := &r.table.columns[c]
		r.dest[r.lead+i] = reflect.NewAt(col.scan, unsafe.Add(base, col.offset)).Interface()
	}
	if err := rows.Scan(r.dest...); err != nil {
		return nil, fmt.Errorf("row of %s: %w", r.table.Table, err)
	}
	for i, c := range r.cols {
		switch col := &r.table.columns[c]; {
		case col.enum != nil:
			r.mapUnknown(col, r.dest[r.lead+i])
		case col.document:
			r.reportUnread(col, (*Row)(base), reflect.NewAt(col.typ, unsafe.Add(base, col.offset)).Elem().Interface().(Document))
		}
	}
	(*Row)(base).typ = r.table.Type // Row stands first, Define has checked it
	return row, nil
}

// mapUnknown replaces enum values that this version does not know by OTHER: a newer
// community database must not fail a whole list.
func (r *reader[T]) mapUnknown(c *column, p any) {
	check := func(v *scalar.Enum) {
		if c.enum.EnumValues.ForName(string(*v)) == nil {
			r.log.Warn("unknown enum value mapped to OTHER", "table", r.table.Table, "column", c.name, "enum", c.enum.Name)
			*v = "OTHER"
		}
	}
	switch v := p.(type) {
	case *scalar.Enum:
		check(v)
	case **scalar.Enum:
		if *v != nil {
			check(*v)
		}
	case *Enums:
		for i := range *v {
			check(&(*v)[i])
		}
	}
}

// checkColumns reports descriptions that the schema contradicts; the conformance test runs it.
func (t *Table[T]) checkColumns() error {
	resident := &authz.Viewer{Roles: []authz.Role{authz.Resident}}
	switch own := schema.Finds(resident, t.Type) && !schema.FindsOthers(resident, t.Type); {
	case schema.FindsOthers(&authz.Viewer{}, t.Type) == t.Restricted:
		return fmt.Errorf("%s: class and roles of the type must keep the public out just when its table is restricted", t.Type)
	case own != (t.Own != ""):
		return fmt.Errorf("%s: @own says that residents find rows of their own, Own says which: both or neither", t.Type)
	}
	for _, role := range authz.Roles() {
		v := &authz.Viewer{Roles: []authz.Role{role}}
		if fields := schema.OwnOnly(v, t.Type); t.Own != "" && v.Person() && schema.FindsOthers(v, t.Type) && len(fields) > 0 {
			return fmt.Errorf("%s: %s finds others' rows, and would read what @own opens on them: %v", t.Type, role, fields)
		}
	}
	for name, o := range t.orders {
		if o.class > schema.ClassOf(t.Type) {
			return fmt.Errorf("%s: order %q is by a column that not everybody reads who sees the rows: the order tells its values", t.Type, name)
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.enum == nil && isEnum(c.typ) {
			return fmt.Errorf("%s.%s: no enum of the schema says which values it holds", t.Type, c.name)
		}
		if c.enum != nil && c.enum.EnumValues.ForName("OTHER") == nil {
			return fmt.Errorf("%s.%s: enum %s has no OTHER for values of newer databases", t.Type, c.name, c.enum.Name)
		}
	}
	return nil
}

// position is the place of a row in an order.
func (t *Table[T]) position(row *T, o order[T]) page.Position {
	p := make(page.Position, 0, len(o.keys)+2)
	for _, k := range o.keys {
		p = append(p, k.value(row))
	}
	r := (*Row)(unsafe.Pointer(row))
	return append(p, r.Owner, r.UUID.String())
}
