package store

import (
	"context"
	"database/sql"
	"strconv"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/page"

	"github.com/lib/pq"
)

// Source runs statements on one database; *database.DB is one.
type Source interface {
	Query(ctx context.Context, q database.Query, rows func(*sql.Rows) error) error
}

// each runs a statement and hands over its rows one by one.
func each(ctx context.Context, src Source, q database.Query, row func(*sql.Rows) error) error {
	err := src.Query(ctx, q, func(rs *sql.Rows) error {
		for rs.Next() {
			if err := row(rs); err != nil {
				return err
			}
		}
		return nil
	})
	if v := database.ViolationOf(err); v != nil && v.SQLState == "22021" { // character_not_in_repertoire: NUL
		return fault.Newf(fault.BadUserInput, "a text holds a character that text cannot have").Because(err)
	}
	return err
}

// selection is what a statement reads of a table for one request: the columns, and through
// which database role.
type selection struct {
	cols  mask
	list  string
	query database.Query
	none  bool // the viewer may see no row, so that nothing is asked
}

// each runs the statement, unless it would see nothing, and hands over its rows one by one.
func (s *selection) each(ctx context.Context, src Source, row func(*sql.Rows) error) error {
	if s.none {
		return nil
	}
	return each(ctx, src, s.query, row)
}

// selection chooses columns and role. Public rows with public columns are read by the role
// that can read nothing else. For anything more the viewer's owners are set in the
// transaction, where row-level security holds them, and w gets the same predicate.
func (t *Table[T]) selection(ask *Ask, w *Where, o order[T], owners []string) selection {
	cols, class := t.wanted(ask, o)
	s, seen := t.reach(ask, w, class, owners)
	s.cols = cols
	switch {
	case t.Restricted || class == authz.P0Public:
		s.list = t.columnList(cols, everybody)
	case len(seen) == 0:
		s.list = t.columnList(cols, nobody)
	default:
		s.list = t.columnList(cols, w.Arg(pq.Array(seen)))
	}
	return s
}

// reach chooses the role for columns up to a class, and adds the conditions on the rows. It
// returns the owners of whom the viewer reads more than the public.
func (t *Table[T]) reach(ask *Ask, w *Where, class authz.Class, owners []string) (s selection, seen []string) {
	s.query.Access, s.query.Class = database.Public, ask.Budget
	if t.Restricted || class > authz.P0Public || t.showsDrafts(ask, owners) {
		if seen = ask.Sees(owners); len(seen) > 0 {
			s.query.Access, s.query.Owners = database.Scoped, seen
		}
	}
	if t.Restricted {
		s.none = len(seen) == 0
		if len(seen) < len(owners) {
			// Every caller holds t.owner to the owners it names. Saying it twice when all are in
			// scope cost the planner its best index: 16 ms for 20 counts that take 1.3.
			w.And("t.owner = ANY(?)", pq.Array(seen))
		}
		t.onlyOwn(ask, w)
	} else if t.showsDrafts(ask, owners) {
		t.onlyPublished(w, seen)
	} else {
		t.onlyPublished(w, nil)
	}
	if t.Visible != "" {
		w.And(t.Visible)
	}
	return s, seen
}

// PageQuery is one source's share of a page.
type PageQuery struct {
	Owners   []string
	Filter   Filter // nil: every row
	From     page.Position
	Limit    int
	Backward bool
}

// Page reads up to Limit rows behind From, in reading direction. Several owners are read one
// by one, each along its index up to Limit, and then merged: with 125 owners that reads 6,000
// rows where owner = ANY sorts 125,000.
func (t *Table[T]) Page(ctx context.Context, src Source, ask *Ask, o Ordered[T], q PageQuery) ([]*T, error) {
	var w Where
	s := t.selection(ask, &w, o.by, q.Owners)
	from, owner := "", "t.owner = p.owner"
	if len(q.Owners) == 1 {
		owner = "t.owner = " + w.Arg(q.Owners[0])
	} else {
		from = "unnest(" + w.Arg(pq.Array(q.Owners)) + "::text[]) p(owner), "
	}
	w.And(owner)
	if q.Filter != nil {
		if err := q.Filter.Where(&w, ask); err != nil {
			return nil, err
		}
	}
	if q.From != nil {
		if err := o.after(&w, q.From, q.Backward); err != nil {
			return nil, err
		}
	}
	limit := " LIMIT " + strconv.Itoa(q.Limit)
	s.query.SQL = "SELECT " + s.list + " FROM " + t.Table + " t WHERE " + w.String() + " ORDER BY " + o.orderSQL(q.Backward) + limit
	if from != "" {
		s.query.SQL = "SELECT t.* FROM " + from + "LATERAL (" + s.query.SQL + ") t ORDER BY " + o.orderOf(q.Backward) + limit
	}
	s.query.Args = w.args
	rows := make([]*T, 0, min(q.Limit, 64))
	r := t.reader(s.cols, ask.Log)
	err := s.each(ctx, src, func(rs *sql.Rows) error {
		row, err := r.read(rs)
		if err == nil {
			rows = append(rows, row)
		}
		return err
	})
	return rows, err
}

// Count counts the rows of the owners that match the filter.
func (t *Table[T]) Count(ctx context.Context, src Source, ask *Ask, owners []string, f Filter) (int, error) {
	counts, err := t.countBy(ctx, src, ask, owners, f)
	n := 0
	for _, c := range counts {
		n += c
	}
	return n, err
}

// countBy counts matching rows by owner; owners without rows are missing from the answer.
func (t *Table[T]) countBy(ctx context.Context, src Source, ask *Ask, owners []string, f Filter) (map[string]int, error) {
	var w Where
	s, _ := t.reach(ask, &w, authz.P0Public, owners)
	if !t.Restricted {
		w.And("t.owner = ANY(?)", pq.Array(owners))
	}
	if f != nil {
		if err := f.Where(&w, ask); err != nil {
			return nil, err
		}
	}
	s.query.SQL = "SELECT t.owner, count(*) FROM " + t.Table + " t WHERE " + w.String() + " GROUP BY t.owner"
	s.query.Args = w.args
	counts := make(map[string]int, len(owners))
	err := s.each(ctx, src, func(rs *sql.Rows) error {
		var owner string
		var n int
		if err := rs.Scan(&owner, &n); err != nil {
			return err
		}
		counts[owner] = n
		return nil
	})
	return counts, err
}

// Owners asks a source which owners it holds.
func Owners(ctx context.Context, src Source) ([]string, error) {
	var owners []string
	err := each(ctx, src, database.Query{Access: database.Public, SQL: "SELECT owner FROM owners ORDER BY owner"}, func(rs *sql.Rows) error {
		var o string
		err := rs.Scan(&o)
		owners = append(owners, o)
		return err
	})
	return owners, err
}
