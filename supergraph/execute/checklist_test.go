package execute_test

import (
	"os"
	"regexp"
	"testing"
)

// checklist is what planners get wrong, as names of cases, and how many cases each must have at least.
var checklist = []struct {
	what  string
	cases string
	least int
}{
	{"several keys", `^keys_(several|differ|parts)`, 3},
	{"composite keys", `^keys_composite|^keys_chain_of_five|^keys_parts`, 3},
	{"keys of nested objects", `^key(s)?_.*nested|^keys_list_of_objects`, 3},
	{"null parts of keys", `^keys_null`, 2},
	{"a subgraph that resolves by one key only", `^keys_(not_resolvable|one_key_only)`, 2},
	{"chains of keys", `^keys_.*(chain|third)`, 3},
	{"entities that are nothing but keys", `^key_only|^keys_entity_not_found`, 2},
	{"required fields with arguments", `^requires_.*argument`, 4},
	{"required fields with conflicting arguments", `^requires_conflicting`, 3},
	{"required fields in fragments", `^requires_.*(fragment|union)`, 3},
	{"required fields that require", `^requires_(of_required|there_and_back|chain)`, 3},
	{"circles of required fields", `^requires_(circular|there_and_back)`, 2},
	{"required fields of interfaces", `^requires_(interface|of_implementations)`, 3},
	{"required fields through nested entities", `^requires_.*nested`, 3},
	{"@provides nested", `^provides_(nested|two_levels|only)`, 3},
	{"@provides on interfaces", `^provides_on_interface`, 2},
	{"@provides on unions", `^provides_.*union`, 2},
	{"Federation 1's @external and @extends", `^fed(1|2)_`, 6},
	{"@override on entities", `^override_.*(entity|key|shareable|root|mutation)`, 4},
	{"@override on implementations", `^override_.*implementation`, 3},
	{"@override with @requires", `^override_.*require`, 3},
	{"shared root fields", `^shareable_.*root|^node_shared|^shareable_one_call`, 3},
	{"shared value types", `^shareable_.*(value|list|deep)`, 3},
	{"a shared field that one subgraph has in part", `^shareable_.*(part|only)`, 3},
	{"@interfaceObject with @requires", `^interface_object_.*require`, 3},
	{"@interfaceObject extended indirectly", `^interface_object_.*(indirect|third|implementation)`, 3},
	{"@interfaceObject without a resolvable key", `^interface_object_(no_resolvable|key_alone|through_third)`, 3},
	{"unions whose members differ", `^union_`, 4},
	{"interfaces whose members differ", `^interface_(members|types|unknown|field|implements)`, 5},
	{"enums that intersect", `^enum_`, 4},
	{"input objects that intersect", `^input_|^enum_input`, 3},
	{"nullability and lists that differ", `nullability|^child_type_mismatch`, 5},
	{"one entity through two parents", `^same_entity|^batch_many`, 4},
	{"abstract root fields", `^node_`, 4},
	{"__typename everywhere", `^typename_`, 6},
	{"@skip and @include on fields and fragments", `^(skip|include|literal_cond|condition)`, 8},
	{"@skip and @include across fetches", `^(skip|include).*across|^condition_|^skip_on_what`, 4},
	{"mutations in order", `^mutation_`, 7},
	{"mutations with entity fetches between", `^mutation_.*between`, 2},
	{"@inaccessible", `^inaccessible_|^enum_value_that`, 5},
	{"@composeDirective and @tag", `^compose_directive`, 1},
	{"@authenticated, @requiresScopes and @policy", `^guard_`, 12},
	{"nulls and errors in the client's terms", `^null_|^error_|^mutation_goes_on`, 6},
}

func TestEveryItemOfTheChecklistHasCases(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir(cases)
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) < 200 {
		t.Errorf("%d cases", len(dirs))
	}
	for _, item := range checklist {
		name := regexp.MustCompile(item.cases)
		found := 0
		for _, d := range dirs {
			if name.MatchString(d.Name()) {
				found++
			}
		}
		if found < item.least {
			t.Errorf("%s: %d cases, want %d", item.what, found, item.least)
		}
	}
}
