package dataloaders

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"linhui/page"
	"linhui/sources"
	"linhui/store"
)

// follow is one link with one set of arguments on one level: the rows it starts from, one of
// each key, where it leads, and the places in the operation that ask for it.
type follow struct {
	link     *store.Link
	args     map[string]any
	argErr   error
	want     store.Want
	rows     []store.Node
	index    map[store.Key]int // in rows and outcomes
	outcomes []outcome
	places   []place
}

// outcome is where a follow leads from one row.
type outcome struct {
	value any
	err   error
}

// place is one field of the operation and the rows it is asked on.
type place struct {
	key  *ast.Field
	typ  string // what the field shows
	sels ast.SelectionSet
	rows []store.Node
	at   []int // of each row, in the follow's outcomes
}

// join adds a place to an equal follow, or next itself.
func join(follows []*follow, next *follow, p place) []*follow {
	for _, f := range follows {
		if f.link == next.link && f.argErr == nil && next.argErr == nil && reflect.DeepEqual(f.args, next.args) {
			f.want.Rows = f.want.Rows || next.want.Rows
			f.want.Count = f.want.Count || next.want.Count
			f.add(p)
			return follows
		}
	}
	next.index = make(map[store.Key]int, len(p.rows))
	next.add(p)
	return append(follows, next)
}

// add joins a place's rows with those there are. Rows of one key that came by different ways
// are asked about once and share what they lead to.
func (f *follow) add(p place) {
	p.at = make([]int, len(p.rows))
	for n, r := range p.rows {
		key := f.link.Key(r)
		i, ok := f.index[key]
		if !ok {
			i = len(f.rows)
			f.index[key] = i
			f.rows = append(f.rows, r)
		}
		p.at[n] = i
	}
	f.places = append(f.places, p)
}

// values are what a place's rows lead to, each once.
func (f *follow) values(p place) []any {
	values := make([]any, 0, len(f.rows))
	seen := make([]bool, len(f.rows))
	for _, i := range p.at {
		if v := f.outcomes[i].value; v != nil && !seen[i] {
			seen[i] = true
			values = append(values, v)
		}
	}
	return values
}

// load follows every link of a level, all links and sources at once, and records where they
// lead at the rows.
func (w *walk) load(follows []*follow) {
	var wg sync.WaitGroup
	var remote []*follow
	for _, f := range follows {
		f.outcomes = make([]outcome, len(f.rows))
		switch {
		case f.argErr != nil:
			f.fail(f.argErr)
		case f.link.Local():
			for i, r := range f.rows {
				f.outcomes[i].value, f.outcomes[i].err = f.link.Follow(w.ask, r, f.args)
			}
		case f.link.Hot() != nil:
			wg.Go(func() { f.guarded(w.hot) })
		default:
			remote = append(remote, f)
		}
	}
	w.remote(remote)
	wg.Wait()
	for _, f := range follows {
		for _, p := range f.places {
			for n, r := range p.rows {
				r.Base().SetLoaded(p.key, f.outcomes[p.at[n]].value, f.outcomes[p.at[n]].err)
			}
		}
	}
}

// guarded turns a panic into the error of every row: it happens on a goroutine of ours, where
// nobody else would catch it.
func (f *follow) guarded(do func(*follow)) {
	defer func() {
		if r := recover(); r != nil {
			err := fmt.Errorf("link %s.%s: panic: %v\n%s", f.link.Parent, f.link.Field, r, debug.Stack())
			f.fail(err)
		}
	}()
	do(f)
}

// fail gives every row the same error.
func (f *follow) fail(err error) {
	for i := range f.outcomes {
		f.outcomes[i] = outcome{err: err}
	}
}

// hot follows a link to a hot list of the rows' owners.
func (w *walk) hot(f *follow) {
	h := f.link.Hot()
	at := store.Instant(f.args, w.ask.Viewer.At)
	byOwner, owners := f.byOwner()
	for _, p := range sources.HotRows(w.ctx, w.sources, w.ask, h, owners, at, store.OrderArg(f.args)) {
		for _, o := range p.Owners {
			for _, i := range byOwner[o] {
				if p.Err != nil {
					f.outcomes[i].err = p.Named(o)
					continue
				}
				list := f.link.Parent + "." + f.link.Field + " " + f.rows[i].Base().ID()
				f.outcomes[i].value, f.outcomes[i].err = h.PageOf(w.ask, list, f.args, p.Value[o], at, p.CoverageOf(o))
			}
		}
	}
}

// byOwner returns the indices of the rows by the owner of what they lead to, and the owners as
// they were met. A row whose link leads to nobody's, such as a group of rows without a station,
// is left out: it leads nowhere.
func (f *follow) byOwner() (index map[string][]int, owners []string) {
	index = map[string][]int{}
	for i, r := range f.rows {
		o := f.link.OwnerOf(r)
		if o == "" {
			continue
		}
		if index[o] == nil {
			owners = append(owners, o)
		}
		index[o] = append(index[o], i)
	}
	return index, owners
}

// remote follows links through the sources that hold the rows' owners. What lies outside the
// viewer's scope could not be asked, no more than a source that is down; nothing is not the answer.
func (w *walk) remote(follows []*follow) {
	byOwner := make([]map[string][]int, len(follows))
	questions := make([]sources.Question[*store.Batch], len(follows))
	for n, f := range follows {
		rows, owners := f.byOwner()
		if f.link.Restricted() {
			owners = slices.DeleteFunc(owners, func(o string) bool {
				if w.ask.Viewer.Covers(o) {
					return false
				}
				for _, i := range rows[o] {
					f.outcomes[i].err = sources.OutOfScope(o)
				}
				return true
			})
		}
		byOwner[n] = rows
		questions[n] = sources.Question[*store.Batch]{Owners: owners, Ask: func(ctx context.Context, src *sources.Source, db store.Source, owners []string) (*store.Batch, error) {
			b := &store.Batch{Ask: w.ask, Args: f.args, Want: f.want}
			for _, o := range owners {
				for _, i := range rows[o] {
					b.Parents = append(b.Parents, f.rows[i])
				}
			}
			b.Values = make([]any, len(b.Parents))
			b.Coverage = func(owner string) *page.Coverage {
				return sources.CoverageOf(src, owner, w.sources.Now())
			}
			return b, f.link.Load(ctx, db, b)
		}}
	}
	for n, parts := range sources.GatherAll(w.ctx, w.sources, questions) {
		for _, p := range parts {
			j := 0
			for _, o := range p.Owners {
				for _, i := range byOwner[n][o] {
					if p.Err == nil {
						follows[n].outcomes[i].value = p.Value.Values[j]
					} else {
						follows[n].outcomes[i].err = p.Named(o)
					}
					j++
				}
			}
		}
	}
}
