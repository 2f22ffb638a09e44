package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ImprovementPlans(ctx context.Context, communities []string, filter *store.ImprovementPlanFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ImprovementPlanConnection, error) {
	return pageOf(ctx, q.Root, store.ImprovementPlans, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) improvementPlan(ctx context.Context, in store.Input) (*store.ImprovementPlanPayload, error) {
	return write(ctx, m.Root, store.ImprovementPlans, in, func(p *store.ImprovementPlan, broken []store.UserError) *store.ImprovementPlanPayload {
		return &store.ImprovementPlanPayload{Plan: p, UserErrors: broken}
	})
}

func (m mutation) ProposeImprovementPlan(ctx context.Context, input store.ProposeImprovementPlanInput) (*store.ImprovementPlanPayload, error) {
	return m.improvementPlan(ctx, &input)
}

func (m mutation) ReviseImprovementPlan(ctx context.Context, input store.ReviseImprovementPlanInput) (*store.ImprovementPlanPayload, error) {
	return m.improvementPlan(ctx, &input)
}

func (m mutation) AcceptImprovementPlan(ctx context.Context, input store.AcceptImprovementPlanInput) (*store.ImprovementPlanPayload, error) {
	return m.improvementPlan(ctx, &input)
}

func (m mutation) CompleteImprovementPlan(ctx context.Context, input store.CompleteImprovementPlanInput) (*store.ImprovementPlanPayload, error) {
	return m.improvementPlan(ctx, &input)
}

func (m mutation) DropImprovementPlan(ctx context.Context, input store.DropImprovementPlanInput) (*store.ImprovementPlanPayload, error) {
	return m.improvementPlan(ctx, &input)
}
