package resolvers

import (
	"context"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/store"
)

func (q query) Division(ctx context.Context, code string) (*store.Division, error) {
	d := q.Sources.Directory().Division(code)
	if d == nil {
		return nil, fault.Newf(fault.NotFound, "no division has this code").At("code")
	}
	return filled(ctx, d, nil)
}

func (q query) Community(ctx context.Context, slug, id *string) (*store.Community, error) {
	if (slug == nil) == (id == nil) {
		return nil, fault.Newf(fault.BadUserInput, "give slug or id, exactly one of them").At("slug")
	}
	if id != nil {
		parsed, err := page.ParseID(*id)
		if err != nil {
			return nil, err
		}
		slug = &parsed.Owner
	}
	c := q.Sources.Directory().Community(*slug)
	if c == nil || id != nil && c.ID() != *id {
		return nil, fault.Newf(fault.NotFound, "no community has this slug or id")
	}
	return filled(ctx, c, nil)
}

func (q query) Communities(ctx context.Context, communities []string, filter *store.CommunityFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string) (*store.CommunityConnection, error) {
	ask := q.Sources.Ask(ctx)
	asked, err := store.Communities.NewList("Query.communities", filter, orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	chosen, err := q.Sources.Choose(ask, communities, false)
	if err != nil {
		return nil, err
	}
	asked.Of = chosen.Named
	var slugs []string
	for _, o := range chosen.Owners {
		if ask.Directory.Community(o) != nil && filter.Match(ask.Directory, o) {
			slugs = append(slugs, o)
		}
	}
	c, err := ask.Directory.Page(ask, asked, slugs)
	return filled(ctx, c, err)
}
