package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) MedicineBoxes(ctx context.Context, communities []string, filter *store.MedicineBoxFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MedicineBoxConnection, error) {
	return pageOf(ctx, q.Root, store.MedicineBoxes, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) MedicineStocks(ctx context.Context, communities []string, filter *store.MedicineStockFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MedicineStockConnection, error) {
	return pageOf(ctx, q.Root, store.MedicineStocks, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) MedicineMoves(ctx context.Context, communities []string, filter *store.MedicineMoveFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MedicineMoveConnection, error) {
	return pageOf(ctx, q.Root, store.MedicineMoves, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) medicineMove(ctx context.Context, in store.Input) (*store.MedicineMovePayload, error) {
	return write(ctx, m.Root, store.MedicineMoves, in, func(row *store.MedicineMove, broken []store.UserError) *store.MedicineMovePayload {
		return &store.MedicineMovePayload{Move: row, UserErrors: broken}
	})
}

func (m mutation) DonateMedicine(ctx context.Context, input store.DonateMedicineInput) (*store.MedicineMovePayload, error) {
	return m.medicineMove(ctx, &input)
}

func (m mutation) DispenseMedicine(ctx context.Context, input store.DispenseMedicineInput) (*store.MedicineMovePayload, error) {
	return m.medicineMove(ctx, &input)
}

func (m mutation) DiscardMedicine(ctx context.Context, input store.DiscardMedicineInput) (*store.MedicineMovePayload, error) {
	return m.medicineMove(ctx, &input)
}
