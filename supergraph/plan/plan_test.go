package plan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"linhui/internal/fault"
	"linhui/supergraph/compose"
	"linhui/supergraph/plan"
)

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable", "@external", "@requires", "@provides"])` + "\n"

func composed(t testing.TB, limits plan.Limits, sdls ...string) *plan.Supergraph {
	t.Helper()
	var in []compose.Input
	for i, sdl := range sdls {
		in = append(in, compose.Input{Name: fmt.Sprintf("s%03d", i), SDL: link + sdl})
	}
	r, err := compose.Compose(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.NewWithLimits(r.SDL, limits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var shop = []string{
	`type Query { me: User user(id: ID!): User users: [User] }
	type User @key(fields: "id") { id: ID! name: String username: String @shareable birthday: Int }`,
	`type Product @key(fields: "upc") { upc: String! weight: Int @external price: Int @external inStock: Boolean shippingEstimate: Int @requires(fields: "price weight") }`,
	`type Query { topProducts(first: Int = 5): [Product] }
	type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
	`type Review @key(fields: "id") { id: ID! body: String product: Product author: User @provides(fields: "username") }
	type User @key(fields: "id") { id: ID! username: String @external reviews: [Review] }
	type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
}

const shopQuery = `
fragment User on User { id username name }
fragment Review on Review { id body }
fragment Product on Product { inStock name price shippingEstimate upc weight }
query TestQuery {
  users { ...User reviews { ...Review product { ...Product reviews { ...Review author { ...User reviews { ...Review product { ...Product } } } } } } }
  topProducts { ...Product reviews { ...Review author { ...User reviews { ...Review product { ...Product } } } } }
}`

func TestTheBenchmarksQueryTakesAtMostSixCalls(t *testing.T) {
	t.Parallel()
	s := composed(t, plan.Limits{}, shop...)
	p, err := s.Plan(context.Background(), query(t, s.APISchema(), shopQuery), "")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/benchmark.plan", p.String())
	if p.Fetches > 6 {
		t.Errorf("%d calls:\n%s", p.Fetches, p)
	}
}

func TestPlansAreCachedByWhatTheyAsk(t *testing.T) {
	t.Parallel()
	s := composed(t, plan.Limits{Plans: 1}, shop...)
	ask := func(text string) *plan.Plan {
		p, err := s.Plan(context.Background(), query(t, s.APISchema(), text), "")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := ask("{ me { name } }")
	if again := ask("# again\nquery  {\n me {name} }"); again != first {
		t.Error("planned again")
	}
	ask("{ me { id } }")
	ask("{ me { name } }")
	if got, want := s.CacheStats(), (plan.CacheStats{Hits: 1, Misses: 3, Evictions: 2, Plans: 1}); got != want {
		t.Errorf("%+v", got)
	}
	if _, err := json.Marshal(first); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBePlannedIsSaid(t *testing.T) {
	t.Parallel()
	s := composed(t, plan.Limits{Fields: 10}, shop...)
	for text, want := range map[string]string{
		"{ a: me { id name } b: me { id name } c: me { id name } d: me { id name } }": "too large",
		"query A { me { id } } query B { me { id } }":                                 "operationName",
	} {
		_, err := s.Plan(context.Background(), query(t, s.APISchema(), text), "")
		if err == nil || !strings.Contains(fault.Of(err).Message, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s = composed(t, plan.Limits{}, shop...)
	if _, err := s.Plan(ctx, query(t, s.APISchema(), shopQuery), ""); err == nil || !fault.Is(err, fault.CostExceeded) {
		t.Errorf("ended context: %v", err)
	}
	s = composed(t, plan.Limits{Steps: 10}, shop...)
	if _, err := s.Plan(context.Background(), query(t, s.APISchema(), shopQuery), ""); err == nil || !fault.Is(err, fault.CostExceeded) {
		t.Errorf("steps: %v", err)
	}
}

// TestAWideQueryStaysBounded asks an entity that a hundred subgraphs extend for a field of each, five levels deep.
func TestAWideQueryStaysBounded(t *testing.T) {
	t.Parallel()
	sdls := []string{`type Query { e: E } type E @key(fields: "id") { id: ID! next: E }`}
	fields := ""
	for i := range 99 {
		sdls = append(sdls, fmt.Sprintf(`type E @key(fields: "id") { id: ID! f%d: Int }`, i))
		fields += fmt.Sprintf(" f%d", i)
	}
	s := composed(t, plan.Limits{Time: time.Minute}, sdls...)
	text := fields
	for range 4 {
		text = fields + " next {" + text + "}"
	}
	p, err := s.Plan(context.Background(), query(t, s.APISchema(), "{ e {"+text+"} }"), "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Fetches != 100 {
		t.Errorf("%d calls where one a subgraph does", p.Fetches)
	}
}

func TestForeignSupergraphs(t *testing.T) {
	t.Parallel()
	head := func(version, more string) string {
		return `schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/` + version + `", for: EXECUTION) ` + more + ` { query: Query }
		enum join__Graph { A @join__graph(name: "a", url: "http://a") }
		type Query @join__type(graph: A) { x: Int }`
	}
	for version, ok := range map[string]bool{"v0.2": true, "v0.3": true, "v0.4": true, "v0.5": true, "v0.6": false, "v1.0": false} {
		if _, err := plan.New(head(version, "")); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
	if _, err := plan.New(head("v0.3", `@link(url: "https://example.com/secret/v1.0", for: SECURITY)`)); err == nil {
		t.Error("a security feature that is not known was taken")
	}
	foreign := head("v0.5", `@link(url: "https://specs.apollo.dev/context/v0.1", for: SECURITY)`)
	if _, err := plan.New(foreign); err != nil {
		t.Errorf("contexts that nothing uses: %v", err)
	}
	used := strings.Replace(foreign, "x: Int", `x(a: Int): Int @join__field(graph: A, contextArguments: [{context: "c", name: "a", type: "Int", selection: "{ b }"}])`, 1)
	if _, err := plan.New(used); err == nil || !strings.Contains(err.Error(), "@fromContext") {
		t.Errorf("an argument from a context: %v", err)
	}
	if _, err := plan.New("type Query { x: Int }"); err == nil || !strings.Contains(err.Error(), "composed first") {
		t.Errorf("a subgraph was taken: %v", err)
	}
	s, err := plan.New(`schema @core(feature: "https://specs.apollo.dev/core/v0.1") @core(feature: "https://specs.apollo.dev/join/v0.1") { query: Query }
		directive @core(feature: String!) repeatable on SCHEMA
		directive @join__owner(graph: join__Graph!) on OBJECT
		enum join__Graph { A @join__graph(name: "a", url: "http://a") B @join__graph(name: "b", url: "http://b") }
		type Query { u: User @join__field(graph: A) }
		type User @join__owner(graph: A) @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") { id: ID! @join__field(graph: A) v: Value @join__field(graph: B) n: Int }
		type Value { a: Int }`)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(context.Background(), query(t, s.APISchema(), "{ u { n v { a } } }"), "")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/join_v01.plan", p.String())
}

func BenchmarkPlan(b *testing.B) {
	s := composed(b, plan.Limits{Plans: -1}, shop...)
	doc := document(b, s.APISchema(), shopQuery)
	for b.Loop() {
		if _, err := s.Plan(context.Background(), doc, ""); err != nil {
			b.Fatal(err)
		}
	}
}
