package schema_test

import (
	"testing"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema"

	"github.com/vektah/gqlparser/v2"
)

func TestEveryFilterSaysWhatItLooksAt(t *testing.T) {
	t.Parallel()
	for _, name := range schema.UntiedFilters() {
		t.Errorf("%s: no field of the type it filters has this name; say what it looks at by @reads(field:)", name)
	}
}

// A station's staff read residents and no memberships: a filter by team would tell these.
func TestAFilterNeedsTheRightToWhatItLooksAt(t *testing.T) {
	t.Parallel()
	station := &authz.Viewer{Principal: "x", Roles: []authz.Role{authz.StationStaff}}
	community := &authz.Viewer{Principal: "x", Roles: []authz.Role{authz.CommunityStaff}}
	for _, c := range []struct {
		query     string
		variables map[string]any
		refused   bool
	}{
		{`{ residents(filter: {estate: "e"}) { totalCount } }`, nil, false},
		{`{ residents(filter: {team: "t"}) { totalCount } }`, nil, true},
		{`{ residents(filter: {team: null}) { totalCount } }`, nil, false},
		{`{ community(slug: "a") { residents(filter: {estate: "e", team: "t"}) { totalCount } } }`, nil, true},
		{`query($t: ID) { residents(filter: {team: $t}) { totalCount } }`, map[string]any{"t": "t"}, true},
		{`query($t: ID) { residents(filter: {team: $t}) { totalCount } }`, nil, false},
		{`query($f: ResidentFilter) { residents(filter: $f) { totalCount } }`, map[string]any{"f": map[string]any{"team": "t"}}, true},
		{`query($f: ResidentFilter) { ... { residents(filter: $f) @skip(if: true) { totalCount } } }`, map[string]any{"f": map[string]any{"team": "t"}}, true},
		{`query($f: ResidentFilter = {team: "t"}) { residents(filter: $f) { totalCount } }`, map[string]any{"f": map[string]any{"team": "t"}}, true},
	} {
		doc, errs := gqlparser.LoadQueryWithRules(schema.Parsed(), c.query, nil)
		if errs != nil {
			t.Fatal(errs)
		}
		if _, err := schema.Check(schema.Parsed(), doc.Operations[0], c.variables, community); err != nil {
			t.Errorf("%s: who reads memberships may filter by them: %v", c.query, err)
		}
		_, err := schema.Check(schema.Parsed(), doc.Operations[0], c.variables, station)
		if fault.Is(err, fault.Forbidden) != c.refused {
			t.Errorf("%s %v: %v", c.query, c.variables, err)
		}
	}
}
