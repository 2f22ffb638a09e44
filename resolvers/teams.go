package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) VolunteerTeams(ctx context.Context, communities []string, filter *store.TeamFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.VolunteerTeamConnection, error) {
	return pageOf(ctx, q.Root, store.VolunteerTeams, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) ServiceRecords(ctx context.Context, communities []string, filter *store.ServiceRecordFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ServiceRecordConnection, error) {
	return pageOf(ctx, q.Root, store.ServiceRecords, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}
