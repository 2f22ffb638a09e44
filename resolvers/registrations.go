package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) EventRegistrations(ctx context.Context, communities []string, filter *store.EventRegistrationFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.EventRegistrationConnection, error) {
	return pageOf(ctx, q.Root, store.EventRegistrations, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) registration(ctx context.Context, in store.Input) (*store.EventRegistrationPayload, error) {
	return write(ctx, m.Root, store.EventRegistrations, in, func(g *store.EventRegistration, broken []store.UserError) *store.EventRegistrationPayload {
		return &store.EventRegistrationPayload{Registration: g, UserErrors: broken}
	})
}

func (m mutation) RegisterForEvent(ctx context.Context, input store.RegisterForEventInput) (*store.EventRegistrationPayload, error) {
	return m.registration(ctx, &input)
}

func (m mutation) CancelRegistration(ctx context.Context, input store.StepRegistrationInput) (*store.EventRegistrationPayload, error) {
	return m.registration(ctx, input.To("cancel"))
}

func (m mutation) CheckInEvent(ctx context.Context, input store.StepRegistrationInput) (*store.EventRegistrationPayload, error) {
	return m.registration(ctx, input.To("checkIn"))
}
