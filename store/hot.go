package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/page"

	"github.com/lib/pq"
)

// HotSpec describes a list that everybody reads and few write, such as today's events. Its
// rows are kept per owner in Redis, public columns only, until a write anywhere raises the
// version that the database keeps of (owner, list).
type HotSpec[T any] struct {
	// List is the name in hot_versions and in the triggers that raise it.
	List string
	// Filter selects the rows kept for the instant asked about; nil: every row.
	Filter func(at time.Time) Filter
	// Variant tells apart what Filter selects at different instants, such as the Shanghai
	// day; nil: one variant.
	Variant func(at time.Time) string
	// Within bounds how far from now an instant may lie whose rows are kept; rows of others
	// are read from the sources, or anyone could fill Redis with every day there is. 0: no
	// bound, for lists without a Variant.
	Within time.Duration
	// Keep chooses among the kept rows those that are in the list at that very instant; nil:
	// all of them.
	Keep func(row *T, at time.Time) bool
	// KeepReads names the fields whose columns Keep looks at.
	KeepReads []string
	// Latest bounds the rows kept of an owner to the first in the default order; 0: no bound.
	Latest int
	// TTL bounds what changes without a write; 0: 10 minutes.
	TTL time.Duration
}

// HotList is a described hot list.
type HotList[T any] struct {
	HotSpec[T]
	Table *Table[T]
}

// Hot is a HotList without its row type. Rows stands for []*T.
type Hot interface {
	ListName() string
	VariantAt(at time.Time) string
	// Keeps reports whether rows of the instant are kept at all.
	Keeps(at, now time.Time) bool
	Lifetime() time.Duration
	// Serves reports whether the kept rows hold every column that the request demands.
	Serves(ask *Ask, by *OrderBy) bool
	// LoadRows reads the list of some owners: to be kept, every public column as the public
	// sees it; else what the request demands, is ordered by, and Keep looks at. Each owner's
	// rows are in the default order. Owners without rows are missing from the answer.
	LoadRows(ctx context.Context, src Source, ask *Ask, owners []string, at time.Time, by *OrderBy, kept bool) (map[string]Rows, error)
	// Decode reads rows from their JSON.
	Decode([]byte) (Rows, error)
	// PageOf pages through the rows of one owner that are in the list at the instant. Kept
	// rows are shared; the page has copies that one request may link.
	PageOf(ask *Ask, name string, args map[string]any, rows Rows, at time.Time, c *page.Coverage) (any, error)
}

// Rows is a slice of pointers to rows of one type.
type Rows any

var hotLists = map[string]Hot{}

// HotLists returns the described hot lists by name. The map must not be changed.
func HotLists() map[string]Hot { return hotLists }

// DefineHot describes a hot list of a table's rows.
func DefineHot[T any](t *Table[T], s HotSpec[T]) *HotList[T] {
	if _, twice := hotLists[s.List]; twice {
		panic("store: hot list " + s.List + " is described twice")
	}
	if t.Restricted {
		panic("store: hot list " + s.List + " would keep restricted rows")
	}
	if s.TTL == 0 {
		s.TTL = 10 * time.Minute
	}
	h := &HotList[T]{HotSpec: s, Table: t}
	hotLists[s.List] = h
	return h
}

func (h *HotList[T]) ListName() string { return h.List }

// VariantAt is the cache key's part for an instant.
func (h *HotList[T]) VariantAt(at time.Time) string {
	if h.Variant == nil {
		return ""
	}
	return h.Variant(at)
}

func (h *HotList[T]) Keeps(at, now time.Time) bool {
	return h.Within == 0 || at.Sub(now).Abs() <= h.Within
}

// Lifetime is how long rows are kept without a write.
func (h *HotList[T]) Lifetime() time.Duration { return h.TTL }

func (h *HotList[T]) Decode(b []byte) (Rows, error) {
	var rows []*T
	err := json.Unmarshal(b, &rows)
	for _, r := range rows {
		base := (*Row)(unsafe.Pointer(r))
		base.typ = h.Table.Type
		base.id = base.ID()
	}
	return rows, err
}

func (h *HotList[T]) PageOf(ask *Ask, name string, args map[string]any, rows Rows, at time.Time, c *page.Coverage) (any, error) {
	list, err := h.Table.NewList(name, nil, OrderArg(args), PageArgs(args))
	if err != nil {
		return nil, err
	}
	from, err := list.from(ask)
	if err != nil {
		return nil, err
	}
	got := Own(Merge([][]*T{h.Run(list, rows, from, at)}, list.Reads, list.Window.Size+1))
	return list.connection(ask, got, c, func() int { return h.Count(rows, at) }), nil
}

// Run returns one owner's rows that are in the list at the instant, in the direction of reading
// from a place on. They are shared and must not be linked: see Own.
func (h *HotList[T]) Run(l *List[T], rows Rows, from page.Position, at time.Time) []*T {
	shared, _ := rows.([]*T)
	if h.Keep == nil && from == nil && l.By == nil && !l.Window.Backward {
		return shared
	}
	run := make([]*T, 0, len(shared))
	for _, r := range shared {
		if (h.Keep == nil || h.Keep(r, at)) && l.behind(r, from) {
			run = append(run, r)
		}
	}
	slices.SortFunc(run, l.Reads)
	return run
}

// Own turns shared rows into copies that one request may link.
func Own[T any](shared []*T) []*T {
	own := make([]T, len(shared))
	rows := make([]*T, len(shared))
	for i, r := range shared {
		own[i] = *r
		rows[i] = &own[i]
	}
	return rows
}

// Count is the number of one owner's rows that are in the list at the instant.
func (h *HotList[T]) Count(rows Rows, at time.Time) int {
	shared, _ := rows.([]*T)
	if h.Keep == nil {
		return len(shared)
	}
	n := 0
	for _, r := range shared {
		if h.Keep(r, at) {
			n++
		}
	}
	return n
}

func (h *HotList[T]) Serves(ask *Ask, by *OrderBy) bool {
	o, err := h.Table.Ordered(by)
	_, class := h.Table.wanted(ask, o.by)
	return err == nil && ask.Demand != nil && class == authz.P0Public
}

func (h *HotList[T]) LoadRows(ctx context.Context, src Source, ask *Ask, owners []string, at time.Time, by *OrderBy, kept bool) (map[string]Rows, error) {
	var w Where
	read := *ask
	if kept {
		read.Viewer, read.Demand = &authz.Viewer{At: at}, nil
	} else {
		read.Demand = h.widened(ask.Demand)
	}
	o := Ordered[T]{table: h.Table, by: h.Table.orders[""], desc: h.Table.DefaultDesc}
	asked, err := h.Table.Ordered(by)
	if err != nil {
		return nil, err
	}
	columns := order[T]{mask: o.by.mask | asked.by.mask, class: max(o.by.class, asked.by.class)}
	from := "unnest(" + w.Arg(pq.Array(owners)) + "::text[]) p(owner)"
	s := h.Table.selection(&read, &w, columns, owners)
	if h.Filter != nil {
		if err := h.Filter(at).Where(&w, &read); err != nil {
			return nil, err
		}
	}
	limit := ""
	if h.Latest > 0 {
		limit = " LIMIT " + strconv.Itoa(h.Latest)
	}
	s.query.SQL = "SELECT t.* FROM " + from + ", LATERAL (SELECT " + s.list + " FROM " + h.Table.Table +
		" t WHERE t.owner = p.owner AND " + w.String() + " ORDER BY " + o.orderSQL(false) + limit + ") t"
	s.query.Args, s.query.OnePlan = w.args, true
	byOwner := make(map[string][]*T, len(owners))
	r := h.Table.reader(s.cols, ask.Log)
	err = each(ctx, src, s.query, func(rs *sql.Rows) error {
		row, err := r.read(rs)
		if err == nil {
			base := (*Row)(unsafe.Pointer(row))
			if kept {
				base.id = base.ID()
			}
			byOwner[base.Owner] = append(byOwner[base.Owner], row)
		}
		return err
	})
	out := make(map[string]Rows, len(byOwner))
	for owner, rows := range byOwner {
		slices.SortFunc(rows, o.Compare)
		out[owner] = rows
	}
	return out, err
}

// widened is a demand that also holds the fields Keep looks at.
func (h *HotList[T]) widened(d Demand) Demand {
	if d == nil || h.Keep == nil {
		return d
	}
	fields := maps.Clone(d[h.Table.Type])
	if fields == nil {
		fields = map[string]bool{}
	}
	for _, f := range h.KeepReads {
		fields[f] = true
	}
	wide := maps.Clone(d)
	wide[h.Table.Type] = fields
	return wide
}

// HotVersions reads the versions of hot lists: of one list of some owners, or of every list
// of every owner the source holds when list is "". An owner whose list never changed has
// version 1, one less than after its first change.
func HotVersions(ctx context.Context, src Source, list string, owners []string) (map[string]map[string]int64, error) {
	q := database.Query{Access: database.Public, SQL: `SELECT owner, list, version + 1 FROM hot_versions`}
	if list != "" {
		q.SQL += ` WHERE list = $1 AND owner = ANY($2)`
		q.Args = []any{list, pq.Array(owners)}
	}
	versions := make(map[string]map[string]int64, len(owners))
	for _, o := range owners {
		versions[o] = map[string]int64{}
	}
	err := each(ctx, src, q, func(rs *sql.Rows) error {
		var owner, list string
		var version int64
		if err := rs.Scan(&owner, &list, &version); err != nil {
			return err
		}
		if versions[owner] == nil {
			versions[owner] = map[string]int64{}
		}
		versions[owner][list] = version
		return nil
	})
	return versions, err
}

// EncodeHot writes rows with the name of their list, for DecodeHot.
func EncodeHot(list string, rows Rows) ([]byte, error) {
	b, err := json.Marshal(rows)
	return append([]byte(list+"\n"), b...), err
}

// DecodeHot reads what EncodeHot wrote.
func DecodeHot(b []byte) (list string, rows Rows, err error) {
	name, body, ok := bytes.Cut(b, []byte("\n"))
	h := hotLists[string(name)]
	if !ok || h == nil {
		return "", nil, fmt.Errorf("no hot list is kept in this form")
	}
	rows, err = h.Decode(body)
	return string(name), rows, err
}
