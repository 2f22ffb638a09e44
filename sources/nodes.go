package sources

import (
	"context"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema"
	"linhui/store"
)

// Found is the outcome of one lookup.
type Found struct {
	Node store.Node
	Err  error // NOT_FOUND also for what the viewer may not see: ids must not tell what exists
}

// lookup is what a type that can be found by id offers; every described table does.
type lookup interface {
	Nodes(ctx context.Context, src store.Source, ask *store.Ask, ids []page.ID) ([]store.Node, error)
}

var notFound = fault.Newf(fault.NotFound, "nothing that you may see has this id")

// Nodes looks rows up by global id, one statement a type and source, in the order of ids.
func Nodes(ctx context.Context, s *Sources, ask *store.Ask, ids []page.ID) []Found {
	found := make([]Found, len(ids))
	byType := map[string][]int{}
	for i, id := range ids {
		if n, local := inDirectory(ask.Directory, id); local {
			found[i] = present(n)
			continue
		}
		if _, ok := store.Tables()[id.Type].(lookup); !ok {
			found[i].Err = fault.Newf(fault.BadUserInput, "the id is of a type that cannot be looked up")
			continue
		}
		if !ask.Directory.Holds(id.Owner) || !schema.Finds(ask.Viewer, id.Type) {
			found[i].Err = notFound
			continue
		}
		byType[id.Type] = append(byType[id.Type], i)
	}
	for typ, at := range byType {
		nodesOf(ctx, s, ask, store.Tables()[typ].(lookup), ids, at, found)
	}
	return found
}

// nodesOf looks up ids[i], for each i in at, in one table.
func nodesOf(ctx context.Context, s *Sources, ask *store.Ask, table lookup, ids []page.ID, at []int, found []Found) {
	byOwner := map[string][]int{}
	var owners []string
	for _, i := range at {
		o := ids[i].Owner
		if byOwner[o] == nil {
			owners = append(owners, o)
		}
		byOwner[o] = append(byOwner[o], i)
	}
	parts := Gather(ctx, s, owners, func(ctx context.Context, src *Source, owners []string) ([]store.Node, error) {
		var wanted []page.ID
		for _, o := range owners {
			for _, i := range byOwner[o] {
				wanted = append(wanted, ids[i])
			}
		}
		return table.Nodes(ctx, src, ask, wanted)
	})
	for _, p := range parts {
		j := 0
		for _, o := range p.Owners {
			for _, i := range byOwner[o] {
				if p.Err != nil {
					found[i].Err = p.Named(o)
				} else {
					found[i] = present(p.Value[j])
				}
				j++
			}
		}
	}
}

func present(n store.Node) Found {
	if n == nil {
		return Found{Err: notFound}
	}
	return Found{Node: n}
}

// inDirectory finds communities and divisions, which need no source.
func inDirectory(d *store.Directory, id page.ID) (n store.Node, local bool) {
	switch id.Type {
	case store.Communities.Type:
		if c := d.Community(id.Owner); c != nil && c.UUID == id.UUID {
			return c, true
		}
		return nil, true
	case store.Divisions.Type:
		if x := d.Division(id.Owner); x != nil && x.UUID == id.UUID {
			return x, true
		}
		return nil, true
	}
	return nil, false
}

// Entities looks up federation representations: {__typename, id} of any type, or one of the
// keys of the directory: a community's slug, a division's code.
func Entities(ctx context.Context, s *Sources, ask *store.Ask, representations []map[string]any) []Found {
	found := make([]Found, len(representations))
	var ids []page.ID
	var at []int
	for i, r := range representations {
		typ, _ := r["__typename"].(string)
		if n, done := byOtherKey(ask.Directory, typ, r); done {
			found[i] = present(n)
			continue
		}
		text, _ := r["id"].(string)
		id, err := page.ParseID(text)
		if err == nil && id.Type != typ {
			err = fault.Newf(fault.BadUserInput, "the representation's id is of another type than its __typename")
		}
		if err != nil {
			found[i].Err = err
			continue
		}
		ids, at = append(ids, id), append(at, i)
	}
	for j, f := range Nodes(ctx, s, ask, ids) {
		found[at[j]] = f
	}
	return found
}

// byOtherKey finds a representation that carries a key other than id.
func byOtherKey(d *store.Directory, typ string, r map[string]any) (n store.Node, done bool) {
	switch typ {
	case store.Communities.Type:
		slug, ok := r["slug"].(string)
		if c := d.Community(slug); c != nil {
			n = c
		}
		return n, ok
	case store.Divisions.Type:
		code, ok := r["code"].(string)
		if x := d.Division(code); x != nil {
			n = x
		}
		return n, ok
	}
	return nil, false
}
