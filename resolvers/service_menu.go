package resolvers

import (
	"context"

	"linhui/store"
)

func (m mutation) serviceMenuItem(ctx context.Context, in store.Input) (*store.ServiceMenuItemPayload, error) {
	return write(ctx, m.Root, store.ServiceMenuItems, in, func(i *store.ServiceMenuItem, broken []store.UserError) *store.ServiceMenuItemPayload {
		return &store.ServiceMenuItemPayload{Item: i, UserErrors: broken}
	})
}

func (m mutation) ListServiceMenuItem(ctx context.Context, input store.ListServiceMenuItemInput) (*store.ServiceMenuItemPayload, error) {
	return m.serviceMenuItem(ctx, &input)
}

func (m mutation) OfferServiceMenuItem(ctx context.Context, input store.OfferServiceMenuItemInput) (*store.ServiceMenuItemPayload, error) {
	return m.serviceMenuItem(ctx, &input)
}
