package store

import "context"

// HasFirst describes a link to the first row of a list that hangs on the parent, such as the
// one live post of a feedback; nil when the list is empty.
func HasFirst[P, C any](parent *Table[P], child *Table[C], c Children) *Link {
	list := childList(child, c)
	return register(&Link{Parent: parent.Type, Field: c.Field, Child: child.Type, check: c.check, load: func(ctx context.Context, src Source, b *Batch) error {
		if err := list(ctx, src, b); err != nil {
			return err
		}
		for i, v := range b.Values {
			b.Values[i] = nil
			if rows := v.([]*C); len(rows) > 0 {
				b.Values[i] = rows[0]
			}
		}
		return nil
	}})
}
