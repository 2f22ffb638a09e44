package seed_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"linhui/internal/fault"
	"linhui/internal/testkit"
	"linhui/seed"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// streets is a target like that of `make run`: the directory and a database for each street.
func streets(t *testing.T) seed.Target {
	t.Helper()
	places, err := seed.Streets(seed.Facts)
	if err != nil {
		t.Fatal(err)
	}
	target := seed.Target{
		Directory: testkit.Database(t, testkit.Directory).Open(t),
		Sources:   map[string]*sql.DB{},
		Place:     func(owner string) string { return places[owner] },
	}
	for _, street := range places {
		if target.Sources[street] == nil {
			target.Sources[street] = testkit.Database(t, testkit.Source).Open(t)
		}
	}
	return target
}

// together is a target whose one source holds everything.
func together(t *testing.T) (seed.Target, *testkit.DB) {
	t.Helper()
	source := testkit.Database(t, testkit.Source)
	return seed.Target{
		Directory: testkit.Database(t, testkit.Directory).Open(t),
		Sources:   map[string]*sql.DB{"one": source.Open(t)},
		Place:     func(string) string { return "one" },
	}, source
}

func imported(t *testing.T, target seed.Target) seed.Report {
	t.Helper()
	report, err := seed.Import(t.Context(), target, seed.Facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// lines are the rows of a query, columns joined by a bar, over all sources in the order of their keys.
func lines(t *testing.T, target seed.Target, query string) []string {
	t.Helper()
	var all []string
	for _, key := range slices.Sorted(maps.Keys(target.Sources)) {
		all = append(all, rows(t, target.Sources[key], query)...)
	}
	return all
}

func rows(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for found.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		words := make([]string, len(columns))
		for i, v := range values {
			words[i] = v.String
		}
		all = append(all, strings.Join(words, "|"))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImport(t *testing.T) {
	t.Parallel()
	target := streets(t)
	if len(target.Sources) != 6 {
		t.Fatalf("%d sources, want one for each of six streets", len(target.Sources))
	}
	report := imported(t, target)
	if want := 7; len(report.Done) != want {
		t.Errorf("done: %v, want %d", report.Done, want)
	}
	if report.Imported["stations"] != 17 || report.Imported["alliances"] != 2 || report.Skipped["roles"] != 11 {
		t.Errorf("report: %+v", report)
	}

	for _, tc := range []struct {
		name, query string
		want        []string
	}{
		{"published figures with their qualifier",
			`SELECT owner, metric, coalesce(service_kind, ''), quantity->>'qualifier', quantity->>'value', quantity->>'unit' FROM reported_statistics`,
			[]string{
				"gongyuanlu|ACTIVITY_COUNT||MORE_THAN|10|项", "gongyuanlu|CLASS_HOURS||EXACT|2000|课时",
				"gongyuanlu|COURSE_COUNT||EXACT|18|门", "gongyuanlu|EVENT_PART_COUNT||EXACT|7|方面",
				"gongyuanlu|PAIRED_PROJECTS||MORE_THAN|10|个", "gongyuanlu|TEAM_COUNT||EXACT|8|支",
				"lanxin|ATTENDANCE||MORE_THAN|50|人",
				"qiyue|ENROLMENTS||MORE_THAN|80|人", "qiyue|ISSUE_NUMBER||EXACT|35|期", "qiyue|PROJECT_COUNT||EXACT|9|个",
				"qiyue|SESSIONS||MORE_THAN|30|场次", "qiyue|VOLUNTEER_COUNT||NEARLY|100|人",
				"shengli|FLOOR_AREA||APPROX|200|平方米", "shengli|FLOOR_AREA||APPROX|60|平方米",
				"shengli|INVESTMENT||MORE_THAN|80000.00|元", "shengli|UPGRADED_STATIONS||EXACT|3|处",
				"wenhua|EDITION_COUNT||EXACT|38|届",
				"yanbin|BOXES_DONATED||EXACT|86|盒", "yanbin|PERSON_TIMES|ELDER_SUPPORT|EXACT|354|人次",
				"yanbin|PERSON_TIMES|GENERAL|EXACT|167|人次", "yanbin|PERSON_TIMES|VACCINATION_SUPPORT|EXACT|68|人次",
				"yanbin|ROOM_COUNT||EXACT|4|室", "yanbin|SUBSTATION_COUNT||EXACT|4|站", "yanbin|TEAM_COUNT||EXACT|12|支",
			}},
		{"354 is three kinds together", `SELECT components FROM reported_statistics WHERE service_kind = 'ELDER_SUPPORT'`,
			[]string{"{DIGITAL_HELP,CLEANING,COMFORT_VISIT}"}},
		{"four stations and four rooms of a station", `SELECT 'st', c.kind FROM stations c JOIN stations p ON (p.owner, p.id) = (c.owner, c.parent_id) WHERE c.group_label = '四站'
			UNION ALL SELECT 'rm', kind FROM rooms WHERE group_label = '四室'`,
			[]string{"rm|ACTIVITY_ROOM", "rm|CLINIC_ROOM", "rm|LEGAL_ROOM", "rm|READING_ROOM",
				"st|BROADCAST_STATION", "st|CONVENIENCE_POINT", "st|OPINION_LIAISON_STATION", "st|VOLUNTEER_POST"}},
		{"floor areas", `SELECT name_zh, area_sqm->>'qualifier', area_sqm->>'value' FROM stations WHERE area_sqm IS NOT NULL`,
			[]string{"红色驿站|APPROX|60", "胜利花园活动室|APPROX|200"}},
		{"reported counts of teams", `SELECT name_zh, reported_team_count->>'value' FROM volunteer_teams WHERE reported_team_count IS NOT NULL`,
			[]string{"“邻里帮”志愿服务队|12", "社区志愿者队伍|8"}},
		{"what the programme taught", `SELECT reported_course_count->>'value', reported_class_hours->>'value', age_min, age_max FROM programmes WHERE name_zh = '睦邻课堂'`,
			[]string{"18|2000|5|12"}},
		{"sign-ups of the hulusi class", `SELECT class_name_zh, reported_enrolments->>'qualifier', weekdays FROM courses WHERE reported_enrolments IS NOT NULL`,
			[]string{"葫芦丝兴趣班|MORE_THAN|{1,2,3,4,5}"}},
		{"the fair belongs to the district", `SELECT owner, name_zh, edition, scope, served_by FROM events WHERE owner ~ '^\d{12}$'`,
			[]string{"620104000000|西固迎春灯会（第38届）|38|DISTRICT|{wenhua}"}},
		{"editions", `SELECT name_zh, edition_count->>'value' FROM event_series WHERE edition_count IS NOT NULL`,
			[]string{"“你好·邻居”邻里节|1", "西固迎春灯会|38"}},
		{"a gala of a campaign of the district", `SELECT e.name_zh, e.campaign_owner, e.attendance->>'qualifier', c.name_zh
			FROM events e JOIN campaigns c ON c.id = e.district_campaign_id`,
			[]string{"欢歌笑语庆新春 齐聚一堂共联欢|620104000000|MORE_THAN|兔年春节小区党员阵地庆新春"}},
		{"the service day", `SELECT recurrence->>'rrule', recurrence->>'dtstart' FROM event_series WHERE name_zh = '红星服务日'`,
			[]string{"FREQ=MONTHLY;BYMONTHDAY=10;COUNT=12|2020-01-10T00:00:00+08:00"}},
		{"a lunar rule is no RRULE", `SELECT name_zh, recurrence->>'rrule', recurrence->>'rscale' FROM event_series WHERE recurrence ? 'rscale'`,
			[]string{"传统节日庆祝||CHINESE", "西固迎春灯会||CHINESE"}},
		{"a day without a year", `SELECT name_zh, starts_at, held_on->>'month', held_on->>'day' FROM events WHERE name_zh = '情景剧社团成立'`,
			[]string{"情景剧社团成立||6|6"}},
		{"a team founded on one", `SELECT founded_on, founded_on_zh FROM volunteer_teams WHERE kind = 'DRAMA_CLUB'`, []string{"|6月6日"}},
		{"flags given to teams", `SELECT t.name_zh, h.kind, h.awarded_on, o.name_zh, e.kind FROM team_honours h JOIN volunteer_teams t ON t.id = h.team_id
			JOIN organizations o ON o.id = h.by_org_id JOIN events e ON e.id = h.event_id`, []string{"社区志愿者队伍|FLAG|2019-12-18T00:00:00Z|龙泉驿区文明办|FESTIVAL"}},
		{"seven parts", `SELECT count(*), max(ordinal) FROM event_parts HAVING count(*) > 0`, []string{"7|7"}},
		{"the brand that the festival launched", `SELECT b.name_zh, e.edition FROM brands b JOIN events e ON e.id = b.launched_by_event_id`, []string{"睦邻|1"}},
		{"channels find their places", `SELECT c.name_zh, s.kind FROM channels c JOIN stations s ON s.id = c.station_id`,
			[]string{"抖音小站（公共抖音号）|MEDIA_STUDIO", "红色物业广播站|BROADCAST_STATION"}},
		{"the Echo Book's case", `SELECT number, status, outcome, provenance->>'inferred' FROM feedbacks WHERE category = 'EV_CHARGING'`,
			[]string{"shengli-2024-000001|RESOLVED|社区协调物业，已解决|true"}},
		{"on the Echo Wall", `SELECT title_zh, status FROM echo_wall_posts`, []string{"充电桩无法充电|PUBLISHED"}},
		{"nothing waits without having been told", `SELECT number FROM feedback_omitted`, nil},
		{"deadlines are proposals", `SELECT s.category, s.due_in_hours, c.provenance->'inferredFields' ? 'slaRule.dueInHours' FROM sla_rules s JOIN feedback_categories c USING (owner) WHERE c.code = s.category`,
			[]string{"EV_CHARGING|120|true", "PRAISE|72|true"}},
		{"a fact without a column stays in the provenance", `SELECT provenance->>'headRole', provenance->>'source' FROM buildings WHERE provenance ? 'headRole'`,
			[]string{"楼长|003_4478bfcbb38b598d.txt"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := lines(t, target, tc.query)
			slices.Sort(got)
			slices.Sort(tc.want)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("the directory knows the streets", func(t *testing.T) {
		got := rows(t, target.Directory, `SELECT c.slug, d.name FROM communities c JOIN divisions d ON d.code = c.parent_code ORDER BY 1`)
		want := []string{"gongyuanlu|龙泉街道", "lanxin|陈坪街道", "qiyue|马尚镇", "shengli|若羌镇", "wenhua|先锋路街道", "yanbin|雁园街道"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// everything is a digest of each table of the sources and of the directory.
func everything(t *testing.T, target seed.Target) map[string]string {
	t.Helper()
	all := map[string]string{}
	digest := func(where string, db *sql.DB) {
		for _, name := range rows(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'hot_versions'`) {
			all[where+" "+name] = rows(t, db, fmt.Sprintf(`SELECT count(*), md5(string_agg(x::text, '' ORDER BY x::text)) FROM %s x`, name))[0]
		}
	}
	digest("directory", target.Directory)
	for key, db := range target.Sources {
		digest(key, db)
	}
	return all
}

func TestImportAgainChangesNothing(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	if report := imported(t, target); report.Written == 0 {
		t.Fatal("nothing was written")
	}
	before := everything(t, target)
	if report := imported(t, target); report.Written != 0 {
		t.Errorf("%d rows were written again", report.Written)
	}
	if diff := cmp.Diff(before, everything(t, target)); diff != "" {
		t.Error(diff)
	}
}

func TestImportAgainUpdates(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	imported(t, target)
	changed := edited(t, func(d facts) { d.find("stations", "st-hongse")["nameEn"] = "Red Post" })
	report, err := seed.Import(t.Context(), target, []byte(changed), nil)
	if err != nil || report.Written != 1 {
		t.Errorf("written %d, %v; want 1", report.Written, err)
	}
	want := []string{seed.ID("shengli", "st-hongse").String() + "|Red Post|2"}
	if diff := cmp.Diff(want, lines(t, target, `SELECT id, name_en, version FROM stations WHERE kind = 'RED_STATION'`)); diff != "" {
		t.Error(diff)
	}
}

// What somebody has taken a step on since is no longer the importer's.
func TestImportAgainLeavesWhatPeopleChanged(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	imported(t, target)
	for _, query := range []string{
		`UPDATE mediation_cases SET status = 'FOLLOW_UP', followed_up_at = now()`,
		`INSERT INTO audit_log (owner, principal, action, entity_type, entity_id) SELECT owner, 'clerk', 'followUp', 'MediationCase', id FROM mediation_cases`,
		`UPDATE mediation_participants SET attended = false`,
	} {
		if _, err := target.Sources["one"].Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	if report := imported(t, target); report.Written != 0 {
		t.Errorf("%d rows were written over", report.Written)
	}
	if got := lines(t, target, `SELECT DISTINCT m.status, p.attended FROM mediation_cases m, mediation_participants p`); len(got) != 1 || got[0] != "FOLLOW_UP|false" {
		t.Error(got)
	}
}

type facts map[string]any

func (d facts) find(section, id string) map[string]any {
	for _, r := range d[section].([]any) {
		if r := r.(map[string]any); r["id"] == id || r["code12"] == id {
			return r
		}
	}
	panic("no " + section + " " + id)
}

func edited(t *testing.T, edit func(facts)) string {
	t.Helper()
	var d facts
	if err := json.Unmarshal(seed.Facts, &d); err != nil {
		t.Fatal(err)
	}
	edit(d)
	body, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	before := everything(t, target)
	set := func(section, id, field string, value any) func(facts) {
		return func(d facts) { d.find(section, id)[field] = value }
	}
	for _, tc := range []struct {
		name string
		edit func(facts)
		want []string // pieces of the message
	}{
		{"an unknown community", set("stations", "st-hongse", "community", "atlantis"), []string{"stations st-hongse", "community", "id of a community"}},
		{"no community", set("stations", "st-hongse", "community", nil), []string{"stations st-hongse", "community"}},
		{"an unknown district", set("eventSeries", "es-xigu-lantern", "district", "东城区"), []string{"es-xigu-lantern", "district"}},
		{"an unknown street", set("communities", "wenhua", "streetCode12", "999999999999"), []string{"communities wenhua", "streetCode12", "divisions"}},
		{"an unknown parent division", set("divisions", "620104001000", "parentCode12", "1"), []string{"divisions 620104001000", "parentCode12"}},
		{"a province below something", set("divisions", "620000000000", "parentCode12", "650000000000"), []string{"divisions 620000000000", "parentCode12"}},
		{"a code that is no code", set("divisions", "620104001000", "level", "VILLAGE"), []string{"level", "one of PROVINCE"}},
		{"an unknown station", set("rooms", "rm-wenhua-books", "station", "st-nowhere"), []string{"rooms rm-wenhua-books", "station", "stations"}},
		{"an estate of another community", set("stations", "st-hongse", "estate", "est-rhine"), []string{"st-hongse", "estate", "same community"}},
		{"an unknown list member", set("programmes", "pg-mulin-ketang", "providers", []any{"org-x"}), []string{"pg-mulin-ketang", "providers"}},
		{"an unknown audience", set("courses", "co-qy-1", "audience", "MARTIANS"), []string{"co-qy-1", "audience"}},
		{"an unknown audience of a programme", set("programmes", "pg-shengli-talks", "audiences", []any{"MARTIANS"}), []string{"pg-shengli-talks", "audiences"}},
		{"a reference to a section without a table", set("serviceStatistics", "ss-yb-med", "medicineBox", "mb-x"), []string{"ss-yb-med", "medicineBox", "medicineBoxes"}},
		{"a day that does not exist", set("events", "ev-gyl-festival-1", "heldOn", "2019-02-29"), []string{"ev-gyl-festival-1", "heldOn", "YYYY-MM-DD"}},
		{"a partial day that never exists", set("events", "ev-qy-0610", "heldOn", map[string]any{"month": 2, "day": 30, "year": nil}), []string{"ev-qy-0610", "heldOn"}},
		{"a foundation on no day", set("teams", "tm-san6", "foundedOn", "soon"), []string{"tm-san6", "foundedOn"}},
		{"a window that ends on no day", set("serviceWindows", "sw-wenhua-lantern", "endsOn", "2023-13-01"), []string{"sw-wenhua-lantern", "endsOn"}},
		{"a status that is none", set("feedbackCases", "fb-wenhua-praise", "status", "GONE"), []string{"fb-wenhua-praise", "status", "one of RESOLVED, CLOSED"}},
		{"a resolved case of nobody", set("feedbackCases", "fb-shengli-charger", "responsible", nil), []string{"fb-shengli-charger", "responsible"}},
		{"a direction that is none", set("channels", "ch-douyin", "direction", "SIDEWAYS"), []string{"ch-douyin", "direction"}},
		{"a role of no class", set("roles", "role-qiyue-building_head", "roleClass", "KING"), []string{"role-qiyue-building_head", "roleClass"}},
		{"a qualifier that is none", func(d facts) {
			d.find("serviceStatistics", "ss-yb-served")["quantity"].(map[string]any)["qualifier"] = "MAYBE"
		}, []string{"ss-yb-served", "quantity", "one of EXACT"}},
		{"a figure that is no number", func(d facts) {
			d.find("serviceStatistics", "ss-yb-served")["quantity"].(map[string]any)["value"] = "many"
		}, []string{"ss-yb-served", "quantity", "number"}},
		{"a service that is none", set("serviceStatistics", "ss-yb-vacc", "serviceKind", "MAGIC"), []string{"ss-yb-vacc", "serviceKind"}},
		{"a component that is none", set("serviceStatistics", "ss-yb-elder", "components", []any{"MAGIC"}), []string{"ss-yb-elder", "components"}},
		{"a schedule without a rule", set("programmes", "pg-qiyue-school", "schedule", map[string]any{}), []string{"pg-qiyue-school", "schedule"}},
		{"a weekday that is none", set("courses", "co-qy-1", "schedule", map[string]any{"rrule": "FREQ=WEEKLY;BYDAY=XX"}), []string{"co-qy-1", "schedule", "MO to SU"}},
		{"two records of one id", set("rooms", "rm-wenhua-books", "id", "st-hongse"), []string{"st-hongse", "id", "no other record"}},
		{"no id", set("rooms", "rm-wenhua-books", "id", ""), []string{"rooms number 2", "id"}},
		{"no name", set("estates", "est-rhine", "nameZh", " "), []string{"est-rhine", "nameZh"}},
		{"a missing name", set("brands", "br-mulin", "nameZh", nil), []string{"br-mulin", "nameZh", "a value"}},
		{"a number for a name", set("brands", "br-mulin", "nameZh", 5), []string{"br-mulin", "nameZh", "text"}},
		{"a text for a flag", set("stations", "st-wenhua", "pilot", "yes"), []string{"st-wenhua", "pilot", "true or false"}},
		{"an order of nought", set("eventParts", "ep-gyl-1", "order", 0), []string{"ep-gyl-1", "order", "from 1"}},
		{"a price that is none", set("stalls", "sl-gyl-1", "price", "free"), []string{"sl-gyl-1", "price"}},
		{"a source that is none", set("estates", "est-rhine", "source", "rumour"), []string{"est-rhine", "source"}},
		{"a section that is no list", func(d facts) { d["stations"] = "many" }, []string{"stations", "list of records"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			report, err := seed.Import(t.Context(), target, []byte(edited(t, tc.edit)), nil)
			if !fault.Is(err, fault.BadUserInput) {
				t.Fatalf("%v, want BAD_USER_INPUT", err)
			}
			for _, piece := range tc.want {
				if !strings.Contains(fault.Of(err).Message, piece) {
					t.Errorf("message %q lacks %q", fault.Of(err).Message, piece)
				}
			}
			if len(report.Done) != 0 {
				t.Errorf("done: %v", report.Done)
			}
		})
	}
	for name, body := range map[string]string{"no JSON": `{"stations": [`, "a list": `[]`, "two values": `{} {}`} {
		if _, err := seed.Import(t.Context(), target, []byte(body), nil); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v, want BAD_USER_INPUT", name, err)
		}
	}
	if diff := cmp.Diff(before, everything(t, target)); diff != "" {
		t.Error(diff)
	}
}

func TestOneSourceFails(t *testing.T) {
	t.Parallel()
	target := streets(t)
	if err := target.Sources["652824100000"].Close(); err != nil {
		t.Fatal(err)
	}
	report, err := seed.Import(t.Context(), target, seed.Facts, nil)
	if err == nil || !strings.Contains(err.Error(), "652824100000") || len(report.Done) != 6 {
		t.Errorf("%v, done %v", err, report.Done)
	}
}

func TestUnconfiguredSource(t *testing.T) {
	t.Parallel()
	target, _ := together(t)
	target.Place = func(string) string { return "two" }
	if _, err := seed.Import(t.Context(), target, seed.Facts, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v, want NOT_FOUND", err)
	}
	if n := rows(t, target.Directory, `SELECT count(*) FROM divisions`)[0]; n != "0" {
		t.Errorf("%s divisions were written", n)
	}
}
