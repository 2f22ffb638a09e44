package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Talents(ctx context.Context, communities []string, filter *store.TalentFilter, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.TalentConnection, error) {
	return pageOf(ctx, q.Root, store.Talents, list{communities, filter, nil, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) TalentProfiles(ctx context.Context, communities []string, filter *store.TalentProfileFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.TalentProfileConnection, error) {
	if filter == nil {
		filter = &store.TalentProfileFilter{}
	}
	return pageOf(ctx, q.Root, store.TalentProfiles, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) talent(ctx context.Context, in store.Input) (*store.TalentPayload, error) {
	return write(ctx, m.Root, store.TalentProfiles, in, func(p *store.TalentProfile, broken []store.UserError) *store.TalentPayload {
		return &store.TalentPayload{Profile: p, UserErrors: broken}
	})
}

func (m mutation) RegisterTalent(ctx context.Context, input store.RegisterTalentInput) (*store.TalentPayload, error) {
	return m.talent(ctx, &input)
}

func (m mutation) ReviseTalent(ctx context.Context, input store.ReviseTalentInput) (*store.TalentPayload, error) {
	return m.talent(ctx, &input)
}

func (m mutation) ShowTalent(ctx context.Context, input store.ShowTalentInput) (*store.TalentPayload, error) {
	return m.talent(ctx, &input)
}

func (m mutation) WithdrawTalent(ctx context.Context, input store.WithdrawTalentInput) (*store.TalentPayload, error) {
	return m.talent(ctx, &input)
}
