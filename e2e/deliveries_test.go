package e2e

import (
	"fmt"
	"sync"
	"testing"

	"linhui/internal/authz"
)

type delivery struct {
	ID, Kind     string
	PersonTimes  int
	SupersededAt *string
	Supersedes   *struct{ ID string }
	SupersededBy *struct{ ID string }
}

// record sends one record of a service; code is that of the rule it broke, "" for none.
func (b *book) record(token string, input map[string]any) (d *delivery, code string, a answer) {
	b.t.Helper()
	in := map[string]any{"community": "a", "kind": "CLEANING", "occurredOn": "2026-06-09", "personTimes": 5}
	for k, v := range input {
		in[k] = v
	}
	a = b.ask(token, `mutation($in: RecordServiceDeliveryInput!) { out: recordServiceDelivery(input: $in) {
		delivery { id kind personTimes supersededAt supersedes { id } supersededBy { id } } userErrors { code path } } }`, map[string]any{"in": in})
	var data struct {
		Out *struct {
			Delivery   *delivery
			UserErrors []userError
		}
	}
	decode(b.t, a.Data, &data)
	switch {
	case data.Out == nil:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"]), a
	case len(data.Out.UserErrors) > 0:
		return nil, data.Out.UserErrors[0].Code, a
	}
	return data.Out.Delivery, "", a
}

// A correction takes the place of a record, which stays and counts no more.
func TestDeliveriesAreCorrected(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	station := b.token(authz.StationStaff, "a", "c")
	first, _, _ := b.record(station, map[string]any{"idempotencyKey": "1"})
	second, code, _ := b.record(station, map[string]any{"idempotencyKey": "2", "personTimes": 7, "supersedes": first.ID})
	if second == nil || second.Supersedes == nil || second.Supersedes.ID != first.ID {
		t.Fatalf("%+v %s", second, code)
	}
	for _, tc := range []struct {
		name, token string
		input       map[string]any
		code        string
	}{
		{"corrected a second time", station, map[string]any{"supersedes": first.ID}, "CONFLICT"},
		{"a correction of nothing", station, map[string]any{"supersedes": fixedID("ServiceDelivery", "a", "none")}, "NOT_FOUND"},
		{"a correction over communities", station, map[string]any{"community": "c", "supersedes": second.ID}, "BAD_USER_INPUT"},
		{"negative person-times", station, map[string]any{"personTimes": -5}, "BAD_USER_INPUT"},
		{"nobody", station, map[string]any{"personTimes": 0}, "BAD_USER_INPUT"},
		{"negative sessions", station, map[string]any{"sessions": -1}, "BAD_USER_INPUT"},
		{"tomorrow", station, map[string]any{"occurredOn": "2026-06-11"}, "BAD_USER_INPUT"},
		{"a day that does not exist", station, map[string]any{"occurredOn": "2026-02-30"}, "!BAD_USER_INPUT"},
		{"a station that is none", station, map[string]any{"station": fixedID("Station", "a", "none")}, "NOT_FOUND"},
		{"a station of another community", station, map[string]any{"station": fixedID("Station", "c", "station")}, "BAD_USER_INPUT"},
		{"another community", station, map[string]any{"community": "b"}, "FORBIDDEN"},
		{"a volunteer", b.token(authz.Volunteer, "a"), nil, "!FORBIDDEN"},
		{"the key of another record", station, map[string]any{"idempotencyKey": "1", "personTimes": 8}, "CONFLICT"},
	} {
		before := b.footprint()
		in := map[string]any{"idempotencyKey": tc.name}
		for k, v := range tc.input {
			in[k] = v
		}
		if d, code, a := b.record(tc.token, in); d != nil || code != tc.code {
			t.Errorf("%s: %q, not %q: %+v", tc.name, code, tc.code, a.Errors)
		}
		if after := b.footprint(); after != before {
			t.Errorf("%s left %s, was %s", tc.name, after, before)
		}
	}
	var got struct {
		Now, All struct {
			TotalCount int
			Nodes      []delivery
		}
		Community struct{ ServiceDeliveries struct{ TotalCount int } }
		Node      delivery
	}
	b.must("", fmt.Sprintf(`{ now: serviceDeliveries { totalCount nodes { id personTimes } } all: serviceDeliveries(filter: {includeSuperseded: true}) { totalCount }
		community(slug: "a") { serviceDeliveries { totalCount } } node(id: %q) { ... on ServiceDelivery { personTimes supersededAt supersededBy { id } } } }`, first.ID), nil, &got)
	if got.Now.TotalCount != 1 || got.Now.Nodes[0].ID != second.ID || got.All.TotalCount != 2 || got.Community.ServiceDeliveries.TotalCount != 1 ||
		got.Node.PersonTimes != 5 || got.Node.SupersededBy == nil || got.Node.SupersededBy.ID != second.ID || got.Node.SupersededAt == nil {
		t.Errorf("%+v", got)
	}
	// The same through SQL: nothing is edited, deleted or negative.
	for _, query := range []string{`UPDATE service_deliveries SET person_times = 9`, `DELETE FROM service_deliveries`,
		`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times) VALUES ('a', 'CLEANING', '2026-06-09', -5)`,
		`INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, supersedes_id) SELECT owner, kind, occurred_on, 1, id FROM service_deliveries WHERE superseded_at IS NOT NULL`} {
		if _, err := b.one.Exec(query); err == nil {
			t.Errorf("allowed: %s", query)
		}
	}
	// A key counts once, however often it is sent.
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if d, code, _ := b.record(station, map[string]any{"community": "c", "idempotencyKey": "many"}); d == nil {
				t.Error(code)
			}
		})
	}
	wg.Wait()
	var rows int
	scanRow(t, b.one, `SELECT count(*) FROM service_deliveries WHERE owner = 'c'`, &rows)
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
}

// A kind is asked for with the kinds that it rolls up; a published figure keeps its words.
func TestDeliveriesAndFigures(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	execSQL(t, b.one, `
		INSERT INTO work_methods (owner, id, name_zh) VALUES ('a', md5('steps')::uuid, '四步走');
		INSERT INTO service_deliveries (owner, kind, occurred_on, person_times, audience, method_id, station_id) VALUES
			('a', 'CLEANING', '2026-06-01', 1, 'EMPTY_NEST_ELDERS', NULL, NULL), ('a', 'DIGITAL_HELP', '2026-06-02', 2, 'ELDERS', md5('steps')::uuid, NULL),
			('a', 'ELDER_SUPPORT', '2026-06-03', 3, NULL, NULL, md5('station')::uuid), ('a', 'PATROL', '2026-05-31', 4, NULL, NULL, NULL);
		INSERT INTO reported_statistics (owner, metric, service_kind, components, name_zh, quantity, period) VALUES
			('a', 'PERSON_TIMES', 'ELDER_SUPPORT', '{DIGITAL_HELP,CLEANING,COMFORT_VISIT}', '帮扶空巢独居老人', '{"value": "354", "qualifier": "EXACT", "unit": "人次", "zh": "354人次"}', 'CUMULATIVE_TO_DATE'),
			('a', 'PROJECT_COUNT', NULL, '{}', '结对项目', '{"value": 10, "qualifier": "MORE_THAN", "unit": "个", "zh": "10余个"}', NULL)`)
	execSQL(t, b.two, `INSERT INTO service_deliveries (owner, kind, occurred_on, person_times) VALUES ('b', 'COMFORT_VISIT', '2026-06-01', 5)`)
	for _, tc := range []struct {
		filter string
		want   string // person-times, newest first
	}{
		{`{}`, "[3 2 5 1 4]"},
		{`{kinds: [ELDER_SUPPORT]}`, "[3 2 5 1]"},
		{`{kinds: [CLEANING]}`, "[1]"},
		{`{kinds: [CLEANING, PATROL]}`, "[1 4]"},
		{`{range: {from: "2026-06-01", to: "2026-06-02"}}`, "[2 5 1]"},
		{`{audiences: [ELDERS]}`, "[2]"},
		{fmt.Sprintf(`{method: %q}`, fixedID("WorkMethod", "a", "steps")), "[2]"},
		{fmt.Sprintf(`{station: %q}`, fixedID("Station", "a", "station")), "[3]"},
		{fmt.Sprintf(`{station: %q}`, fixedID("Station", "b", "station")), "[]"},
	} {
		var got struct {
			ServiceDeliveries struct{ Nodes []struct{ PersonTimes int } }
		}
		b.must("", `{ serviceDeliveries(filter: `+tc.filter+`) { nodes { personTimes } } }`, nil, &got)
		times := []int{}
		for _, n := range got.ServiceDeliveries.Nodes {
			times = append(times, n.PersonTimes)
		}
		if fmt.Sprint(times) != tc.want {
			t.Errorf("%s: %v, not %s", tc.filter, times, tc.want)
		}
	}
	var got struct {
		ReportedStatistics struct {
			Nodes []struct {
				NameZh     string
				Components []string
				Quantity   struct{ Value, Qualifier, Zh string }
			}
		}
		Community struct {
			WorkMethods []struct {
				NameZh     string
				Deliveries struct{ TotalCount int }
			}
		}
	}
	b.must("", `{ reportedStatistics(filter: {serviceKinds: [ELDER_SUPPORT]}) { nodes { nameZh components quantity { value qualifier zh } } }
		community(slug: "a") { workMethods { nameZh deliveries { totalCount } } } }`, nil, &got)
	if s := fmt.Sprint(got); s != "{{[{帮扶空巢独居老人 [DIGITAL_HELP CLEANING COMFORT_VISIT] {354 EXACT 354人次}}]} {[{四步走 {1}}]}}" {
		t.Error(s)
	}
	if n := b.statements("", `{ communities { nodes { serviceDeliveries(first: 5) { totalCount nodes { station { nameZh } team { nameZh } method { nameZh } } } } } }`); n["one"] > 5 || n["two"] > 5 {
		t.Errorf("%v", n)
	}
}
