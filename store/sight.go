package store

import (
	"github.com/google/uuid"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/page"
	"linhui/schema"
)

// onlyOwn holds viewers who may not see others' rows to the rows that are of themselves.
func (t *Table[T]) onlyOwn(ask *Ask, w *Where) {
	if ask.wrote || ask.guarded || schema.FindsOthers(ask.Viewer, t.Type) {
		return
	}
	owner, id, ok := Self(ask.Viewer)
	if t.Own == "" || !ok {
		w.And("false")
		return
	}
	w.And("t.owner = ? AND "+t.Own, owner, id)
}

// Self is the resident that a viewer is, when the token says so.
func Self(v *authz.Viewer) (owner string, id uuid.UUID, ok bool) {
	return holds(v.Resident, "Resident")
}

// Post is the staff post that a viewer holds, when the token says so.
func Post(v *authz.Viewer) (owner string, id uuid.UUID, ok bool) {
	return holds(v.Post, "StaffPost")
}

func holds(global, typ string) (string, uuid.UUID, bool) {
	if global == "" {
		return "", uuid.UUID{}, false
	}
	id, err := page.ParseID(global)
	return id.Owner, id.UUID, err == nil && id.Type == typ
}

// showsDrafts reports whether some of the owners' unpublished rows are the viewer's to see.
func (t *Table[T]) showsDrafts(ask *Ask, owners []string) bool {
	return t.Published != "" && ask.Viewer.Reads(authz.P1Staff) && len(ask.Sees(owners)) > 0
}

// onlyPublished drops unpublished rows of all owners but those in scope.
func (t *Table[T]) onlyPublished(w *Where, scope []string) {
	switch {
	case t.Published == "":
	case len(scope) == 0:
		w.And(t.Published)
	default:
		w.And("("+t.Published+" OR t.owner = ANY(?))", pq.Array(scope))
	}
}
