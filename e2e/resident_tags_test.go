package e2e

import (
	"maps"
	"testing"

	"linhui/internal/authz"
)

// What is known of a resident's need is read and written with a purpose, which stands in an audit row.
func TestResidentTags(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	s := steps{b, "record", "id tag version validFrom validTo current basis recordedBy"}
	staff, why := b.staff("a"), []string{"X-Linhui-Purpose", "入户走访"}
	input := func(more ...any) map[string]any {
		return plus(map[string]any{"resident": fixedID("Resident", "a", "r1"), "tag": "LIVES_ALONE", "basis": "入户走访了解", "idempotencyKey": "1"}, more...)
	}
	if _, code := s.take(staff, "tagResident", "TagResidentInput", input()); code != "!FORBIDDEN" {
		t.Errorf("without a purpose: %s", code)
	}
	if a := b.ask(staff, `mutation($in: TagResidentInput!) { tagResident(input: $in) { userErrors { code } } }`, map[string]any{"in": input()}); string(a.Data) != `{"tagResident":{"userErrors":[{"code":"FORBIDDEN"}]}}` {
		t.Errorf("without a purpose, and without reading: %s %+v", a.Data, a.Errors)
	}
	record, code := s.take(staff, "tagResident", "TagResidentInput", input(), why...)
	if code != "" || record["current"] != true || record["recordedBy"] != "clerk" || record["validFrom"] != "2026-06-10" || record["validTo"] != nil {
		t.Fatalf("%v %s", record, code)
	}
	for _, tc := range []struct {
		name, code string
		token      string
		more       []any
	}{
		{"twice at a time", "CONFLICT[tag]", staff, []any{"idempotencyKey", "2", "from", "2027-01-01"}},
		{"nobody", "NOT_FOUND[resident]", staff, []any{"idempotencyKey", "3", "resident", fixedID("Resident", "a", "none")}},
		{"no basis", "BAD_USER_INPUT[basis]", staff, []any{"idempotencyKey", "4", "basis", " "}},
		{"no day", "BAD_USER_INPUT[to]", staff, []any{"idempotencyKey", "5", "to", "2026-06-10"}},
		{"a key used", "CONFLICT[idempotencyKey]", staff, []any{"basis", "别的"}},
		{"another community's staff", "FORBIDDEN[]", b.staff("b"), nil},
		{"the desk", "!FORBIDDEN", b.token(authz.StationStaff, "a"), nil},
		{"the resident", "!FORBIDDEN", b.resident("a", "r1"), nil},
	} {
		if got, code := s.take(tc.token, "tagResident", "TagResidentInput", input(tc.more...), why...); code != tc.code {
			t.Errorf("%s: %v %s, want %s", tc.name, got, code, tc.code)
		}
	}
	const query = `{ residentTags(filter: {tags: [LIVES_ALONE], on: "2026-06-10"}) { totalCount nodes { tag resident { maskedName tags } } } residents(first: 1) { nodes { tagRecords { totalCount } } } }`
	a := b.ask(staff, query, nil, why...)
	sameJSON(t, a.Data, `{"residentTags":{"totalCount":1,"nodes":[{"tag":"LIVES_ALONE","resident":{"maskedName":"李*","tags":["LIVES_ALONE"]}}]},"residents":{"nodes":[{"tagRecords":{"totalCount":1}}]}}`)
	for name, token := range map[string]string{"staff without a purpose": staff, "the public": "", "the resident": b.resident("a", "r1"), "the desk": b.token(authz.StationStaff, "a"), "an analyst": b.token(authz.Analyst, "a")} {
		if a := b.ask(token, `{ residentTags { totalCount } }`, nil); len(a.Errors) != 1 {
			t.Errorf("%s: %s %+v", name, a.Data, a.Errors)
		}
		if a := b.ask(token, `query($id: ID!) { node(id: $id) { __typename } }`, map[string]any{"id": record["id"]}); string(a.Data) != `{"node":null}` {
			t.Errorf("%s finds it: %s", name, a.Data)
		}
	}
	if a := b.ask(b.staff("b"), query, nil, why...); string(a.Data) != `{"residentTags":{"totalCount":0,"nodes":[]},"residents":{"nodes":[{"tagRecords":{"totalCount":0}}]}}` {
		t.Errorf("another community: %s %+v", a.Data, a.Errors)
	}
	var reads, writes string
	scanRow(t, b.directory.Open(t), `SELECT string_agg(DISTINCT purpose || ' ' || (detail->>'fields'), ', ') FROM audit_log WHERE detail->>'fields' LIKE '%Query.residentTags%'`, &reads)
	if want := `入户走访 ["Query.residentTags", "Resident.tagRecords", "Resident.tags", "ResidentTagRecord.resident", "ResidentTagRecord.tag", "ResidentTagRecordFilter.on", "ResidentTagRecordFilter.tags"]`; reads != want {
		t.Errorf("reads are audited as %s", reads)
	}
	if record, code = s.take(staff, "endResidentTag", "EndResidentTagInput", s.input(record, "reason", "子女同住"), why...); code != "" || record["validTo"] != "2026-06-11" || record["current"] != true {
		t.Errorf("%v %s", record, code)
	}
	if _, code := s.take(staff, "endResidentTag", "EndResidentTagInput", s.input(record, "reason", "x"), why...); code != "INVALID_TRANSITION[]" {
		t.Errorf("ended twice: %s", code)
	}
	scanRow(t, b.one, `SELECT string_agg(action || ' ' || purpose, ', ' ORDER BY id) FROM audit_log WHERE entity_type = 'ResidentTagRecord'`, &writes)
	if want := "tag 入户走访, end 入户走访"; writes != want {
		t.Errorf("writes are audited as %s", writes)
	}
	b.violates(t, `UPDATE resident_tags SET valid = '(,2027-01-01)'`, `UPDATE resident_tags SET basis = ''`, `UPDATE resident_tags SET ended_reason = 'x', valid = '[2026-01-01,)'`)
}

// plus is an input with more fields.
func plus(in map[string]any, more ...any) map[string]any {
	out := maps.Clone(in)
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}
