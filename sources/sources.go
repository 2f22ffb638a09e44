// Package sources knows which database holds what and asks them together. A query over
// several answers as if all rows lay in one; a source that does not answer costs its rows
// and is named.
package sources

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"linhui/internal/authz"
	"linhui/internal/cache"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/store"
)

// Source is one database and what is known of it.
type Source struct {
	*database.DB
	Key string
	// Essential sources fail the field when they do not answer; best-effort ones cost rows.
	Essential bool
}

// Options configure Open.
type Options struct {
	Directory *database.DB
	Sources   []*Source
	Cursors   *page.Signer
	Budgets   map[database.Budget]time.Duration // how long a source may take; the class's default where missing
	Now       func() time.Time
	Log       *slog.Logger
}

// Sources is the federation: the directory and every source.
type Sources struct {
	opt      Options
	state    atomic.Pointer[state]
	hot      *cache.Hot[kept] // nil: hot lists are read from SQL
	lanes    *lanes
	hearing  hearing
	changes  changes
	activity activity
	rowLog   *slog.Logger // for what rows hold, once a minute
}

// state is an unchanging picture of who holds what.
type state struct {
	directory *store.Directory
	version   string             // of the directory's database, from before it was read
	holder    map[string]*Source // by owner
	order     map[*Source]int
}

// Open reads the directory and asks every source which owners it holds. A source that does
// not answer is asked again by Refresh; until then its communities are known by name only.
// Two sources that claim one owner are refused, both named.
func Open(ctx context.Context, opt Options) (*Sources, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	slices.SortFunc(opt.Sources, func(a, b *Source) int { return strings.Compare(a.Key, b.Key) })
	s := &Sources{opt: opt, lanes: newLanes(atOnce), rowLog: slog.New(newSparse(opt.Log.Handler(), opt.Now))}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Refresh looks again who holds what. The running picture stays when the directory does not
// answer or two sources claim one owner; a source that does not answer keeps its owners.
func (s *Sources) Refresh(ctx context.Context) error {
	ask := &store.Ask{Viewer: &authz.Viewer{}, Log: s.rowLog}
	version, err := store.Snapshot(ctx, s.opt.Directory)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	dir, err := store.LoadDirectory(ctx, s.opt.Directory, ask)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	next := &state{directory: dir, version: version, holder: map[string]*Source{}, order: map[*Source]int{}}
	old := s.state.Load()
	parts := askAll(ctx, s, func(ctx context.Context, src *Source) ([]string, error) {
		return store.Owners(ctx, src)
	})
	var conflicts []error
	for i, p := range parts {
		src := s.opt.Sources[i]
		next.order[src] = i
		owners := p.Value
		if p.Err != nil {
			s.opt.Log.Warn("source does not say what it holds", "source", src.Key, "error", p.Err)
			owners = old.heldBy(src)
		}
		for _, o := range owners {
			if other, taken := next.holder[o]; taken {
				conflicts = append(conflicts, fmt.Errorf("sources %s and %s both claim %s: remove it from the owners table of one of them", other.Key, src.Key, o))
				continue
			}
			next.holder[o] = src
		}
	}
	if len(conflicts) > 0 {
		return errors.Join(conflicts...)
	}
	s.adopt(next)
	return nil
}

func (st *state) heldBy(src *Source) []string {
	if st == nil {
		return nil
	}
	var out []string
	for o, holder := range st.holder {
		if holder == src {
			out = append(out, o)
		}
	}
	slices.Sort(out)
	return out
}

// All returns the sources in source order.
func (s *Sources) All() []*Source { return s.opt.Sources }

// Now is the federation's clock.
func (s *Sources) Now() time.Time { return s.opt.Now() }

// Directory returns the present picture of divisions and communities.
func (s *Sources) Directory() *store.Directory { return s.state.Load().directory }

// Holder returns the source that holds an owner, nil when none is known to.
func (s *Sources) Holder(owner string) *Source { return s.state.Load().holder[owner] }

// Owners returns the owners a source holds, sorted.
func (s *Sources) Owners(src *Source) []string { return s.state.Load().heldBy(src) }

func (s *Sources) budget(b database.Budget) time.Duration {
	if d, ok := s.opt.Budgets[b]; ok {
		return d
	}
	return b.Default()
}

// Ask returns what statements of the request in ctx need to know about it.
func (s *Sources) Ask(ctx context.Context) *store.Ask {
	r := RequestOf(ctx)
	return &store.Ask{
		Viewer:    authz.FromContext(ctx),
		Demand:    r.Demand,
		Directory: s.Directory(),
		Cursors:   s.opt.Cursors,
		Budget:    r.Budget,
		Log:       s.rowLog,
	}
}

// Chosen is the set of owners that a list is asked of.
type Chosen struct {
	Owners    []string // to be asked, sorted
	Forbidden []string // asked for, but outside the viewer's scope
	Named     string   // the ones that were named, "" for all: what cursors are bound to
}

// Choose turns a communities argument (slugs, division codes or global ids; nil means every
// one) into owners. Restricted lists are narrowed to the viewer's scope: silently when none
// were named, as forbidden when they were.
func (s *Sources) Choose(ask *store.Ask, communities []string, restricted bool) (Chosen, error) {
	if communities == nil {
		all := s.state.Load().owners()
		if restricted {
			all = ask.Sees(all)
		}
		return Chosen{Owners: all}, nil
	}
	if len(communities) > MaxCommunities {
		return Chosen{}, fault.Newf(fault.BadUserInput, "at most %d communities can be asked at once", MaxCommunities).At("communities")
	}
	var c Chosen
	for _, text := range communities {
		owner := text
		if !ask.Directory.Holds(owner) {
			id, err := page.ParseID(text)
			if err != nil || (id.Type != "Community" && id.Type != "Division") || !ask.Directory.Holds(id.Owner) {
				return Chosen{}, fault.Newf(fault.BadUserInput, "communities holds one that this graph does not know; give slugs or ids of communities").At("communities")
			}
			owner = id.Owner
		}
		if restricted && !ask.Viewer.Covers(owner) {
			c.Forbidden = append(c.Forbidden, owner)
		} else {
			c.Owners = append(c.Owners, owner)
		}
	}
	slices.Sort(c.Owners)
	slices.Sort(c.Forbidden)
	c.Owners, c.Forbidden = slices.Compact(c.Owners), slices.Compact(c.Forbidden)
	named := slices.Sorted(slices.Values(slices.Concat(c.Owners, c.Forbidden))) // whatever the scope
	c.Named = "of " + strings.Join(named, ",")
	return c, nil
}

// MaxCommunities bounds the communities argument. Chosen: twice the scale set of 1,000.
const MaxCommunities = 2000

func (st *state) owners() []string {
	out := make([]string, 0, len(st.holder))
	for o := range st.holder {
		out = append(out, o)
	}
	for _, slug := range st.directory.Slugs() {
		if st.holder[slug] == nil {
			out = append(out, slug)
		}
	}
	slices.Sort(out)
	return out
}
