package sources

import (
	"context"
	"slices"

	"linhui/schema"
	"linhui/store"
)

// Labels is what people call a dimension's key in each of the groups; nil where there is no key,
// or where its row is not the viewer's to see or cannot be read just now. One statement a source.
func Labels(ctx context.Context, s *Sources, ask *store.Ask, c *store.Cube, d *store.Dimension, groups []*store.Group) []*string {
	labels := make([]*string, len(groups))
	link := store.LinkAt(c.GroupType(), d.Field())
	switch {
	case link == nil:
		for i, g := range groups {
			if key, _ := g.Keyed(d); key != nil {
				text := d.Label(*key)
				labels[i] = &text
			}
		}
	case link.Local():
		for i, g := range groups {
			if found, err := link.Follow(ask, g, nil); err == nil && found != nil {
				labels[i] = store.LabelOf(found.(store.Node))
			}
		}
	default:
		rowLabels(ctx, s, ask, link, groups, labels)
	}
	return labels
}

// rowLabels reads the rows that the groups' keys lead to, and of them no more than their names.
func rowLabels(ctx context.Context, s *Sources, ask *store.Ask, link *store.Link, groups []*store.Group, labels []*string) {
	field := store.LabelField(link.Child)
	if field == "" || schema.MayAsk(ask.Viewer, link.Child+"."+field) != nil {
		return
	}
	named := *ask
	named.Demand = store.Demand{link.Child: {field: true}}
	byOwner := map[string][]int{}
	var owners []string
	for i, g := range groups {
		o := link.OwnerOf(g)
		if o == "" || link.Restricted() && !ask.Viewer.Covers(o) {
			continue
		}
		if byOwner[o] == nil {
			owners = append(owners, o)
		}
		byOwner[o] = append(byOwner[o], i)
	}
	slices.Sort(owners)
	parts := gather(ctx, s, ask.Budget, owners, func(ctx context.Context, src *Source, owners []string) ([]any, error) {
		b := &store.Batch{Ask: &named}
		for _, o := range owners {
			for _, i := range byOwner[o] {
				b.Parents = append(b.Parents, groups[i])
			}
		}
		b.Values = make([]any, len(b.Parents))
		return b.Values, link.Load(ctx, src, b)
	})
	for _, p := range parts {
		j := 0
		for _, o := range p.Owners {
			for _, i := range byOwner[o] {
				if p.Err == nil && p.Value[j] != nil {
					labels[i] = store.LabelOf(p.Value[j].(store.Node))
				}
				j++
			}
		}
	}
}
