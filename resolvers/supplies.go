package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) SupplyIssues(ctx context.Context, communities []string, filter *store.SupplyIssueFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.SupplyIssueConnection, error) {
	if filter == nil {
		filter = &store.SupplyIssueFilter{}
	}
	return pageOf(ctx, q.Root, store.SupplyIssues, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) supplyIssue(ctx context.Context, in store.Input) (*store.SupplyIssuePayload, error) {
	return write(ctx, m.Root, store.SupplyIssues, in, func(s *store.SupplyIssue, broken []store.UserError) *store.SupplyIssuePayload {
		return &store.SupplyIssuePayload{SupplyIssue: s, UserErrors: broken}
	})
}

func (m mutation) IssueSupply(ctx context.Context, input store.IssueSupplyInput) (*store.SupplyIssuePayload, error) {
	return m.supplyIssue(ctx, &input)
}

func (m mutation) CancelSupplyIssue(ctx context.Context, input store.CancelSupplyIssueInput) (*store.SupplyIssuePayload, error) {
	return m.supplyIssue(ctx, &input)
}

func (m mutation) CountSupply(ctx context.Context, input store.CountSupplyInput) (*store.CountSupplyPayload, error) {
	return write(ctx, m.Root, store.Offerings, &input, func(o *store.Offering, broken []store.UserError) *store.CountSupplyPayload {
		return &store.CountSupplyPayload{Offering: o, UserErrors: broken}
	})
}
