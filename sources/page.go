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
	}
	parts := Gather(ctx, s, chosen.Owners, func(ctx context.Context, src *Source, owners []string) ([]*T, error) {
		return t.Page(ctx, src, ask, l.Order, store.PageQuery{
			Owners: owners, Filter: l.Filter, From: start.From(src.Key), Limit: l.Window.Size + 1, Backward: l.Window.Backward,
		})
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
	}
	read := len(rows)
	return page.NewConnection(rows, info, Coverage(parts, chosen.Forbidden),
		func(i int) string {
			if l.Window.Backward {
				i = read - 1 - i
			}
			return ask.Cursors.Seal(l.Binding(ask), m.cursor(i))
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
			return 0, p.Err
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
	from  []string                 // the source of each row
	down  map[string]page.Position // sources that did not answer, where they stand
	gap   bool
}

func merge[T any](parts []Part[[]*T], l *store.List[T], start page.Cursor) *merged[T] {
	m := &merged[T]{list: l, start: start}
	type head struct {
		key  string
		rows []*T
		at   page.Position
	}
	var heads []head
	for _, p := range parts {
		switch {
		case p.Err != nil:
			m.gap = true
			if p.Source != nil {
				if m.down == nil {
					m.down = map[string]page.Position{}
				}
				m.down[p.Source.Key] = start.From(p.Source.Key)
			}
		case len(p.Value) > 0:
			heads = append(heads, head{key: p.Source.Key, rows: p.Value})
		}
	}
	limit := l.Window.Size + 1
	if len(heads) == 1 {
		m.rows = heads[0].rows
		for range m.rows {
			m.from = append(m.from, heads[0].key)
		}
		return m
	}
	for i := range heads {
		heads[i].at = l.Order.Position(heads[i].rows[0])
	}
	for len(m.rows) < limit && len(heads) > 0 {
		first := 0
		for i := 1; i < len(heads); i++ {
			if m.before(heads[i].at, heads[first].at) {
				first = i
			}
		}
		h := &heads[first]
		m.rows = append(m.rows, h.rows[0])
		m.from = append(m.from, h.key)
		if h.rows = h.rows[1:]; len(h.rows) == 0 {
			heads = append(heads[:first], heads[first+1:]...)
		} else {
			h.at = l.Order.Position(h.rows[0])
		}
	}
	return m
}

// before reports whether a is read before b.
func (m *merged[T]) before(a, b page.Position) bool {
	c := m.list.Order.ComparePositions(a, b)
	if m.list.Window.Backward {
		return c > 0
	}
	return c < 0
}

// cursor is the place after row i of the reading order. Sources that were behind, because
// they did not answer an earlier page, catch up first: their rows stand before all others.
func (m *merged[T]) cursor(i int) page.Cursor {
	rows := m.rows
	if m.list.Window.Backward {
		// Trim has turned the shown rows round in place; undo it for the lookup.
		n := min(len(rows), m.list.Window.Size)
		turned := make([]*T, n)
		for k := range n {
			turned[k] = rows[n-1-k]
		}
		rows = turned
	}
	at := m.list.Order.Position(rows[i])
	if m.start.Behind == nil && m.down == nil {
		return page.Cursor{At: at}
	}
	c := page.Cursor{At: m.start.At, Behind: map[string]page.Position{}}
	for k, p := range m.start.Behind {
		c.Behind[k] = p
	}
	for k, p := range m.down {
		c.Behind[k] = p
	}
	for j := range i + 1 {
		p := m.list.Order.Position(rows[j])
		if c.At != nil && m.before(p, c.At) {
			c.Behind[m.from[j]] = p // still catching up
			continue
		}
		c.At = p
		for k := range c.Behind {
			if _, down := m.down[k]; !down {
				delete(c.Behind, k) // its older rows have all been read
			}
		}
	}
	return c
}
