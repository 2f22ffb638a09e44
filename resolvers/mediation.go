package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) MediationCases(ctx context.Context, communities []string, filter *store.MediationCaseFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.MediationCaseConnection, error) {
	return pageOf(ctx, q.Root, store.MediationCases, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) mediation(ctx context.Context, in store.Input) (*store.MediationPayload, error) {
	return write(ctx, m.Root, store.MediationCases, in, func(c *store.MediationCase, broken []store.UserError) *store.MediationPayload {
		return &store.MediationPayload{Mediation: c, UserErrors: broken}
	})
}

func (m mutation) OpenMediation(ctx context.Context, input store.OpenMediationInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, &input)
}

func (m mutation) AcceptMediation(ctx context.Context, input store.MediationSideInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("accept"))
}

func (m mutation) ConveneMediation(ctx context.Context, input store.ConveneMediationInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, &input)
}

func (m mutation) RecordMediationAttendance(ctx context.Context, input store.RecordMediationAttendanceInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, &input)
}

func (m mutation) ProposeSettlement(ctx context.Context, input store.ProposeSettlementInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, &input)
}

func (m mutation) AcceptSettlement(ctx context.Context, input store.MediationSideInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("acceptSettlement"))
}

func (m mutation) DeclineSettlement(ctx context.Context, input store.MediationSideInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("declineSettlement"))
}

func (m mutation) ReferMediation(ctx context.Context, input store.ReferMediationInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, &input)
}

func (m mutation) FollowUpMediation(ctx context.Context, input store.StepMediationInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("followUp"))
}

func (m mutation) CloseMediation(ctx context.Context, input store.StepMediationInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("close"))
}

func (m mutation) WithdrawMediation(ctx context.Context, input store.MediationSideInput) (*store.MediationPayload, error) {
	return m.mediation(ctx, input.To("withdraw"))
}
