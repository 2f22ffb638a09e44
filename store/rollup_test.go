package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"linhui/internal/testkit"
	"linhui/schema/scalar"
)

func rolledUp(each func(*Cube, *Rollup)) {
	for _, c := range Cubes() {
		for _, r := range c.Rollups {
			each(c, r)
		}
	}
}

func TestRollupsAreMadeByMigrations(t *testing.T) {
	t.Parallel()
	db := superuser(t, testkit.Database(t, testkit.Source))
	declared := map[string]bool{}
	rolledUp(func(c *Cube, r *Rollup) {
		declared[r.table] = true
		var there bool
		if err := db.QueryRow("SELECT to_regclass($1) IS NOT NULL AND to_regclass($1 || '_areas') IS NOT NULL", r.table).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if !there {
			t.Errorf("%s declares a rollup that no migration makes. A new one needs\n%s", c.Of.TypeName(), r.Call(c))
		}
	})
	for _, name := range texts(t, db, "SELECT name FROM linhui_rollups ORDER BY name") {
		if !declared[name] {
			t.Errorf("%s is kept, and no cube declares it", name)
		}
	}
}

// Rows are written, corrected, rolled back and counted off by the database's own statements, with
// differences added up now and then; after each step the totals are those of the rows.
func TestRollupsAreTheTotalsOfTheirRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dice := rand.New(rand.NewPCG(7, 7))
	changes := []string{
		`UPDATE feedbacks SET satisfaction = 1 + (random() * 4)::int WHERE random() < 0.2`,
		`UPDATE feedbacks SET title = title || '.' WHERE random() < 0.3`,
		`UPDATE feedbacks SET channel_id = NULL, reopened_count = 1 WHERE random() < 0.1`,
		`UPDATE feedbacks SET replied_at = now(), reply = '好' WHERE replied_at IS NULL AND random() < 0.3`,
		`UPDATE feedbacks f SET category = (SELECT code FROM feedback_categories c WHERE c.owner = f.owner ORDER BY random() LIMIT 1) WHERE random() < 0.1`,
		`INSERT INTO feedbacks (owner, kind, title, received_at, due_at)
			SELECT owner, 'REQUEST', '路灯不亮', now() - i * interval '7 hours', now() FROM owners, generate_series(1, 20) i WHERE kind = 'COMMUNITY'`,
		`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times)
			SELECT o.owner, k.code, current_date - i, i FROM owners o, service_kinds k, generate_series(1, 5) i WHERE o.kind = 'COMMUNITY'`,
		`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, supersedes_id)
			SELECT owner, kind, occurred_on, 1 + person_times / 2, id FROM service_deliveries d WHERE superseded_at IS NULL AND random() < 0.1`,
	}
	for step := range 30 {
		tx, err := w.admins.Begin()
		if err != nil {
			t.Fatal(err)
		}
		change := changes[dice.IntN(len(changes))]
		if _, err := tx.Exec(change); err != nil {
			t.Fatalf("%v\n%s", err, change)
		}
		end := tx.Commit
		if dice.IntN(4) == 0 {
			end = tx.Rollback
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if dice.IntN(3) == 0 {
			w.fold(t, 1+dice.IntN(200))
		}
		if dice.IntN(4) == 0 {
			w.place(t, dice)
		}
		w.sameTotals(t, fmt.Sprintf("step %d: %s", step, change))
	}
	for w.fold(t, 1000) > 0 {
	}
	w.sameTotals(t, "all differences are added up")
	rolledUp(func(_ *Cube, r *Rollup) {
		for _, table := range []string{r.table, r.table + "_areas"} {
			if n := texts(t, w.admins, "SELECT count(*) - count(DISTINCT (owner, rollup_day, "+strings.Join(r.Keys, ", ")+")) FROM "+table); n[0] != "0" {
				t.Errorf("%s keeps %s rows too many", table, n[0])
			}
		}
	})
	if _, err := w.admins.Exec("BEGIN; SET LOCAL session_replication_role = replica; TRUNCATE service_deliveries, feedbacks CASCADE; COMMIT"); err != nil {
		t.Fatal(err)
	}
	w.sameTotals(t, "nothing is left")
}

// Areas are what tells communities apart: not a street of one, nor a district whose communities
// all lie in one street; the next larger may be several divisions above.
func TestAreas(t *testing.T) {
	t.Parallel()
	d := &Directory{communities: map[string]*Community{}, divisions: map[string]*Division{}, children: map[string][]string{}}
	for code, parent := range map[string]string{"city": "", "east": "city", "west": "city", "e1": "east", "e2": "east", "w1": "west", "w2": "west"} {
		x := &Division{Code: code}
		if parent != "" {
			x.ParentOf = &parent
			d.children[parent] = append(d.children[parent], code)
		}
		d.divisions[code] = x
	}
	for slug, street := range map[string]string{"a": "e1", "b": "e1", "c": "e2", "d": "w1", "e": "w1", "f": "w2", "elsewhere": "unknown"} {
		d.communities[slug] = &Community{ParentCode: street}
	}
	for _, c := range []struct {
		of   string
		want string
	}{
		{"a b c d e f elsewhere 990100000000", "city < : a b c d e f; e1 < east: a b; east < city: a b c; w1 < west: d e; west < city: d e f"},
		{"a b d e", "city < : a b d e; e1 < city: a b; w1 < city: d e"},
		{"a b c", "e1 < east: a b; east < : a b c"},
		{"a c d", "city < : a c d; east < city: a c"},
		{"a", ""},
		{"", ""},
	} {
		var got []string
		for _, a := range d.areas(strings.Fields(c.of)) {
			parent := ""
			if a.Parent != nil {
				parent = *a.Parent
			}
			got = append(got, fmt.Sprintf("%s < %s: %s", a.Area, parent, strings.Join(a.Members, " ")))
		}
		slices.Sort(got)
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("areas of %s: %s, want %s", c.of, text, c.want)
		}
	}
}

func (w *world) fold(t *testing.T, most int) (n int) {
	t.Helper()
	tx, err := w.admins.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SELECT set_config('linhui.owners', $1, true)", strings.Join(w.owners, ",")); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow("SELECT linhui_fold($1)", most).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return n
}

// place puts the owners into areas at random: streets of one district, and some in none.
func (w *world) place(t *testing.T, dice *rand.Rand) {
	t.Helper()
	const district = "990100000000"
	members := map[string][]string{}
	for _, o := range w.owners {
		if n := dice.IntN(3); n > 0 {
			members[fmt.Sprintf("99010%d000000", n)] = append(members[fmt.Sprintf("99010%d000000", n)], o)
			members[district] = append(members[district], o)
		}
	}
	var placed []area
	for code, of := range members {
		a := area{Area: code, Members: of}
		if code != district {
			a.Parent = new(string)
			*a.Parent = district
		}
		placed = append(placed, a)
	}
	text, err := json.Marshal(placed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.admins.Exec("SELECT linhui_place($1)", text); err != nil {
		t.Fatal(err)
	}
}

// sameTotals compares each rollup, and each of areas, with totals of the rows as they are now.
func (w *world) sameTotals(t *testing.T, when string) {
	t.Helper()
	rolledUp(func(c *Cube, r *Rollup) {
		keys, sums, raw := "", "sum(rollup_n)", "count(*)"
		for _, k := range r.Keys {
			keys += ", t." + k
		}
		for i, s := range r.sums {
			sums += fmt.Sprintf(", sum(rollup_m%d)", i+1)
			raw += ", coalesce(" + s + ", 0)"
		}
		day := strings.Replace(c.rows().bucketSQL(r.Grain), "received_at", c.Time, 1)
		same := func(owner, kept, joined string) {
			kept = fmt.Sprintf("SELECT t.owner, t.rollup_day%s, %s FROM %s t GROUP BY t.owner, t.rollup_day%[1]s HAVING sum(rollup_n) <> 0", keys, sums, kept)
			fresh := fmt.Sprintf("SELECT %s, %s%s, %s FROM %s t %s WHERE %s GROUP BY %[1]s, %[2]s%[3]s", owner, day, keys, raw, c.Of.described().Table, joined, r.kept())
			off := texts(t, w.admins, fmt.Sprintf("SELECT x::text FROM ((%s EXCEPT ALL %s) UNION ALL (%[2]s EXCEPT ALL %[1]s)) x LIMIT 5", kept, fresh))
			if len(off) > 0 {
				t.Fatalf("%s, %s of %s: differs from its rows in %q", when, r.table, owner, off)
			}
		}
		same("t.owner", r.table, "")
		const placed = "JOIN (SELECT area, unnest(members) AS owner FROM linhui_areas) p USING (owner)"
		every := strings.ReplaceAll("rollup_day"+keys+", "+strings.NewReplacer("sum(", "", ")", "").Replace(sums), "t.", "")
		same("p.area", fmt.Sprintf("(SELECT owner, %s FROM %s_areas UNION ALL SELECT p.area, %[1]s FROM %[2]s t %s WHERE NOT folded)", every, r.table, placed), placed)
	})
}

// Random queries have the same groups over totals and over rows, and each rollup answers some.
func TestRollupsAnswerAsRowsDo(t *testing.T) {
	t.Parallel()
	world := newWorld(t)
	if _, err := world.admins.Exec(`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, supersedes_id)
		SELECT owner, kind, occurred_on, 1, id FROM service_deliveries WHERE random() < 0.1`); err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(3, 3))
	ask := world.ask(t, all(), nil)
	type totals struct {
		of    *Rollup
		areas bool
	}
	answered := map[totals]int{}
	for _, c := range Cubes() {
		if len(c.Rollups) == 0 {
			continue
		}
		for i := range 200 {
			if i%20 == 0 {
				world.place(t, dice)
			}
			if i%50 == 10 {
				world.fold(t, 100)
			}
			q, owners := drawnQuery(dice, c), world.owners[dice.IntN(2):]
			read := func(s selection) string {
				groups, err := c.read(t.Context(), world.source, ask, q, s)
				if err != nil {
					t.Fatalf("%v\n%s", err, s.query.SQL)
				}
				return printed(groups)
			}
			s, _, err := c.statement(ask, owners, q, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := read(s)
			for _, r := range c.Rollups {
				for _, rel := range r.relations(areasFrom) {
					s, ok, err := c.over(rel, ask, owners, q)
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						continue
					}
					answered[totals{r, rel.areas}]++
					if got := read(s); got != want {
						t.Fatalf("%s answers\n%s\nand the rows\n%s\n%s", r.table, got, want, s.query.SQL)
					}
				}
			}
		}
		for _, r := range c.Rollups {
			for _, areas := range []bool{false, true} {
				if n := answered[totals{r, areas}]; n < 5 {
					t.Errorf("%s %s %v, of areas %v, answered %d of 200 queries", c.Of.TypeName(), r.Grain, r.Keys, areas, n)
				}
			}
		}
	}
}

func drawnQuery(d *rand.Rand, c *Cube) *CubeQuery {
	q := &CubeQuery{}
	near := c.Rollups[d.IntN(len(c.Rollups))] // what the query is likely to keep to
	for i := range c.Dimensions {
		rarely := 20
		if slices.Contains(near.Keys, strings.TrimPrefix(c.Dimensions[i].SQL, "t.")) {
			rarely = 2
		}
		if d.IntN(rarely) == 0 {
			q.By = append(q.By, &c.Dimensions[i])
		}
	}
	q.Bucket = []scalar.Enum{"", "DAY", "WEEK", "MONTH", "MONTH", "QUARTER", "YEAR"}[d.IntN(7)]
	from := scalar.DateOf(noon).AddDays(-d.IntN(500))
	from.Day = 1
	switch to := from.AddDays(d.IntN(300)); d.IntN(3) {
	case 0:
		q.Period = &DateRange{from, to}
	case 1:
		to.Day = 1
		q.Period = &DateRange{from, to.AddDays(40)}
		q.Period.To.Day = 1
		q.Period.To = q.Period.To.AddDays(-1)
	}
	filters := map[string][]Filter{
		"Feedback": {nil, nil, &FeedbackFilter{Status: []scalar.Enum{"CLOSED", "RESOLVED"}}, &FeedbackFilter{Kinds: []scalar.Enum{"REQUEST", "COMPLAINT"}},
			&FeedbackFilter{Range: &DateRange{from, from.AddDays(90)}}, &FeedbackFilter{Overdue: new(bool)}},
		"ServiceDelivery": {nil, &ServiceDeliveryFilter{}, &ServiceDeliveryFilter{Range: &DateRange{from, from.AddDays(90)}}, &ServiceDeliveryFilter{IncludeSuperseded: true}},
	}[c.Of.TypeName()]
	q.Where = filters[d.IntN(len(filters))]
	for range 1 + d.IntN(3) {
		m := Measured{Measure: c.MeasureAt(near.Measures[d.IntN(len(near.Measures))])}
		if d.IntN(10) == 0 {
			m.Measure = &c.Measures[d.IntN(len(c.Measures))]
		}
		if d.IntN(3) == 0 {
			m.Where = filters[d.IntN(len(filters))]
		}
		q.Measures = append(q.Measures, m)
	}
	return q
}

// printed lists groups in the order of their keys, with the values of their measures.
func printed(groups []*Group) string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = fmt.Sprintf("%q", g.Key)
		for _, p := range g.Parts {
			v, ok := p.Value(0.5)
			out[i] += fmt.Sprint(" ", v, ok)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// texts is the single column of a query.
func texts(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
