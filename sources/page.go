package sources

import (
	"context"

	"linhui/page"
	"linhui/store"
)

// Page reads one page of a list over the chosen owners and merges the sources' shares in
// the list's order. Beside a *Partial the page is complete but for the sources it names.
func Page[T any](ctx context.Context, s *Sources, ask *store.Ask, t *store.Table[T], l *store.List[T], chosen Chosen, abort bool) (*page.Connection[T], error) {
	var start page.Cursor
	if l.Window.Cursor != "" {
		var err error
		if start, err = ask.Cursors.Open(l.Binding(ask), l.Window.Cursor); err != nil {
			return nil, err
		}
		start = start.Reading(l.Window.Backward)
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
	err := Settle(parts, chosen.Forbidden, abort)
	if err != nil {
		if _, partial := err.(*Partial); !partial {
			return nil, err
		}
	}
	m := merge(parts, l, start)
	rows, info := store.Trim(m.rows, l.Window)
	if m.gap {
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
		func(i int) string {
			return ask.Cursors.Seal(l.Binding(ask), m.cursor(rows[i]))
		},
		func(ctx context.Context) (int, error) {
			return Count(ctx, s, ask, t, l.Filter, chosen.Owners)
		}), err
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

// merged is the rows of all sources in reading order, with what cursors need.
type merged[T any] struct {
	list  *store.List[T]
	start page.Cursor
	rows  []*T
	asked []page.Behind // groups of owners that answered, and the place each was asked from
	down  []page.Behind // groups whose source did not answer, where they stand
	gap   bool
}

func merge[T any](parts []Part[[][]*T], l *store.List[T], start page.Cursor) *merged[T] {
	m := &merged[T]{list: l, start: start}
	var heads []head[T]
	for _, p := range parts {
		if p.Err != nil {
			m.gap = true
			m.down = append(m.down, start.Split(p.Owners)...)
			continue
		}
		m.asked = append(m.asked, start.Split(p.Owners)...)
		for _, rows := range p.Value {
			if len(rows) > 0 {
				heads = append(heads, head[T]{rows: rows})
			}
		}
	}
	if len(heads) == 1 {
		m.rows = heads[0].rows
		return m
	}
	for i := range heads {
		heads[i].at = l.Order.Position(heads[i].rows[0])
	}
	for limit := l.Window.Size + 1; len(m.rows) < limit && len(heads) > 0; {
		first := 0
		for i := 1; i < len(heads); i++ {
			if m.before(heads[i].at, heads[first].at) {
				first = i
			}
		}
		h := &heads[first]
		m.rows = append(m.rows, h.rows[0])
		if h.rows = h.rows[1:]; len(h.rows) == 0 {
			heads = append(heads[:first], heads[first+1:]...)
		} else {
			h.at = l.Order.Position(h.rows[0])
		}
	}
	return m
}

// head is what is left of a share, and the place of its first row.
type head[T any] struct {
	rows []*T
	at   page.Position
}

// before reports whether a is read before b.
func (m *merged[T]) before(a, b page.Position) bool {
	c := m.list.Order.ComparePositions(a, b)
	if m.list.Window.Backward {
		return c > 0
	}
	return c < 0
}

// cursor is the place of a row of the page. Up to it all rows of the owners that answered
// have been read, also those that were behind; owners that did not answer stay where they
// stood.
func (m *merged[T]) cursor(row *T) page.Cursor {
	read := m.list.Order.Position(row)
	if m.start.Behind == nil && m.down == nil {
		return page.Cursor{At: read}
	}
	c := page.Cursor{At: read, Row: read, Backward: m.list.Window.Backward}
	if m.start.At != nil && m.before(read, m.start.At) {
		c.At = m.start.At // the others were there before
	}
	caughtUp := page.Behind{At: read}
	for _, g := range m.asked {
		switch {
		case g.At == nil || m.before(g.At, read):
			if m.before(read, c.At) {
				caughtUp.Owners = append(caughtUp.Owners, g.Owners...)
			}
		case m.before(g.At, c.At):
			c.Behind = append(c.Behind, g)
		}
	}
	if caughtUp.Owners != nil {
		c.Behind = append(c.Behind, caughtUp)
	}
	c.Behind = append(c.Behind, m.down...)
	if c.Behind == nil {
		return page.Cursor{At: c.At}
	}
	return c
}
