package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/schema/scalar"
)

// Guard protects the people behind a cube's rows from viewers who may not read those rows one
// by one. Such viewers see the rows as if each were told apart only as far as enough people
// share what is told: a row keeps the most detailed of a fixed chain of keys, the lattice,
// under which at least K people stand; what is finer reads as "too few to be shown apart".
//
// The chain does not depend on the question. Every answer is therefore made of the same classes
// of at least K people, and no difference, total, page, order or threshold of any number of
// answers can tell less than a class apart. See docs/adr/0011.
type Guard struct {
	// People is SQL over t for whom a row is about.
	People string
	// Lattice names dimensions, the one that is kept longest first. The community stands before
	// them, then the month of the cube's time (and the day, with Daily). Others cannot be asked
	// for.
	Lattice []string
	Daily   bool
	// K is the least number of people; 0 is 5. model.md §11.
	K int
}

const (
	// leastPeople is K where a guard sets none; model.md §11.
	leastPeople = 5
	// publicPeople is the least K of a cube that anyone may ask. The chain of keys is the same for
	// all viewers, so there is no K for some of them; model.md §11.
	publicPeople = 10
)

func (g *Guard) least() int {
	if g.K > 0 {
		return g.K
	}
	return leastPeople
}

// Guarded reports whether a viewer sees the cube through its guard: who may not read personal
// fields row by row.
func (c *Cube) Guarded(v *authz.Viewer) bool { return c.Guard != nil && !v.Reads(authz.P2Personal) }

// permit refuses a query that asks for more than a guarded viewer may have, and says what may
// be asked. Every statement passes here, also those of comparisons and of dry runs.
func (c *Cube) permit(v *authz.Viewer, q *CubeQuery) error {
	if !c.Guarded(v) {
		if class := q.Class(); !v.Reads(class) {
			return fault.Newf(fault.Forbidden, "a dimension or measure of this aggregate is not for your roles").At("groupBy")
		}
		return nil
	}
	for _, d := range q.By {
		if d.place == ofRow && !slices.Contains(c.Guard.Lattice, d.Name) {
			return fault.Newf(fault.Forbidden, "without the right to read these rows one by one they are grouped by COMMUNITY, STREET, DISTRICT, %s only", strings.Join(c.Guard.Lattice, ", ")).At("groupBy")
		}
	}
	if q.Where != nil {
		return fault.Newf(fault.Forbidden, "without the right to read these rows one by one they cannot be filtered: group by the dimension instead").At("where")
	}
	for _, m := range q.Measures {
		if m.Where != nil {
			return fault.Newf(fault.Forbidden, "without the right to read these rows one by one a measure cannot be filtered: group by the dimension instead").At(m.Name, "where")
		}
		switch m.Kind.(type) {
		case measure.Percentile, measure.Least, measure.Most:
			return fault.Newf(fault.Forbidden, "%s shows what single people did; your roles see counts, sums and means", m.Name).At(m.Name)
		}
	}
	if q.Bucket == "WEEK" || q.Bucket == "DAY" && !c.Guard.Daily {
		return fault.Newf(fault.Forbidden, "your roles see these rows by whole months: MONTH, QUARTER or YEAR").At("bucket")
	}
	if p := q.Period; p != nil && (p.From.Day != 1 || p.To.AddDays(1).Day != 1) {
		return fault.Newf(fault.Forbidden, "your roles see these rows by whole months: from a first to a last day").At("period")
	}
	return nil
}

// classes is a FROM item: for each row of the owners, its owner, id and level, the place of
// the finest key of the lattice under which enough people stand, 0 for the owner alone. Rows of
// owners with too few people have none. Months that have not ended are left out, so that what
// comes in today cannot be told from what was there.
func (c *Cube) classes(w *Where, ask *Ask, q *CubeQuery) (string, error) {
	conds := Where{args: w.args}
	conds.conds = append(conds.conds, w.conds...)
	var keys []string
	if c.Time != "" {
		month := scalar.DateOf(ask.Viewer.At)
		month.Day = 1
		if c.daily() {
			conds.And(c.time.expr+" < ?::date", month)
		} else {
			conds.And(c.time.expr+" < ?", month.Start())
		}
		if err := c.narrow(&conds, ask, &CubeQuery{Period: q.Period}); err != nil {
			return "", err
		}
		keys = append(keys, c.rows().bucketSQL("MONTH"))
		if c.Guard.Daily {
			keys = append(keys, c.rows().bucketSQL("DAY"))
		}
	} else if c.Default != nil {
		if err := c.Default.Where(&conds, ask); err != nil {
			return "", err
		}
	}
	joins := ""
	for _, name := range c.Guard.Lattice {
		d := c.Named(scalar.Enum(name))
		joins = d.joined(joins)
		keys = append(keys, "("+conds.now(ask, d.SQL)+")")
	}
	w.args = conds.args

	var b strings.Builder
	b.WriteString("(WITH r" + strconv.Itoa(len(keys)) + " AS (SELECT t.owner, t.id, (" + c.Guard.People + ") AS who")
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = "l" + strconv.Itoa(i)
		b.WriteString(", " + k + " AS " + names[i])
	}
	b.WriteString(" FROM " + c.Of.described().Table + " t" + joins + " WHERE " + conds.String() + ")")
	// From the finest key to none: rows whose key enough people share stay, the others go on
	// with one key less, all of them together.
	for level := len(keys); level >= 0; level-- {
		by := strings.Join(append([]string{"owner"}, names[:level]...), ", ")
		fmt.Fprintf(&b, ", s%[1]d AS (SELECT *, dense_rank() OVER (PARTITION BY %[2]s ORDER BY who) + dense_rank() OVER (PARTITION BY %[2]s ORDER BY who DESC) > %[3]d AS ok FROM r%[1]d)",
			level, by, c.Guard.least())
		if level > 0 {
			fmt.Fprintf(&b, ", r%d AS (SELECT owner, id, who%s FROM s%d WHERE NOT ok)", level-1, columnsBefore(names[:level-1]), level)
		}
	}
	lowest := 0
	if q.Period != nil {
		lowest = 1 // without its month a row is of no period
	}
	for level := len(keys); level >= lowest; level-- {
		if level < len(keys) {
			b.WriteString(" UNION ALL")
		}
		fmt.Fprintf(&b, " SELECT owner, id, %[1]d AS level FROM s%[1]d WHERE ok", level)
	}
	b.WriteString(")")
	return b.String(), nil
}

func columnsBefore(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ", " + strings.Join(names, ", ")
}

// told is the level of the lattice from which on a dimension is told, 0 for the owner's.
func (c *Cube) told(d *Dimension) int {
	if c.Guard == nil || d.place != ofRow {
		return 0
	}
	return c.timeLevels() + slices.Index(c.Guard.Lattice, d.Name) + 1
}

func (c *Cube) timeLevels() int {
	switch {
	case c.Time == "":
		return 0
	case c.Guard.Daily:
		return 2
	}
	return 1
}

// bucketTold is the level from which on a bucket is told.
func (c *Cube) bucketTold(bucket scalar.Enum) int {
	if bucket == "DAY" {
		return 2
	}
	return 1
}
