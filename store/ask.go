package store

import (
	"log/slog"
	"slices"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/page"
)

// Ask is what every statement of a request needs to know about it.
type Ask struct {
	Viewer    *authz.Viewer
	Demand    Demand
	Directory *Directory
	Cursors   *page.Signer
	Budget    database.Budget
	Log       *slog.Logger

	wrote   bool // reading back what the viewer has just written, see Write
	guarded bool // counting for a cube, which shows no row; see Guard
}

// Demand is the set of fields that an operation selects of each type, keyed by type name. A
// nil Demand demands every field the viewer may read.
type Demand map[string]map[string]bool

// Fields returns the fields demanded of a type; all is true when the demand is unknown.
func (d Demand) Fields(typ string) (fields map[string]bool, all bool) {
	if d == nil {
		return nil, true
	}
	return d[typ], false
}

// Sees returns the owners among the given ones whose restricted rows the viewer may read.
func (a *Ask) Sees(owners []string) []string {
	if a.Viewer.All {
		return owners
	}
	var seen []string
	for _, o := range owners {
		if a.Viewer.Covers(o) {
			seen = append(seen, o)
		}
	}
	return slices.Clip(seen)
}
