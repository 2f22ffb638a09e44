package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) LendableItems(ctx context.Context, communities []string, filter *store.LendableItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.LendableItemConnection, error) {
	return pageOf(ctx, q.Root, store.LendableItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Loans(ctx context.Context, communities []string, filter *store.LoanFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.LoanConnection, error) {
	return pageOf(ctx, q.Root, store.Loans, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) loan(ctx context.Context, in store.Input) (*store.LoanPayload, error) {
	return write(ctx, m.Root, store.Loans, in, func(l *store.Loan, broken []store.UserError) *store.LoanPayload {
		return &store.LoanPayload{Loan: l, UserErrors: broken}
	})
}

func (m mutation) BorrowItem(ctx context.Context, input store.BorrowItemInput) (*store.LoanPayload, error) {
	return m.loan(ctx, &input)
}

func (m mutation) ReturnItem(ctx context.Context, input store.ReturnItemInput) (*store.LoanPayload, error) {
	return m.loan(ctx, &input)
}

func (m mutation) ReportLost(ctx context.Context, input store.StepLoanInput) (*store.LoanPayload, error) {
	return m.loan(ctx, &store.ReportLost{StepLoanInput: input})
}

func (m mutation) WriteOffLoan(ctx context.Context, input store.StepLoanInput) (*store.LoanPayload, error) {
	return m.loan(ctx, &store.WriteOffLoan{StepLoanInput: input})
}
