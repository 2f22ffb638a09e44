package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// Characters that fit. Chosen: a dish's name, and a sentence or two.
const dishLength, mealNoteLength, mostAllergens = 40, 300, 20

var (
	// MenuLife puts dishes on the menu and takes them off.
	MenuLife = &Machine[MenuItem]{
		Table: MenuItems, Topic: "menuItem",
		State: func(m *MenuItem) (scalar.Enum, int) {
			if m.WithdrawnAt != nil {
				return "WITHDRAWN", m.Version
			}
			return "ON_THE_MENU", m.Version
		},
		Transitions: []Transition[MenuItem]{
			{"add", nil, "", Holding[MenuItem](authz.StationStaff), nil},
			{"withdraw", In("ON_THE_MENU"), "", Holding[MenuItem](authz.StationStaff), nil},
		},
		Rules: Rules{
			"menu_items_one_of_a_name":         fault.Newf(fault.Conflict, "this dish is on the menu of that meal").At("nameZh"),
			"menu_items_owner_canteen_id_fkey": missing("canteen"),
			"menu_items_price_check":           fault.Newf(fault.BadUserInput, "a price is not negative").At("price"),
			"menu_items_slot_check":            fault.Newf(fault.BadUserInput, "breakfast, lunch or dinner").At("slot"),
			"menu_portions_portions_check":     fault.Newf(fault.BadUserInput, "at least one portion").At("portions"),
			"ordered_by_the_end_of_the_day":    fault.Newf(fault.BadUserInput, "it is ordered on the day of the meal or before").At("orderUntil"),
		},
	}

	// SubsidyLife sets rules; each ends the one before.
	SubsidyLife = &Machine[SubsidyRule]{
		Table: SubsidyRules, Topic: "subsidyRule",
		Transitions: []Transition[SubsidyRule]{{"set", nil, "", Holding[SubsidyRule](authz.CommunityAdmin), nil}},
		Rules: Rules{
			"subsidy_rule_from_60":                fault.Newf(fault.BadUserInput, "the subsidy is for those of 60 and over").At("minAge"),
			"subsidy_rules_amount_check":          fault.Newf(fault.BadUserInput, "a subsidy is of some amount").At("amount"),
			"one_subsidy_rule_at_a_time":          fault.Newf(fault.Conflict, "another rule begins later: rules are set in their order").At("from"),
			"subsidy_rules_owner_canteen_id_fkey": missing("canteen"),
		},
	}

	// RosterLife keeps who gets the free meal.
	RosterLife = &Machine[FreeMealRosterEntry]{
		Table: FreeMealRoster, Topic: "freeMealRoster",
		State: func(e *FreeMealRosterEntry) (scalar.Enum, int) { return "ON_THE_ROSTER", e.Version },
		Transitions: []Transition[FreeMealRosterEntry]{
			{"add", nil, "", Holding[FreeMealRosterEntry](authz.CommunityStaff), nil},
			{"end", In("ON_THE_ROSTER"), "", Holding[FreeMealRosterEntry](authz.CommunityStaff), nil},
		},
		Rules: Rules{
			"on_the_roster_once":                      fault.Newf(fault.Conflict, "the resident is on the roster").At("resident"),
			"free_meal_roster_owner_canteen_id_fkey":  missing("canteen"),
			"free_meal_roster_owner_resident_id_fkey": missing("resident"),
		},
	}
)

type (
	// MenuItemPayload answers a change of the menu.
	MenuItemPayload struct {
		Item       *MenuItem
		UserErrors []UserError
	}
	// SubsidyRulePayload answers a new rule.
	SubsidyRulePayload struct {
		Rule       *SubsidyRule
		UserErrors []UserError
	}
	// FreeMealRosterPayload answers a change of the roster.
	FreeMealRosterPayload struct {
		Entry      *FreeMealRosterEntry
		UserErrors []UserError
	}
)

// AddMenuItemInput puts a dish on the menu of a day.
type AddMenuItemInput struct {
	Canteen        string
	ServiceDate    scalar.Date
	Slot           scalar.Enum
	NameZh         string
	NameEn         *string
	Price          scalar.Decimal
	Portions       *int
	OrderUntil     time.Time
	Allergens      []string
	IdempotencyKey string
}

// Command makes the dish before its portions: they hang on it.
func (in *AddMenuItemInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Canteen)
	if err != nil {
		return Command{}, fault.Of(err).At("canteen")
	}
	c, err := MenuLife.Begin("add", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.ServiceDate.Compare(scalar.DateOf(tx.Now())) < 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "a menu is of today or later").At("serviceDate"))
		}
		if !in.OrderUntil.After(tx.Now()) {
			form.Fail(fault.Newf(fault.BadUserInput, "it is ordered later than now").At("orderUntil"))
		}
		form.Refer("canteen_id", &in.Canteen, Canteens.Type, "canteen")
		form.Public("name_zh", in.NameZh, dishLength, "nameZh")
		form.OptionalPublic("name_en", in.NameEn, dishLength, "nameEn")
		form.Yuan("price", in.Price, "price")
		form.Set("service_date", in.ServiceDate)
		form.Set("slot", in.Slot)
		form.Set("order_until", in.OrderUntil)
		form.Texts("allergens", in.Allergens, mostAllergens, dishLength, "allergens")
		return form.Done()
	})
	dish := c.Do
	c.Do = func(tx *Tx) error {
		if err := dish(tx); err != nil || in.Portions == nil {
			return err
		}
		return tx.Insert("menu_portions", c.ID, Values{"portions": *in.Portions})
	}
	return c, err
}

// WithdrawMenuItemInput takes a dish off the menu.
type WithdrawMenuItemInput struct{ Edit }

func (in *WithdrawMenuItemInput) Command(*Ask) (Command, error) {
	return MenuLife.Take("withdraw", in.Edit, in, func(tx *Tx, _ *MenuItem) (Change, error) {
		return Change{Set: Values{"withdrawn_at": tx.Now()}}, nil
	})
}

// SetSubsidyRuleInput sets what is paid from a day on.
type SetSubsidyRuleInput struct {
	Canteen        string
	MinAge         int
	Amount         scalar.Decimal
	From           scalar.Date
	Zh             *string
	IdempotencyKey string
}

func (in *SetSubsidyRuleInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Canteen)
	if err != nil {
		return Command{}, fault.Of(err).At("canteen")
	}
	return SubsidyLife.Begin("set", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.From.Compare(scalar.DateOf(tx.Now())) < 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "a rule begins today or later: what was paid was paid").At("from"))
		}
		form.Refer("canteen_id", &in.Canteen, Canteens.Type, "canteen")
		form.Yuan("amount", in.Amount, "amount")
		form.OptionalPublic("zh", in.Zh, mealNoteLength, "zh")
		form.Set("min_age", in.MinAge)
		form.Set("valid", "["+in.From.String()+",)")
		change, err := form.Done()
		if err == nil {
			_, err = tx.exec("UPDATE subsidy_rules SET valid = daterange(lower(valid), $3) WHERE owner = $1 AND canteen_id = $2 AND valid @> $3::date AND lower(valid) IS DISTINCT FROM $3", tx.Owner, change.Set["canteen_id"], in.From)
		}
		return change, err
	})
}

// AddToFreeMealRosterInput gives a resident the free meal from a day on.
type AddToFreeMealRosterInput struct {
	Canteen, Resident string
	Ground            scalar.Enum
	Basis             string
	From              *scalar.Date
	IdempotencyKey    string
}

func (in *AddToFreeMealRosterInput) Command(ask *Ask) (Command, error) {
	if err := withPurpose(ask); err != nil {
		return Command{}, err
	}
	id, err := page.ParseID(in.Canteen)
	if err != nil {
		return Command{}, fault.Of(err).At("canteen")
	}
	return RosterLife.Begin("add", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		from := scalar.DateOf(tx.Now())
		if in.From != nil {
			from = *in.From
		}
		form.Refer("canteen_id", &in.Canteen, Canteens.Type, "canteen")
		form.Refer("resident_id", &in.Resident, Residents.Type, "resident")
		form.Set("ground", in.Ground)
		form.Text("basis", in.Basis, mealNoteLength, "basis")
		form.Set("valid", "["+from.String()+",)")
		form.Set("recorded_by", tx.Principal())
		return form.Done()
	})
}

// EndFreeMealsInput takes a resident off the roster, and off the meals of later days.
type EndFreeMealsInput struct {
	Edit
	LastDay *scalar.Date
}

func (in *EndFreeMealsInput) Command(ask *Ask) (Command, error) {
	if err := withPurpose(ask); err != nil {
		return Command{}, err
	}
	return RosterLife.Take("end", in.Edit, in, func(tx *Tx, e *FreeMealRosterEntry) (Change, error) {
		last, err := in.lastDay(scalar.DateOf(tx.Now()), e)
		if err != nil {
			return Change{}, err
		}
		span := "(," + last.AddDays(1).String() + ")"
		if e.ValidFrom != nil {
			span = "[" + e.ValidFrom.String() + "," + last.AddDays(1).String() + ")"
		}
		r := &Round{Ask: tx.Ask, ctx: tx.ctx, tx: tx.tx}
		_, err = r.take(onMeal(r, mealStep("offRoster")), `SELECT owner, id FROM meal_orders WHERE owner = $1 AND roster_id = $2 AND service_date > $3
			AND status IN ('PLACED', 'CONFIRMED', 'PREPARED') ORDER BY id FOR UPDATE`, tx.Owner, e.UUID, last)
		return Change{Set: Values{"valid": span}}, err
	})
}

// lastDay is the day that is asked for, today without one. What has ended stays so, and no end is put off:
// who is to get the meal again is entered again, on a basis of its own.
func (in *EndFreeMealsInput) lastDay(today scalar.Date, e *FreeMealRosterEntry) (scalar.Date, error) {
	last, ends := today, e.ValidTo
	if in.LastDay != nil {
		last = *in.LastDay
	}
	switch {
	case ends != nil && ends.Compare(today) < 0:
		return last, fault.Newf(fault.InvalidTransition, "the entry has ended").With("allowed", []string{})
	case last.Compare(today) < 0:
		return last, fault.Newf(fault.BadUserInput, "the last day is today or later").At("lastDay")
	case ends != nil && last.Compare(*ends) > 0:
		return last, fault.Newf(fault.BadUserInput, "the last day is %s or before: an end is not put off", ends).At("lastDay")
	case e.ValidFrom != nil && e.ValidFrom.Compare(last) > 0:
		return last, fault.Newf(fault.BadUserInput, "the last day is not before the first, %s", e.ValidFrom).At("lastDay")
	}
	return last, nil
}
