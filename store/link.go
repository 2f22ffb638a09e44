package store

import (
	"context"
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// Link leads from the rows of one type to what a field of theirs shows. Links are followed
// for all rows of a level at once, one statement a link and source.
type Link struct {
	Parent string // GraphQL type
	Field  string // GraphQL field
	Child  string // GraphQL type it leads to, "" when nothing below it can be selected

	owner  func(parent Node) string // whose rows it leads to; nil: the parent's owner's
	scoped bool                     // made of restricted rows without leading to them
	via    string                   // the table between parent and child, "" for none
	alike  bool                     // it leads to the same from all rows of an owner
	key    func(parent Node) Key    // what tells parents apart that are no rows; nil: owner and id
	local  func(ask *Ask, parent Node, args map[string]any) (any, error)
	hot    Hot
	check  func(ask *Ask, args map[string]any) error // nil: nothing can be wrong with them
	load   func(ctx context.Context, src Source, b *Batch) error
}

// Local reports whether the link is answered from the directory, without a statement.
func (l *Link) Local() bool { return l.local != nil }

// Follow answers a local link.
func (l *Link) Follow(ask *Ask, parent Node, args map[string]any) (any, error) {
	return l.local(ask, parent, args)
}

// Key is what a row is known by among the rows of its type.
type Key struct {
	Owner string
	UUID  uuid.UUID
}

// Key tells apart the rows from which the link may lead to different things.
func (l *Link) Key(n Node) Key {
	r := n.Base()
	if l.key != nil {
		return l.key(n)
	}
	if l.alike {
		return Key{Owner: r.Owner}
	}
	return Key{r.Owner, r.UUID}
}

// Restricted reports whether the link leads to what only viewers with its owner in scope see.
func (l *Link) Restricted() bool {
	child := tables[l.Child]
	return l.scoped || child != nil && child.described().Restricted
}

// Hot returns the hot list behind the link, nil when there is none.
func (l *Link) Hot() Hot { return l.hot }

// Check says what is wrong with the field's arguments whatever the parent.
func (l *Link) Check(ask *Ask, args map[string]any) error {
	if l.check == nil {
		return nil
	}
	return l.check(ask, args)
}

// Load follows the link for a batch of parents that lie in one source.
func (l *Link) Load(ctx context.Context, src Source, b *Batch) error { return l.load(ctx, src, b) }

// Batch is the parents of one source for which a link is followed, with the field's
// arguments. Values[i] is what the link leads to from Parents[i].
type Batch struct {
	Ask      *Ask
	Parents  []Node
	Args     map[string]any
	Want     Want
	Coverage func(owner string) *page.Coverage // of this source's answer, for connections
	Values   []any
}

// Want says which parts of a connection were selected.
type Want struct{ Rows, Count bool }

// links by type and field; filled by package initialisation only.
var links = map[string]map[string]*Link{}

// LinkAt returns the link behind Type.field, nil when the field is none.
func LinkAt(typ, field string) *Link { return links[typ][field] }

func register(l *Link) *Link {
	if links[l.Parent] == nil {
		links[l.Parent] = map[string]*Link{}
	}
	if _, twice := links[l.Parent][l.Field]; twice {
		panic("store: link " + l.Parent + "." + l.Field + " is described twice")
	}
	links[l.Parent][l.Field] = l
	return l
}

// FromDirectory describes a link that the directory answers.
func FromDirectory[P any](parent *Table[P], field, child string, follow func(d *Directory, p *P) any) *Link {
	return register(&Link{Parent: parent.Type, Field: field, Child: child, local: func(ask *Ask, n Node, _ map[string]any) (any, error) {
		return follow(ask.Directory, (*P)(unsafe.Pointer(n.Base()))), nil
	}})
}

// FromOwner describes a link that the directory answers for the row's owner.
func FromOwner[P any](parent *Table[P], field, child string, follow func(d *Directory, owner string) any) *Link {
	return register(&Link{Parent: parent.Type, Field: field, Child: child, alike: true, local: func(ask *Ask, n Node, _ map[string]any) (any, error) {
		return follow(ask.Directory, n.Base().Owner), nil
	}})
}

// HasHot describes a connection that shows a hot list of the parent's owner. The arguments
// date (a Shanghai day) or at (an instant) ask for another time than now.
func HasHot[P, C any](parent *Table[P], field string, h *HotList[C]) *Link {
	return register(&Link{Parent: parent.Type, Field: field, Child: h.Table.Type, hot: h, check: func(_ *Ask, args map[string]any) error {
		_, err := h.Table.NewList("", nil, OrderArg(args), PageArgs(args))
		return err
	}})
}

// Instant is the time a hot list is asked about: the argument date or at, else now.
func Instant(args map[string]any, now time.Time) time.Time {
	if at, ok := args["at"].(*time.Time); ok && at != nil {
		return *at
	}
	if date, ok := args["date"].(*scalar.Date); ok && date != nil && *date != scalar.DateOf(now) {
		return date.Start()
	}
	return now
}

// HasOne describes a link to the row whose id stands in one of the parent's columns; nil
// when the column is NULL or the viewer may not see the row.
func HasOne[P, C any](parent *Table[P], field string, child *Table[C], column string) *Link {
	return HasOneAfar(parent, field, child, column, func(*P) *string { return nil })
}

// uuidAt returns a reader of a uuid column of the parent.
func (t *Table[T]) uuidAt(column string) func(Node) *uuid.UUID {
	c := t.columns[t.columnIndex(column)]
	at := func(n Node) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(n.Base()), c.offset) }
	switch c.typ {
	case reflect.TypeFor[uuid.UUID]():
		return func(n Node) *uuid.UUID { return (*uuid.UUID)(at(n)) }
	case reflect.TypeFor[*uuid.UUID]():
		return func(n Node) *uuid.UUID { return *(**uuid.UUID)(at(n)) }
	}
	panic(fmt.Sprintf("store: %s.%s is no uuid", t.Type, column))
}

// keys are distinct (owner, id) pairs in the order they were met.
type keys struct {
	owners, ids []string
	index       map[Key]int
}

func (k *keys) add(owner string, id uuid.UUID) int {
	if i, ok := k.index[Key{owner, id}]; ok {
		return i
	}
	if k.index == nil {
		k.index = map[Key]int{}
	}
	i := len(k.ids)
	k.index[Key{owner, id}] = i
	k.owners = append(k.owners, owner)
	k.ids = append(k.ids, id.String())
	return i
}

// distinctOwners of the keys, in the order they were met.
func (k *keys) distinctOwners() []string {
	var out []string
	seen := map[string]bool{}
	for _, o := range k.owners {
		if !seen[o] {
			seen[o] = true
			out = append(out, o)
		}
	}
	return out
}

// parentRows is the FROM item that numbers the keys: p(owner, id, n), n from 1.
func (k *keys) parentRows(w *Where) string {
	return "unnest(" + w.Arg(pq.Array(k.owners)) + "::text[], " + w.Arg(pq.Array(k.ids)) + "::uuid[]) WITH ORDINALITY p(owner, id, n)"
}
