package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"linhui/internal/fault"
	"linhui/page"
)

// List is one list as a caller asked for it.
type List[T any] struct {
	Name   string // identifies the list in its cursors
	Of     string // which communities were named, "" for all; cursors are bound to it too
	Filter Filter
	Args   page.Args
	By     *OrderBy

	Order  Ordered[T]
	Window page.Window

	bound string // Binding, once it was asked for
}

// NewList checks the arguments of a list of the table.
func (t *Table[T]) NewList(name string, f Filter, by *OrderBy, args page.Args) (*List[T], error) {
	if f != nil && reflect.ValueOf(f).IsNil() {
		f = nil // a nil *XFilter in the interface
	}
	l := &List[T]{Name: name, Filter: f, Args: args, By: by}
	return l, l.resolve(t)
}

func (l *List[T]) resolve(t *Table[T]) (err error) {
	if l.Window, err = l.Args.Window(); err != nil {
		return err
	}
	l.Order, err = t.Ordered(l.By)
	return err
}

// scope is a list within which cursors are valid.
type scope struct {
	list   string
	filter Filter
	order  string
	once   *sync.Once
	text   *string
}

func (l *List[T]) scoped(parent string) scope {
	return scope{l.Name + " " + parent + " " + l.Of, l.Filter, l.Order.Name(), new(sync.Once), new(string)}
}

// binding is what a cursor is sealed with: list, filter, order and viewer.
func (s scope) binding(ask *Ask) string {
	s.once.Do(func() {
		filter, err := json.Marshal(s.filter)
		if err != nil {
			panic(fmt.Sprintf("store: filter of %s does not marshal: %v", s.list, err))
		}
		// Digested, since the text may name a thousand communities and every cursor is sealed with it.
		digest := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s|%s", s.list, s.order, filter, ask.Viewer.Principal))
		*s.text = string(digest[:])
	})
	return *s.text
}

// Binding is the cursor binding of a root list, all of whose fields are set.
func (l *List[T]) Binding(ask *Ask) string {
	if l.bound == "" {
		l.bound = l.scoped("").binding(ask)
	}
	return l.bound
}

func (l *List[T]) foreignCursor() error {
	return fault.Newf(fault.BadUserInput, "a cursor belongs to the list of one parent; ask for that parent alone").At("after")
}

// Trim cuts the extra row off that tells whether there is more, and turns rows that were
// read backward into the list's order.
func Trim[T any](rows []*T, w page.Window) ([]*T, page.Info) {
	more := len(rows) > w.Size
	if more {
		rows = rows[:w.Size]
	}
	behind := w.Cursor != ""
	if w.Backward {
		slices.Reverse(rows)
		return rows, page.Info{HasNext: behind, HasPrevious: more}
	}
	return rows, page.Info{HasNext: more, HasPrevious: behind}
}

// PageArgs reads the paging arguments of a field.
func PageArgs(args map[string]any) page.Args {
	var a page.Args
	a.First, _ = args["first"].(*int)
	a.Last, _ = args["last"].(*int)
	a.After, _ = args["after"].(*string)
	a.Before, _ = args["before"].(*string)
	return a
}

// OrderArg returns the argument "orderBy", nil when it was not given.
func OrderArg(args map[string]any) *OrderBy {
	by, _ := args["orderBy"].(*OrderBy)
	return by
}

// PageOf cuts a page out of rows that are all at hand. Rows may come in any order.
func PageOf[T any](ask *Ask, l *List[T], rows []*T, coverage *page.Coverage) (*page.Connection[T], error) {
	from, err := l.from(ask)
	if err != nil {
		return nil, err
	}
	total := len(rows)
	rows = slices.DeleteFunc(slices.Clone(rows), func(r *T) bool { return !l.behind(r, from) })
	slices.SortFunc(rows, l.Reads)
	return l.connection(ask, rows, coverage, func() int { return total }), nil
}

// from is the place that a list of one source, or of none, is read from; nil is its end.
func (l *List[T]) from(ask *Ask) (page.Position, error) {
	if l.Window.Cursor == "" {
		return nil, nil
	}
	c, err := ask.Cursors.Open(l.Binding(ask), l.Window.Cursor)
	return c.At, err
}

// connection is a page of rows that were read in the window's direction.
func (l *List[T]) connection(ask *Ask, rows []*T, coverage *page.Coverage, count func() int) *page.Connection[T] {
	rows, info := Trim(rows, l.Window)
	return page.NewConnection(rows, info, coverage,
		func(i int) string {
			return ask.Cursors.Seal(l.Binding(ask), page.Cursor{At: l.Order.Position(rows[i])})
		},
		func(context.Context) (int, error) { return count(), nil })
}

// Reads orders two rows as they are read.
func (l *List[T]) Reads(a, b *T) int {
	if l.Window.Backward {
		return l.Order.Compare(b, a)
	}
	return l.Order.Compare(a, b)
}

// behind reports whether a row is read behind a place; nil is the end that reading begins at.
func (l *List[T]) behind(row *T, from page.Position) bool {
	if from == nil {
		return true
	}
	c := l.Order.ComparePositions(l.Order.Position(row), from)
	return c > 0 && !l.Window.Backward || c < 0 && l.Window.Backward
}
