package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Funds(ctx context.Context, communities []string, filter *store.FundFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.FundConnection, error) {
	return pageOf(ctx, q.Root, store.Funds, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) FundEntries(ctx context.Context, communities []string, filter *store.FundEntryFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.FundEntryConnection, error) {
	return pageOf(ctx, q.Root, store.FundEntries, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) OpenFund(ctx context.Context, input store.OpenFundInput) (*store.FundPayload, error) {
	return write(ctx, m.Root, store.Funds, &input, func(f *store.Fund, broken []store.UserError) *store.FundPayload {
		return &store.FundPayload{Fund: f, UserErrors: broken}
	})
}

func (m mutation) fundEntry(ctx context.Context, in store.Input) (*store.FundEntryPayload, error) {
	return write(ctx, m.Root, store.FundEntries, in, func(e *store.FundEntry, broken []store.UserError) *store.FundEntryPayload {
		return &store.FundEntryPayload{Entry: e, UserErrors: broken}
	})
}

func (m mutation) PostFundEntry(ctx context.Context, input store.PostFundEntryInput) (*store.FundEntryPayload, error) {
	return m.fundEntry(ctx, &input)
}

func (m mutation) ReverseFundEntry(ctx context.Context, input store.ReverseFundEntryInput) (*store.FundEntryPayload, error) {
	return m.fundEntry(ctx, &input)
}
