package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ServiceMenuItems(ctx context.Context, communities []string, filter *store.ServiceMenuItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ServiceMenuItemConnection, error) {
	return pageOf(ctx, q.Root, store.ServiceMenuItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) CommunityRules(ctx context.Context, communities []string, filter *store.CommunityRuleFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.CommunityRuleConnection, error) {
	return pageOf(ctx, q.Root, store.CommunityRules, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ServiceRequests(ctx context.Context, communities []string, filter *store.ServiceRequestFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ServiceRequestConnection, error) {
	return pageOf(ctx, q.Root, store.ServiceRequests, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) serviceRequest(ctx context.Context, in store.Input) (*store.ServiceRequestPayload, error) {
	return write(ctx, m.Root, store.ServiceRequests, in, func(r *store.ServiceRequest, broken []store.UserError) *store.ServiceRequestPayload {
		return &store.ServiceRequestPayload{Request: r, UserErrors: broken}
	})
}

func (m mutation) PlaceServiceRequest(ctx context.Context, input store.PlaceServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) ReviewServiceRequest(ctx context.Context, input store.ReviewServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) DeclineServiceRequest(ctx context.Context, input store.DeclineServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) CompleteFeasibilityStep(ctx context.Context, input store.CompleteFeasibilityStepInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) ApproveServiceRequest(ctx context.Context, input store.ApproveServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) DispatchServiceRequest(ctx context.Context, input store.DispatchServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) ClaimServiceRequest(ctx context.Context, input store.ClaimServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) StartServiceRequest(ctx context.Context, input store.StepServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) CompleteServiceRequest(ctx context.Context, input store.CompleteServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) RateServiceRequest(ctx context.Context, input store.RateServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) CancelServiceRequest(ctx context.Context, input store.CancelServiceRequestInput) (*store.ServiceRequestPayload, error) {
	return m.serviceRequest(ctx, &input)
}

func (m mutation) AdoptRule(ctx context.Context, input store.AdoptRuleInput) (*store.CommunityRulePayload, error) {
	return write(ctx, m.Root, store.CommunityRules, &input, func(r *store.CommunityRule, broken []store.UserError) *store.CommunityRulePayload {
		return &store.CommunityRulePayload{Rule: r, UserErrors: broken}
	})
}
