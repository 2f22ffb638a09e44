package execute_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/supergraph"
	"linhui/supergraph/execute"
	"linhui/supergraph/plan"
)

const shopSDL = `
type Query { top: [Product!] me: User one: Product! }
type User { id: ID! name: String! reviews: [Review] }
type Review { body: String! stars: Int product: Product }
type Product { upc: ID! name: String! tags: [String!] stock: Stock weight: Float }
enum Stock { FULL EMPTY }
`

// canned answers requests with fixed bodies and remembers what it was asked.
type canned struct {
	mu     sync.Mutex
	answer string
	err    error
	asked  []string
}

func (c *canned) SDL(context.Context) (string, error) { return "", nil }

func (c *canned) Do(context.Context, *supergraph.Request) (*supergraph.Response, error) {
	panic("Post is preferred")
}

func (c *canned) Post(_ context.Context, request []byte, _ bool, buffer []byte) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, string(request))
	return append(buffer, c.answer...), true, c.err
}

func compile(t testing.TB, sdl, query string, root plan.Node) *execute.Program {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: sdl})
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := execute.Compile(schema, &plan.Plan{Kind: ast.Query, Root: root, Document: doc})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type shown struct {
	Path     string
	Code     fault.Code
	Subgraph any
	Message  string
}

func show(errs []*execute.Error) (list []shown) {
	for _, e := range errs {
		list = append(list, shown{e.Path.String(), e.Fault.Code, e.Fault.Extensions["subgraph"], e.Fault.Message})
	}
	return list
}

func products(requires ...plan.RequiredSelection) *plan.Fetch {
	return &plan.Fetch{ID: 2, Subgraph: "products", Kind: ast.Query, Requires: requires,
		Document: `query($representations:[_Any!]!){_entities(representations:$representations){...on Product{name tags stock weight}}}`}
}

var byUPC = plan.RequiredSelection{Types: []string{"Product"}, TypeName: "Product", Fields: []plan.RequiredField{{Key: "upc", Name: "upc", IsKey: true}}}

func shop() plan.Node {
	return &plan.Sequence{Nodes: []plan.Node{
		&plan.Fetch{ID: 1, Subgraph: "reviews", Kind: ast.Query, Document: `{me{name reviews{body stars product{__typename upc}}}}`},
		&plan.Flatten{Path: plan.Path{{Key: "me"}, {Key: "reviews"}, {Each: true}, {Key: "product"}}, Fetch: products(byUPC)},
	}}
}

const shopQuery = `{ me { name reviews { body stars product { __typename upc name tags stock weight } } } }`

// run executes the shop's query over two fixed answers, twice: the second run uses the first one's memory.
func run(t *testing.T, reviews, entities string) (string, []shown, *canned) {
	t.Helper()
	p := compile(t, shopSDL, shopQuery, shop())
	second := &canned{answer: entities}
	e := &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{
		"reviews": &canned{answer: reviews}, "products": second}}
	first := e.Run(t.Context(), p, nil, nil)
	if again := e.Run(t.Context(), p, nil, nil); string(again.Data) != string(first.Data) || !json.Valid(first.Data) {
		t.Fatalf("the second run answers %s after %s", again.Data, first.Data)
	}
	return string(first.Data), show(first.Errors), second
}

const twoReviews = `{"data": {"me": {"name": "Ada", "reviews": [
	{"body": "a", "stars": 1, "product": {"__typename": "Product", "upc": "1"}},
	{"body": "b", "product": {"__typename": "Product", "upc": "2"}, "stars": null},
	{"body": "c", "stars": 3, "product": {"__typename": "Product", "upc": "1"}}, null]}}}`

func TestEntitiesAreAskedOnceAndMergedEverywhere(t *testing.T) {
	t.Parallel()
	data, errs, second := run(t, twoReviews,
		`{"data":{"_entities":[{"name":"tea","tags":["x","y"],"stock":"FULL","weight":1.50},{"name":"书\n","tags":null,"stock":null,"weight":2}]}}`)
	want := `{"me":{"name":"Ada","reviews":[` +
		`{"body":"a","stars":1,"product":{"__typename":"Product","upc":"1","name":"tea","tags":["x","y"],"stock":"FULL","weight":1.50}},` +
		`{"body":"b","stars":null,"product":{"__typename":"Product","upc":"2","name":"书\n","tags":null,"stock":null,"weight":2}},` +
		`{"body":"c","stars":3,"product":{"__typename":"Product","upc":"1","name":"tea","tags":["x","y"],"stock":"FULL","weight":1.50}},null]}}`
	if diff := cmp.Diff(want, data); diff != "" || errs != nil {
		t.Error(diff, errs)
	}
	if len(second.asked) != 2 || !strings.HasSuffix(second.asked[0],
		`"variables":{"representations":[{"__typename":"Product","upc":"1"},{"__typename":"Product","upc":"2"}]}}`) {
		t.Errorf("asked %q", second.asked)
	}
}

func TestHostileAnswersAreBoundedAndNamed(t *testing.T) {
	t.Parallel()
	gone := `{"me":{"name":"Ada","reviews":[{"body":"a","stars":1,"product":null},{"body":"b","stars":null,"product":null},{"body":"c","stars":3,"product":null},null]}}`
	good := `{"name":"tea","tags":null,"stock":null,"weight":null}`
	whole := func(second string) string { return `{"data":{"_entities":[` + good + `,` + second + `]}}` }
	deep := strings.Repeat("[", 10_000)
	for name, c := range map[string]struct {
		answer, path string
		code         fault.Code
		all          bool // no product is left, else the second
	}{
		"no JSON":                 {`<html>`, "me.reviews", fault.SourceUnavailable, true},
		"cut off":                 {`{"data":{"_entities":[{"na`, "me.reviews", fault.SourceUnavailable, true},
		"empty":                   {``, "me.reviews", fault.SourceUnavailable, true},
		"two values":              {whole(good) + `{}`, "me.reviews", fault.SourceUnavailable, true},
		"a list":                  {`[]`, "me.reviews", fault.SourceUnavailable, true},
		"nothing":                 {`{}`, "me.reviews", fault.SourceUnavailable, true},
		"null":                    {`{"data":null}`, "me.reviews", fault.SourceUnavailable, true},
		"data is a list":          {`{"data":[]}`, "me.reviews", fault.SourceUnavailable, true},
		"no entities":             {`{"data":{}}`, "me.reviews", fault.SourceUnavailable, true},
		"entities are an object":  {`{"data":{"_entities":{}}}`, "me.reviews", fault.SourceUnavailable, true},
		"too few":                 {`{"data":{"_entities":[]}}`, "me.reviews", fault.SourceUnavailable, true},
		"too many":                {`{"data":{"_entities":[` + good + `,` + good + `,` + good + `]}}`, "me.reviews", fault.SourceUnavailable, true},
		"deep":                    {`{"data":{"_entities":` + deep, "me.reviews", fault.SourceUnavailable, true},
		"deep elsewhere":          {`{"x":` + deep, "me.reviews", fault.SourceUnavailable, true},
		"errors only":             {`{"data":null,"errors":[{"message":"secret"}]}`, "me.reviews", fault.Internal, true},
		"errors without data":     {`{"errors":[{"message":"secret"}]}`, "me.reviews", fault.Internal, true},
		"an error is no object":   {`{"data":null,"errors":["secret"]}`, "me.reviews", fault.SourceUnavailable, true},
		"no error in errors":      {`{"data":null,"errors":[]}`, "me.reviews", fault.SourceUnavailable, true},
		"a byte order mark":       {"\ufeff" + whole(good), "me.reviews", fault.SourceUnavailable, true},
		"data twice":              {`{"data":{"_entities":[` + good + `,` + good + `]},"data":null}`, "me.reviews", fault.SourceUnavailable, true},
		"entities twice":          {`{"data":{"_entities":[` + good + `,` + good + `],"_entities":[]}}`, "me.reviews", fault.SourceUnavailable, true},
		"an entity is a list":     {whole(`[` + good + `]`), "me.reviews", fault.SourceUnavailable, false},
		"a number without end":    {whole(`{"name":"a","weight":1e}`), "me.reviews", fault.SourceUnavailable, true},
		"infinity":                {whole(`{"name":"a","weight":Infinity}`), "me.reviews", fault.SourceUnavailable, true},
		"errors are a string":     {`{"errors":"secret"}`, "me.reviews", fault.SourceUnavailable, true},
		"bad UTF-8":               {whole("{\"name\":\"\xff\"}"), "me.reviews", fault.SourceUnavailable, true},
		"a control character":     {whole("{\"name\":\"a\nb\"}"), "me.reviews", fault.SourceUnavailable, true},
		"bad escape":              {whole(`{"name":"\x"}`), "me.reviews", fault.SourceUnavailable, true},
		"bad number":              {whole(`{"name":"a","weight":01}`), "me.reviews", fault.SourceUnavailable, true},
		"an entity is a number":   {whole(`7`), "me.reviews", fault.SourceUnavailable, false},
		"name is a number":        {whole(`{"name":7}`), "me.reviews[1].product.name", fault.SourceUnavailable, false},
		"name is an object":       {whole(`{"name":{"a":1}}`), "me.reviews[1].product.name", fault.SourceUnavailable, false},
		"name is null":            {whole(`{"name":null}`), "me.reviews[1].product.name", fault.SourceUnavailable, false},
		"name is left out":        {whole(`{"names":"x"}`), "me.reviews[1].product.name", fault.SourceUnavailable, false},
		"entity error":            {`{"data":{"_entities":[` + good + `,null]},"errors":[{"message":"secret","path":["_entities",1,"name"]}]}`, "me.reviews[1].product.name", fault.Internal, false},
		"entity error with code":  {`{"data":{"_entities":[` + good + `,null]},"errors":[{"message":"secret","path":["_entities",1],"extensions":{"code":"FORBIDDEN"}}]}`, "me.reviews[1].product", fault.Forbidden, false},
		"foreign path in errors":  {`{"data":{"_entities":[` + good + `,null]},"errors":[{"message":"secret","path":["x",{},7]}]}`, "me.reviews", fault.Internal, false},
		"a path beyond the list":  {`{"data":{"_entities":[` + good + `,null]},"errors":[{"message":"secret","path":["_entities",99]}]}`, "me.reviews", fault.Internal, false},
		"a path of absurd number": {`{"data":{"_entities":[` + good + `,null]},"errors":[{"message":"secret","path":["_entities",-1e300]}]}`, "me.reviews", fault.Internal, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, errs, _ := run(t, twoReviews, c.answer)
			want := gone
			if !c.all {
				tea := `{"__typename":"Product","upc":"1",` + good[1:]
				want = strings.ReplaceAll(gone, `1,"product":null`, `1,"product":`+tea)
				want = strings.ReplaceAll(want, `3,"product":null`, `3,"product":`+tea)
			}
			if diff := cmp.Diff(want, data); diff != "" {
				t.Error(diff)
			}
			if len(errs) != 1 || errs[0].Path != c.path || errs[0].Code != c.code || errs[0].Subgraph != "products" ||
				strings.Contains(errs[0].Message, "secret") {
				t.Errorf("%+v", errs)
			}
		})
	}
}

func TestWrongLeavesAreNullAndNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ entity, product, path string }{
		{`{"name":"a","stock":"GONE"}`, `"tags":null,"stock":null,"weight":null`, "stock"},
		{`{"name":"a","stock":7}`, `"tags":null,"stock":null,"weight":null`, "stock"},
		{`{"name":"a","weight":"1"}`, `"tags":null,"stock":null,"weight":null`, "weight"},
		{`{"name":"a","tags":"x"}`, `"tags":null,"stock":null,"weight":null`, "tags"},
		{`{"name":"a","tags":["x",7]}`, `"tags":null,"stock":null,"weight":null`, "tags[1]"},
		{`{"name":"a","tags":["x",null,"y"],"weight":1e5}`, `"tags":null,"stock":null,"weight":1e5`, "tags[1]"},
		{`{"name":"a","weight":1e400}`, `"tags":null,"stock":null,"weight":null`, "weight"},
		{`{"name":"a","weight":-1` + strings.Repeat("0", 400) + `}`, `"tags":null,"stock":null,"weight":null`, "weight"},
		{`{"name":"b","weight":7,"name":"a","weight":[]}`, `"tags":null,"stock":null,"weight":null`, "weight"}, // the last counts
		{`{"n\u0061me":"a","tags":["\u4e66"],"foreign":{"x":[1,{}]}}`, `"tags":["\u4e66"],"stock":null,"weight":null`, ""},
	} {
		data, errs, _ := run(t, `{"data":{"me":{"name":"Ada","reviews":[{"body":"a","stars":2147483648,"product":{"__typename":"Product","upc":1}}]}}}`,
			`{"data":{"_entities":[`+c.entity+`]}}`)
		want := `{"me":{"name":"Ada","reviews":[{"body":"a","stars":null,"product":{"__typename":"Product","upc":"1","name":"a",` + c.product + `}}]}}`
		if diff := cmp.Diff(want, data); diff != "" {
			t.Error(diff)
		}
		if len(errs) == 0 || errs[0].Path != "me.reviews[0].stars" || errs[0].Subgraph != "reviews" {
			t.Errorf("%s: %+v", c.entity, errs)
		}
		if c.path == "" != (len(errs) == 1) || c.path != "" && (errs[1].Path != "me.reviews[0].product."+c.path || errs[1].Subgraph != "products") {
			t.Errorf("%s: %+v", c.entity, errs)
		}
	}
}

func TestNullsPropagateByTheClientsSchema(t *testing.T) {
	t.Parallel()
	data, errs, _ := run(t, `{"data":{"me":{"name":null,"reviews":[]}},"errors":[{"message":"x","path":["me","name"]}]}`, "")
	if data != `{"me":null}` || len(errs) != 1 || errs[0].Path != "me.name" {
		t.Error(data, errs)
	}
	p := compile(t, shopSDL, `{ one { name } top { name } }`, &plan.Fetch{ID: 1, Subgraph: "products", Kind: ast.Query, Document: `{one{name}top{name}}`})
	e := &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{
		"products": &canned{answer: `{"data":{"one":{"name":"a"},"top":[{"name":"a"},null]}}`}}}
	a := e.Run(t.Context(), p, nil, nil)
	if string(a.Data) != `{"one":{"name":"a"},"top":null}` || a.Errors[0].Path.String() != "top[1]" {
		t.Errorf("%s %+v", a.Data, show(a.Errors))
	}
	e.Subgraphs["products"] = &canned{answer: `{"data":{"one":null,"top":null}}`}
	if a = e.Run(t.Context(), p, nil, nil); string(a.Data) != `null` || a.Errors[0].Path.String() != "one" {
		t.Errorf("%s %+v", a.Data, show(a.Errors))
	}
}

// planned prints the plan of a query.
func planned(t testing.TB, s *plan.Supergraph, query string) string {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(s.APISchema(), query, nil)
	if errs != nil {
		return errs.Error()
	}
	p, err := s.Plan(t.Context(), doc, "")
	if err != nil {
		return err.Error()
	}
	return p.String()
}

// TestAnswersForAnObjectReachItWhereItHasMoved merges, from one call, an answer above an object and one for the object
// itself: the first makes the tree hold a copy of it.
func TestAnswersForAnObjectReachItWhereItHasMoved(t *testing.T) {
	t.Parallel()
	below := plan.BatchTarget{Paths: []plan.Path{{{Key: "me"}, {Key: "reviews"}, {Each: true}, {Key: "product"}}}, Requires: []plan.RequiredSelection{byUPC}}
	above := plan.BatchTarget{Paths: []plan.Path{{{Key: "me"}}}, Requires: []plan.RequiredSelection{{Types: []string{"User"}, TypeName: "User", Fields: []plan.RequiredField{{Key: "name", Name: "name", IsKey: true}}}}}
	for name, targets := range map[string][]plan.BatchTarget{"above first": {above, below}, "below first": {below, above}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, answers := "query($_r0:[_Any!]!,$_r1:[_Any!]!){", make([]string, 2)
			for i := range targets {
				targets[i].Alias, targets[i].Variable = fmt.Sprintf("_e%d", i), fmt.Sprintf("_r%d", i)
				selected, answer := "...on Product{name}", `{"name":"tea"},{"name":"salt"}`
				if len(targets[i].Paths[0]) == 1 {
					selected, answer = "...on User{reviews{product{weight}}}", `{"reviews":[{"product":{"weight":1}},{"product":{"weight":2}},{"product":{"weight":3}},null]}`
				}
				document += fmt.Sprintf("_e%d:_entities(representations:$_r%d){%s} ", i, i, selected)
				answers[i] = fmt.Sprintf(`"_e%d":[%s]`, i, answer)
			}
			p := compile(t, shopSDL, `{ me { reviews { product { upc name weight } } } }`, &plan.Sequence{Nodes: []plan.Node{
				&plan.Fetch{ID: 1, Subgraph: "reviews", Kind: ast.Query, Document: `{me{name reviews{product{upc}}}}`},
				&plan.BatchFetch{ID: 2, Subgraph: "products", Document: document + "}", Targets: targets},
			}})
			e := &execute.Executor{Limits: execute.DefaultLimits(), Subgraphs: map[string]supergraph.Subgraph{"reviews": &canned{answer: twoReviews},
				"products": &canned{answer: `{"data":{` + strings.Join(answers, ",") + `}}`}}}
			a := e.Run(t.Context(), p, nil, nil)
			want := `{"me":{"reviews":[{"product":{"upc":"1","name":"tea","weight":1}},{"product":{"upc":"2","name":"salt","weight":2}},{"product":{"upc":"1","name":"tea","weight":3}},null]}}`
			if diff := cmp.Diff(want, string(a.Data)); diff != "" || a.Errors != nil {
				t.Error(diff, show(a.Errors))
			}
		})
	}
}
