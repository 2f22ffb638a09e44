package sources

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"linhui/internal/cache"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/store"
)

// kept is a hot list of one owner as the cache holds it.
type kept struct {
	list string
	rows store.Rows // shared between requests
}

// hotFormat is the shape of kept rows. Raise it when a row's JSON changes incompatibly.
const hotFormat = 2

// UseRedis puts the hot lists behind Redis. observe and changed may be nil. It is called
// once, before the first request; Watch then keeps the lists honest.
func (s *Sources) UseRedis(client redis.UniversalClient, observe func(cache.Counts), changed func(up bool, cause error)) {
	s.hot = cache.New(client, cache.Options[kept]{
		Format:       hotFormat,
		Now:          s.opt.Now,
		Observe:      observe,
		RedisChanged: changed,
		Encode:       func(k kept) ([]byte, error) { return store.EncodeHot(k.list, k.rows) },
		Decode: func(b []byte) (kept, error) {
			list, rows, err := store.DecodeHot(b)
			return kept{list, rows}, err
		},
	})
	s.hot.Distrust(s.state.Load().owners()...) // until their changes can be heard of
}

// hotKey names a list of one source in the cache. The source is part of it: the versions of a
// community that moved to another database do not go on from the old ones.
func hotKey(src *Source, list string) string { return list + "@" + src.Key }

// HotPart is one source's share of a hot list: rows by owner, missing where there are none.
type HotPart = Part[map[string]store.Rows]

// HotRows reads a hot list of some owners at an instant: from Redis when only public columns
// are asked for and ordered by, else from the sources.
func HotRows(ctx context.Context, s *Sources, ask *store.Ask, h store.Hot, owners []string, at time.Time, by *store.OrderBy) []HotPart {
	if s.hot == nil || !h.Serves(ask, by) || !h.Keeps(at, s.Now()) {
		return Gather(ctx, s, owners, func(ctx context.Context, src *Source, owners []string) (map[string]store.Rows, error) {
			return h.LoadRows(ctx, src, ask, owners, at, by, false)
		})
	}
	parts := prune[map[string]store.Rows](s.state.Load(), owners)
	keys := make([]cache.Key, 0, len(owners))
	variant := h.VariantAt(at)
	for i := range parts {
		p := &parts[i]
		if p.Source == nil {
			p.fail(noSource)
			continue
		}
		for _, o := range p.Owners {
			keys = append(keys, cache.Key{List: hotKey(p.Source, h.ListName()), Owner: o, Variant: variant})
		}
	}
	results, err := s.hot.Get(ctx, keys, func(cache.Key) time.Duration { return h.Lifetime() }, func(ctx context.Context, missing []cache.Key) (map[cache.Key]cache.Loaded[kept], error) {
		return s.fill(ctx, ask, h, missing, at), nil
	})
	if err != nil {
		for i := range parts {
			parts[i].fail(fault.Of(err))
		}
		return parts
	}
	return fold(parts, results)
}

// HotPage pages through a hot list of the chosen owners at an instant.
func HotPage[T any](ctx context.Context, s *Sources, ask *store.Ask, h *store.HotList[T], l *store.List[T], chosen Chosen, at time.Time, abort bool) (*page.Connection[T], error) {
	start, err := begin(ask, l, chosen)
	if err != nil {
		return nil, err
	}
	parts := HotRows(ctx, s, ask, h, chosen.Owners, at, l.By)
	runs := make([][]*T, 0, len(chosen.Owners))
	for _, p := range parts {
		if p.Err != nil {
			continue
		}
		for _, g := range start.Split(p.Owners) {
			for _, o := range g.Owners {
				runs = append(runs, h.Run(l, p.Value[o], g.At, at))
			}
		}
	}
	rows := store.Own(store.Merge(runs, l.Reads, l.Window.Size+1))
	return connect(ask, l, start, rows, parts, chosen, abort, func(context.Context) (int, error) {
		n := 0
		for _, p := range parts {
			for _, rows := range p.Value {
				n += h.Count(rows, at)
			}
		}
		return n, nil
	})
}

// fill loads missing keys, one pair of statements a source: the versions first, so that a
// change between the two makes the entry outdated and never the other way round.
func (s *Sources) fill(ctx context.Context, ask *store.Ask, h store.Hot, missing []cache.Key, at time.Time) map[cache.Key]cache.Loaded[kept] {
	keys := make(map[string]cache.Key, len(missing))
	owners := make([]string, 0, len(missing))
	for _, k := range missing {
		keys[k.Owner] = k
		owners = append(owners, k.Owner)
	}
	type share struct {
		versions map[string]map[string]int64
		rows     map[string]store.Rows
	}
	parts := Gather(ctx, s, owners, func(ctx context.Context, src *Source, owners []string) (share, error) {
		versions, err := store.HotVersions(ctx, src, h.ListName(), owners)
		if err != nil {
			return share{}, err
		}
		rows, err := h.LoadRows(ctx, src, ask, owners, at, nil, true)
		return share{versions, rows}, err
	})
	out := make(map[cache.Key]cache.Loaded[kept], len(missing))
	for _, p := range parts {
		for _, o := range p.Owners {
			if p.Err != nil {
				out[keys[o]] = cache.Loaded[kept]{Err: p.Err}
				continue
			}
			rows, some := p.Value.rows[o]
			out[keys[o]] = cache.Loaded[kept]{
				Value:   kept{h.ListName(), rows},
				Version: max(p.Value.versions[o][h.ListName()], 1),
				Empty:   !some,
			}
		}
	}
	return out
}

// fold puts the results, which stand in the order of the owners of parts with a source, into
// the parts.
func fold(parts []HotPart, results []cache.Result[kept]) []HotPart {
	i := 0
	for n := range parts {
		p := &parts[n]
		if p.Source == nil {
			continue
		}
		p.State = page.OK
		p.Value = make(map[string]store.Rows, len(p.Owners))
		for _, o := range p.Owners {
			r := results[i]
			i++
			if r.Err != nil {
				p.fail(fault.Of(r.Err))
				continue
			}
			if r.Stale && p.Err == nil {
				p.State = page.Stale
			}
			if p.AsOf.IsZero() || r.AsOf.Before(p.AsOf) {
				p.AsOf = r.AsOf
			}
			p.Value[o] = r.Value.rows
		}
		if p.Err != nil {
			p.Value = nil // all of a source's share or none of it
		}
	}
	return parts
}

// hear takes a source's notice of a changed list: "owner list version".
func (s *Sources) hear(ctx context.Context, src *Source, payload string) {
	f := strings.Fields(payload)
	if len(f) != 3 {
		s.opt.Log.Warn("notice on linhui_hot is not: owner list version", "source", src.Key)
		return
	}
	version, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		s.opt.Log.Warn("notice on linhui_hot carries no version", "source", src.Key)
		return
	}
	if s.hot != nil {
		_ = s.hot.Invalidate(ctx, f[0], hotKey(src, f[1]), version+1) // its failure is the cache's to tell
	}
	s.changes.tell(Change{Owner: f[0], Topic: f[1]})
}
