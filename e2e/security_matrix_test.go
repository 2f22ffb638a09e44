package e2e

import (
	"database/sql"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"linhui/cmd/linhui/app"
	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/seed"
	"linhui/store"
)

// matrix is a gateway over the six communities with their demonstration rows, in two sources. Three
// of them are in the scope of every viewer, who are also one of their residents.
type matrix struct {
	*bundle
	inner       *bundle // the subgraph's listener
	directory   *sql.DB
	pools       []*sql.DB
	log         *record
	redis       string
	scope       []string            // in both sources
	ids         map[string][]string // rows to ask for, by type: foreign ones, some in scope, own ones
	own, hidden map[string]bool     // ids of the resident's rows, and of unpublished rows
	resident    string
}

const canary = "心菜" // in every name, note and text that is somebody's; masked it does not show

// matrixViewer is a role, with or without a purpose.
type matrixViewer struct {
	column  int // in rights
	purpose bool
}

func (v matrixViewer) String() string {
	s := string(authz.Roles()[v.column])
	if v.purpose {
		s += " with a purpose"
	}
	return s
}

// reads is what the viewer reads of a field: without a purpose nothing that is audited.
func (v matrixViewer) reads(typ, field string) verdict {
	r := rights[typ+"."+field][v.column]
	if r == audited && !v.purpose {
		return refused
	}
	return r
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	directory := testkit.Database(t, testkit.Directory)
	dbs := map[string]*testkit.DB{"one": testkit.Database(t, testkit.Source), "two": testkit.Database(t, testkit.Source)}
	m := &matrix{log: &record{}, redis: testkit.Redis(t), ids: map[string][]string{}, own: map[string]bool{}, hidden: map[string]bool{}}
	target := seed.Target{Directory: admin(t, directory), Sources: map[string]*sql.DB{"one": admin(t, dbs["one"]), "two": admin(t, dbs["two"])},
		Place: func(owner string) string {
			if len(owner)%2 == 0 {
				return "one"
			}
			return "two"
		}}
	m.directory = target.Directory
	m.pools = []*sql.DB{target.Sources["one"], target.Sources["two"]}
	if _, err := seed.Import(t.Context(), target, seed.Facts, nil); err != nil {
		t.Fatal(err)
	}
	var held [2][]string
	for i, db := range m.pools {
		held[i] = queryTexts(t, db, "SELECT owner FROM owners WHERE kind = 'COMMUNITY' ORDER BY owner")
	}
	if len(held[0]) < 2 || len(held[1]) < 2 {
		t.Fatalf("both sources need communities to be seen and not to be seen: %v", held)
	}
	if err := seed.Demo(t.Context(), target, seed.DemoOptions{Seed: 1, Now: noon, Communities: slices.Concat(held[0], held[1]), Residents: 6}); err != nil {
		t.Fatal(err)
	}
	m.scope = []string{held[0][0], held[1][0]}
	slices.Sort(m.scope)
	for _, db := range m.pools {
		plant(t, db)
		for _, d := range store.Tables() {
			if s := spec(d); s.Shown != "" { // an omniscient viewer does not see what somebody keeps to themselves
				execSQL(t, db, "DELETE FROM "+s.Table+" t WHERE NOT ("+s.Shown+")")
			}
		}
	}
	m.pickRows(t, held[0][0])
	m.bundle = hot(t, m.redis, directory, dbs, func(o *app.Options) {
		o.Log = slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Server.Limits.Cost, o.Server.Limits.PerMinute = 1<<40, 1<<50
		o.Server.Limits.Aliases, o.Server.Limits.ExpandedFields, o.Server.Limits.Tokens = 1<<20, 1<<20, 1<<20
		o.Server.Limits.SameKey, o.Server.Limits.RootFields, o.Server.Limits.ResponseErrors = 1<<20, 1<<20, 1<<20
		o.Server.Limits.AnonymousBody = o.Server.Limits.SignedInBody
	})
	inner := *m.bundle
	inner.http = httptest.NewServer(m.gateway.SubgraphHandler())
	t.Cleanup(inner.http.Close)
	m.inner = &inner
	var all struct {
		Communities struct{ Nodes []struct{ ID string } }
	}
	m.must("", `{ communities { nodes { id } } }`, nil, &all)
	for _, c := range all.Communities.Nodes {
		m.ids["Community"] = append(m.ids["Community"], c.ID)
	}
	return m
}

// tokenOf is a viewer's, "" the public's.
func (m *matrix) tokenOf(v matrixViewer) string {
	role := authz.Roles()[v.column]
	if role == authz.Public {
		return ""
	}
	b := &book{bundle: m.bundle}
	return b.as("viewer-"+v.String(), role, func(c *authn.Claims) {
		c.Resident = m.resident
		if v.purpose {
			c.Purpose = "the matrix"
		}
	}, m.scope...)
}

// omniscient holds all roles everywhere.
func (m *matrix) omniscient() string {
	b := &book{bundle: m.bundle}
	return b.as("omniscient", authz.Auditor, func(c *authn.Claims) {
		c.Roles, c.Communities, c.Purpose = nil, authn.Communities{All: true}, "the matrix"
		for _, r := range authz.Roles() {
			c.Roles = append(c.Roles, string(r))
		}
	})
}

// record is a log that tests read.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// plant writes what can be recognised into whatever tells of a person.
func plant(t testing.TB, db *sql.DB) {
	t.Helper()
	for table, set := range map[string]string{
		"residents":        "name = '卷" + canary + "', phone = '1397777' || lpad((('x' || right(id::text, 4))::bit(16)::int % 10000)::text, 4, '0')",
		"resident_tags":    "basis = '" + canary + "'",
		"feedbacks":        "title = '" + canary + "标题', body = '" + canary + "正文'",
		"feedback_updates": "note = '" + canary + "备注'",
		"service_records":  "content = '陪" + canary + "'",
		"staff_posts":      "holder_name = '" + canary + "'",
	} {
		execSQL(t, db, "ALTER TABLE "+table+" DISABLE TRIGGER USER; UPDATE "+table+" SET "+set+"; ALTER TABLE "+table+" ENABLE TRIGGER USER")
	}
}

func queryTexts(t testing.TB, db *sql.DB, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
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

// spec is the description of a type's table.
func spec(d store.Described) store.Spec {
	return reflect.ValueOf(d).Elem().FieldByName("Spec").Interface().(store.Spec)
}

// pickRows chooses rows to ask for, and the resident of home with rows of the most types.
func (m *matrix) pickRows(t testing.TB, home string) {
	t.Helper()
	const global = "SELECT owner || '|' || id FROM "
	best := 0
	for _, resident := range queryTexts(t, m.pools[0], "SELECT id FROM residents WHERE owner = $1 ORDER BY id", home) {
		own, n := map[string]bool{}, 0
		for typ, d := range store.Tables() {
			s := spec(d)
			if s.Own == "" {
				continue
			}
			found := queryTexts(t, m.pools[0], global+s.Table+" t WHERE owner = $1 AND "+strings.Replace(s.Own, "?", "$2", 1), home, resident)
			for _, id := range found {
				own[globalID(typ, id)] = true
			}
			n += min(len(found), 1)
		}
		if n > best {
			best, m.own, m.resident = n, own, globalID("Resident", home+"|"+resident)
		}
	}
	if best < 5 {
		t.Fatalf("no resident of %s has rows of five types", home)
	}
	for typ, d := range store.Tables() {
		s := spec(d)
		if strings.HasPrefix(s.Table, "(") {
			continue // of the directory
		}
		for _, db := range m.pools {
			if s.Published != "" {
				for _, id := range queryTexts(t, db, global+s.Table+" t WHERE NOT ("+s.Published+")") {
					m.hidden[globalID(typ, id)] = true
				}
			}
			seen := "true" // by anybody at all
			if s.Visible != "" {
				seen = s.Visible
			}
			for _, id := range queryTexts(t, db, global+"(SELECT owner, id, row_number() OVER (PARTITION BY owner ORDER BY id) AS n FROM "+s.Table+" t WHERE "+seen+") t WHERE n = 1 ORDER BY owner, id") {
				m.ids[typ] = append(m.ids[typ], globalID(typ, id))
			}
		}
		if len(m.ids[typ]) == 0 && slices.Contains(nodeTypes(), typ) {
			t.Errorf("no row of %s is there to be asked for: seed one", typ)
		}
	}
	for id := range m.own {
		typ := parseID(id).Type
		if ids := m.ids[typ]; !slices.Contains(ids, id) && len(ids) < 10 {
			m.ids[typ] = append(ids, id)
		}
	}
	for typ := range m.ids {
		slices.Sort(m.ids[typ])
	}
}

func globalID(typ, ownerAndID string) string {
	owner, id, _ := strings.Cut(ownerAndID, "|")
	return nodeID(typ, owner, id)
}
