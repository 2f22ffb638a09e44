package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync/atomic"
	"testing"

	"linhui/cmd/linhui/app"
	"linhui/graph"
	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/seed"
	"linhui/server"
)

// spread puts the scale set's rows into n databases and starts a gateway over them.
func spread(t testing.TB, n, communities int) *bundle {
	t.Helper()
	directory := testkit.Database(t, testkit.Directory)
	dbs := map[string]*testkit.DB{}
	var pools []*sql.DB
	for i := range n {
		db := testkit.Database(t, testkit.Source)
		dbs[fmt.Sprintf("source-%d", i)] = db
		pools = append(pools, admin(t, db))
	}
	if err := seed.Scale(context.Background(), seed.ScaleOptions{Communities: communities, Seed: 1, Now: noon}, pools, admin(t, directory), nil); err != nil {
		t.Fatal(err)
	}
	return start(t, directory, dbs, func(o *app.Options) {
		o.Server.Limits = server.DefaultLimits()
		o.Server.Limits.Cost = 1 << 30 // what is priced too high would not be compared
		o.Server.Limits.PerMinute = 1 << 40
		o.Server.Limits.ExpandedFields = 1 << 20
		o.Server.Limits.Aliases = 1 << 20
		o.Server.Limits.SameKey = 1 << 20
	})
}

func admin(t testing.TB, db *testkit.DB) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", db.Admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

var idInAnswer = regexp.MustCompile(`"id":"([\w-]+)"`)

// TestLocationTransparency: random operations answer the same whether the rows lie in one
// database or in eight.
func TestLocationTransparency(t *testing.T) {
	t.Parallel()
	const communities = 12
	one, eight := spread(t, 1, communities), spread(t, 8, communities)
	viewer := &authz.Viewer{Principal: "test-STREET_STAFF", Roles: []authz.Role{authz.StreetStaff}, All: true}
	token := map[*bundle]string{one: one.token(authz.StreetStaff), eight: eight.token(authz.StreetStaff)}
	full := graph.NewExecutableSchema(graph.Config{}).Schema()

	var slugs []string
	for i := range communities {
		slugs = append(slugs, fmt.Sprintf("scale-%04d", i))
	}
	var asked, rows atomic.Int64
	ask := func(t *testing.T, query string) string {
		asked.Add(1)
		purpose := []string{"X-Linhui-Purpose", "statistics"} // filters may look at what is personal
		a, b := one.ask(token[one], query, nil, purpose...), eight.ask(token[eight], query, nil, purpose...)
		if len(a.Errors) > 0 || len(b.Errors) > 0 {
			t.Fatalf("errors: one database %+v, eight %+v\n%s", a.Errors, b.Errors, query)
		}
		if string(a.Data) != string(b.Data) {
			t.Fatalf("one database and eight differ\n%s\n%s\n%s", query, a.Data, b.Data)
		}
		return string(a.Data)
	}
	// Four hundred walks of five or more operations each: 2,000 and more.
	const walks, workers = 440, 4
	for w := range workers {
		t.Run(fmt.Sprintf("walks %d", w), func(t *testing.T) {
			t.Parallel()
			for walk := w; walk < walks; walk += workers {
				o := &operations{Rand: rand.New(rand.NewPCG(1, uint64(walk))), schema: full, viewer: viewer, communities: slugs}
				r := o.root()
				cursor := ""
				for range 5 {
					data := ask(t, r.query(cursor))
					for _, m := range idInAnswer.FindAllStringSubmatch(data, 40) {
						o.ids = append(o.ids, m[1])
					}
					rows.Add(int64(len(o.ids)))
					var page struct {
						List struct {
							PageInfo struct {
								HasNextPage, HasPreviousPage bool
								StartCursor, EndCursor       *string
							}
						}
					}
					if err := json.Unmarshal([]byte(data), &page); err != nil {
						t.Fatal(err)
					}
					p := page.List.PageInfo
					next, more := p.EndCursor, p.HasNextPage
					if r.backward {
						next, more = p.StartCursor, p.HasPreviousPage
					}
					if !more || next == nil {
						r, cursor = o.root(), ""
						continue
					}
					cursor = *next
				}
				if len(o.ids) > 0 {
					ask(t, o.lookup())
				}
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("%d operations compared, %d rows seen", asked.Load(), rows.Load())
		if !t.Failed() && (asked.Load() < 2000 || rows.Load() < 10_000) {
			t.Errorf("too little was compared: %d operations, %d rows", asked.Load(), rows.Load())
		}
	})
}
