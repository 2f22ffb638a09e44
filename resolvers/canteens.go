package resolvers

import (
	"context"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema/scalar"
	"linhui/store"
)

func (q query) Canteens(ctx context.Context, communities []string, filter *store.CanteenFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.CanteenConnection, error) {
	return pageOf(ctx, q.Root, store.Canteens, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) MenuItems(ctx context.Context, communities []string, filter *store.MenuItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MenuItemConnection, error) {
	return pageOf(ctx, q.Root, store.MenuItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) TodayMenu(ctx context.Context, communities []string, date *scalar.Date, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MenuItemConnection, error) {
	at := store.Instant(map[string]any{"date": date}, authz.FromContext(ctx).At)
	return hotPageOf(ctx, q.Root, store.TodayMenu, list{communities, nil, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial}, at)
}

func (q query) MealOrders(ctx context.Context, communities []string, filter *store.MealOrderFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MealOrderConnection, error) {
	return pageOf(ctx, q.Root, store.MealOrders, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) menuItem(ctx context.Context, in store.Input) (*store.MenuItemPayload, error) {
	return write(ctx, m.Root, store.MenuItems, in, func(row *store.MenuItem, broken []store.UserError) *store.MenuItemPayload {
		return &store.MenuItemPayload{Item: row, UserErrors: broken}
	})
}

func (m mutation) AddMenuItem(ctx context.Context, input store.AddMenuItemInput) (*store.MenuItemPayload, error) {
	return m.menuItem(ctx, &input)
}

func (m mutation) WithdrawMenuItem(ctx context.Context, input store.WithdrawMenuItemInput) (*store.MenuItemPayload, error) {
	return m.menuItem(ctx, &input)
}

func (m mutation) SetSubsidyRule(ctx context.Context, input store.SetSubsidyRuleInput) (*store.SubsidyRulePayload, error) {
	return write(ctx, m.Root, store.SubsidyRules, &input, func(row *store.SubsidyRule, broken []store.UserError) *store.SubsidyRulePayload {
		return &store.SubsidyRulePayload{Rule: row, UserErrors: broken}
	})
}

func (m mutation) roster(ctx context.Context, in store.Input) (*store.FreeMealRosterPayload, error) {
	return write(ctx, m.Root, store.FreeMealRoster, in, func(row *store.FreeMealRosterEntry, broken []store.UserError) *store.FreeMealRosterPayload {
		return &store.FreeMealRosterPayload{Entry: row, UserErrors: broken}
	})
}

func (m mutation) AddToFreeMealRoster(ctx context.Context, input store.AddToFreeMealRosterInput) (*store.FreeMealRosterPayload, error) {
	return m.roster(ctx, &input)
}

func (m mutation) EndFreeMeals(ctx context.Context, input store.EndFreeMealsInput) (*store.FreeMealRosterPayload, error) {
	return m.roster(ctx, &input)
}

func (m mutation) mealOrder(ctx context.Context, in store.Input) (*store.MealOrderPayload, error) {
	return write(ctx, m.Root, store.MealOrders, in, func(row *store.MealOrder, broken []store.UserError) *store.MealOrderPayload {
		return &store.MealOrderPayload{Order: row, UserErrors: broken}
	})
}

func (m mutation) PlaceMealOrder(ctx context.Context, input store.PlaceMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &input)
}

func (m mutation) ConfirmMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "confirm"})
}

func (m mutation) PrepareMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "prepare"})
}

func (m mutation) ReadyMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "ready"})
}

func (m mutation) CollectMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "collect"})
}

func (m mutation) MissMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "miss"})
}

func (m mutation) CancelMealOrder(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "cancel"})
}

func (m mutation) DeliverMeal(ctx context.Context, input store.StepMealOrderInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &store.MealStep{StepMealOrderInput: input, Action: "deliver"})
}

func (m mutation) SendMealOut(ctx context.Context, input store.SendMealOutInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &input)
}

func (m mutation) FailMealDelivery(ctx context.Context, input store.FailMealDeliveryInput) (*store.MealOrderPayload, error) {
	return m.mealOrder(ctx, &input)
}
