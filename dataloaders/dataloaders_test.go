package dataloaders

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"linhui/store"
)

// Root fields end in every way there is; whoever waits for them goes on.
func TestNoRootFieldWaitsForOneThatHasEnded(t *testing.T) {
	t.Parallel()
	// ends are what a root field can do.
	ends := map[string]func(ctx context.Context) graphql.Marshaler{
		"loads": func(ctx context.Context) graphql.Marshaler {
			l := ctx.Value(loadersKey{}).(*Loaders)
			ctx.Value(rootKey{}).(*root).arrived = true
			l.arrive(&walk{Loaders: l, ctx: ctx}, nil)
			return graphql.Null
		},
		"fails before it loads": func(context.Context) graphql.Marshaler { return graphql.Null },
		"panics":                func(context.Context) graphql.Marshaler { panic("a resolver") },
	}
	var names []string
	for name := range ends {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.SliceOfN(rapid.SampledFrom(names), 1, 8).Draw(t, "root fields")
		ctx := context.WithValue(context.Background(), loadersKey{}, &Loaders{waiting: len(fields), joint: true, release: make(chan struct{})})
		done := make(chan struct{})
		go func() {
			defer close(done)
			var wg sync.WaitGroup
			for _, name := range fields {
				wg.Go(func() {
					defer func() { _ = recover() }() // as gqlgen does
					AroundRoot(ctx, ends[name])
				})
			}
			wg.Wait()
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second): // only a deadlock takes this long
			t.Fatalf("%v: some wait for ever", fields)
		}
	})
}

func TestWaitingCountsWhatWillRun(t *testing.T) {
	t.Parallel()
	schema := &ast.Schema{Query: &ast.Definition{Name: "Query"}}
	field := func(name, alias string, ds ...*ast.Directive) *ast.Field {
		return &ast.Field{Name: name, Alias: alias, Directives: ds, Definition: &ast.FieldDefinition{Type: ast.NamedType("X", nil)}}
	}
	skip := &ast.Directive{Name: "skip", Definition: &ast.DirectiveDefinition{Arguments: ast.ArgumentDefinitionList{{Name: "if", Type: ast.NonNullNamedType("Boolean", nil)}}},
		Arguments: ast.ArgumentList{{Name: "if", Value: &ast.Value{Raw: "true", Kind: ast.BooleanValue}}}}
	for name, c := range map[string]struct {
		kind ast.Operation
		sels ast.SelectionSet
		want int
	}{
		"two fields":                  {ast.Query, ast.SelectionSet{field("a", "a"), field("b", "b")}, 2},
		"one field twice":             {ast.Query, ast.SelectionSet{field("a", "a"), field("a", "a")}, 1},
		"two aliases of one":          {ast.Query, ast.SelectionSet{field("a", "x"), field("a", "y")}, 2},
		"__typename and __schema":     {ast.Query, ast.SelectionSet{field("__typename", "__typename"), field("__schema", "__schema")}, 1},
		"only __typename":             {ast.Query, ast.SelectionSet{field("__typename", "t")}, 0},
		"skipped":                     {ast.Query, ast.SelectionSet{field("a", "a"), field("b", "b", skip)}, 1},
		"in a fragment":               {ast.Query, ast.SelectionSet{&ast.InlineFragment{TypeCondition: "Query", SelectionSet: ast.SelectionSet{field("a", "a")}}}, 1},
		"a mutation, which is serial": {ast.Mutation, ast.SelectionSet{field("a", "a"), field("b", "b")}, 0},
	} {
		oc := &graphql.OperationContext{Doc: &ast.QueryDocument{}, Operation: &ast.OperationDefinition{Operation: c.kind, SelectionSet: c.sels}}
		l := NewContext(t.Context(), nil, schema, nil, oc).Value(loadersKey{}).(*Loaders)
		if l.waiting != c.want {
			t.Errorf("%s: waits for %d root fields, want %d", name, l.waiting, c.want)
		}
	}
}

func TestAPanicBesideALinkIsTheErrorOfItsRows(t *testing.T) {
	t.Parallel()
	f := &follow{link: &store.Link{Parent: "Station", Field: "rooms"}, outcomes: make([]outcome, 2)}
	f.guarded(func(f *follow) {
		f.outcomes[0].value = 1
		panic(errors.New("cause"))
	})
	for i, o := range f.outcomes {
		if o.value != nil || o.err == nil {
			t.Errorf("row %d: %+v", i, o)
		}
	}
}

func TestRowsOfOneKeyAreAskedOnceAndShareWhatTheyLeadTo(t *testing.T) {
	t.Parallel()
	one, again, other := &store.Station{}, &store.Station{}, &store.Station{}
	one.Owner, again.Owner, other.Owner = "a", "a", "b"
	a, b := place{key: &ast.Field{}, rows: []store.Node{one, other, one}}, place{key: &ast.Field{}, rows: []store.Node{again}}
	follows := join(join(nil, &follow{link: store.LinkAt("Station", "rooms")}, a), &follow{link: store.LinkAt("Station", "rooms")}, b)
	if len(follows) != 1 || len(follows[0].rows) != 2 {
		t.Fatalf("%d follows, the first from %d rows", len(follows), len(follows[0].rows))
	}
	f := follows[0]
	rooms := []*store.Room{{}}
	f.outcomes = []outcome{{value: rooms}, {}}
	for i, p := range f.places {
		if values := f.values(p); len(values) != 1 {
			t.Errorf("place %d leads to %d values", i, len(values))
		}
	}
}
