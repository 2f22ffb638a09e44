package store

import (
	"context"
	"unsafe"

	"github.com/google/uuid"
)

// HasOneAfar describes a link to a row that may be another owner's, perhaps in another
// source: owner reads whose it is from the parent, nil for the parent's own. Such links are
// columns without a foreign key, so the row may be missing; the field is null then.
func HasOneAfar[P, C any](parent *Table[P], field string, child *Table[C], column string, owner func(*P) *string) *Link {
	key := parent.uuidAt(column)
	at := func(n Node) string {
		if o := owner((*P)(unsafe.Pointer(n.Base()))); o != nil {
			return *o
		}
		return n.Base().Owner
	}
	return register(&Link{Parent: parent.Type, Field: field, Child: child.Type, owner: at, load: func(ctx context.Context, src Source, b *Batch) error {
		return child.refer(ctx, src, b, func(n Node) (string, *uuid.UUID) { return at(n), key(n) })
	}})
}

// refer loads, for each parent of a batch, the row whose key it holds; a nil id leads nowhere.
func (t *Table[T]) refer(ctx context.Context, src Source, b *Batch, key func(Node) (owner string, id *uuid.UUID)) error {
	var ks keys
	numbers := make([]int, len(b.Parents)) // parent -> key, -1 without one
	for i, p := range b.Parents {
		numbers[i] = -1
		if owner, id := key(p); id != nil {
			numbers[i] = ks.add(owner, *id)
		}
	}
	rows, err := t.byKeys(ctx, src, b.Ask, &ks)
	if err != nil {
		return err
	}
	for i, k := range numbers {
		if k >= 0 && rows[k] != nil {
			b.Values[i] = rows[k]
		}
	}
	return nil
}

// OwnerOf returns the owner of what the link leads to from a row, whose source is asked.
func (l *Link) OwnerOf(n Node) string {
	if l.owner != nil {
		return l.owner(n)
	}
	return n.Base().Owner
}
