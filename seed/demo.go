package seed

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"
	"golang.org/x/sync/errgroup"
)

// DemoOptions says what Demo grows. Zero fields take the default named beside them.
type DemoOptions struct {
	Seed        int64
	Now         time.Time // time.Now(); its Shanghai day is today
	Communities []string  // owners; divisions among them get no rows
	Residents   int       // of each community, 300
}

// Demo grows synthetic rows around what the sources hold, dated around today: residents, opening
// hours, events, sessions, sign-ups, members, hours served, services delivered, feedback in every
// state. It is deterministic by seed: a row belongs to a day (or to no day), not to a run.
//
// Running it again tops up: the days that have come since get their rows, what has gone by is
// moved on (events end, sessions are held, deadlines pass and are escalated, feedback advances),
// and nothing is deleted. Rows that are imported or that people wrote stay as they are, and so does
// synthetic feedback from the first moment that somebody else acts on it. The register never
// forgets, so feedback and deliveries of earlier runs remain.
//
// Everything synthetic says so in its provenance where its table has one. The work calendar is left
// empty, which means Monday to Friday: the yearly notice of holidays is not to be invented.
//
// Measured for the six communities on two busy cores: 19,000 rows in 2 to 4 s at first, 0.3 s when it
// is run again (TestDemo, TestDemoAgain).
func Demo(ctx context.Context, t Target, o DemoOptions) error {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Residents == 0 {
		o.Residents = 300
	}
	placed, err := t.place(slices.DeleteFunc(slices.Clone(o.Communities), isDivision))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2) // chosen: the making of rows and the writing of others overlap
	for _, key := range sorted(placed) {
		group.Go(func() error {
			err := write(ctx, t.Sources[key], placed[key], func(tx *sql.Tx) error {
				for _, owner := range placed[key] {
					if err := demonstrate(ctx, tx, owner, o); err != nil {
						return fmt.Errorf("%s: %w", owner, err)
					}
				}
				return moveOn(ctx, tx, o.Now)
			})
			if err != nil {
				return fmt.Errorf("demo rows of source %s: %w", key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// grower makes the rows of a domain in a community.
type grower struct {
	after []string // growers whose rows it picks from
	grow  func(*community)
	// check, when not nil, drops from the grown rows what is not the demonstration's any more.
	check func(context.Context, *sql.Tx, *community) error
	// revise are tables, and statements that bring rows of them that are there to the state of
	// those in $1, a JSON list.
	revise map[string]string
	// moveOn are statements that bring rows of all communities to the present, $1.
	moveOn []string
}

// grown are the growers, each after those whose rows it picks from.
var grown = sync.OnceValues(func() ([]string, error) {
	return after(sorted(growers), func(name string) []string { return growers[name].after })
})

func demonstrate(ctx context.Context, tx *sql.Tx, owner string, o DemoOptions) error {
	c := &community{owner: owner, seed: o.Seed, now: o.Now.In(shanghai), people: o.Residents, rows: map[string][]row{}}
	c.today = startOfDay(c.now)
	if err := c.survey(ctx, tx); err != nil {
		return err
	}
	names, err := grown()
	if err != nil {
		return err
	}
	for _, name := range names {
		growers[name].grow(c)
	}
	for _, name := range names {
		if check := growers[name].check; check != nil {
			if err := check(ctx, tx, c); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	batches, err := c.batches(ctx, tx)
	if err != nil {
		return err
	}
	for _, b := range batches {
		if err := c.put(ctx, tx, b); err != nil {
			return err
		}
	}
	return nil
}

// batches are the grown rows by table, in the order of writing. Rows of tables with a provenance
// say that they are synthetic.
func (c *community) batches(ctx context.Context, tx *sql.Tx) ([]batch, error) {
	var proven []string
	err := tx.QueryRowContext(ctx, `SELECT array_agg(attrelid::regclass::text) FROM pg_attribute JOIN pg_class t ON t.oid = attrelid
		WHERE attname = 'provenance' AND relkind = 'r'`).Scan((*pq.StringArray)(&proven))
	if err != nil {
		return nil, fmt.Errorf("tables with a provenance: %w", err)
	}
	var all []batch
	for _, name := range sorted(c.rows) {
		rows := c.rows[name]
		if slices.Contains(proven, name) {
			for _, r := range rows {
				r["provenance"] = synthetic
			}
		}
		if len(rows) > 0 {
			all = append(all, batch{table{name: name, columns: sorted(rows[0])}, rows})
		}
	}
	return inOrder(ctx, tx, all)
}

// principal signs what Demo does.
const principal = "demo"

// synthetic is the provenance of every row made here.
var synthetic = map[string]any{"source": "demo", "inferred": false, "inferredFields": []string{}, "synthetic": true}

// put writes the rows of a table that are not there, and revises those that are.
func (c *community) put(ctx context.Context, tx *sql.Tx, b batch) error {
	there, err := identifiers(ctx, tx, `SELECT id FROM `+b.name+` WHERE owner = $1`, c.owner)
	if err != nil {
		return err
	}
	var fresh, known []row
	for _, r := range b.rows {
		if there[r["id"].(uuid.UUID)] {
			known = append(known, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	if _, err := b.add(ctx, tx, fresh); err != nil {
		return err
	}
	for _, g := range growers {
		if revise := g.revise[b.name]; revise != "" {
			if _, err := b.exec(ctx, tx, revise, known); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveOn brings what stands in time to the present.
func moveOn(ctx context.Context, tx *sql.Tx, now time.Time) error {
	for _, name := range sorted(growers) {
		for _, statement := range growers[name].moveOn {
			if _, err := tx.ExecContext(ctx, statement, now); err != nil {
				return fmt.Errorf("move %s on: %w", name, err)
			}
		}
	}
	return nil
}

func identifiers(ctx context.Context, tx *sql.Tx, query string, args ...any) (map[uuid.UUID]bool, error) {
	found, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	ids := map[uuid.UUID]bool{}
	for found.Next() {
		var id uuid.UUID
		if err := found.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, found.Err()
}

// thing is a row that others refer to.
type thing struct {
	id       uuid.UUID
	kind     string
	capacity int // of a course; 0 is no limit
}

// community is one owner while its rows are made.
type community struct {
	owner      string
	seed       int64
	now, today time.Time // in Shanghai
	people     int       // that settle

	stations, courses, teams, channels, organizations, posts, estates []thing
	residents                                                         []person

	rows map[string][]row
}

// survey reads what is there to grow around, in the order of ids so that it is the same each time.
// What an earlier run furnished is left out: furnish makes it again.
func (c *community) survey(ctx context.Context, tx *sql.Tx) error {
	for _, s := range []struct {
		into  *[]thing
		query string
	}{
		{&c.stations, `SELECT id, kind, 0 FROM stations`},
		{&c.courses, `SELECT id, audience, coalesce(capacity, 0) FROM courses`},
		{&c.teams, `SELECT id, kind, 0 FROM volunteer_teams`},
		{&c.channels, `SELECT id, direction, 0 FROM channels`},
		{&c.organizations, `SELECT id, kind, 0 FROM organizations`},
		{&c.posts, `SELECT id, code, 0 FROM staff_posts`},
		{&c.estates, `SELECT id, '', 0 FROM estates`},
	} {
		// Only imported rows: what people add later must not shift what earlier runs made.
		found, err := tx.QueryContext(ctx, s.query+` WHERE owner = $1 AND provenance ? 'source' AND NOT provenance @> '{"synthetic": true}' ORDER BY id`, c.owner)
		if err != nil {
			return err
		}
		for found.Next() {
			var x thing
			if err := found.Scan(&x.id, &x.kind, &x.capacity); err != nil {
				found.Close()
				return err
			}
			*s.into = append(*s.into, x)
		}
		if err := found.Err(); err != nil {
			return err
		}
	}
	return nil
}

// dice are thrown alike whenever the same is asked for: they depend on the seed, the owner and
// what for, not on what was thrown before.
func (c *community) dice(what ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, c.owner, what)
	return rand.New(rand.NewPCG(uint64(c.seed), h.Sum64()))
}

func (c *community) id(what ...any) uuid.UUID {
	return ID(c.owner, "demo/"+strings.TrimSuffix(fmt.Sprintln(what...), "\n"))
}

// add makes a row of the community.
func (c *community) add(name string, r row) {
	r["owner"] = c.owner
	c.rows[name] = append(c.rows[name], r)
}

func startOfDay(t time.Time) time.Time {
	y, m, d := t.In(shanghai).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, shanghai)
}

// days are those from first to last of today, both counted from today.
func (c *community) days(first, last int) func(func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		for n := first; n <= last; n++ {
			if !yield(c.today.AddDate(0, 0, n)) {
				return
			}
		}
	}
}

func date(t time.Time) string { return t.In(shanghai).Format(time.DateOnly) }

// clock is a time of a day, in minutes from its midnight.
func clock(day time.Time, minutes int) time.Time {
	return day.Add(time.Duration(minutes) * time.Minute)
}

func pick[T any](d *rand.Rand, from []T) T { return from[d.IntN(len(from))] }
