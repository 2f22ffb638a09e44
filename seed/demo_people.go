package seed

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

var (
	_ = grows("furnishing", grower{grow: (*community).furnish})
	_ = grows("residents", grower{after: []string{"furnishing"}, grow: (*community).settle})
)

// furnish adds what a community needs to have something going on and no report mentions.
func (c *community) furnish() {
	furnish := func(table, name, kind string, into *[]thing, r row) thing {
		x := thing{id: c.id(table, name), kind: kind}
		if n, ok := r["capacity"].(int); ok {
			x.capacity = n
		}
		r["id"] = x.id
		c.add(table, r)
		*into = append(*into, x)
		return x
	}
	for _, o := range []struct{ zh, en, kind string }{
		{"综合服务物业公司", "property management (demonstration)", "PROPERTY_MANAGEMENT"},
		{"街道城市管理服务中心", "street city-management centre (demonstration)", "GOVERNMENT_UNIT"},
		{"社区居民委员会", "residents' committee (demonstration)", "RESIDENTS_COMMITTEE"},
	} {
		furnish("organizations", o.kind, o.kind, &c.organizations, row{"name_zh": o.zh, "name_en": o.en, "kind": o.kind})
	}
	for _, p := range []struct{ zh, en, code string }{
		{"意见整理专人", "feedback clerk", "FEEDBACK_CLERK"}, {"网格员", "grid worker", "GRID_WORKER"},
	} {
		furnish("staff_posts", p.code, p.code, &c.posts, row{"code": p.code, "label_zh": p.zh, "label_en": p.en})
	}
	if len(c.stations) < 2 {
		furnish("stations", "便民服务站", "CONVENIENCE_POINT", &c.stations, row{"name_zh": "便民服务站（演示）", "name_en": "convenience station (demonstration)",
			"kind": "CONVENIENCE_POINT", "functions": []string{"便民服务"}, "served_groups": []string{"RESIDENTS"}})
	}
	programme := c.id("programmes", "邻里课堂")
	c.add("programmes", row{"id": programme, "name_zh": "邻里课堂（演示）", "name_en": "neighbourhood classes (demonstration)",
		"audiences": []string{"RESIDENTS"}, "demand_driven": true})
	for _, k := range []struct {
		zh, en, audience string
		capacity         int
	}{
		{"八段锦", "eight-section brocade", "ELDERS", 16}, {"智能手机入门", "first steps with a phone", "ELDERS", 12},
		{"少儿围棋", "go for children", "CHILDREN_5_12", 20}, {"家庭急救", "first aid at home", "RESIDENTS", 24},
	} {
		furnish("courses", k.zh, k.audience, &c.courses, row{"programme_id": programme, "name_zh": k.zh, "name_en": k.en, "audience": k.audience,
			"capacity": k.capacity, "public_benefit": true})
	}
	for _, k := range []struct{ zh, en string }{{"守望先锋队", "Watch and Help team"}, {"绿色家园队", "Green Home team"}} {
		furnish("volunteer_teams", k.zh, "VOLUNTEER_TEAM", &c.teams, row{"name_zh": k.zh + "（演示）", "name_en": k.en + " (demonstration)", "kind": "VOLUNTEER_TEAM",
			"self_formed": true, "member_groups": []string{"KEEN_RESIDENT"}})
	}
}

// person is a synthetic resident. No name, number or date is anybody's.
type person struct {
	id   uuid.UUID
	born time.Time
}

// age is in completed years; the calendar's day of birth counts.
func (p person) age(on time.Time) int {
	years := on.Year() - p.born.Year()
	if on.YearDay() < p.born.AddDate(years, 0, 0).YearDay() {
		years--
	}
	return years
}

// epoch is what ages are dealt by: a person is born once, whenever the rows are made.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai)

const (
	surnames   = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
	givenNames = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志红梅雪晨宇欣怡子涵梓萱浩然"
)

func (c *community) settle() {
	surname, given := []rune(surnames), []rune(givenNames)
	for i := range c.people {
		d := c.dice("resident", i)
		age := 18 + d.IntN(42)
		switch i % 25 { // chosen: 16 % children, 28 % of 60 and over
		case 20, 21, 22, 23:
			age = 1 + d.IntN(17)
		case 2, 5, 8, 11, 14, 17, 24:
			age = 60 + d.IntN(32)
		}
		p := person{id: c.id("resident", i), born: epoch.AddDate(-age, 0, -d.IntN(365))}
		name := string(pick(d, surname)) + string(pick(d, given))
		if d.IntN(3) > 0 {
			name += string(pick(d, given))
		}
		r := row{"id": p.id, "name": name, "birth_date": date(p.born), "gender": pick(d, []string{"F", "M"}),
			"phone": nil, "guardian_id": nil, "estate_id": nil}
		if age >= 14 {
			r["phone"] = fmt.Sprintf("1380000%04d", i) // a block kept for examples
		}
		if age < 18 {
			r["guardian_id"] = c.id("resident", i-i%25) // an adult, by the split above
		}
		if len(c.estates) > 0 {
			r["estate_id"] = pick(d, c.estates).id
		}
		c.add("residents", r)
		c.residents = append(c.residents, p)
		c.tag(p, age, d.IntN(100))
	}
}

func (c *community) tag(p person, age, chance int) {
	var tags []string
	switch {
	case age >= 60 && chance < 12:
		tags = []string{"EMPTY_NEST", "LIVES_ALONE"}
	case age >= 70 && chance < 30:
		tags = []string{"MOBILITY_IMPAIRED"}
	case age < 14 && chance < 20:
		tags = []string{"MINOR_GUARDED"}
	case chance >= 96:
		tags = []string{"HARDSHIP_HOUSEHOLD"}
	}
	for _, tag := range tags {
		c.add("resident_tags", row{"id": c.id("tag", p.id, tag), "resident_id": p.id, "tag": tag, "valid": "[2026-01-01,)",
			"basis": "演示数据", "recorded_by": principal})
	}
}

// fitting are residents of the audience, in an order of the course's own.
func (c *community) fitting(course thing, on time.Time) []person {
	low, high := 18, 59
	switch course.kind {
	case "ELDERS", "SENIOR_60", "EMPTY_NEST_ELDERS", "RETIRED_STAFF":
		low, high = 60, 120
	case "MINORS", "CHILDREN":
		low, high = 5, 17
	case "CHILDREN_5_12":
		low, high = 5, 12
	case "RESIDENTS":
		low, high = 18, 120
	}
	var all []person
	for _, p := range c.residents {
		if age := p.age(on); age >= low && age <= high {
			all = append(all, p)
		}
	}
	c.dice("fitting", course.id).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
