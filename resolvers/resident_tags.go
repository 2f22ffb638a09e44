package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) ResidentTags(ctx context.Context, communities []string, filter *store.ResidentTagRecordFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ResidentTagRecordConnection, error) {
	return pageOf(ctx, q.Root, store.ResidentTagRecords, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) residentTag(ctx context.Context, in store.Input) (*store.ResidentTagPayload, error) {
	return write(ctx, m.Root, store.ResidentTagRecords, in, func(r *store.ResidentTagRecord, broken []store.UserError) *store.ResidentTagPayload {
		return &store.ResidentTagPayload{Record: r, UserErrors: broken}
	})
}

func (m mutation) TagResident(ctx context.Context, input store.TagResidentInput) (*store.ResidentTagPayload, error) {
	return m.residentTag(ctx, &input)
}

func (m mutation) EndResidentTag(ctx context.Context, input store.EndResidentTagInput) (*store.ResidentTagPayload, error) {
	return m.residentTag(ctx, &input)
}
