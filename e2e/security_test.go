package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema"
	"linhui/store"
)

// everyViewer is every role with a purpose and without.
func everyViewer() (all []matrixViewer) {
	for column := range authz.Roles() {
		all = append(all, matrixViewer{column, false}, matrixViewer{column, true})
	}
	return all
}

func (v matrixViewer) may(typ, field string) bool { return v.reads(typ, field) != refused }

func everyField(string, string) bool { return true }

// guarded reports whether not everybody reads all of a type.
func guarded(typ string) bool {
	for name, columns := range rights {
		if strings.HasPrefix(name, typ+".") && slices.ContainsFunc(columns, func(v verdict) bool { return v != everybody }) {
			return true
		}
	}
	return false
}

// nodeTypes are the types that can be looked up by id.
func nodeTypes() (all []string) {
	for _, d := range schema.Parsed().GetPossibleTypes(schema.Parsed().Types["Node"]) {
		all = append(all, d.Name)
	}
	slices.Sort(all)
	return all
}

// TestSecurity asks for every field, as every role, of rows of one's own, of the viewer's communities
// and of others', on every path that leads there, and holds the answer against what an omniscient
// viewer is shown and what the SDL's directives leave of it.
func TestSecurity(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	t.Run("an omniscient viewer is shown what the databases hold", m.testOmniscience)
	t.Run("refused", m.testRefused)
	t.Run("lists", m.testLists)
	t.Run("rows", m.testRows)
	t.Run("injection", m.testInjection)
	t.Run("nothing stays behind", m.testTraces)
}

// whole is what an omniscient viewer is shown.
func (m *matrix) whole(t *testing.T, query string) any {
	t.Helper()
	a := m.ask(m.omniscient(), query, nil)
	if len(a.Errors) > 0 {
		t.Fatalf("%+v\n%s", a.Errors, query)
	}
	var data struct{ Rows any }
	decode(t, a.Data, &data)
	return data.Rows
}

// compare holds an answer against what is expected.
func (e *expectation) compare(what string, want any, a answer) {
	e.t.Helper()
	var got struct{ Rows any }
	decode(e.t, a.Data, &got)
	if !reflect.DeepEqual(want, got.Rows) { // cmp.Diff alone took half of the test's time
		e.t.Errorf("%s as %s (- expected, + answered):\n%.2000s", what, e.viewer, cmp.Diff(want, got.Rows))
	}
	var failures []string
	for _, x := range a.Errors {
		failures = append(failures, fmt.Sprint(x.Extensions["code"], " ", x.Path))
	}
	slices.Sort(failures)
	slices.Sort(e.errors)
	if diff := cmp.Diff(e.errors, failures); diff != "" {
		e.t.Errorf("%s as %s: errors (- expected, + answered):\n%.1000s", what, e.viewer, diff)
	}
}

// testRows looks rows up by id, by every way, and follows their links.
func (m *matrix) testRows(t *testing.T) {
	for _, typ := range nodeTypes() {
		if len(m.ids[typ]) == 0 {
			continue
		}
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			for i, w := range ways {
				depth := 0
				if i == 0 {
					depth = 1 // links are the same by every way
				} else if !guarded(typ) {
					break
				}
				query := func(pass func(typ, field string) bool) string {
					return byIDs(m.ids[typ], selection(t, typ, depth, pass))
				}
				whole, asked := m.whole(t, query(everyField)).([]any), ""
				for _, v := range everyViewer() {
					own := query(v.may)
					if selection(t, typ, 0, v.may) == "" || v.purpose && own == asked {
						continue // nothing may be asked; nothing depends on the purpose
					}
					asked = own
					e := &expectation{t: t, matrix: m, viewer: v}
					want := []any{}
					for n, row := range whole {
						o := e.object(row.(map[string]any), "", []any{"rows", n})
						if o == nil {
							e.fail("NOT_FOUND", []any{"rows", n})
							want = append(want, nil)
						} else {
							want = append(want, o)
						}
					}
					e.compare(typ+" by "+w.name, want, w.ask(m, t, m.tokenOf(v), own))
				}
			}
		})
	}
}

// testLists reads the root lists without naming communities: those of people are about the viewer's.
func (m *matrix) testLists(t *testing.T) {
	for _, f := range schema.Parsed().Query.Fields {
		connection := schema.Parsed().Types[f.Type.Name()]
		if f.Arguments.ForName("first") == nil || !strings.HasSuffix(connection.Name, "Connection") {
			continue // figures are no rows; who may ask for which is tested beside them
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			typ := connection.Fields.ForName("nodes").Type.Name()
			query := func(pass func(typ, field string) bool, more, after string) string {
				return fmt.Sprintf("{ rows: %s(first: %d%s) { totalCount pageInfo { hasNextPage %s } nodes { __typename %s } } }", f.Name, page.MaxSize, after, more, selection(t, typ, 0, pass))
			}
			var rows []any
			var whole, info map[string]any
			for after := ""; whole == nil || info["hasNextPage"] == true; after = fmt.Sprintf(", after: %q", info["endCursor"]) {
				whole = m.whole(t, query(everyField, "endCursor", after)).(map[string]any)
				info = whole["pageInfo"].(map[string]any)
				rows = append(rows, whole["nodes"].([]any)...)
			}
			delete(info, "endCursor")
			asked := ""
			for _, v := range everyViewer() {
				own := query(v.may, "", "")
				if v.reads("Query", f.Name) == refused || v.purpose && own == asked {
					continue
				}
				asked = own
				e := &expectation{t: t, matrix: m, viewer: v}
				e.compare(f.Name, e.connection(whole, rows, "", []any{"rows"}), m.ask(m.tokenOf(v), own, nil))
			}
		})
	}
}

// testRefused selects, by every way, all that a viewer may not select: one answer names every field
// of it and shows nothing.
func (m *matrix) testRefused(t *testing.T) {
	for _, v := range everyViewer() {
		var wanted []string
		deny := func(typ, field string) bool {
			denied := !v.may(typ, field)
			if denied {
				wanted = append(wanted, typ+"."+field)
			}
			return denied
		}
		var query strings.Builder
		query.WriteString("{ rows: nodes(ids: []) { __typename ")
		for _, typ := range nodeTypes() {
			fmt.Fprintf(&query, "... on %s { __typename %s } ", typ, fieldsOnly(t, typ, deny))
		}
		query.WriteString("} " + fieldsOnly(t, "Query", deny) + " }")
		if wanted == nil {
			continue
		}
		slices.Sort(wanted)
		code := "FORBIDDEN"
		if authz.Roles()[v.column] == authz.Public {
			code = "UNAUTHENTICATED"
		}
		for _, w := range ways {
			a := w.ask(m, t, m.tokenOf(v), query.String())
			if len(a.Errors) != 1 || len(a.Data) > 0 && string(a.Data) != "null" {
				t.Errorf("%s by %s: %.500s %+v", v, w.name, a.Data, a.Errors)
				continue
			}
			x := a.Errors[0]
			if diff := cmp.Diff(fmt.Sprint(wanted), fmt.Sprint(x.Extensions["fields"])); diff != "" || x.Extensions["code"] != code || len(x.Path) == 0 {
				t.Errorf("%s by %s: %v %v %s", v, w.name, x.Extensions["code"], x.Path, diff)
			}
		}
	}
}

// fieldsOnly selects fields that pass and of what they lead to only the type.
func fieldsOnly(t testing.TB, typ string, pass func(typ, field string) bool) string {
	var out []string
	for _, f := range schema.Parsed().Types[typ].Fields {
		if strings.HasPrefix(f.Name, "__") || !pass(typ, f.Name) {
			continue
		}
		below := ""
		if schema.Parsed().Types[f.Type.Name()].Kind == ast.Object {
			below = " { __typename }"
		}
		out = append(out, fmt.Sprintf("%s__%s: %s%s%s", typ, f.Name, f.Name, needed(t, f, below), below))
	}
	return strings.Join(out, " ")
}

// testOmniscience holds what is personal against the databases themselves.
func (m *matrix) testOmniscience(t *testing.T) {
	compared := 0
	for typ, ids := range m.ids {
		var personal []string
		for _, f := range schema.Parsed().Types[typ].Fields {
			if columns := rights[typ+"."+f.Name]; columns != nil && slices.Contains(columns, audited) && f.Type.Elem == nil && schema.Parsed().Types[f.Type.Name()].IsLeafType() {
				personal = append(personal, f.Name)
			}
		}
		if personal == nil {
			continue
		}
		rows := m.whole(t, byIDs(ids, strings.Join(personal, " "))).([]any)
		for n, row := range rows {
			id := parseID(ids[n])
			var held []byte
			for _, db := range m.pools {
				for _, s := range queryTexts(t, db, "SELECT to_jsonb(t) FROM "+spec(store.Tables()[typ]).Table+" t WHERE owner = $1 AND id = $2", id.Owner, id.UUID.String()) {
					held = []byte(s)
				}
			}
			var columns map[string]any
			decode(t, json.RawMessage(held), &columns)
			for _, f := range personal {
				want, stored := columns[snake(f)]
				if !stored {
					continue // computed
				}
				compared++
				if got := row.(map[string]any)[f]; got != want {
					t.Errorf("%s.%s is %v, the database holds %v", typ, f, got, want)
				}
			}
		}
	}
	if compared < 30 {
		t.Errorf("only %d values were compared", compared)
	}
}

func snake(field string) string {
	var b strings.Builder
	for _, r := range field {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// testTraces looks for people in what outlives an answer: the log, Redis and the audit log.
func (m *matrix) testTraces(t *testing.T) {
	client := redisClient(t, m.redis)
	traces := map[string]string{"the log": m.log.String()}
	for _, key := range client.Keys(t.Context(), "*").Val() {
		value := key
		switch kind := client.Type(t.Context(), key).Val(); kind {
		case "string":
			value += client.Get(t.Context(), key).Val()
		case "hash":
			value += fmt.Sprint(client.HGetAll(t.Context(), key).Val())
		default:
			t.Errorf("%s is a %s, which nobody looks into here", key, kind)
		}
		traces["Redis, "+key] = value
	}
	audit := strings.Join(queryTexts(t, m.directory, "SELECT to_jsonb(a) FROM audit_log a"), "\n")
	traces["the audit log"] = audit
	for where, text := range traces {
		for _, person := range []string{canary, "1397777"} {
			if strings.Contains(text, person) {
				t.Errorf("%s tells of a person", where)
			}
		}
	}
	for field, columns := range rights {
		if typ, _, _ := strings.Cut(field, "."); slices.Contains(columns, audited) && len(m.ids[typ]) > 0 && !strings.Contains(audit, `"`+field+`"`) {
			t.Errorf("%s was read and stands in no audit row", field)
		}
	}
	if len(traces) < 4 || !strings.Contains(fmt.Sprint(slices.Sorted(maps.Keys(traces))), "Redis") {
		t.Errorf("too little was looked through: %v", slices.Sorted(maps.Keys(traces)))
	}
}
