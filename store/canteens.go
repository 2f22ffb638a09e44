package store

import (
	"encoding/json"
	"fmt"
	"time"

	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Canteen is a 食堂, with what was published of it.
type Canteen struct {
	Row
	NameZh              string             `db:"name_zh"`
	NameEn              *string            `db:"name_en"`
	StationID           uuid.UUID          `db:"station_id" for:"station"`
	PriceRange          *PriceRange        `db:"price_range" sql:"CASE WHEN t.price_min IS NOT NULL THEN jsonb_build_object('from', t.price_min, 'to', t.price_max, 'zh', t.price_zh) END"`
	MenuPrinciples      []string           `db:"menu_principles"`
	FreeMealZh          *string            `db:"free_meal_zh"`
	FreeMealRecurrence  *scalar.Recurrence `db:"free_meal_recurrence"`
	FreeMealFor         []string           `db:"free_meal_for"`
	FreeMealDeliveredBy *string            `db:"free_meal_delivered_by"`
	Provenance          scalar.Provenance  `db:"provenance"`
}

// yuan is an amount as the database puts it into a document.
type yuan struct{ scalar.Decimal }

func (y yuan) money() *scalar.Money { return &scalar.Money{Amount: y.Decimal, Currency: "CNY"} }

// PriceRange is from the cheapest to the dearest.
type PriceRange struct {
	Least yuan `json:"from"`
	Most  yuan `json:"to"`
	Zh    *string
}

func (r *PriceRange) From() *scalar.Money { return r.Least.money() }
func (r *PriceRange) To() *scalar.Money   { return r.Most.money() }
func (r *PriceRange) Scan(src any) error  { return scanDocument(src, r) }

// MealQuote is what a dish costs somebody.
type MealQuote struct {
	List  yuan `json:"listPrice"`
	Aid   yuan `json:"subsidy"`
	Rests yuan `json:"payable"`
}

func (q *MealQuote) ListPrice() *scalar.Money { return q.List.money() }
func (q *MealQuote) Subsidy() *scalar.Money   { return q.Aid.money() }
func (q *MealQuote) Payable() *scalar.Money   { return q.Rests.money() }
func (q *MealQuote) Scan(src any) error       { return scanDocument(src, q) }

func scanDocument(src, into any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("a document of type %T", src)
	}
	return json.Unmarshal(b, into)
}

// SubsidyRule is a 餐补 of a time.
type SubsidyRule struct {
	Row
	CanteenID  uuid.UUID         `db:"canteen_id" for:"canteen"`
	MinAge     int               `db:"min_age"`
	Amount     scalar.Money      `db:"amount" sql:"jsonb_build_object('amount', t.amount, 'currency', 'CNY')"`
	ValidFrom  *scalar.Date      `db:"valid_from" sql:"lower(t.valid)"`
	ValidTo    *scalar.Date      `db:"valid_to" sql:"upper(t.valid) - 1"`
	Zh         *string           `db:"zh"`
	Provenance scalar.Provenance `db:"provenance"`
}

// MenuItem is a dish of one day.
type MenuItem struct {
	Row
	NameZh      string            `db:"name_zh"`
	NameEn      *string           `db:"name_en"`
	CanteenID   uuid.UUID         `db:"canteen_id" for:"canteen"`
	ServiceDate scalar.Date       `db:"service_date"`
	Slot        scalar.Enum       `db:"slot"`
	Course      int               `db:"slot_order" sql:"CASE t.slot WHEN 'BREAKFAST' THEN 1 WHEN 'LUNCH' THEN 2 WHEN 'DINNER' THEN 3 ELSE 4 END" for:"slot"`
	Price       scalar.Money      `db:"price" sql:"jsonb_build_object('amount', t.price, 'currency', 'CNY')"`
	Fen         int               `db:"fen" sql:"(t.price * 100)::bigint" for:"price"`
	SeniorPrice *scalar.Money     `db:"senior_price" sql:"(SELECT jsonb_build_object('amount', greatest(t.price - r.amount, 0.00), 'currency', 'CNY') FROM subsidy_rules r WHERE r.owner = t.owner AND r.canteen_id = t.canteen_id AND r.valid @> t.service_date)"`
	Allergens   []string          `db:"allergens"`
	OrderUntil  time.Time         `db:"order_until"`
	Portions    *int              `db:"portions" sql:"(SELECT m.portions FROM menu_portions m WHERE m.owner = t.owner AND m.id = t.id)"`
	WithdrawnAt *time.Time        `db:"withdrawn_at"`
	Version     int               `db:"version"`
	Provenance  scalar.Provenance `db:"provenance"`
}

// MealOrder is a 点餐; its rows are restricted.
type MealOrder struct {
	Row
	Status         scalar.Enum       `db:"status"`
	Kind           scalar.Enum       `db:"kind"`
	CanteenID      uuid.UUID         `db:"canteen_id" for:"canteen"`
	MenuItemID     uuid.UUID         `db:"menu_item_id" for:"menuItem"`
	ServiceDate    scalar.Date       `db:"service_date"`
	Slot           scalar.Enum       `db:"slot"`
	BeneficiaryID  uuid.UUID         `db:"beneficiary_id" for:"beneficiary"`
	ListPrice      scalar.Money      `db:"list_price" sql:"jsonb_build_object('amount', t.list_price, 'currency', 'CNY')"`
	Subsidy        scalar.Money      `db:"subsidy" sql:"jsonb_build_object('amount', t.subsidy, 'currency', 'CNY')"`
	Payable        scalar.Money      `db:"payable" sql:"jsonb_build_object('amount', t.payable, 'currency', 'CNY')"`
	SubsidyRuleID  *uuid.UUID        `db:"subsidy_rule_id" for:"subsidyRule"`
	Delivery       bool              `db:"delivery"`
	CarrierID      *uuid.UUID        `db:"carrier_id" for:"carrier"`
	Note           *string           `db:"note"`
	PlacedAt       time.Time         `db:"placed_at"`
	OrderUntil     time.Time         `db:"order_until" sql:"(SELECT m.order_until FROM menu_items m WHERE m.owner = t.owner AND m.id = t.menu_item_id)"`
	ConfirmedAt    *time.Time        `db:"confirmed_at"`
	ClosedAt       *time.Time        `db:"closed_at"`
	Failure        *string           `db:"failure"`
	WelfareCheckID *uuid.UUID        `db:"welfare_check_id" for:"welfareCheck"`
	Version        int               `db:"version"`
	Provenance     scalar.Provenance `db:"provenance"`
}

// FreeMealRosterEntry says that a resident gets the free meal; its rows are restricted.
type FreeMealRosterEntry struct {
	Row
	CanteenID  uuid.UUID    `db:"canteen_id" for:"canteen"`
	ResidentID uuid.UUID    `db:"resident_id" for:"resident"`
	Ground     scalar.Enum  `db:"ground"`
	Basis      string       `db:"basis"`
	ValidFrom  *scalar.Date `db:"valid_from" sql:"lower(t.valid)"`
	ValidTo    *scalar.Date `db:"valid_to" sql:"upper(t.valid) - 1"`
	RecordedBy string       `db:"recorded_by"`
	Version    int          `db:"version"`
}

type (
	CanteenConnection             = page.Connection[Canteen]
	CanteenEdge                   = page.Edge[Canteen]
	MenuItemConnection            = page.Connection[MenuItem]
	MenuItemEdge                  = page.Edge[MenuItem]
	MealOrderConnection           = page.Connection[MealOrder]
	MealOrderEdge                 = page.Edge[MealOrder]
	FreeMealRosterEntryConnection = page.Connection[FreeMealRosterEntry]
	FreeMealRosterEntryEdge       = page.Edge[FreeMealRosterEntry]
)

var (
	Canteens = Define[Canteen](Spec{Type: "Canteen", Table: "canteens",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	SubsidyRules = Define[SubsidyRule](Spec{Type: "SubsidyRule", Table: "subsidy_rules", Default: []string{"valid_from"}})
	MenuItems    = Define[MenuItem](Spec{Type: "MenuItem", Table: "menu_items", Published: "t.withdrawn_at IS NULL",
		Orders:  map[string][]string{"SERVICE_DATE": {"service_date", "slot_order", "name_zh"}, "PRICE": {"fen"}, "NAME": {"name_zh"}},
		Default: []string{"service_date", "slot_order", "name_zh"}})
	MealOrders = Define[MealOrder](Spec{Type: "MealOrder", Table: "meal_orders", Restricted: true, Own: "? IN (t.beneficiary_id, CASE t.status WHEN 'OUT_FOR_DELIVERY' THEN t.carrier_id END)",
		Orders:  map[string][]string{"PLACED_AT": {"placed_at"}, "SERVICE_DATE": {"service_date"}},
		Default: []string{"placed_at"}, DefaultDesc: true})
	FreeMealRoster = Define[FreeMealRosterEntry](Spec{Type: "FreeMealRosterEntry", Table: "free_meal_roster", Restricted: true,
		Orders: map[string][]string{"VALID_FROM": {"valid_from"}}, Default: []string{"valid_from"}})
)

// TodayMenu keeps what is served on a Shanghai day. Portions left are no part of it.
var TodayMenu = DefineHot(MenuItems, HotSpec[MenuItem]{
	List:    "TODAY_MENU",
	Filter:  func(at time.Time) Filter { return servedOn{scalar.DateOf(at)} },
	Variant: func(at time.Time) string { return scalar.DateOf(at).String() },
	Within:  8 * 24 * time.Hour, // chosen: a week's menu
	TTL:     5 * time.Minute,    // model.md §12
})

var (
	_ = HasPage(Communities, Canteens, Children{Field: "canteens"})
	_ = HasHot(Communities, "todayMenu", TodayMenu)
	_ = HasMany(Stations, Canteens, Children{Field: "canteens", By: "station_id"})
	_ = HasOne(Canteens, "station", Stations, "station_id")
	_ = HasValue[*PriceRange](Canteens, Value{Field: "seniorPriceRange", Args: dayArg,
		SQL: `(SELECT jsonb_build_object('from', greatest(c.price_min - r.amount, 0.00), 'to', greatest(c.price_max - r.amount, 0.00)) FROM canteens c
			JOIN subsidy_rules r ON r.owner = c.owner AND r.canteen_id = c.id AND r.valid @> ?::date
			WHERE c.owner = p.owner AND c.id = p.id AND c.price_min IS NOT NULL)`})
	_ = HasFirst(Canteens, SubsidyRules, Children{Field: "subsidyRule", By: "canteen_id", Filter: func(args map[string]any) Filter { return holdsOn(args) }})
	_ = HasMany(Canteens, SubsidyRules, Children{Field: "subsidyRules", By: "canteen_id"})
	_ = HasPage(Canteens, MenuItems, Children{Field: "menu", By: "canteen_id"})
	_ = HasPage(Canteens, MealOrders, Children{Field: "mealOrders", By: "canteen_id"})
	_ = HasPage(Canteens, FreeMealRoster, Children{Field: "freeMealRoster", By: "canteen_id"})
	_ = HasOne(SubsidyRules, "canteen", Canteens, "canteen_id")
	_ = HasOne(MenuItems, "canteen", Canteens, "canteen_id")
	_ = HasPage(MenuItems, MealOrders, Children{Field: "orders", By: "menu_item_id"})
	_ = HasValue[*int](MenuItems, Value{Field: "portionsLeft", SQL: "(SELECT m.portions - m.reserved FROM menu_portions m WHERE m.owner = p.owner AND m.id = p.id)"})
	_ = HasValue[*MealQuote](MenuItems, Value{Field: "quote", Restricted: true, Args: quoted,
		SQL: `(SELECT jsonb_build_object('listPrice', q.list_price, 'subsidy', q.subsidy, 'payable', q.list_price - q.subsidy)
			FROM linhui_quote_meal(p.owner, p.id, ?::uuid, NULL) q WHERE p.owner = ?)`})
	_ = HasOne(MealOrders, "canteen", Canteens, "canteen_id")
	_ = HasOne(MealOrders, "menuItem", MenuItems, "menu_item_id")
	_ = HasOne(MealOrders, "beneficiary", Residents, "beneficiary_id")
	_ = HasOne(MealOrders, "carrier", Residents, "carrier_id")
	_ = HasOne(MealOrders, "subsidyRule", SubsidyRules, "subsidy_rule_id")
	_ = HasOne(MealOrders, "welfareCheck", Feedbacks, "welfare_check_id")
	_ = HasPage(Residents, MealOrders, Children{Field: "mealOrders", By: "beneficiary_id"})
	_ = HasOne(FreeMealRoster, "canteen", Canteens, "canteen_id")
	_ = HasOne(FreeMealRoster, "resident", Residents, "resident_id")
)

// dayArg is the argument date, the day of the request without it.
func dayArg(ask *Ask, args map[string]any) ([]any, error) {
	return []any{scalar.DateOf(Instant(args, ask.Viewer.At))}, nil
}

// holdsOn keeps what holds on the day of an argument date.
type holdsOn map[string]any

func (f holdsOn) Where(w *Where, ask *Ask) error {
	w.And("t.valid @> ?::date", scalar.DateOf(Instant(f, ask.Viewer.At)))
	return nil
}

// servedOn keeps what is on the menu of a day.
type servedOn struct{ Day scalar.Date }

func (f servedOn) Where(w *Where, _ *Ask) error {
	w.And("t.service_date = ? AND t.withdrawn_at IS NULL", f.Day)
	return nil
}

// quoted is whom a price is quoted to: whom staff name, for residents themselves; nobody without the argument.
func quoted(ask *Ask, args map[string]any) ([]any, error) {
	of, _ := args["forResident"].(*string)
	if of == nil {
		return []any{nil, ""}, nil
	}
	if ask.Viewer.Person() && *of != ask.Viewer.Resident {
		return nil, fault.Newf(fault.Forbidden, "you are quoted prices of your own").At("forResident")
	}
	named, err := refersTo(*of, Residents, "forResident")
	return []any{named.UUID, named.Owner}, err
}

// CanteenFilter narrows a list of canteens.
type CanteenFilter struct{ Station, NameContains *string }

func (f *CanteenFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.station_id", f.Station, Stations, "filter", "station")
}

// MenuItemFilter narrows a list of dishes.
type MenuItemFilter struct {
	Canteen      *string
	Slots        []scalar.Enum
	Range        *DateRange
	NameContains *string
}

func (f *MenuItemFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.slot", f.Slots)
	w.Contains("t.name_zh", f.NameContains)
	if err := w.Refers("t.canteen_id", f.Canteen, Canteens, "filter", "canteen"); err != nil {
		return err
	}
	return w.Days("t.service_date", f.Range, "filter", "range")
}

// MealOrderFilter narrows a list of orders.
type MealOrderFilter struct {
	Status, Kinds, Slots []scalar.Enum
	Canteen, MenuItem    *string
	Delivery             *bool
	Range                *DateRange
}

func (f *MealOrderFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.kind", f.Kinds)
	w.AnyOf("t.slot", f.Slots)
	if f.Delivery != nil {
		w.And("t.delivery = ?", *f.Delivery)
	}
	if err := w.Refers("t.canteen_id", f.Canteen, Canteens, "filter", "canteen"); err != nil {
		return err
	}
	if err := w.Refers("t.menu_item_id", f.MenuItem, MenuItems, "filter", "menuItem"); err != nil {
		return err
	}
	return w.Days("t.service_date", f.Range, "filter", "range")
}

// FreeMealRosterEntryFilter narrows the roster.
type FreeMealRosterEntryFilter struct {
	Grounds []scalar.Enum
	On      *scalar.Date
}

func (f *FreeMealRosterEntryFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.ground", f.Grounds)
	if f.On != nil {
		w.And("t.valid @> ?::date", *f.On)
	}
	return nil
}

// eaten holds of meals that were handed over.
const eaten = "t.status IN ('COLLECTED', 'DELIVERED')"

var _ = DefineCube(Cube{
	Of: MealOrders, Where: "MealOrderFilter", Time: "service_date", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "CANTEEN", SQL: "t.canteen_id", To: Canteens},
		{Name: "SLOT", Column: "slot"},
		{Name: "KIND", Column: "kind"},
		{Name: "STATUS", Column: "status"},
		{Name: "AGE_BAND", Doc: "On the day of the meal.", SQL: ageBandSQL("t.age_on_day")},
		{Name: "DELIVERY", Column: "delivery", Type: "Boolean"},
	},
	Measures: []Measure{
		{Name: "meals", Doc: "Meals collected or delivered.", Unit: "份", Kind: measure.Count{If: eaten}},
		{Name: "subsidised", Doc: "Meals collected or delivered with a subsidy.", Unit: "份", Kind: measure.Count{If: eaten + " AND t.subsidy > 0"}},
		{Name: "subsidyPaid", Doc: "Sum of the subsidies of meals collected or delivered.", Unit: "元", Kind: measure.Sum{Of: "CASE WHEN " + eaten + " THEN t.subsidy END"}},
		{Name: "gross", Doc: "Sum of the list prices of meals collected or delivered for money.", Unit: "元", Kind: measure.Sum{Of: "CASE WHEN " + eaten + " AND t.kind = 'PAID' THEN t.list_price END"}},
		{Name: "averagePayable", Doc: "What was left to pay, over meals collected or delivered for money.", Unit: "元", Kind: measure.Mean("CASE WHEN " + eaten + " AND t.kind = 'PAID' THEN t.payable END")},
		{Name: "freeMeals", Doc: "Free meals collected or delivered.", Unit: "份", Kind: measure.Count{If: eaten + " AND t.kind = 'FREE_8TH'"}},
		{Name: "failedDeliveries", Doc: "Meals that reached nobody.", Unit: "份", Kind: measure.Count{If: "t.status = 'FAILED_DELIVERY'"}},
		{Name: "noShowShare", Doc: "Meals that nobody came for over those that were to be collected.", Kind: measure.Share("t.status = 'NO_SHOW' AND NOT t.delivery", "t.status IN ('NO_SHOW', 'COLLECTED') AND NOT t.delivery")},
		{Name: "orders", Doc: "Orders, whatever became of them.", Unit: "份", Kind: measure.Count{}},
		{Name: "residents", Doc: "Different residents who ordered.", Unit: "人", Kind: measure.Distinct{Of: "t.beneficiary_id"}},
	},
	Guard: &Guard{People: "t.beneficiary_id", Lattice: []string{"KIND", "SLOT", "AGE_BAND", "CANTEEN"}},
})
