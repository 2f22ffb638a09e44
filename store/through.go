package store

import (
	"context"

	"linhui/internal/database"

	"github.com/lib/pq"
)

// Through describes a list that is reached over rows between parent and child, such as a
// resident's teams over memberships.
type Through struct {
	Field string
	Table string // SQL table of the rows between, j
	// From and To are its columns with the ids of parent and child.
	From, To string
	// Where is a fixed condition on j.
	Where string
	// Restricted rows between are followed only for parents in the viewer's scope.
	Restricted bool
}

// HasThrough describes an unpaged list over rows between, in the child's default order. A
// child is listed once a parent, over however many rows it is reached.
func HasThrough[P, C any](parent *Table[P], child *Table[C], th Through) *Link {
	sorted := Ordered[C]{table: child, by: child.orders[""], desc: child.DefaultDesc}
	return register(&Link{Parent: parent.Type, Field: th.Field, Child: child.Type, scoped: th.Restricted, via: th.Table, load: func(ctx context.Context, src Source, b *Batch) error {
		var w Where
		ks := keysOf(b.Parents)
		from := ks.parentRows(&w)
		s := child.selection(b.Ask, &w, sorted.by, ks.distinctOwners())
		if th.Restricted {
			s.query.Access, s.query.Owners = database.Scoped, b.Ask.Sees(ks.distinctOwners())
			if len(s.query.Owners) == 0 {
				return nil
			}
			w.And("p.owner = ANY(?)", pq.Array(s.query.Owners))
		}
		between := "j.owner = p.owner AND j." + th.From + " = p.id"
		if th.Where != "" {
			between += " AND " + th.Where
		}
		s.query.SQL = "SELECT p.n, " + s.list + " FROM " + from +
			" CROSS JOIN LATERAL (SELECT DISTINCT j." + th.To + " AS child FROM " + th.Table + " j WHERE " + between + ") j" +
			" JOIN " + child.Table + " t ON t.owner = p.owner AND t.id = j.child WHERE " + w.String() +
			" ORDER BY p.n, " + sorted.orderSQL(false)
		s.query.Args, s.query.OnePlan = w.args, true
		lists := make([][]*C, len(b.Parents))
		if err := child.collect(ctx, src, s, b.Ask, lists); err != nil {
			return err
		}
		for i, l := range lists {
			if l == nil {
				l = []*C{}
			}
			b.Values[i] = l
		}
		return nil
	}})
}
