package seed

import (
	"fmt"
	"time"
)

var (
	_ = imports("funds", named("funds",
		column{from: "purpose", to: "purpose", as: text},
		column{from: "incomeFrom", refs: []string{"programmes"}},
		column{from: "incomeRule.zh", to: "income_rule_zh", as: text},
	).deriving(fund).placing("incomeFrom"))
	_ = fills(table{name: "fund_programmes", columns: []string{"owner", "fund_id", "programme_id"}, key: []string{"owner", "fund_id", "programme_id"}})
	_ = grows("funds", grower{after: []string{"furnishing"}, grow: (*community).fund})
)

// fund keeps whose proceeds it lives on.
func fund(f *file, r *record) error {
	from, _ := r.raw["incomeFrom"].([]any)
	for _, id := range from {
		f.extra["fund_programmes"] = append(f.extra["fund_programmes"],
			row{"owner": r.owner, "fund_id": r.row["id"], "programme_id": f.find(id, []string{"programmes"}).key()})
	}
	return nil
}

// fund keeps a fund of two years: each month more comes in than is spent, and one entry was undone.
func (c *community) fund() {
	fund := c.id("fund")
	c.add("funds", row{"id": fund, "name_zh": "社区微基金（演示）", "name_en": "community micro-fund (demonstration)", "purpose": "社区公益事业",
		"income_rule_zh": "邻里课堂部分收益捐赠（演示）"})
	post := func(at time.Time, what, source, amount, purpose string, reverses any) any {
		id := c.id("fund entry", what, date(at))
		c.add("fund_entries", row{"id": id, "fund_id": fund, "amount": amount, "source": source, "purpose": purpose, "programme_id": nil,
			"reverses_id": reverses, "posted_at": at, "posted_by": principal})
		return id
	}
	first := time.Date(epoch.Year()-1, epoch.Month(), 1, 0, 0, 0, 0, shanghai)
	for month := first; month.Before(c.today); month = month.AddDate(0, 1, 0) {
		d := c.dice("fund", date(month))
		for _, x := range []struct {
			day, yuan             int
			what, source, purpose string
		}{
			{4, 600 + d.IntN(500), "proceeds", "PROCEEDS", "邻里课堂收益（演示）"},
			{9, 50 + d.IntN(150), "donation", "DONATION", "跳蚤市场义卖（演示）"},
			{19, -200 - d.IntN(350), "spent", "PUBLIC_GOOD", pick(d, []string{"慰问困难家庭", "添置共享雨伞", "楼道微更新", "儿童图书"}) + "（演示）"},
		} {
			at := clock(month.AddDate(0, 0, x.day), 10*60+d.IntN(360))
			if at.After(c.now) {
				continue
			}
			id := post(at, x.what, x.source, fmt.Sprintf("%d.%02d", x.yuan, d.IntN(2)*50), x.purpose, nil)
			if month.Equal(first) && x.what == "donation" {
				wrong := c.rows["fund_entries"][len(c.rows["fund_entries"])-1]
				post(at.Add(time.Hour), "undone", "DONATION", "-"+wrong["amount"].(string), "金额录错（演示）", id)
			}
		}
	}
}
