package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) StoredItems(ctx context.Context, communities []string, filter *store.StoredItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.StoredItemConnection, error) {
	return pageOf(ctx, q.Root, store.StoredItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) storedItem(ctx context.Context, in store.Input) (*store.StoredItemPayload, error) {
	return write(ctx, m.Root, store.StoredItems, in, func(i *store.StoredItem, broken []store.UserError) *store.StoredItemPayload {
		return &store.StoredItemPayload{Item: i, UserErrors: broken}
	})
}

func (m mutation) DepositItem(ctx context.Context, input store.DepositItemInput) (*store.StoredItemPayload, error) {
	p, err := m.storedItem(ctx, &input)
	if p != nil && p.Item != nil {
		p.ClaimCode = input.ClaimCode()
	}
	return p, err
}

func (m mutation) RefuseItem(ctx context.Context, input store.RefuseItemInput) (*store.StoredItemPayload, error) {
	return m.storedItem(ctx, &input)
}

func (m mutation) CollectItem(ctx context.Context, input store.CollectItemInput) (*store.StoredItemPayload, error) {
	p, err := m.storedItem(ctx, &input)
	if p != nil && p.Item != nil && !p.Item.Collected {
		p.UserErrors = store.WrongCode
	}
	return p, err
}

func (m mutation) ReleaseItem(ctx context.Context, input store.ReleaseItemInput) (*store.StoredItemPayload, error) {
	return m.storedItem(ctx, &input)
}

func (m mutation) HandOverItem(ctx context.Context, input store.HandOverItemInput) (*store.StoredItemPayload, error) {
	return m.storedItem(ctx, &input)
}
