package e2e

import (
	"encoding/json"
	"testing"
	"time"
)

func decode(t testing.TB, raw json.RawMessage, out any) {
	t.Helper()
	if len(raw) == 0 {
		return
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
}

// A feedback goes its whole way, from the book to the wall.
func TestFeedbackFromTheBookToTheWall(t *testing.T) {
	t.Parallel()
	b := startBook(t)
	r1, clerk, boss := b.resident("a", "r1"), b.staff("a"), b.admin("a")

	e := b.done(r1, "submitFeedback", submission("a", "k1"))
	if e.Number != "a-2026-000001" || e.Status != "RECEIVED" || e.Version != 1 {
		t.Fatalf("%+v", e)
	}
	// Wednesday noon and one working day; Thursday is a holiday.
	if want := noon.Add(48 * time.Hour); !e.DueAt.Equal(want) {
		t.Errorf("due %s, not %s", e.DueAt, want)
	}
	e = b.done(clerk, "triageFeedback", on(e, map[string]any{"category": "EV_CHARGING"}))
	// Friday noon and another working day: Saturday the 13th is one by 调休.
	if want := noon.Add(72 * time.Hour); e.Status != "TRIAGED" || !e.DueAt.Equal(want) || e.Category.Code != "EV_CHARGING" {
		t.Errorf("%+v, not due %s", e, want)
	}
	due := noon.Add(24 * time.Hour)
	e = b.done(clerk, "assignFeedback", on(e, map[string]any{"dueAt": due, "post": fixedID("StaffPost", "a", "cadre"), "responsible": fixedID("Organization", "a", "org")}))
	if e.Status != "ASSIGNED" || !e.DueAt.Equal(due) {
		t.Errorf("%+v", e)
	}
	e = b.done(clerk, "startFeedback", on(e, nil))
	e = b.done(clerk, "replyFeedback", on(e, map[string]any{"reply": "物业三天内修好"}))
	e = b.done(clerk, "resolveFeedback", on(e, map[string]any{"outcome": "换了充电桩"}))
	e = b.done(clerk, "closeFeedback", on(e, nil))
	e = b.done(r1, "rateFeedback", on(e, map[string]any{"score": 5}))
	if e.Status != "CLOSED" {
		t.Fatalf("%+v", e)
	}

	var got struct {
		Feedback struct {
			Satisfaction int
			Updates      struct {
				TotalCount int
				Nodes      []struct{ Action string }
			}
			Echo struct {
				ID, TitleZh, OutcomeZh, Status string
				Version                        int
			}
		}
	}
	b.must(clerk, `{ feedback(number: "a-2026-000001") { satisfaction updates { totalCount nodes { action } } echo { id titleZh outcomeZh status version } } }`, nil, &got)
	f := got.Feedback
	if f.Satisfaction != 5 || f.Updates.TotalCount != 8 || f.Updates.Nodes[0].Action != "submit" || f.Echo.Status != "DRAFT" || f.Echo.TitleZh != "充电设施" || f.Echo.OutcomeZh != "换了充电桩" {
		t.Fatalf("%+v", got)
	}

	const step = `mutation($in: StepEchoInput!) { out: %s(input: $in) { post { status version } userErrors { code } } }`
	_ = boss
	_ = step
}
