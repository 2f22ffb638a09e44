package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Alliances(ctx context.Context, communities []string, filter *store.AllianceFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.AllianceConnection, error) {
	return pageOf(ctx, q.Root, store.Alliances, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) DualReportingUnits(ctx context.Context, communities []string, filter *store.DualReportingUnitFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.DualReportingUnitConnection, error) {
	return pageOf(ctx, q.Root, store.DualReportingUnits, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) DualReportingEntries(ctx context.Context, communities []string, filter *store.DualReportingEntryFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.DualReportingEntryConnection, error) {
	return pageOf(ctx, q.Root, store.DualReportingEntries, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ItemLists(ctx context.Context, communities []string, filter *store.ItemListFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ItemListConnection, error) {
	return pageOf(ctx, q.Root, store.ItemLists, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Needs(ctx context.Context, communities []string, filter *store.NeedItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.NeedItemConnection, error) {
	return pageOf(ctx, q.Root, store.NeedItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Resources(ctx context.Context, communities []string, filter *store.ResourceItemFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ResourceItemConnection, error) {
	return pageOf(ctx, q.Root, store.ResourceItems, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Projects(ctx context.Context, communities []string, filter *store.ProjectFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ProjectConnection, error) {
	return pageOf(ctx, q.Root, store.Projects, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Pairings(ctx context.Context, communities []string, filter *store.PairingFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.PairingConnection, error) {
	return pageOf(ctx, q.Root, store.Pairings, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) allianceMembership(ctx context.Context, in store.Input) (*store.AllianceMembershipPayload, error) {
	return write(ctx, m.Root, store.AllianceMemberships, in, func(row *store.AllianceMembership, broken []store.UserError) *store.AllianceMembershipPayload {
		return &store.AllianceMembershipPayload{Membership: row, UserErrors: broken}
	})
}

func (m mutation) JoinAlliance(ctx context.Context, input store.JoinAllianceInput) (*store.AllianceMembershipPayload, error) {
	return m.allianceMembership(ctx, &input)
}

func (m mutation) LeaveAlliance(ctx context.Context, input store.LeaveAllianceInput) (*store.AllianceMembershipPayload, error) {
	return m.allianceMembership(ctx, &input)
}

func (m mutation) RecordDualReporting(ctx context.Context, input store.RecordDualReportingInput) (*store.DualReportingEntryPayload, error) {
	return write(ctx, m.Root, store.DualReportingEntries, &input, func(row *store.DualReportingEntry, broken []store.UserError) *store.DualReportingEntryPayload {
		return &store.DualReportingEntryPayload{Entry: row, UserErrors: broken}
	})
}

func (m mutation) OfferResource(ctx context.Context, input store.OfferResourceInput) (*store.ResourceItemPayload, error) {
	return write(ctx, m.Root, store.ResourceItems, &input, func(row *store.ResourceItem, broken []store.UserError) *store.ResourceItemPayload {
		return &store.ResourceItemPayload{Resource: row, UserErrors: broken}
	})
}

func (m mutation) need(ctx context.Context, in store.Input) (*store.NeedItemPayload, error) {
	return write(ctx, m.Root, store.NeedItems, in, func(row *store.NeedItem, broken []store.UserError) *store.NeedItemPayload {
		return &store.NeedItemPayload{Need: row, UserErrors: broken}
	})
}

func (m mutation) AddNeed(ctx context.Context, input store.AddNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}

func (m mutation) MatchNeed(ctx context.Context, input store.MatchNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}

func (m mutation) ReopenNeed(ctx context.Context, input store.ReopenNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}

func (m mutation) StartNeed(ctx context.Context, input store.StartNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}

func (m mutation) MeetNeed(ctx context.Context, input store.MeetNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}

func (m mutation) DropNeed(ctx context.Context, input store.DropNeedInput) (*store.NeedItemPayload, error) {
	return m.need(ctx, &input)
}
