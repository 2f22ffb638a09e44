package e2e

import (
	"context"
	"crypto/md5"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/testkit"
	"linhui/page"
	"linhui/sources"
)

// book is a gateway over communities a and c in source one and b in source two, each with
// categories, rules, posts, bodies and residents r1 and r2.
type book struct {
	*bundle
	one, two  *sql.DB
	directory *testkit.DB
	link      map[string]*testkit.Proxy // the way to each source
}

// startBook gives sources the patience that a busy machine needs: what is tested are rules.
func startBook(t testing.TB, changes ...func(*app.Options)) *book {
	t.Helper()
	return startBookWithin(t, time.Minute, changes...)
}

// startBookWithin gives them as long as budget.
func startBookWithin(t testing.TB, budget time.Duration, changes ...func(*app.Options)) *book {
	t.Helper()
	dir := testkit.Database(t, testkit.Directory)
	execSQL(t, dir.Open(t), `
		INSERT INTO divisions (code, name, level, parent_code) VALUES ('620000000000', '甘肃省', 'PROVINCE', NULL), ('620104001000', '陈坪街道', 'STREET', '620000000000');
		INSERT INTO communities (slug, name_zh, parent_code) VALUES ('a', '甲社区', '620104001000'), ('b', '乙社区', '620104001000'), ('c', '丙社区', '620104001000');
		INSERT INTO work_calendar (day, is_workday, note) VALUES ('2026-06-11', false, '假'), ('2026-06-13', true, '调休')`)
	dbs := map[string]*testkit.DB{"one": testkit.Database(t, testkit.Source), "two": testkit.Database(t, testkit.Source)}
	bk := &book{one: dbs["one"].Open(t), two: dbs["two"].Open(t), directory: dir, link: map[string]*testkit.Proxy{}}
	for owner, db := range map[string]*sql.DB{"a": bk.one, "c": bk.one, "b": bk.two} {
		execSQL(t, db, fmt.Sprintf(`
			INSERT INTO owners VALUES ('%[1]s', 'COMMUNITY');
			INSERT INTO organizations (owner, id, name_zh, kind) VALUES ('%[1]s', md5('org')::uuid, '物业', 'PROPERTY_MANAGEMENT');
			INSERT INTO staff_posts (owner, id, code, label_zh) VALUES ('%[1]s', md5('clerk')::uuid, 'FEEDBACK_CLERK', '专人'),
				('%[1]s', md5('secretary')::uuid, 'COMMUNITY_SECRETARY', '书记'), ('%[1]s', md5('cadre')::uuid, 'STATIONED_CADRE', '驻守干部');
			INSERT INTO stations (owner, id, name_zh, kind) VALUES ('%[1]s', md5('station')::uuid, '驿站', 'RED_STATION');
			INSERT INTO residents (owner, id, name) VALUES ('%[1]s', md5('r1')::uuid, '李四'), ('%[1]s', md5('r2')::uuid, '王五');
			INSERT INTO feedback_categories (owner, code, name_zh) VALUES ('%[1]s', 'EV_CHARGING', '充电设施'), ('%[1]s', 'LIGHT', '照明'), ('%[1]s', 'NO_RULE', '其他');
			INSERT INTO sla_rules (owner, category, due_in_hours, working_days, assignee_post_id, responsible_org_id)
				VALUES ('%[1]s', 'EV_CHARGING', 48, true, md5('cadre')::uuid, md5('org')::uuid), ('%[1]s', 'LIGHT', 24, false, md5('cadre')::uuid, md5('org')::uuid)`, owner))
	}
	bk.bundle = start(t, dir, dbs, func(o *app.Options) {
		o.Budgets = map[database.Budget]time.Duration{database.Dashboard: budget}
		for _, s := range o.Sources {
			bk.link[s.Key] = testkit.NewProxy(t, dbs[s.Key].Addr())
			s.DB = patient(t, s, dbs[s.Key].Via(bk.link[s.Key].Addr()), budget)
		}
		for _, change := range changes {
			change(o)
		}
	})
	return bk
}

func patient(t testing.TB, s *sources.Source, dsn string, budget time.Duration) *database.DB {
	t.Helper()
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(database.Config{Key: s.Key, DSN: dsn, Queue: 1024, QueueWait: time.Minute, Budgets: [3]time.Duration{budget, budget, budget}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func execSQL(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// scanRow reads one row.
func scanRow(t testing.TB, db *sql.DB, query string, dest ...any) {
	t.Helper()
	if err := db.QueryRowContext(context.Background(), query).Scan(dest...); err != nil {
		t.Fatal(err)
	}
}

// fixedID is the id of a row whose uuid is the hash of its name in the fixture.
func fixedID(typ, owner, name string) string {
	return page.ID{Type: typ, Owner: owner, UUID: uuid.UUID(md5.Sum([]byte(name)))}.String()
}

// nodeID is the global id of a row by its uuid.
func nodeID(typ, owner, id string) string {
	return page.ID{Type: typ, Owner: owner, UUID: uuid.MustParse(id)}.String()
}

// as is a token with a subject of its own; change adds what else the holder is.
func (b *book) as(subject string, role authz.Role, change func(*authn.Claims), communities ...string) string {
	b.t.Helper()
	claims := authn.Claims{Roles: []string{string(role)}, Communities: authn.Communities{List: communities}}
	claims.Subject = subject
	if change != nil {
		change(&claims)
	}
	token, err := b.issuer.Issue(claims, time.Hour)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

func (b *book) staff(communities ...string) string {
	return b.as("clerk", authz.CommunityStaff, nil, communities...)
}

func (b *book) admin(communities ...string) string {
	return b.as("boss", authz.CommunityAdmin, nil, communities...)
}

func (b *book) resident(owner, name string) string {
	return b.as(name, authz.Resident, func(c *authn.Claims) { c.Resident = fixedID("Resident", owner, name) }, owner)
}

// entry is what tests read of a feedback.
type entry struct {
	ID       string    `json:"id"`
	Number   string    `json:"number"`
	Status   string    `json:"status"`
	Version  int       `json:"version"`
	DueAt    time.Time `json:"dueAt"`
	Reply    *string   `json:"reply"`
	Overdue  bool      `json:"overdue"`
	Category *struct {
		Code string `json:"code"`
	} `json:"category"`
}

type userError struct {
	Code           string   `json:"code"`
	Message        string   `json:"message"`
	Path           []string `json:"path"`
	CurrentVersion *int     `json:"currentVersion"`
	Allowed        []string `json:"allowed"`
}

const entryFields = `id number status version dueAt reply overdue category { code }`

// write runs one feedback mutation; input fields are added to the id and the version.
func (b *book) write(token, mutation string, input map[string]any) (*entry, []userError, answer) {
	b.t.Helper()
	kind := map[string]string{"submitFeedback": "SubmitFeedbackInput", "markDuplicate": "MarkDuplicateInput",
		"startFeedback": "StepFeedbackInput", "resumeFeedback": "StepFeedbackInput"}[mutation]
	if kind == "" {
		kind = fmt.Sprintf("%c%sInput", mutation[0]-32, mutation[1:])
	}
	a := b.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { feedback { %s } userErrors { code message path currentVersion allowed } } }`, kind, mutation, entryFields), map[string]any{"in": input})
	var data struct {
		Out *struct {
			Feedback   *entry
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	if data.Out == nil {
		return nil, nil, a
	}
	return data.Out.Feedback, data.Out.UserErrors, a
}

// done runs a mutation that must succeed.
func (b *book) done(token, mutation string, input map[string]any) *entry {
	b.t.Helper()
	e, broken, a := b.write(token, mutation, input)
	if e == nil || len(broken) > 0 || len(a.Errors) > 0 {
		b.t.Fatalf("%s: %+v %+v %s", mutation, broken, a.Errors, a.Data)
	}
	return e
}

// refused runs a mutation that must break one rule, and returns it.
func (b *book) refused(token, mutation string, input map[string]any) userError {
	b.t.Helper()
	e, broken, a := b.write(token, mutation, input)
	if e != nil || len(broken) != 1 || len(a.Errors) > 0 {
		b.t.Fatalf("%s: not refused: %+v %+v %+v %s", mutation, e, broken, a.Errors, a.Data)
	}
	return broken[0]
}

func submission(community, key string) map[string]any {
	return map[string]any{"community": community, "kind": "PROBLEM", "title": "充电桩不充电", "body": "第三个桩", "idempotencyKey": key}
}

func on(e *entry, more map[string]any) map[string]any {
	in := map[string]any{"id": e.ID, "version": e.Version}
	for k, v := range more {
		in[k] = v
	}
	return in
}
