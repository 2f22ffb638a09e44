package seed

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ScaleOptions says how large a set Scale loads. Zero fields take the default named beside them.
type ScaleOptions struct {
	Communities int // 1000; ten to a street, ten streets to a district
	Seed        int64
	Now         time.Time // time.Now(); its Shanghai day is today
}

// chunk is how many communities are loaded in one transaction. Chosen: about 40,000 rows, a second.
const chunk = 10

// Scale loads the set that figures are measured on (design §12) into empty databases: community i
// goes to source i modulo their number. A community has 8 stations with 2 schedules each, 3 events
// today and 6 on other days, 30 courses of 5 sessions, 2,500 sign-ups, 1,000 entries of feedback over
// 24 months, 12 teams and 200 residents. The rows are the same however many sources there are.
//
// The pools must be a superuser's: rows are copied with triggers and foreign keys off, and what the
// triggers count is counted at the end. directory may be nil; else it gets the divisions and the
// communities. A load that was cut short continues where it stopped, given the same options. progress, when not nil, gets a
// line a few times a minute; it is called by one goroutine at a time.
//
// Measured for 1,000 communities, 3.9 M rows, into one database on two cores that others kept busy
// (load 10): 167 s (BenchmarkScale with ten times its communities).
func Scale(ctx context.Context, o ScaleOptions, sources []*sql.DB, directory *sql.DB, progress func(string)) error {
	if o.Communities == 0 {
		o.Communities = 1000
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	meter := newMeter(o.Communities, progress)
	if directory != nil {
		if err := scaleDirectory(ctx, o, directory); err != nil {
			return fmt.Errorf("scale the directory: %w", err)
		}
	}
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for first := 0; first < o.Communities; first += chunk * len(sources) {
		for k, db := range sources {
			var part []*scaled
			for i := first + k; i < min(first+chunk*len(sources), o.Communities); i += len(sources) {
				part = append(part, newScaled(i, o))
			}
			group.Go(func() error {
				if err := load(running, db, part); err != nil {
					return fmt.Errorf("scale source %d: %w", k, err)
				}
				meter.add(len(part))
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	meter.say("counting and analysing")
	group, running = errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for k, db := range sources {
		group.Go(func() error {
			for _, statement := range []string{`CALL linhui_recount()`, scaleAreas, scaleFold, `VACUUM (ANALYZE)`} {
				if _, err := db.ExecContext(running, statement); err != nil {
					return fmt.Errorf("scale source %d: %s: %w", k, statement, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// What a gateway's keeper would do before anyone asks: areas (the digits of scaledCode), and the
// totals folded.
const (
	scaleAreas = `SELECT linhui_place(jsonb_agg(jsonb_build_object('area', area, 'parent', parent, 'members', members))) FROM (
		SELECT area, max(parent) AS parent, jsonb_agg(owner ORDER BY owner) AS members FROM (SELECT owner, right(owner, 4)::int AS i FROM owners) o,
			LATERAL (SELECT format('9901%s000000', lpad((i / 100 + 1)::text, 2, '0')) AS district) d,
			LATERAL (VALUES ('990100000000', NULL), (district, '990100000000'), (format('%s%s000', left(district, 6), lpad((i / 10 % 10 + 1)::text, 3, '0')), district)) a(area, parent)
		GROUP BY area) a`
	scaleFold = `WITH s AS MATERIALIZED (SELECT set_config('linhui.owners', string_agg(owner, ','), false) FROM owners) SELECT linhui_fold(1000000000) FROM s`
)

// load copies communities in one transaction, unless they are there.
func load(ctx context.Context, db *sql.DB, part []*scaled) error {
	if len(part) == 0 {
		return nil
	}
	return transact(ctx, db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM owners WHERE owner = $1)`, part[0].owner).Scan(&there); err != nil || there {
			return err
		}
		for _, c := range scaledTables {
			if err := c.copy(ctx, tx, part); err != nil {
				return fmt.Errorf("copy %s: %w", c.table, err)
			}
		}
		return nil
	})
}

// copied is a table of the set: rows calls put with a value a column, for one community.
type copied struct {
	table   string
	columns []string
	rows    func(s *scaled, put func(...any))
}

func (c copied) copy(ctx context.Context, tx *sql.Tx, part []*scaled) (err error) {
	stmt, err := tx.PrepareContext(ctx, "COPY "+c.table+" ("+strings.Join(c.columns, ", ")+") FROM STDIN")
	if err != nil {
		return err
	}
	defer stmt.Close()
	put := func(values ...any) {
		if err == nil {
			_, err = stmt.ExecContext(ctx, values...)
		}
	}
	for _, s := range part {
		c.rows(s, put)
	}
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

func scaleDirectory(ctx context.Context, o ScaleOptions, directory *sql.DB) error {
	divisions := []row{
		{"code": "990000000000", "name": "测试省", "level": "PROVINCE", "parent_code": nil, "provenance": synthetic},
		{"code": "990100000000", "name": "测试市", "level": "CITY", "parent_code": "990000000000", "provenance": synthetic},
	}
	var communities []row
	for i := range o.Communities {
		if i%100 == 0 {
			divisions = append(divisions, row{"code": scaledCode(i, 6), "name": fmt.Sprintf("测试%d区", i/100+1), "level": "DISTRICT",
				"parent_code": "990100000000", "provenance": synthetic})
		}
		if i%10 == 0 {
			divisions = append(divisions, row{"code": scaledCode(i, 9), "name": fmt.Sprintf("测试%d街道", i/10+1), "level": "STREET",
				"parent_code": scaledCode(i, 6), "provenance": synthetic})
		}
		owner := scaledOwner(i)
		communities = append(communities, row{"slug": owner, "id": ID(owner, owner), "name_zh": fmt.Sprintf("测试第%d社区", i+1),
			"name_en": fmt.Sprintf("Scale community %d", i+1), "division_code": scaledCode(i, 12), "parent_code": scaledCode(i, 9), "provenance": synthetic})
	}
	return transact(ctx, directory, func(tx *sql.Tx) error {
		t := table{name: "divisions", columns: sorted(divisions[0]), key: []string{"code"}}
		if _, err := t.upsert(ctx, tx, divisions); err != nil {
			return err
		}
		t = table{name: "communities", columns: sorted(communities[0]), key: []string{"slug"}}
		_, err := t.upsert(ctx, tx, communities)
		return err
	})
}

func scaledOwner(i int) string { return fmt.Sprintf("scale-%04d", i) }

// scaledCode is the code of the division around community i that is told by its first digits. No
// province has 99.
func scaledCode(i, digits int) string {
	code := fmt.Sprintf("9901%02d%03d%03d", i/100+1, i/10%10+1, i%10+1)
	return code[:digits] + "000000000000"[digits:]
}

// meter tells how far a load is.
type meter struct {
	mu          sync.Mutex
	done, all   int
	began, told time.Time
	tell        func(string)
}

func newMeter(all int, tell func(string)) *meter {
	if tell == nil {
		tell = func(string) {}
	}
	return &meter{all: all, began: time.Now(), tell: tell}
}

func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if now := time.Now(); now.Sub(m.told) > 5*time.Second || m.done == m.all {
		m.told = now
		left := now.Sub(m.began) * time.Duration(m.all-m.done) / time.Duration(m.done)
		m.tell(fmt.Sprintf("%d %% of %d communities, about %v left", 100*m.done/m.all, m.all, left.Round(time.Second)))
	}
}

func (m *meter) say(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(what)
}
