package store

import (
	"context"
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
	Filter Filter
	Args   page.Args
	By     *OrderBy

	Order  Ordered[T]
	Window page.Window
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
	return scope{l.Name + " " + parent, l.Filter, l.Order.Name(), new(sync.Once), new(string)}
}

// binding is what a cursor is sealed with: list, filter, order and viewer.
func (s scope) binding(ask *Ask) string {
	s.once.Do(func() {
		filter, err := json.Marshal(s.filter)
		if err != nil {
			panic(fmt.Sprintf("store: filter of %s does not marshal: %v", s.list, err))
		}
		*s.text = fmt.Sprintf("%s|%s|%s|%s", s.list, s.order, filter, ask.Viewer.Principal)
	})
	return *s.text
}

// Binding is the cursor binding of a root list.
func (l *List[T]) Binding(ask *Ask) string { return l.scoped("").binding(ask) }

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

// PageOf cuts a page out of rows that are all at hand. Rows may come in any order.
func PageOf[T any](ask *Ask, l *List[T], rows []*T, coverage *page.Coverage) (*page.Connection[T], error) {
	return pageOf(ask, l, rows, coverage, func(r *T) *T { return r })
}

// pageOf is PageOf; own turns each row that is shown into one the request may link.
func pageOf[T any](ask *Ask, l *List[T], rows []*T, coverage *page.Coverage, own func(*T) *T) (*page.Connection[T], error) {
	binding := func() string { return l.Binding(ask) }
	total := len(rows)
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b *T) int {
		if l.Window.Backward {
			a, b = b, a
		}
		return l.Order.Compare(a, b)
	})
	if l.Window.Cursor != "" {
		c, err := ask.Cursors.Open(binding(), l.Window.Cursor)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(r *T) bool {
			d := l.Order.ComparePositions(l.Order.Position(r), c.At)
			if l.Window.Backward {
				d = -d
			}
			return d <= 0
		})
	}
	out := make([]*T, 0, min(len(rows), l.Window.Size+1))
	for _, r := range rows[:min(len(rows), l.Window.Size+1)] {
		out = append(out, own(r))
	}
	out, info := Trim(out, l.Window)
	return page.NewConnection(out, info, coverage,
		func(i int) string {
			return ask.Cursors.Seal(binding(), page.Cursor{At: l.Order.Position(out[i])})
		},
		func(context.Context) (int, error) { return total, nil }), nil
}
