package seed

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

var (
	_ = imports("canteens", named("canteens",
		column{from: "station", to: "station_id", refs: []string{"stations"}, need: true},
		column{from: "mealPrice.min", to: "price_min", as: amount},
		column{from: "mealPrice.max", to: "price_max", as: amount},
		column{from: "mealPrice.zh", to: "price_zh", as: text},
		column{from: "mealPrice.currency", as: one("CNY")},
		column{from: "menuPrinciples", to: "menu_principles", as: texts},
		column{from: "freeMeal.zh", to: "free_meal_zh", as: text},
		column{from: "freeMeal.eligibleZh", to: "free_meal_for", as: texts},
		column{from: "freeMeal.deliveredBy", to: "free_meal_delivered_by", as: text},
	).deriving(canteen, "free_meal_recurrence").placing("mealPrice", "subsidy", "netPriceForSenior", "freeMeal"))
	_ = fills(table{name: "subsidy_rules", columns: []string{"owner", "id", "canteen_id", "min_age", "amount", "valid", "zh", "provenance"}})
	_ = grows("canteens", grower{after: []string{"residents"}, grow: (*community).cook, moveOn: []string{
		`UPDATE meal_orders SET status = CASE status WHEN 'PLACED' THEN 'CANCELLED' ELSE 'COLLECTED' END, closed_at = $1
			WHERE status IN ('PLACED', 'CONFIRMED') AND service_date < cst_date($1) AND provenance @> '{"synthetic": true}'`}})
)

// amount is money that may be absent.
func amount(v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	return money(v)
}

// canteen makes the subsidy a rule without known bounds. What is left to pay follows from it.
func canteen(f *file, r *record) error {
	r.row["free_meal_recurrence"] = nil
	if rule := r.field("freeMeal.rrule"); rule != nil {
		when, expected := recurrence(map[string]any{"rrule": rule, "zh": r.field("freeMeal.zh")})
		if expected != "" {
			return r.bad("freeMeal", expected)
		}
		r.row["free_meal_recurrence"] = when
	}
	if r.raw["subsidy"] == nil {
		return nil
	}
	age, badAge := whole(60)(r.field("subsidy.minAge"))
	yuan, badAmount := amount(r.field("subsidy.amount"))
	if badAge+badAmount != "" || age == nil || yuan == nil {
		return r.bad("subsidy", `minAge from 60 on and an amount such as "4.00"`)
	}
	f.extra["subsidy_rules"] = append(f.extra["subsidy_rules"], row{
		"owner": r.owner, "id": ID(r.owner, r.id+"/subsidy"), "canteen_id": r.row["id"], "min_age": age, "amount": yuan, "valid": "(,)", "zh": r.field("subsidy.zh"),
		"provenance": map[string]any{"source": r.raw["source"], "inferred": false, "inferredFields": []any{}},
	})
	return nil
}

// cook serves a month of lunches and dinners and three days ahead. Elders eat with a subsidy, and on
// the 8th some of them free of charge, brought to them.
func (c *community) cook() {
	station := c.stations[0].id
	for _, s := range c.stations {
		if s.kind == "CANTEEN" {
			station = s.id
		}
	}
	canteen, rule := c.id("canteen"), c.id("subsidy")
	c.add("canteens", row{"id": canteen, "name_zh": "邻里食堂（演示）", "name_en": "neighbourhood canteen (demonstration)", "station_id": station,
		"price_min": "12.00", "price_max": "16.00", "price_zh": "每餐12元—16元（演示）", "menu_principles": []string{"荤素搭配"}, "free_meal_zh": "8号爱心餐（演示）",
		"free_meal_recurrence": map[string]any{"rrule": "FREQ=MONTHLY;BYMONTHDAY=8", "rdates": []any{}, "exdates": []any{}, "timeZone": "Asia/Shanghai", "zh": "每月8号"},
		"free_meal_for":        []string{"空巢老人", "困难家庭"}, "free_meal_delivered_by": "社区志愿者"})
	c.add("subsidy_rules", row{"id": rule, "canteen_id": canteen, "min_age": 60, "amount": "4.00", "valid": "[2025-01-01,)", "zh": "60周岁以上每餐补贴4元（演示）"})

	var elders, others []uuid.UUID
	for _, p := range c.residents {
		if p.age(epoch) >= 61 {
			elders = append(elders, p.id)
		} else if p.age(epoch) >= 18 {
			others = append(others, p.id)
		}
	}
	alone := map[any]bool{}
	for _, tag := range c.rows["resident_tags"] {
		if tag["tag"] == "LIVES_ALONE" {
			alone[tag["resident_id"]] = true
		}
	}
	free := elders[:min(len(elders), 6)]
	for i, who := range free {
		c.add("free_meal_roster", row{"id": c.id("roster", who), "canteen_id": canteen, "resident_id": who, "ground": []string{"EMPTY_NEST", "HARDSHIP_HOUSEHOLD"}[i%2],
			"basis": "演示数据", "valid": "[2026-01-01,)", "recorded_by": principal})
	}
	for day := range c.days(-30, 3) {
		d := c.dice("menu", date(day))
		var dishes []uuid.UUID
		for i, dish := range []struct {
			slot  string
			price int
			until time.Time
		}{
			{"LUNCH", 12 + d.IntN(5), clock(day, 9*60+30)}, {"LUNCH", 12 + d.IntN(5), clock(day, 9*60+30)}, {"DINNER", 12 + d.IntN(3), clock(day, 15*60+30)},
		} {
			id := c.id("dish", date(day), i)
			dishes = append(dishes, id)
			name := pick(d, []string{"红烧豆腐", "清蒸鲈鱼", "番茄炒蛋", "土豆牛肉", "冬瓜排骨", "香菇青菜"}) + []string{"套餐", "清淡餐", "晚餐"}[i] + "（演示）"
			c.add("menu_items", row{"id": id, "canteen_id": canteen, "service_date": date(day), "slot": dish.slot, "name_zh": name, "price": fmt.Sprintf("%d.00", dish.price),
				"order_until": dish.until})
			c.add("menu_portions", row{"id": id, "portions": 40})
		}
		// The database prices an order, by rules that stand before it: naming the column puts them there.
		order := func(who uuid.UUID, status string, more row) {
			dish := d.IntN(2)
			r := row{"id": c.id("meal", who, date(day), more["kind"]), "canteen_id": canteen, "menu_item_id": dishes[dish], "service_date": date(day), "slot": "LUNCH",
				"beneficiary_id": who, "subsidy_rule_id": nil, "kind": "PAID", "roster_id": nil, "status": status, "delivery": false, "carrier_id": nil,
				"placed_at": clock(day, -6*60), "confirmed_at": clock(day, 9*60), "closed_at": clock(day, 12*60), "failure": nil}
			for column, value := range more {
				r[column] = value
			}
			c.add("meal_orders", r)
		}
		switch {
		case day.After(c.today.AddDate(0, 0, 1)):
		case day.After(c.today):
			for i, who := range elders[:min(len(elders), 4)] {
				r := row{"closed_at": nil, "placed_at": c.today.Add(-time.Hour)}
				status := []string{"PLACED", "CONFIRMED"}[i%2]
				r["confirmed_at"] = []any{nil, c.today}[i%2]
				order(who, status, r)
			}
		case day.Before(c.today):
			eat := slices.Concat(elders, others[:min(len(others), len(elders))])
			d.Shuffle(len(eat), func(i, j int) { eat[i], eat[j] = eat[j], eat[i] })
			for _, who := range eat[:min(len(eat), 1+d.IntN(3)+len(elders)/20)] {
				switch n := d.IntN(24); {
				case n == 0:
					order(who, "NO_SHOW", nil)
				case n == 1:
					order(who, "CANCELLED", nil)
				case n == 2 && !alone[who]:
					order(who, "FAILED_DELIVERY", row{"delivery": true, "carrier_id": pick(d, others), "failure": "无人应答（演示）"})
				case n < 8:
					order(who, "DELIVERED", row{"delivery": true, "carrier_id": pick(d, others)})
				default:
					order(who, "COLLECTED", nil)
				}
			}
			for _, who := range free {
				if day.Day() == 8 {
					order(who, "DELIVERED", row{"kind": "FREE_8TH", "roster_id": c.id("roster", who), "delivery": true, "carrier_id": pick(d, others)})
				}
			}
		}
	}
}
