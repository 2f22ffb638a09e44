package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

var (
	kitchen = Holding[MealOrder](authz.StationStaff)
	// diner is whose meal it is, and carrier who brings it.
	diner   = Named(func(o *MealOrder) *uuid.UUID { return &o.BeneficiaryID })
	carrier = Named(func(o *MealOrder) *uuid.UUID { return o.CarrierID })
)

// MealLife is the state machine of model.md §5. What nobody confirmed in time lapses. Once its day is
// over, what nobody came for is missed, what was to be brought and was not has failed, whoever was to
// bring it, and what the kitchen never made ready is given up.
var MealLife = &Machine[MealOrder]{
	Table: MealOrders, Topic: "mealOrder",
	State: func(o *MealOrder) (scalar.Enum, int) { return o.Status, o.Version },
	Transitions: []Transition[MealOrder]{
		{"place", nil, "PLACED", Holding[MealOrder](authz.Resident), nil},
		{"confirm", In("PLACED"), "CONFIRMED", kitchen, inTime},
		{"prepare", In("CONFIRMED"), "PREPARED", kitchen, nil},
		{"ready", In("PREPARED"), "READY", kitchen, nil},
		{"collect", In("READY"), "COLLECTED", kitchen, nil},
		{"miss", In("READY"), "NO_SHOW", kitchen, fetched},
		{"sendOut", In("READY"), "OUT_FOR_DELIVERY", kitchen, brought},
		{"deliver", In("OUT_FOR_DELIVERY"), "DELIVERED", kitchen.Or(carrier), nil},
		{"failDelivery", In("READY OUT_FOR_DELIVERY"), "FAILED_DELIVERY", kitchen.Or(carrier), brought},
		{"cancel", In("PLACED CONFIRMED"), "CANCELLED", kitchen.Or(diner), inTime},
		{"lapse", In("PLACED"), "CANCELLED", kitchen, late},
		{"giveUp", In("CONFIRMED PREPARED"), "CANCELLED", kitchen, dayOver},
		{"offRoster", In("PLACED CONFIRMED PREPARED"), "CANCELLED", kitchen, nil},
	},
	Rules: Rules{
		"portions_never_exceeded":               fault.Newf(fault.Conflict, "the last portion is taken").At("id"),
		"meal_subsidy_once":                     fault.Newf(fault.Conflict, "another order for this meal was placed at the same moment: the subsidy is paid once; order again").At("menuItem"),
		"meal_free_once":                        fault.Newf(fault.Conflict, "the free meal of this day is ordered already").At("beneficiary"),
		"free_only_on_the_8th":                  fault.Newf(fault.BadUserInput, "free meals are on the 8th").At("kind"),
		"free_meal_is_on_the_roster":            offRoster,
		"order_of_a_menu_item":                  missing("menuItem"),
		"meal_orders_owner_carrier_id_fkey":     missing("carrier"),
		"meal_orders_owner_beneficiary_id_fkey": missing("beneficiary"),
	},
}

var offRoster = fault.Newf(fault.Conflict, "free meals are for who is on the roster on that day").At("beneficiary")

func inTime(ask *Ask, o *MealOrder) error {
	if !ask.Viewer.At.Before(o.OrderUntil) {
		return fault.Newf(fault.InvalidTransition, "the kitchen has begun: orders are no longer taken, nor taken back").With("allowed", []string{})
	}
	return nil
}

func late(ask *Ask, o *MealOrder) error {
	if ask.Viewer.At.Before(o.OrderUntil) {
		return fault.Newf(fault.InvalidTransition, "orders are still taken").With("allowed", []string{"confirm", "cancel"})
	}
	return nil
}

func brought(_ *Ask, o *MealOrder) error {
	if !o.Delivery {
		return fault.Newf(fault.InvalidTransition, "it is collected, not delivered").With("allowed", []string{"collect", "miss"})
	}
	return nil
}

func fetched(_ *Ask, o *MealOrder) error {
	if o.Delivery {
		return fault.Newf(fault.InvalidTransition, "it is delivered, not collected").With("allowed", []string{"sendOut", "failDelivery", "collect"})
	}
	return nil
}

func dayOver(ask *Ask, o *MealOrder) error {
	if scalar.DateOf(ask.Viewer.At).Compare(o.ServiceDate) <= 0 {
		return fault.Newf(fault.InvalidTransition, "the day of the meal is not over").With("allowed", []string{})
	}
	return nil
}

// MealOrderPayload answers a step of an order.
type MealOrderPayload struct {
	Order      *MealOrder
	UserErrors []UserError
}

// PlaceMealOrderInput orders a dish.
type PlaceMealOrderInput struct {
	MenuItem, Beneficiary string
	Kind                  scalar.Enum
	Delivery              bool
	Note                  *string
	IdempotencyKey        string
}

func (in *PlaceMealOrderInput) Command(ask *Ask) (Command, error) {
	if in.Kind == "FREE_8TH" && in.Beneficiary != ask.Viewer.Resident { // that somebody gets it says why they do
		if err := withPurpose(ask); err != nil {
			return Command{}, err
		}
	}
	id, err := page.ParseID(in.MenuItem)
	if err != nil {
		return Command{}, fault.Of(err).At("menuItem")
	}
	return MealLife.Begin("place", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("menu_item_id", &in.MenuItem, MenuItems.Type, "menuItem")
		form.Refer("beneficiary_id", &in.Beneficiary, Residents.Type, "beneficiary")
		if v := tx.Ask.Viewer; in.Beneficiary != v.Resident && !v.Has(authz.StationStaff) {
			form.Fail(fault.Newf(fault.Forbidden, "you order for yourself; staff order for others").At("beneficiary"))
		}
		form.Set("kind", in.Kind)
		form.Set("delivery", in.Delivery)
		form.OptionalText("note", in.Note, mealNoteLength, "note")
		form.Set("placed_at", tx.Now())
		change, err := form.Done()
		if err != nil {
			return change, err
		}
		var canteen uuid.UUID
		var day scalar.Date
		var slot string
		var until time.Time
		found, err := tx.Get("SELECT canteen_id, service_date, slot, order_until FROM menu_items WHERE owner = $1 AND id = $2 AND withdrawn_at IS NULL FOR SHARE",
			[]any{tx.Owner, id.UUID}, &canteen, &day, &slot, &until)
		switch {
		case err != nil:
			return change, err
		case !found:
			return change, missing("menuItem")
		case !tx.Now().Before(until):
			return change, fault.Newf(fault.Conflict, "orders for this dish are no longer taken").At("menuItem")
		}
		change.Set["canteen_id"], change.Set["service_date"], change.Set["slot"] = canteen, day, slot
		if in.Kind == "FREE_8TH" {
			var roster uuid.UUID
			found, err := tx.Get("SELECT id FROM free_meal_roster WHERE owner = $1 AND canteen_id = $2 AND resident_id = $3 AND valid @> $4::date FOR SHARE",
				[]any{tx.Owner, canteen, change.Set["beneficiary_id"], day}, &roster)
			if err == nil && !found {
				err = offRoster
			}
			change.Set["roster_id"] = roster
			return change, err
		}
		return change, nil
	})
}

// StepMealOrderInput is a step that needs nothing but itself.
type StepMealOrderInput struct{ Edit }

// MealStep is a step of StepMealOrderInput by the name of its action.
type MealStep struct {
	StepMealOrderInput
	Action string
}

func (in *MealStep) Command(*Ask) (Command, error) {
	return MealLife.Take(in.Action, in.Edit, in, func(tx *Tx, _ *MealOrder) (Change, error) {
		set := Values{}
		switch MealLife.first(in.Action).To {
		case "CONFIRMED":
			set["confirmed_at"] = tx.Now()
		case "COLLECTED", "DELIVERED", "NO_SHOW", "CANCELLED":
			set["closed_at"] = tx.Now()
		}
		return Change{Set: set}, nil
	})
}

// SendMealOutInput hands a meal to who brings it.
type SendMealOutInput struct {
	Edit
	Carrier *string
}

func (in *SendMealOutInput) Command(*Ask) (Command, error) {
	return MealLife.Take("sendOut", in.Edit, in, func(tx *Tx, _ *MealOrder) (Change, error) {
		form := tx.Form()
		form.Refer("carrier_id", in.Carrier, Residents.Type, "carrier")
		return form.Done()
	})
}

// FailMealDeliveryInput says that a meal reached nobody.
type FailMealDeliveryInput struct {
	Edit
	Reason string
}

func (in *FailMealDeliveryInput) Command(*Ask) (Command, error) {
	return MealLife.Take("failDelivery", in.Edit, in, func(tx *Tx, o *MealOrder) (Change, error) {
		form := tx.Form()
		form.Text("failure", in.Reason, mealNoteLength, "reason")
		form.Set("closed_at", tx.Now())
		change, err := form.Done()
		if err != nil {
			return change, err
		}
		check, err := welfareCheck(tx, o)
		change.Set["welfare_check_id"] = check
		return change, err
	})
}

// welfareCheck enters a call for help into the Echo Book for who lives alone, nil for others. It is due
// at the end of the day, and from then on the ladder of the book tells of it. The entry names nobody and
// nothing that tells who it is about: staff get there from the order, which needs a purpose.
func welfareCheck(tx *Tx, o *MealOrder) (*uuid.UUID, error) {
	var station uuid.UUID
	alone, err := tx.Get(`SELECT c.station_id FROM canteens c WHERE c.owner = $1 AND c.id = $2 AND EXISTS (SELECT FROM resident_tags g
		WHERE g.owner = $1 AND g.resident_id = $3 AND g.tag = 'LIVES_ALONE' AND g.valid @> $4::date)`, []any{tx.Owner, o.CanteenID, o.BeneficiaryID, o.ServiceDate}, &station)
	if err != nil || !alone {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	return &id, FeedbackLife.begin(tx, id, "submit", Change{Set: Values{"kind": "HELP_REQUEST", "title": "请当日回访", "private": true,
		"station_id": station, "received_at": tx.Now(), "due_at": scalar.DateOf(tx.Now()).End()}})
}

// Orders that nobody confirmed lapse when the kitchen begins.
var _ = keeps(Chore{Name: "lapsing", AtOnce: 200, Do: func(r *Round) (int, error) {
	return r.take(onMeal(r, mealStep("lapse")), `SELECT o.owner, o.id FROM meal_orders o JOIN menu_items m ON m.owner = o.owner AND m.id = o.menu_item_id
		WHERE o.owner = ANY($1) AND o.status = 'PLACED' AND m.order_until <= $2 ORDER BY o.owner, o.id LIMIT $3 FOR UPDATE OF o SKIP LOCKED`,
		pq.Array(r.Owners), r.Ask.Viewer.At, r.AtOnce)
}})

// What a day has left is ended once it is over.
var (
	_ = keeps(overdue("missing meals", "status = 'READY' AND NOT delivery", mealStep("miss")))
	_ = keeps(overdue("failing deliveries", "status IN ('READY', 'OUT_FOR_DELIVERY') AND delivery", func(ask *Ask, e Edit) (Command, error) {
		return (&FailMealDeliveryInput{Edit: e, Reason: "当日未送达"}).Command(ask)
	}))
	_ = keeps(overdue("giving meals up", "status IN ('CONFIRMED', 'PREPARED')", mealStep("giveUp")))
)

// overdue is the chore that takes a step on orders of days before today.
func overdue(name, which string, step func(*Ask, Edit) (Command, error)) Chore {
	return Chore{Name: name, AtOnce: 200, Do: func(r *Round) (int, error) {
		return r.take(onMeal(r, step), "SELECT owner, id FROM meal_orders WHERE owner = ANY($1) AND "+which+
			" AND service_date < $2 ORDER BY owner, id LIMIT $3 FOR UPDATE SKIP LOCKED", pq.Array(r.Owners), scalar.DateOf(r.Ask.Viewer.At), r.AtOnce)
	}}
}

func mealStep(action string) func(*Ask, Edit) (Command, error) {
	return func(ask *Ask, e Edit) (Command, error) {
		return (&MealStep{StepMealOrderInput{e}, action}).Command(ask)
	}
}

func onMeal(r *Round, step func(*Ask, Edit) (Command, error)) func(string, uuid.UUID) (Command, error) {
	return func(owner string, id uuid.UUID) (Command, error) {
		return step(r.Ask, Edit{ID: page.ID{Type: MealOrders.Type, Owner: owner, UUID: id}.String()})
	}
}
