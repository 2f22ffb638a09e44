package schema_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema"
)

// check runs Check on one operation.
func check(t *testing.T, query string, v *authz.Viewer) (*schema.Access, error) {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema.Parsed(), query, nil)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	return schema.Check(schema.Parsed(), doc.Operations[0], nil, v)
}

// Whether a role passes follows from the field's class, its @auth, its @own and the stated purpose
// alone: every field of the schema, every role, with and without a purpose.
func TestEveryFieldForEveryRole(t *testing.T) {
	t.Parallel()
	s := schema.Parsed()
	for name, rule := range schema.Fields() {
		var typ, field string
		for i := range name {
			if name[i] == '.' {
				typ, field = name[:i], name[i+1:]
			}
		}
		def := s.Types[typ]
		if def.Kind != ast.Object {
			continue
		}
		f := def.Fields.ForName(field)
		op := &ast.OperationDefinition{SelectionSet: ast.SelectionSet{&ast.Field{Name: field, Alias: field, Definition: f, ObjectDefinition: def}}}
		for _, role := range authz.Roles() {
			for _, purpose := range []string{"", "case 17"} {
				v := &authz.Viewer{Principal: "x", Roles: []authz.Role{role}, Purpose: purpose, All: true}
				own := role == authz.Resident || role == authz.Volunteer || role == authz.BuildingHead
				want := rule.Own && own || v.Reads(rule.Class) && (rule.Roles == nil || v.Has(rule.Roles...))
				access, err := schema.Check(s, op, nil, v)
				if (err == nil) != want {
					t.Errorf("%s for %s with purpose %q: %v", name, role, purpose, err)
				}
				if err == nil && (rule.Class >= authz.P2Personal && !own) != (len(access.Personal) > 0) {
					t.Errorf("%s: audited are %v", name, access.Personal)
				}
			}
		}
	}
}

// denial is what a refused viewer learns.
func denial(t *testing.T, err error) (*fault.Error, ast.Path) {
	t.Helper()
	var g *gqlerror.Error
	var f *fault.Error
	if !errors.As(err, &g) || !errors.As(err, &f) {
		t.Fatalf("refused with %v", err)
	}
	return f, g.Path
}

func TestARefusalNamesEveryFieldAndThePathOfTheFirst(t *testing.T) {
	t.Parallel()
	_, err := check(t, `query { open: communities { nodes { slug heads: posts { id ...Holder phone: holderName } } } courses { nodes { enrolments { nodes { status } } } } }
		fragment Holder on StaffPost { ... on StaffPost { who: holderName } }`, &authz.Viewer{})
	f, path := denial(t, err)
	if f.Code != fault.Unauthenticated {
		t.Errorf("code %s", f.Code)
	}
	fields := f.Extensions["fields"].([]string)
	if !slices.Contains(fields, "StaffPost.holderName") || !slices.ContainsFunc(fields, func(s string) bool { return s != "StaffPost.holderName" }) {
		t.Errorf("fields %v", fields)
	}
	if !slices.IsSorted(fields) || len(slices.Compact(slices.Clone(fields))) != len(fields) {
		t.Errorf("fields are not sorted or stand twice: %v", fields)
	}
	if want := (ast.Path{ast.PathName("open"), ast.PathName("nodes"), ast.PathName("heads"), ast.PathName("who")}); !reflect.DeepEqual(path, want) {
		t.Errorf("path %v, want %v", path, want)
	}
	_, err = check(t, `{ communities { nodes { posts { holderName } } } }`, &authz.Viewer{Principal: "x", Roles: []authz.Role{authz.Resident}})
	if f, _ := denial(t, err); f.Code != fault.Forbidden {
		t.Errorf("a signed-in viewer without the role: %s", f.Code)
	}
}

func TestSkippedFieldsAreHeldToTheSameRule(t *testing.T) {
	t.Parallel()
	for _, d := range []string{"@skip(if: true)", "@include(if: false)"} {
		if _, err := check(t, fmt.Sprintf(`{ communities { nodes { posts { id holderName %s } } } }`, d), &authz.Viewer{}); err == nil {
			t.Errorf("%s: what is refused must not depend on a variable", d)
		}
	}
}

func TestDemandIsWhatEachTypeIsAskedFor(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]map[string][]string{
		`{ stations { nodes { a: nameZh b: nameZh ...F } } } fragment F on Station { kind estate { id } }`: {
			"Query": {"stations"}, "StationConnection": {"nodes"}, "Station": {"estate", "kind", "nameZh"}, "Estate": {"id"}},
		`{ node(id: "x") { ... on Station { nameZh } ... on Room { kind } } }`: {"Query": {"node"}, "Station": {"nameZh"}, "Room": {"kind"}},
		`{ __typename __schema { types { name } } }`:                           {},
	} {
		access, err := check(t, query, &authz.Viewer{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for typ, fields := range access.Demand {
			if typ != "Query" || len(want) > 0 {
				got[typ] = slices.Sorted(maps.Keys(fields))
			}
		}
		delete(got, "Query")
		delete(want, "Query")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s demands %v, want %v", query, got, want)
		}
	}
}

// A field of an interface is asked of every type behind it that the viewer finds at all: the
// others must not make `node(id) { id }` a matter of roles.
func TestFieldsOfAnInterfaceAreDemandedOfTheTypesAViewerFinds(t *testing.T) {
	t.Parallel()
	for _, v := range []*authz.Viewer{{}, {Principal: "x", Roles: []authz.Role{authz.Resident}}, {Principal: "x", Roles: []authz.Role{authz.CommunityStaff}, Purpose: "p"}} {
		access, err := check(t, `{ node(id: "x") { id } nodes(ids: []) { ... on Node { id } } }`, v)
		if err != nil {
			t.Fatalf("%v: %v", v.Roles, err)
		}
		for _, d := range schema.Parsed().GetPossibleTypes(schema.Parsed().Types["Node"]) {
			if access.Demand[d.Name]["id"] != schema.Finds(v, d.Name) {
				t.Errorf("%v: %s.id is demanded: %t", v.Roles, d.Name, access.Demand[d.Name]["id"])
			}
		}
		if !access.Demand["Station"]["id"] || access.Demand["Enrolment"]["id"] != v.Has(authz.Resident) {
			t.Errorf("%v finds stations: %t, sign-ups: %t", v.Roles, access.Demand["Station"]["id"], access.Demand["Enrolment"]["id"])
		}
	}
}
