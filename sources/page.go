package sources

import (
	"context"

	"linhui/page"
	"linhui/store"
)

// Page reads one page of a list over the chosen owners and merges the sources' shares in
// the list's order. Beside a *Partial the page is complete but for the sources it names.
func Page[T any](ctx context.Context, s *Sources, ask *store.Ask, t *store.Table[T], l *store.List[T], chosen Chosen, abort bool) (*page.Connection[T], error) {
	start, err := begin(ask, l, chosen)
	if err != nil {
		return nil, err
	}
	parts := Gather(ctx, s, chosen.Owners, func(ctx context.Context, src *Source, owners []string) ([][]*T, error) {
		groups := start.Split(owners) // one, unless some of them are behind
		shares := make([][]*T, len(groups))
		for i, g := range groups {
			var err error
			if shares[i], err = t.Page(ctx, src, ask, l.Order, store.PageQuery{
				Owners: g.Owners, Filter: l.Filter, From: g.At, Limit: l.Window.Size + 1, Backward: l.Window.Backward,
			}); err != nil {
				return nil, err
			}
		}
		return shares, nil
	})
	var shares [][]*T
	for _, p := range parts {
		shares = append(shares, p.Value...)
	}
	rows := store.Merge(shares, l.Reads, l.Window.Size+1)
	return connect(ask, l, start, rows, parts, chosen, abort, func(ctx context.Context) (int, error) {
		return Count(ctx, s, ask, t, l.Filter, chosen.Owners)
	})
}

// begin opens the cursor that a list over the chosen owners is to go on from.
func begin[T any](ask *store.Ask, l *store.List[T], chosen Chosen) (page.Cursor, error) {
	l.Of = chosen.Named
	if l.Window.Cursor == "" {
		return page.Cursor{}, nil
	}
	c, err := ask.Cursors.Open(l.Binding(ask), l.Window.Cursor)
	return c.Reading(l.Window.Backward), err
}

// connect makes a page of the rows that the parts which answered hold behind the start, in the
// direction of reading, one more than fits if there is one.
func connect[T, V any](ask *store.Ask, l *store.List[T], start page.Cursor, rows []*T, parts []Part[V], chosen Chosen, abort bool, count func(context.Context) (int, error)) (*page.Connection[T], error) {
	err := Settle(parts, chosen.Forbidden, abort)
	if err != nil {
		if _, partial := err.(*Partial); !partial {
			return nil, err
		}
	}
	st := standing[T]{list: l, start: start}
	for _, p := range parts {
		if p.Err != nil {
			st.down = append(st.down, start.Split(p.Owners)...)
		} else {
			st.asked = append(st.asked, start.Split(p.Owners)...)
		}
	}
	rows, info := store.Trim(rows, l.Window)
	if st.down != nil {
		// A source that did not answer may hold more rows in the direction of reading.
		info.HasNext = info.HasNext || !l.Window.Backward
		info.HasPrevious = info.HasPrevious || l.Window.Backward
		if len(rows) == 0 && l.Window.Cursor != "" {
			if l.Window.Backward {
				info.Start = &l.Window.Cursor
			} else {
				info.End = &l.Window.Cursor
			}
		}
	}
	return page.NewConnection(rows, info, Coverage(parts, chosen.Forbidden),
		func(i int) string { return ask.Cursors.Seal(l.Binding(ask), st.cursor(rows[i])) }, count), err
}

// Count counts matching rows over the owners; an error when a source did not answer.
func Count[T any](ctx context.Context, s *Sources, ask *store.Ask, t *store.Table[T], f store.Filter, owners []string) (int, error) {
	parts := Gather(ctx, s, owners, func(ctx context.Context, src *Source, owners []string) (int, error) {
		return t.Count(ctx, src, ask, owners, f)
	})
	n := 0
	for _, p := range parts {
		if p.Err != nil {
			return 0, p.named(p.Owners)
		}
		n += p.Value
	}
	return n, nil
}

// standing is how far the owners of a list have been read.
type standing[T any] struct {
	list  *store.List[T]
	start page.Cursor
	asked []page.Behind // groups of owners that answered, and the place each was asked from
	down  []page.Behind // groups whose source did not answer, where they stand
}

// before reports whether a is read before b.
func (s *standing[T]) before(a, b page.Position) bool {
	c := s.list.Order.ComparePositions(a, b)
	if s.list.Window.Backward {
		return c > 0
	}
	return c < 0
}

// cursor is the place of a row of the page. Up to it all rows of the owners that answered
// have been read, also those that were behind; owners that did not answer stay where they
// stood.
func (s *standing[T]) cursor(row *T) page.Cursor {
	read := s.list.Order.Position(row)
	if s.start.Behind == nil && s.down == nil {
		return page.Cursor{At: read}
	}
	c := page.Cursor{At: read, Row: read, Backward: s.list.Window.Backward}
	if s.start.At != nil && s.before(read, s.start.At) {
		c.At = s.start.At // the others were there before
	}
	caughtUp := page.Behind{At: read}
	for _, g := range s.asked {
		switch {
		case g.At == nil || s.before(g.At, read):
			if s.before(read, c.At) {
				caughtUp.Owners = append(caughtUp.Owners, g.Owners...)
			}
		case s.before(g.At, c.At):
			c.Behind = append(c.Behind, g)
		}
	}
	if caughtUp.Owners != nil {
		c.Behind = append(c.Behind, caughtUp)
	}
	c.Behind = append(c.Behind, s.down...)
	if c.Behind == nil {
		return page.Cursor{At: c.At}
	}
	return c
}
