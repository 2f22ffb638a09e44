package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ErrandCases(ctx context.Context, communities []string, filter *store.ErrandCaseFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ErrandCaseConnection, error) {
	return pageOf(ctx, q.Root, store.ErrandCases, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) errand(ctx context.Context, in store.Input) (*store.ErrandPayload, error) {
	return write(ctx, m.Root, store.ErrandCases, in, func(e *store.ErrandCase, broken []store.UserError) *store.ErrandPayload {
		return &store.ErrandPayload{Errand: e, UserErrors: broken}
	})
}

func (m mutation) RequestErrand(ctx context.Context, input store.RequestErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) AuthoriseErrand(ctx context.Context, input store.AuthoriseErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) ReceiveErrandDocument(ctx context.Context, input store.ReceiveErrandDocumentInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) SubmitErrand(ctx context.Context, input store.SubmitErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) AwaitErrand(ctx context.Context, input store.StepErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, input.To("await"))
}

func (m mutation) DecideErrand(ctx context.Context, input store.DecideErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) ReturnErrandDocument(ctx context.Context, input store.ReturnErrandDocumentInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, &input)
}

func (m mutation) CloseErrand(ctx context.Context, input store.StepErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, input.To("close"))
}

func (m mutation) CancelErrand(ctx context.Context, input store.StepErrandInput) (*store.ErrandPayload, error) {
	return m.errand(ctx, input.To("cancel"))
}
