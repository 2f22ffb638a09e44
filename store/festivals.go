package store

import (
	"context"
	"database/sql"

	"linhui/internal/database"
	"linhui/schema/scalar"
)

// loadFestivals reads the days of lunar festivals, which the directory lists year by year.
func loadFestivals(ctx context.Context, src Source) (map[string][]scalar.Date, error) {
	festivals := map[string][]scalar.Date{}
	q := database.Query{Access: database.Public, SQL: "SELECT festival, day FROM festival_days ORDER BY festival, day"}
	return festivals, each(ctx, src, q, func(rs *sql.Rows) error {
		var name string
		var day scalar.Date
		err := rs.Scan(&name, &day)
		festivals[name] = append(festivals[name], day)
		return err
	})
}

// Festival returns the known days of a festival, in order; none when it is not listed. The
// slice must not be changed.
func (d *Directory) Festival(name string) []scalar.Date { return d.festivals[name] }

// Known returns the communities of the slugs, in their order; unknown ones are left out.
func (d *Directory) Known(slugs []string) []*Community {
	out := make([]*Community, 0, len(slugs))
	for _, s := range slugs {
		if c := d.Community(s); c != nil {
			out = append(out, c)
		}
	}
	return out
}
