// Package graph is the health service's GraphQL: a subgraph of Apollo Federation v2 in three hundred
// lines, to be copied. schema.graphqls says what there is, fields.go what the fields are, store.go how
// they are read: by one statement a request. Nothing here knows the gateway.
package graph

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

var (
	//go:embed schema.graphqls
	sdl string
	//go:embed federation.graphqls
	federation string

	schema = gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphqls", Input: sdl}, &ast.Source{Name: "federation.graphqls", Input: federation})
)

// Graph answers GraphQL over a database.
type Graph struct {
	db  *sql.DB
	log *slog.Logger
}

// New answers from a database with the tables that Migrate makes.
func New(db *sql.DB, log *slog.Logger) *Graph { return &Graph{db, log} }

// requestBytes bounds a request; a gateway sends a few hundred representations at most.
const requestBytes = 1 << 20

// ServeHTTP answers GraphQL over POST.
func (g *Graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(g.answer(r.Context(), io.LimitReader(r.Body, requestBytes)))
}

func (g *Graph) answer(ctx context.Context, body io.Reader) []byte {
	var request struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		return refused(gqlerror.List{gqlerror.Errorf("the body must be a JSON object with a query")})
	}
	doc, errs := gqlparser.LoadQueryWithRules(schema, request.Query, nil)
	if errs != nil {
		return refused(errs)
	}
	op := doc.Operations.ForName(request.OperationName)
	if op == nil {
		return refused(gqlerror.List{gqlerror.Errorf("operationName must name an operation of the document")})
	}
	variables, err := validator.VariableValues(schema, op, request.Variables)
	if err != nil {
		return refused(gqlerror.List{gqlerror.WrapIfUnwrapped(err)})
	}
	x := &execution{variables: variables}
	x.look(op.SelectionSet)
	found, err := g.clinics(ctx, x.wanted)
	if err != nil {
		g.log.ErrorContext(ctx, "clinics cannot be read", "cause", err.Error())
		return refused(gqlerror.List{{Message: "the health service cannot read its data", Extensions: map[string]any{"code": "SOURCE_UNAVAILABLE"}}})
	}
	x.found = found
	data := x.object(nil, object{"Query", x.root}, op.SelectionSet)
	return append(append([]byte(`{"data":`), data...), '}')
}

func refused(errs gqlerror.List) []byte {
	raw, _ := json.Marshal(map[string]any{"errors": errs, "data": nil}) // texts and maps of them
	return raw
}

// root answers the fields of Query.
func (x *execution) root(name string, args map[string]any) any {
	switch name {
	case "_service":
		return object{"_Service", func(string, map[string]any) any { return sdl }}
	case "_entities":
		list := []any{}
		for _, rep := range representations(args) {
			list = append(list, x.found.entity(rep))
		}
		return list
	}
	return x.found.list(args, func(*clinic) bool { return true })
}

func representations(args map[string]any) []map[string]any {
	var list []map[string]any
	sent, _ := args["representations"].([]any)
	for _, v := range sent {
		rep, _ := v.(map[string]any)
		list = append(list, rep)
	}
	return list
}
