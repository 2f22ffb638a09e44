package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"linhui/internal/authz"
)

// victims are 125 planted residents in each of eight communities, who served once each, nearly
// all of them alone on their day with their team, and a crowd that serves on each tenth.
const victims = `
WITH people AS (SELECT owner, id, row_number() OVER (PARTITION BY owner ORDER BY id)::int - 1 AS n FROM residents),
  teams AS (SELECT owner, id, row_number() OVER (PARTITION BY owner ORDER BY id)::int - 1 AS n FROM volunteer_teams),
  served AS (
    SELECT p.owner, p.id, p.n % 12 AS team, make_date(2026, 1 + p.n % 5, 11 + p.n * 7 % 17) AS day FROM people p WHERE p.n < 125
    UNION ALL SELECT p.owner, p.id, p.n % 2, make_date(2026, m, 10) FROM people p, generate_series(1, 5) m WHERE p.n BETWEEN 125 AND 160)
INSERT INTO service_records (owner, volunteer_id, team_id, during, status, confirmed_by, confirmed_at)
SELECT s.owner, s.id, t.id, tstzrange(s.day + time '01:00', s.day + time '02:00'), 'CONFIRMED', 'test', now()
FROM served s JOIN teams t ON t.owner = s.owner AND t.n = s.team`

// attacker asks for counts along every way to cut them, and takes differences of the answers.
type attacker struct {
	*rand.Rand
	ways  []func(probe) (answered, bool)
	facts map[string]fact
	asked map[string]int // answered questions, by kind
	rests int            // of what an answer leaves out: one to four records
}

// fact is how many records an answer says there are of the keys and the period.
type fact struct {
	keys  [3]string // community, month or day, team; "" is any
	from  int       // months 1 to 5
	to    int
	count int
}

func (f fact) name() string { return fmt.Sprint(f.keys, f.from, f.to) }

// question draws one question and notes what the answer says, also by being cut short.
func (a *attacker) question() {
	p := probe{from: 1 + a.IntN(5)}
	p.to = p.from + a.IntN(6-p.from)
	if a.IntN(3) > 0 {
		p.by = append(p.by, "COMMUNITY")
	}
	if a.IntN(2) == 0 {
		p.by = append(p.by, "TEAM")
	}
	if a.IntN(3) > 0 {
		p.bucket = []string{"DAY", "MONTH"}[a.IntN(2)]
	}
	way, kind := a.IntN(len(a.ways)), "difference"
	switch a.IntN(8) {
	case 0:
		p.more, kind = append(p.more, fmt.Sprintf(`having: {of: "$records", lte: "%d"}`, 1+a.IntN(6))), "having"
	case 1:
		p.more, kind = append(p.more, fmt.Sprintf(`minGroupSize: %d`, 1+a.IntN(9))), "size"
	case 2:
		p.more, kind = append(p.more, fmt.Sprintf(`orderBy: {by: "$records", direction: %s}, first: %d`, []string{"ASC", "DESC"}[a.IntN(2)], 1+a.IntN(30))), "top-N"
	case 3:
		p.community, kind = fmt.Sprintf("scale-%04d", a.IntN(8)), "tracker"
		if len(p.by) == 0 || p.by[0] != "COMMUNITY" {
			return // a fact about a community that the answer does not name: the others say the same
		}
	case 4:
		p.compared, kind = true, "slicing"
	case 5:
		p.paged, way, kind = true, 0, "paging"
	}
	out, ok := a.ways[way](p)
	if !ok {
		return
	}
	a.asked[kind]++
	a.asked[fmt.Sprint("way ", way)]++
	if out.total != nil && p.community == "" {
		a.note(fact{from: p.from, to: p.to, count: *out.total})
	}
	if out.other != nil && *out.other > 0 && *out.other < 5 {
		a.rests++
	}
	for _, g := range out.groups {
		if g.suppressed {
			continue // what it gathers is found by difference
		}
		f := fact{from: p.from, to: p.to, count: g.records, keys: [3]string{g.community, g.bucket, g.team}}
		if p.bucket == "MONTH" {
			f.keys[1] = f.keys[1][:len("2026-01")]
		}
		a.note(f)
		if g.compared != nil && p.bucket != "DAY" {
			a.note(p.before(f, *g.compared))
		}
	}
}

func (a *attacker) note(f fact) { a.facts[f.name()] = f }

// before is the fact that a group's comparison tells.
func (p probe) before(f fact, count int) fact {
	f.count = count
	if p.bucket == "" {
		months := p.to - p.from + 1
		f.from, f.to = p.from-months, p.from-1
		return f
	}
	var month int
	if _, err := fmt.Sscanf(f.keys[1], "2026-%d", &month); err == nil {
		f.keys[1] = fmt.Sprintf("2026-%02d", month-1)
	}
	f.from, f.to = p.from-1, p.to-1
	return f
}

// small counts the groups of one to four records that the facts tell apart: directly, by
// periods that differ by a month, and by a whole less its known parts.
func (a *attacker) small() (direct, sliced, derived int) {
	few := func(n int) bool { return n > 0 && n < 5 }
	type cut struct { // the parts of a whole along a key of some length
		key, length int
		whole       string
	}
	parts := map[cut]int{}
	for _, f := range a.facts {
		if few(f.count) {
			direct++
		}
		shorter := f
		shorter.to--
		if s, ok := a.facts[shorter.name()]; ok && few(f.count-s.count) {
			sliced++
		}
		for i, k := range f.keys {
			if k == "" {
				continue
			}
			whole := f
			whole.keys[i] = ""
			if i == 1 && len(k) == len("2026-01-02") {
				whole.keys[1] = k[:7] // days are parts of months, months of all
			}
			parts[cut{i, len(k), whole.name()}] += f.count
		}
	}
	for p, sum := range parts {
		if f, ok := a.facts[p.whole]; ok && few(f.count-sum) {
			derived++
		}
	}
	return direct, sliced, derived
}

// TestNobodyIsSingledOut: an analyst who asks thousands of questions about planted people tells
// no group of fewer than five apart, whatever the differences and by whatever way they are asked;
// without the guard nearly everybody is told apart. LINHUI_ATTACKS sets the number of questions.
func TestNobodyIsSingledOut(t *testing.T) {
	t.Parallel()
	n := 1000
	if set, err := strconv.Atoi(os.Getenv("LINHUI_ATTACKS")); err == nil {
		n = set
	}
	b := spread(t, 8, 8)
	for _, db := range b.sources {
		if _, err := admin(t, db).Exec(victims); err != nil {
			t.Fatal(err)
		}
	}
	attack := func(role authz.Role, headers ...string) *attacker {
		asker := &asker{b, b.token(role), headers, "attack-" + string(role)}
		if saved := b.save(asker.token, map[string]any{"name": asker.keeps, "document": attackers}); saved.Out.SavedQuery == nil {
			t.Fatalf("%+v", saved.Out)
		}
		a := &attacker{Rand: rand.New(rand.NewPCG(3, 5)), facts: map[string]fact{}, asked: map[string]int{}, ways: asker.ways()}
		for range n {
			a.question()
		}
		return a
	}
	guarded := attack(authz.Analyst)
	direct, sliced, derived := guarded.small()
	t.Logf("through the guard: %d facts; groups of one to four: %d direct, %d sliced, %d derived", len(guarded.facts), direct, sliced, derived)
	t.Logf("answered: %v", guarded.asked)
	for _, kind := range []string{"difference", "having", "size", "top-N", "tracker", "slicing", "paging", "way 0", "way 1", "way 2", "way 3", "way 4"} {
		if guarded.asked[kind] < n/50 {
			t.Errorf("only %d answers to the kind %s", guarded.asked[kind], kind)
		}
	}
	if guarded.rests > 0 {
		t.Errorf("%d answers leave one to four people to the rest", guarded.rests)
	}
	if direct+sliced+derived > 0 {
		t.Errorf("groups of fewer than five people are told apart: %d direct, %d by periods, %d by parts", direct, sliced, derived)
	}
	if len(guarded.facts) < 100 {
		t.Errorf("the guard tells only %d facts", len(guarded.facts))
	}

	bare := attack(authz.StreetStaff, "X-Linhui-Purpose", "control")
	alone := 0
	for _, f := range bare.facts {
		if f.count == 1 && f.keys[0] != "" && len(f.keys[1]) == 10 && f.keys[2] != "" && f.from == f.to {
			alone++
		}
	}
	t.Logf("without it: %d facts, %d people alone on their day with their team", len(bare.facts), alone)
	if alone < 900 {
		t.Errorf("the attack is no attack: without the guard it singles out %d of 1,000", alone)
	}
}

// A comparison is asked for by a statement of its own, whose rows the guard holds as well: a day
// before a month begins would cut the month before into less than its classes.
func TestComparisonsAreGuarded(t *testing.T) {
	t.Parallel()
	b := spread(t, 2, 2)
	query := `{ serviceRecordAggregate(period: {from: "2026-02-01", to: "2026-02-28"}, bucket: %s, compareTo: PREVIOUS) { nodes { bucket compared { records } } } }`
	analyst := b.token(authz.Analyst)
	a := b.ask(analyst, fmt.Sprintf(query, "DAY"), nil)
	if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" || strings.Contains(string(a.Data), "nodes") {
		t.Errorf("days compared: %s %+v", a.Data, a.Errors)
	}
	if a := b.ask(analyst, fmt.Sprintf(query, "MONTH"), nil); len(a.Errors) > 0 {
		t.Errorf("months compared: %+v", a.Errors)
	}
}

// What planners expect of rows about people would tell how many there are: a dry run tells the
// magnitude. Of rows about nobody it tells what they expect.
func TestDryRunsTellNoGroup(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	var out struct {
		Hours, Feedback, Named struct {
			Cost struct{ Sources, Groups, Rows int }
		}
	}
	const cost = "{ cost { sources groups rows } }"
	b.must(b.token(authz.Analyst), `{
		hours: serviceRecordAggregate(communities: ["wenhua"], period: {from: "2026-05-01", to: "2026-05-31"}, groupBy: [TEAM], dryRun: true) `+cost+`
		feedback: feedbackAggregate(groupBy: [KIND], dryRun: true) `+cost+`
		named: metrics(measures: ["Feedback.received", "Resident.residents"], dimensions: ["COMMUNITY"], dryRun: true) `+cost+` }`, nil, &out)
	if c := out.Hours.Cost; c.Sources != 1 || c.Groups != 1000 || c.Rows != 1000 {
		t.Errorf("hours: %+v", c)
	}
	if c := out.Feedback.Cost; c.Sources != 6 || c.Groups == 0 || c.Rows == 0 || c.Rows%1000 == 0 {
		t.Errorf("feedback: %+v", c)
	}
	if c := out.Named.Cost; c.Sources != 6 || c.Rows != out.Feedback.Cost.Rows+6000 {
		t.Errorf("named: %+v beside %+v", c, out.Feedback.Cost)
	}
}
