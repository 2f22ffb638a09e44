package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/page"
	"linhui/schema"
	"linhui/store"
)

// Every field has the alias Type__field, so that an answer says by itself what it shows.

// selection asks for the fields of a type that pass, and for what stands depth links below.
func selection(t testing.TB, typ string, depth int, pass func(typ, field string) bool) string {
	t.Helper()
	var out []string
	def := schema.Parsed().Types[typ]
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") || !pass(typ, f.Name) {
			continue
		}
		of := schema.Parsed().Types[f.Type.Name()]
		below := ""
		if nodes := of.Fields.ForName("nodes"); nodes != nil && strings.HasSuffix(of.Name, "Connection") {
			if depth == 0 {
				continue
			}
			below = " { totalCount pageInfo { hasNextPage } nodes { __typename " + selection(t, nodes.Type.Name(), depth-1, pass) + " } }"
		} else if of.Kind == ast.Object {
			if isRow(of) && depth == 0 {
				continue
			}
			below = " { __typename " + selection(t, of.Name, max(depth-1, 0), pass) + " }"
		}
		out = append(out, fmt.Sprintf("%s__%s: %s%s%s", typ, f.Name, f.Name, needed(t, f, below), below))
	}
	return strings.Join(out, " ")
}

// isRow reports whether objects of a type are loaded by links, and not a part of what shows them.
func isRow(d *ast.Definition) bool {
	_, described := store.Tables()[d.Name]
	return described
}

// needed are arguments that a field cannot be asked without, and the longest page.
func needed(t testing.TB, f *ast.FieldDefinition, below string) string {
	t.Helper()
	var args []string
	for _, a := range f.Arguments {
		switch {
		case a.Name == "first" && strings.Contains(below, "pageInfo"):
			args = append(args, fmt.Sprint("first: ", page.MaxSize))
		case !a.Type.NonNull || a.DefaultValue != nil:
		case a.Type.Name() == "DateRange":
			args = append(args, a.Name+`: {from: "2020-01-01", to: "2020-01-31"}`) // a month without any row
		case a.Type.Name() == "String":
			args = append(args, a.Name+`: "x"`)
		default:
			t.Fatalf("%s needs %s: say what to ask with", f.Name, a.Name)
		}
	}
	if args == nil {
		return ""
	}
	return "(" + strings.Join(args, ", ") + ")"
}

// expectation turns what an omniscient viewer was shown into what another viewer must be shown, by
// the rules of the SDL alone, and collects the errors that stand beside it as "code path".
type expectation struct {
	t *testing.T
	*matrix
	viewer matrixViewer
	errors []string
}

func (e *expectation) fail(code string, path []any) {
	e.errors = append(e.errors, code+" "+fmt.Sprint(path))
}

// finds reports whether a row is in the viewer's sight.
func (e *expectation) finds(typ, id, owner string) bool {
	def := schema.Parsed().Types[typ]
	r := ruleOf(def.Directives).under(rule{})
	column := e.viewer.column
	switch covered := slices.Contains(e.scope, owner); {
	case r.open():
		return !e.hidden[id] || covered && readers["P1_STAFF"][column] == 'x'
	case r.own == "true" && persons[column] == 'x':
		return e.own[id]
	case r.class == "P2_PERSONAL" || r.class == "P3_SENSITIVE":
		return covered && r.passes(column) && e.viewer.purpose
	default:
		return covered && r.passes(column)
	}
}

// object is nil for what is not shown.
func (e *expectation) object(o map[string]any, owner string, path []any) map[string]any {
	typ := o["__typename"].(string)
	if id, ok := o[typ+"__id"].(string); ok && isRow(schema.Parsed().Types[typ]) {
		if owner = parseID(id).Owner; !e.finds(typ, id, owner) {
			return nil
		}
	}
	out := map[string]any{"__typename": typ}
	for key, value := range o {
		of, field, aliased := strings.Cut(key, "__")
		if aliased && of == typ && e.viewer.reads(typ, field) != refused {
			out[key] = e.field(typ, field, value, owner, append(slices.Clone(path), key))
		}
	}
	return out
}

func (e *expectation) field(typ, field string, value any, owner string, path []any) any {
	covered := slices.Contains(e.scope, owner)
	if link := store.LinkAt(typ, field); link != nil && link.Restricted() && !covered {
		e.fail("FORBIDDEN", path)
		return nil
	}
	if e.viewer.reads(typ, field) != everybody && !covered {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		if nodes, paged := v["nodes"].([]any); paged {
			return e.connection(v, nodes, owner, path)
		}
		if o := e.object(v, owner, path); o != nil {
			return o
		}
		return nil
	case []any:
		return e.list(v, owner, path)
	}
	return value
}

func (e *expectation) list(rows []any, owner string, path []any) []any {
	out := []any{}
	ofPage := -1 // how many errors there are when a page is full: the rest is of the next pages
	for _, r := range rows {
		if len(out) == page.MaxSize && ofPage < 0 {
			ofPage = len(e.errors)
		}
		o, object := r.(map[string]any)
		if !object {
			out = append(out, r)
		} else if o := e.object(o, owner, append(slices.Clone(path), len(out))); o != nil {
			out = append(out, o)
		}
	}
	if ofPage >= 0 {
		e.errors = e.errors[:ofPage]
	}
	return out
}

func (e *expectation) connection(c map[string]any, rows []any, owner string, path []any) any {
	shown := e.list(rows, owner, append(slices.Clone(path), "nodes"))
	total, next := c["totalCount"], c["pageInfo"]
	if len(shown) < len(rows) {
		if c["pageInfo"].(map[string]any)["hasNextPage"] == true {
			e.t.Fatalf("%v: the list is longer than a page: what is left of it cannot be known", path)
		}
		total = float64(len(shown))
	}
	if len(shown) > page.MaxSize {
		shown, next = shown[:page.MaxSize], map[string]any{"hasNextPage": true}
	}
	return map[string]any{"totalCount": total, "pageInfo": next, "nodes": shown}
}
