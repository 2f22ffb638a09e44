package store

import (
	"github.com/google/uuid"
	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema"
)

// onlyOwn holds viewers who may not see others' rows to the rows that are of themselves, and all
// others to these and what is shown.
func (t *Table[T]) onlyOwn(ask *Ask, w *Where) {
	owner, id, ok := Self(ask.Viewer)
	switch others := schema.FindsOthers(ask.Viewer, t.Type); {
	case ask.wrote || ask.guarded || others && t.Shown == "":
	case others && ok:
		w.And(t.Shown+" OR t.owner = ? AND "+t.Own, owner, id)
	case others:
		w.And(t.Shown)
	case ok && t.Own != "":
		w.And("t.owner = ? AND "+t.Own, owner, id)
	default:
		w.And("false")
	}
}

// Self is the resident that a viewer is, when the token says so.
func Self(v *authz.Viewer) (owner string, id uuid.UUID, ok bool) {
	return holds(v.Resident, "Resident")
}

// speaker is the resident who says what a form holds: for staff whom they name, for others
// themselves, nil where they are not known as a resident of the community.
func speaker(tx *Tx, form *Form, named *string, staff authz.Role, at string) *string {
	v := tx.Ask.Viewer
	if named != nil && *named != v.Resident {
		if !v.Has(staff) {
			form.Fail(fault.Newf(fault.Forbidden, "you speak for yourself; staff may write down what others say").At(at))
		}
		return named
	}
	if home, _, ok := Self(v); ok && home == tx.Owner && (named != nil || !v.Has(staff)) {
		return &v.Resident
	}
	return nil
}

// neighbour is a speaker who lives in the community, unless staff name nobody.
func neighbour(tx *Tx, form *Form, named *string, staff authz.Role, at string) *string {
	who := speaker(tx, form, named, staff, at)
	if who == nil && !tx.Ask.Viewer.Has(staff) {
		form.Fail(fault.Newf(fault.Forbidden, "you ask for yourself, in the community that you live in").At(at))
	}
	return who
}

// servesIn refuses who acts for a team they do not belong to; staff act for all.
func servesIn(tx *Tx, team uuid.UUID, at string) error {
	if tx.Ask.Viewer.Has(authz.StationStaff) {
		return nil
	}
	owner, self, ok := Self(tx.Ask.Viewer)
	if ok && owner == tx.Owner {
		var one int
		found, err := tx.Get("SELECT 1 FROM team_memberships WHERE owner = $1 AND team_id = $2 AND resident_id = $3 AND until IS NULL", []any{tx.Owner, team, self}, &one)
		if found || err != nil {
			return err
		}
	}
	return fault.Newf(fault.Forbidden, "you act for teams that you belong to").At(at)
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

// showsDrafts reports whether some of the owners' unpublished rows are the viewer's to see: as staff,
// or in the answer to the write that made them.
func (t *Table[T]) showsDrafts(ask *Ask, owners []string) bool {
	return t.Published != "" && (ask.wrote || ask.Viewer.Reads(authz.P1Staff)) && len(ask.Sees(owners)) > 0
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
