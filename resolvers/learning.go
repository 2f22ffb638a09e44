package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Programmes(ctx context.Context, communities []string, filter *store.ProgrammeFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ProgrammeConnection, error) {
	return pageOf(ctx, q.Root, store.Programmes, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Courses(ctx context.Context, communities []string, filter *store.CourseFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.CourseConnection, error) {
	return pageOf(ctx, q.Root, store.Courses, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}
