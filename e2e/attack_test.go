package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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
	ask   func(query string) answer
	facts map[string]fact
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
	from := 1 + a.IntN(5)
	to := from + a.IntN(6-from)
	args := []string{fmt.Sprintf(`period: {from: "2026-%02d-01", to: "2026-%02d-%02d"}`, from, to, []int{0, 31, 28, 31, 30, 31}[to])}
	var by, fields []string
	if a.IntN(3) > 0 {
		by, fields = append(by, "COMMUNITY"), append(fields, "community { slug }")
	}
	if a.IntN(2) == 0 {
		by, fields = append(by, "TEAM"), append(fields, "team { id }")
	}
	if a.IntN(3) > 0 {
		args, fields = append(args, "bucket: "+[]string{"DAY", "MONTH"}[a.IntN(2)]), append(fields, "bucket")
	}
	if by != nil {
		args = append(args, "groupBy: ["+strings.Join(by, ", ")+"]")
	}
	switch a.IntN(6) {
	case 0:
		args = append(args, fmt.Sprintf(`having: {of: "records", lte: "%d"}`, 1+a.IntN(6)))
	case 1:
		args = append(args, fmt.Sprintf(`minGroupSize: %d`, 1+a.IntN(9)))
	case 2:
		args = append(args, `orderBy: {by: "records"}, first: 10`)
	case 3:
		args = append(args, fmt.Sprintf(`communities: ["scale-%04d"]`, a.IntN(8)))
		if by == nil || by[0] != "COMMUNITY" {
			return // a fact about a community that the answer does not name: the others say the same
		}
	default:
		args = append(args, "first: 10000")
	}
	out := a.ask(fmt.Sprintf("{ serviceRecordAggregate(%s) { nodes { suppressed records %s } } }", strings.Join(args, ", "), strings.Join(fields, " ")))
	var data struct {
		ServiceRecordAggregate *struct {
			Nodes []struct {
				Suppressed bool
				Records    int
				Bucket     *string
				Community  *struct{ Slug string }
				Team       *struct{ ID string }
			}
		}
	}
	if json.Unmarshal(out.Data, &data) != nil || data.ServiceRecordAggregate == nil {
		return
	}
	for _, n := range data.ServiceRecordAggregate.Nodes {
		if n.Suppressed {
			continue // what it gathers is found by difference
		}
		f := fact{from: from, to: to, count: n.Records}
		if n.Community != nil {
			f.keys[0] = n.Community.Slug
		}
		if n.Bucket != nil {
			f.keys[1] = *n.Bucket
			if slices.ContainsFunc(args, func(s string) bool { return strings.HasSuffix(s, "MONTH") }) {
				f.keys[1] = (*n.Bucket)[:7]
			}
		}
		if n.Team != nil {
			f.keys[2] = n.Team.ID
		}
		a.facts[f.name()] = f
	}
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
// no group of fewer than five apart, whatever the differences; without the guard nearly
// everybody is told apart. LINHUI_ATTACKS sets the number of questions.
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
		token := b.token(role)
		a := &attacker{Rand: rand.New(rand.NewPCG(3, 5)), facts: map[string]fact{}, ask: func(q string) answer { return b.ask(token, q, nil, headers...) }}
		for range n {
			a.question()
		}
		return a
	}
	guarded := attack(authz.Analyst)
	direct, sliced, derived := guarded.small()
	t.Logf("through the guard: %d facts; groups of one to four: %d direct, %d sliced, %d derived", len(guarded.facts), direct, sliced, derived)
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
