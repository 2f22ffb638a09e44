package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/schema"
)

// Columns are authz.Roles(), least first. What stands here says a second time, and on purpose in
// another way than internal/authz, who holds a role that @auth names and who reads a class.
var (
	holders = map[string]string{
		"PUBLIC": "xxxxxxxxxxxx", "RESIDENT": ".xxx.xxxx...", "VOLUNTEER": "..xx.xxxx...", "BUILDING_HEAD": "...x...xx...",
		"PARTNER": "....x.......", "STATION_STAFF": ".....xxxx...", "COMMUNITY_STAFF": "......xxx...", "COMMUNITY_ADMIN": ".......xx...",
		"STREET_STAFF": "........x...", "DISTRICT_VIEWER": ".........x.x", "ANALYST": "..........xx", "AUDITOR": "...........x",
	}
	readers = map[string]string{"P0_PUBLIC": "xxxxxxxxxxxx", "P1_STAFF": ".....xxxxxxx", "P2_PERSONAL": ".....xxxx...", "P3_SENSITIVE": "......xxx..."}
	persons = ".xxx........"
)

// verdict is what a role reads of a field.
type verdict byte

const (
	refused   verdict = '.' // an operation that selects it is refused
	nowhere   verdict = '-' // it may be selected, on rows that the role never finds
	rowsOwned verdict = 'o' // on rows of one's own
	inScope   verdict = 's' // of the viewer's communities
	audited   verdict = 'p' // of these, with a stated purpose and an audit row before
	everybody verdict = '+' // of every community
)

// rule is what directives say; "" is what they leave unsaid.
type rule struct {
	class string
	roles []string
	own   string
}

func ruleOf(ds ast.DirectiveList) (r rule) {
	if d := ds.ForName("class"); d != nil {
		r.class = d.Arguments.ForName("level").Value.Raw
	}
	if d := ds.ForName("auth"); d != nil {
		for _, c := range d.Arguments.ForName("any").Value.Children {
			r.roles = append(r.roles, c.Value.Raw)
		}
	}
	if d := ds.ForName("own"); d != nil {
		r.own = "true"
		if a := d.Arguments.ForName("read"); a != nil {
			r.own = a.Value.Raw
		}
	}
	return r
}

// under fills in what a field leaves unsaid.
func (r rule) under(typ rule) rule {
	if r.class == "" {
		r.class = typ.class
	}
	if r.class == "" {
		r.class = "P0_PUBLIC" // mutations and subscriptions
	}
	if r.roles == nil {
		r.roles = typ.roles
	}
	if r.own == "" {
		r.own = typ.own
	}
	return r
}

// passes reports whether a role, by its column, may ask for the field of everybody's rows.
func (r rule) passes(column int) bool {
	held := r.roles == nil
	for _, role := range r.roles {
		held = held || holders[role][column] == 'x'
	}
	return held && readers[r.class][column] == 'x'
}

func (r rule) open() bool { return r.passes(0) }

// judge says what a role reads of a field of a type.
func judge(typ, field rule, column int) verdict {
	field = field.under(typ)
	typ = typ.under(rule{})
	person := persons[column] == 'x'
	switch {
	case field.own == "true" && person:
		return rowsOwned
	case !field.passes(column):
		return refused
	case typ.open() && field.open():
		return everybody
	case !typ.passes(column):
		return nowhere
	case field.class == "P2_PERSONAL" || field.class == "P3_SENSITIVE":
		return audited
	}
	return inScope
}

// rights are the verdicts of each "Type.field", a column each role.
var rights = func() map[string][]verdict {
	all := map[string][]verdict{}
	for _, t := range schema.Parsed().Types {
		if t.BuiltIn || t.Kind != ast.Object {
			continue
		}
		for _, f := range t.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			for column := range authz.Roles() {
				all[t.Name+"."+f.Name] = append(all[t.Name+"."+f.Name], judge(ruleOf(t.Directives), ruleOf(f.Directives), column))
			}
		}
	}
	return all
}()

// TestWhoReadsWhat prints who may read what, so that a change of it is seen in review, and holds
// what the gateway decides by against it.
func TestWhoReadsWhat(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Who reads what not everybody reads of all. + of every community, s of the viewer's, p of these with a purpose and an audit row,\n" +
		"# o of rows of one's own, - selectable, on rows never found, . refused. Columns:\n#")
	for _, r := range authz.Roles() {
		fmt.Fprintf(&b, " %s", r)
	}
	b.WriteByte('\n')
	public := strings.Repeat("+", len(authz.Roles()))
	for _, name := range slices.Sorted(maps.Keys(rights)) {
		var line []byte
		for column, role := range authz.Roles() {
			v := rights[name][column]
			line = append(line, byte(v))
			viewer := &authz.Viewer{Principal: "x", Roles: []authz.Role{role}, Purpose: "x"}
			typ, field, _ := strings.Cut(name, ".")
			def := schema.Parsed().Types[typ]
			_, err := schema.Check(schema.Parsed(), &ast.OperationDefinition{SelectionSet: ast.SelectionSet{
				&ast.Field{Name: field, Alias: field, Definition: def.Fields.ForName(field), ObjectDefinition: def}}}, nil, viewer)
			if (err == nil) != (v != refused) {
				t.Errorf("%s for %s: %c, the gateway: %v", name, role, v, err)
			}
		}
		if string(line) != public {
			fmt.Fprintf(&b, "%-48s %s\n", name, line)
		}
	}
	const golden = "testdata/security.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
		for _, l := range was {
			if !slices.Contains(is, l) {
				t.Errorf("was: %s", l)
			}
		}
		for _, l := range is {
			if !slices.Contains(was, l) {
				t.Errorf("is:  %s", l)
			}
		}
		t.Error("who reads what has changed: go test ./e2e -run TestWhoReadsWhat -update, and review the difference")
	}
}
