package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/schema"
	"linhui/schema/scalar"
)

func TestEveryFieldHasAClass(t *testing.T) {
	t.Parallel()
	if missing := schema.Unclassified(); len(missing) > 0 {
		t.Errorf("fields without @class, on them or on their type: %v", missing)
	}
}

func TestDirectivesSpeakOfKnownRoles(t *testing.T) {
	t.Parallel()
	var sdl []authz.Role
	for _, v := range schema.Parsed().Types["Role"].EnumValues {
		sdl = append(sdl, authz.Role(v.Name))
	}
	if !slices.Equal(sdl, authz.Roles()) {
		t.Errorf("the SDL's roles are %v, the program's %v", sdl, authz.Roles())
	}
	for name, f := range schema.Fields() {
		if f.Roles != nil && len(f.Roles) == 0 {
			t.Errorf("%s: @auth without a role lets nobody in", name)
		}
	}
}

func TestConnectionsAreOfOneForm(t *testing.T) {
	t.Parallel()
	fields := schema.Fields()
	for _, d := range schema.Parsed().Types {
		if d.Kind != ast.Object || !strings.HasSuffix(d.Name, "Connection") {
			continue
		}
		for name, typ := range map[string]string{
			"edges": "[" + strings.TrimSuffix(d.Name, "Connection") + "Edge!]!", "nodes": "[" + strings.TrimSuffix(d.Name, "Connection") + "!]!",
			"pageInfo": "PageInfo!", "totalCount": "Int", "coverage": "Coverage!",
		} {
			f := d.Fields.ForName(name)
			if f == nil || f.Type.String() != typ {
				t.Errorf("%s.%s is not %s", d.Name, name, typ)
			} else if fields[d.Name+"."+name].Class != fields[d.Name+".nodes"].Class {
				t.Errorf("%s.%s is of another class than its nodes", d.Name, name)
			}
		}
	}
}

func TestEnumOfLooksThroughLists(t *testing.T) {
	t.Parallel()
	for name, want := range map[[2]string]string{
		{"Station", "kind"}: "StationKind", {"Station", "nameZh"}: "", {"Station", "none"}: "", {"None", "kind"}: "",
	} {
		got := ""
		if d := schema.EnumOf(name[0], name[1]); d != nil {
			got = d.Name
		}
		if got != want {
			t.Errorf("%v is of enum %q, want %q", name, got, want)
		}
	}
	if d := schema.EnumOf("Station", "servedGroups"); d == nil {
		t.Error("a list of enum values is none of an enum")
	}
}

func TestQualifiersOfDocumentsAreThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	for _, v := range schema.Parsed().Types["Qualifier"].EnumValues {
		var q scalar.ReportedQuantity
		if err := q.Scan([]byte(`{"qualifier": "` + v.Name + `", "unit": "人", "zh": "三人"}`)); err != nil || string(q.Qualifier) != v.Name {
			t.Errorf("%s is read as %s, %v", v.Name, q.Qualifier, err)
		}
	}
}
