package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/cmd/linhui/gateway"
	"linhui/supergraph"
	"linhui/supergraph/subgraph"
)

// own is a graph of this process that says by which way it was asked.
type own struct{}

func (own) SDL(context.Context) (string, error) { return usersSDL, nil }

func (own) Do(_ context.Context, _ *supergraph.Request) (*supergraph.Response, error) {
	return &supergraph.Response{Data: []byte(`{"me":{"__typename":"User","id":"1","name":"a part"}}`)}, nil
}

func (own) local() *gateway.Local {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `type Query { me: User } type User { id: ID! name: String }`})
	return &gateway.Local{Subgraph: own{}, Name: "users",
		Before: func(ctx context.Context, _ *graphql.OperationContext) (context.Context, error) { return ctx, nil },
		Schema: &graphql.ExecutableSchemaMock{
			SchemaFunc: func() *ast.Schema { return schema },
			ExecFunc: func(ctx context.Context) graphql.ResponseHandler {
				if graphql.GetOperationContext(ctx).Operation.SelectionSet[0].(*ast.Field).Definition != schema.Query.Fields.ForName("me") {
					panic("the operation is not read by the local schema")
				}
				return graphql.OneShot(&graphql.Response{Data: []byte(`{"me":{"name":"the whole"}}`)})
			},
		}}
}

func TestLocalGraphIsServedAloneUntilTheOthersAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clinics.down.Store(true)
	var log bytes.Buffer
	b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	b.options.Keep = gateway.Keep(filepath.Join(t.TempDir(), "supergraph.graphql"))
	b.options.Local = own{}.local()
	c, err := gateway.NewComposer(map[string]string{"clinics": b.clinics.URL}, b.options.Local, subgraph.Options{Log: b.options.Log})
	if err != nil {
		t.Fatal(err)
	}
	b.options.Load, b.options.Part = c.Load, c.Part
	g := b.start(t)
	alone, mixed := `{"query":"{ me { name } }"}`, both
	if got := ask(t, g.Handler(), alone); got != `{"data":{"me":{"name":"the whole"}}}` {
		t.Error(got)
	}
	if got := ask(t, g.Handler(), mixed); !strings.Contains(got, "BAD_USER_INPUT") || !strings.Contains(log.String(), "what there is of it is served") {
		t.Error(got, log.String())
	}
	b.clinics.down.Store(false)
	if err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		alone: `{"data":{"me":{"name":"the whole"}}}`,
		mixed: `{"data":{"me":{"name":"a part","clinic":"East"}}}`,
		// The introspected schema is that of all.
		`{"query":"{ me { name } __type(name: \"User\") { fields { name } } }"}`: `{"data":{"me":{"name":"a part"},"__type":{"fields":[{"name":"id"},{"name":"clinic"},{"name":"name"}]}}}`,
	} {
		if got := ask(t, g.Handler(), query); got != want {
			t.Error(got)
		}
	}

	// The part that was served at first was not kept as good; the whole was.
	b.clinics.down.Store(true)
	if c, err = gateway.NewComposer(map[string]string{"clinics": b.clinics.URL}, b.options.Local, subgraph.Options{Log: b.options.Log}); err != nil {
		t.Fatal(err)
	}
	b.options.Load, b.options.Part = c.Load, c.Part
	again := b.start(t)
	b.clinics.down.Store(false)
	if got := ask(t, again.Handler(), mixed); !strings.Contains(got, `"clinic":"East"`) {
		t.Error(got)
	}
	if _, err := gateway.NewComposer(map[string]string{"users": b.users.URL}, b.options.Local, subgraph.Options{}); err == nil {
		t.Error("two subgraphs of one name")
	}
}

func TestPlansAreWarmedAtAReload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var log bytes.Buffer
	b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	g := b.start(t)
	for _, query := range []string{both, `{"query":"{ me { name } }"}`} {
		ask(t, g.Handler(), query)
	}
	b.write(t, b.composed(t, strings.Replace(usersSDL, "name: String", "name: String age: Int", 1)))
	if err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "plansWarmed=2") {
		t.Error(log.String())
	}
}
