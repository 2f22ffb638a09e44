package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) MeetingSeries(ctx context.Context, communities []string, filter *store.MeetingSeriesFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MeetingSeriesConnection, error) {
	return pageOf(ctx, q.Root, store.MeetingSerieses, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Meetings(ctx context.Context, communities []string, filter *store.MeetingFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MeetingConnection, error) {
	return pageOf(ctx, q.Root, store.Meetings, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Decisions(ctx context.Context, communities []string, filter *store.DecisionFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.DecisionConnection, error) {
	return pageOf(ctx, q.Root, store.Decisions, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ActionItems(ctx context.Context, communities []string, filter *store.ActionItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ActionItemConnection, error) {
	return pageOf(ctx, q.Root, store.ActionItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Deliberations(ctx context.Context, communities []string, filter *store.DeliberationFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.DeliberationConnection, error) {
	return pageOf(ctx, q.Root, store.Deliberations, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) meeting(ctx context.Context, in store.Input) (*store.MeetingPayload, error) {
	return write(ctx, m.Root, store.Meetings, in, func(row *store.Meeting, broken []store.UserError) *store.MeetingPayload {
		return &store.MeetingPayload{Meeting: row, UserErrors: broken}
	})
}

func (m mutation) PlanMeeting(ctx context.Context, input store.PlanMeetingInput) (*store.MeetingPayload, error) {
	return m.meeting(ctx, &input)
}

func (m mutation) HoldMeeting(ctx context.Context, input store.HoldMeetingInput) (*store.MeetingPayload, error) {
	return m.meeting(ctx, &input)
}

func (m mutation) CancelMeeting(ctx context.Context, input store.CancelMeetingInput) (*store.MeetingPayload, error) {
	return m.meeting(ctx, &input)
}

func (m mutation) RecordDecision(ctx context.Context, input store.RecordDecisionInput) (*store.DecisionPayload, error) {
	return write(ctx, m.Root, store.Decisions, &input, func(row *store.Decision, broken []store.UserError) *store.DecisionPayload {
		return &store.DecisionPayload{Decision: row, UserErrors: broken}
	})
}

func (m mutation) action(ctx context.Context, in store.Input) (*store.ActionItemPayload, error) {
	return write(ctx, m.Root, store.ActionItems, in, func(row *store.ActionItem, broken []store.UserError) *store.ActionItemPayload {
		return &store.ActionItemPayload{Action: row, UserErrors: broken}
	})
}

func (m mutation) AddAction(ctx context.Context, input store.AddActionInput) (*store.ActionItemPayload, error) {
	return m.action(ctx, &input)
}

func (m mutation) CompleteAction(ctx context.Context, input store.CloseActionInput) (*store.ActionItemPayload, error) {
	return m.action(ctx, &store.ActionStep{CloseActionInput: input, Action: "complete"})
}

func (m mutation) DropAction(ctx context.Context, input store.CloseActionInput) (*store.ActionItemPayload, error) {
	return m.action(ctx, &store.ActionStep{CloseActionInput: input, Action: "drop"})
}

func (m mutation) deliberation(ctx context.Context, in store.Input) (*store.DeliberationPayload, error) {
	return write(ctx, m.Root, store.Deliberations, in, func(row *store.Deliberation, broken []store.UserError) *store.DeliberationPayload {
		return &store.DeliberationPayload{Deliberation: row, UserErrors: broken}
	})
}

func (m mutation) RaiseDeliberation(ctx context.Context, input store.RaiseDeliberationInput) (*store.DeliberationPayload, error) {
	return m.deliberation(ctx, &input)
}

func (m mutation) AcceptDeliberation(ctx context.Context, input store.AcceptDeliberationInput) (*store.DeliberationPayload, error) {
	return m.deliberation(ctx, &input)
}

func (m mutation) ResolveDeliberation(ctx context.Context, input store.CloseDeliberationInput) (*store.DeliberationPayload, error) {
	return m.deliberation(ctx, &store.DeliberationStep{CloseDeliberationInput: input, Action: "resolve"})
}

func (m mutation) DropDeliberation(ctx context.Context, input store.CloseDeliberationInput) (*store.DeliberationPayload, error) {
	return m.deliberation(ctx, &store.DeliberationStep{CloseDeliberationInput: input, Action: "drop"})
}
