package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ChildCareSessions(ctx context.Context, communities []string, filter *store.ChildCareSessionFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ChildCareSessionConnection, error) {
	return pageOf(ctx, q.Root, store.ChildCareSessions, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ChildDelegates(ctx context.Context, communities []string, filter *store.ChildDelegateFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ChildDelegateConnection, error) {
	return pageOf(ctx, q.Root, store.ChildDelegates, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) childCare(ctx context.Context, in store.Input) (*store.ChildCarePayload, error) {
	return write(ctx, m.Root, store.ChildCareSessions, in, func(s *store.ChildCareSession, broken []store.UserError) *store.ChildCarePayload {
		return &store.ChildCarePayload{Session: s, UserErrors: broken}
	})
}

func (m mutation) CheckInChild(ctx context.Context, input store.CheckInChildInput) (*store.ChildCarePayload, error) {
	return m.childCare(ctx, &input)
}

func (m mutation) CheckOutChild(ctx context.Context, input store.CheckOutChildInput) (*store.ChildCarePayload, error) {
	return m.childCare(ctx, &input)
}

func (m mutation) childDelegate(ctx context.Context, in store.Input) (*store.ChildDelegatePayload, error) {
	return write(ctx, m.Root, store.ChildDelegates, in, func(d *store.ChildDelegate, broken []store.UserError) *store.ChildDelegatePayload {
		return &store.ChildDelegatePayload{Delegate: d, UserErrors: broken}
	})
}

func (m mutation) NameChildDelegate(ctx context.Context, input store.NameChildDelegateInput) (*store.ChildDelegatePayload, error) {
	return m.childDelegate(ctx, &input)
}

func (m mutation) RevokeChildDelegate(ctx context.Context, input store.RevokeChildDelegateInput) (*store.ChildDelegatePayload, error) {
	return m.childDelegate(ctx, &input)
}
