// Package store describes the domains: which columns a type has, how its lists are ordered
// and filtered, and which links lead from it to other types. It turns descriptions into SQL
// for one source; who is asked, and how answers merge, is for package sources.
//
// A domain is one file: its row structs, a Table and its links. Descriptions are package
// variables that register themselves, so that a new domain edits nothing here.
package store

import (
	"linhui/page"

	"github.com/google/uuid"
)

// Row is the part every row shares. Embed it first.
type Row struct {
	Owner string    `db:"owner"`
	UUID  uuid.UUID `db:"id"`

	typ    string
	id     string // of a row that is kept, and shown again and again; else made when it is asked for
	loaded []loaded
}

// Node is any row; *Row provides it.
type Node interface {
	Base() *Row
	IsNode()
}

func (r *Row) Base() *Row { return r }

// IsNode and IsEntity place a row in the graph's interface and union.
func (*Row) IsNode()   {}
func (*Row) IsEntity() {}

// ID is the row's global id.
func (r *Row) ID() string {
	if r.id != "" {
		return r.id
	}
	return page.ID{Type: r.typ, Owner: r.Owner, UUID: r.UUID}.String()
}

// TypeName is the GraphQL type of the row.
func (r *Row) TypeName() string { return r.typ }

type loaded struct {
	key   any
	value any
	err   error
}

// Expect makes room for n links, or fewer, to be recorded at each of the rows, in one piece.
func Expect(rows []Node, n int) {
	if n == 0 {
		return
	}
	room := make([]loaded, n*len(rows))
	for i, r := range rows {
		if b := r.Base(); b.loaded == nil {
			b.loaded = room[i*n : i*n : (i+1)*n]
		}
	}
}

// SetLoaded records what a link led to, or why it could not be followed. The key identifies
// the field in the operation, so that aliases with other arguments do not meet. A row may stand
// in a list many times; the first record of a key stays.
func (r *Row) SetLoaded(key, value any, err error) {
	if _, _, ok := r.Loaded(key); ok {
		return
	}
	r.loaded = append(r.loaded, loaded{key, value, err})
}

// Loaded returns what SetLoaded recorded; ok is false when the link was not followed.
func (r *Row) Loaded(key any) (value any, err error, ok bool) {
	for i := range r.loaded {
		if r.loaded[i].key == key {
			return r.loaded[i].value, r.loaded[i].err, true
		}
	}
	return nil, nil, false
}
