package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/fault"
	"linhui/server"
	"linhui/server/internal/testschema"
)

// scripted is a schema that executes as its test says.
type scripted struct {
	instant
	exec func(context.Context) graphql.ResponseHandler
}

func (s scripted) Exec(ctx context.Context) graphql.ResponseHandler { return s.exec(ctx) }

func script(t testing.TB, exec func(context.Context) graphql.ResponseHandler) *bundle {
	full := testschema.NewExecutableSchema(testschema.Config{}).Schema()
	return setup(t, func(o *server.Options) { o.Schema = scripted{instant{full}, exec} })
}

func TestSchemaThatMisbehavesHurtsOnlyItsRequest(t *testing.T) {
	t.Parallel()
	for name, exec := range map[string]func(context.Context) graphql.ResponseHandler{
		"panics at the start": func(context.Context) graphql.ResponseHandler { panic("a secret") },
		"panics later": func(context.Context) graphql.ResponseHandler {
			return func(context.Context) *graphql.Response { panic("a secret") }
		},
		"fails without a code": func(ctx context.Context) graphql.ResponseHandler {
			graphql.AddError(ctx, errors.New("a secret"))
			return graphql.OneShot(&graphql.Response{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := script(t, exec)
			got := b.query(t, "{hello}")
			if got.status != 200 || got.code(t) != "INTERNAL" || strings.Contains(got.body, "secret") || !strings.Contains(got.body, `"data":null`) {
				t.Errorf("%d %s", got.status, got.body)
			}
			p := b.connect(t)
			p.say(`{"id":"1","type":"subscribe","payload":{"query":"subscription{open}"}}`)
			if f := p.hear("next"); !strings.Contains(string(f.Payload), "INTERNAL") || strings.Contains(string(f.Payload), "secret") {
				t.Errorf("%s", f.Payload)
			}
			p.hear("complete")
		})
	}
}

func TestHandlerThatPanicsIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Ready = func(context.Context) error { panic("a secret") }
	})
	got := b.request(t, "GET", "/readyz", "")
	if got.status != 500 || got.code(t) != "INTERNAL" || strings.Contains(got.body, "secret") || !strings.Contains(b.logs.String(), "a secret") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestErrorsAreCapped(t *testing.T) {
	t.Parallel()
	b := script(t, func(ctx context.Context) graphql.ResponseHandler {
		for range 150 {
			graphql.AddError(ctx, fault.Newf(fault.SourceTimeout, "slow"))
		}
		return graphql.OneShot(&graphql.Response{Data: []byte(`{}`)})
	})
	errs := b.query(t, "{hello}").errors(t)
	if len(errs) != 101 || errs[100].Message != "50 more errors are not shown" || errs[100].Extensions["code"] != "SOURCE_TIMEOUT" {
		t.Errorf("%d errors, the last %+v", len(errs), errs[len(errs)-1])
	}
}

func TestErrorsOfOtherSubgraphsKeepKnownCodes(t *testing.T) {
	t.Parallel()
	b := script(t, func(ctx context.Context) graphql.ResponseHandler {
		for _, code := range []string{"NOT_FOUND", "DOWNSTREAM_SERVICE_ERROR"} {
			graphql.AddError(ctx, &gqlerror.Error{Message: "from " + code, Extensions: map[string]any{"code": code, "subgraph": "health"}})
		}
		graphql.RegisterExtension(ctx, "trace", "t-1")
		return graphql.OneShot(&graphql.Response{Data: []byte(`{"hello":"x"}`)})
	})
	got := b.query(t, "{hello}")
	errs := got.errors(t)
	if len(errs) != 2 || errs[0].Message != "from NOT_FOUND" || errs[0].Extensions["subgraph"] != "health" ||
		errs[1].Extensions["code"] != "INTERNAL" || strings.Contains(got.body, "DOWNSTREAM") || !strings.Contains(got.body, `"extensions":{"trace":"t-1"}`) {
		t.Errorf("%s", got.body)
	}
}

func TestManyAddressesDoNotFillMemory(t *testing.T) {
	t.Parallel()
	kept := server.BucketsAfter(250_000, func() time.Time { return fixed }, func(i int) string { return fmt.Sprint(i) })
	if kept > 100_000 {
		t.Errorf("%d buckets are kept", kept)
	}
}
