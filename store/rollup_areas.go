package store

import (
	"encoding/json"
	"strconv"
	"strings"
)

// areasFrom is how many owners are asked for before totals of areas are looked at. Measured: to
// put areas together takes as long as reading ten owners' months.
const areasFrom = 16

// areasOver is a relation for an array of owners: totals of the largest areas within it, of the
// owners outside of those, and what has not been folded of those within (linhui_cover).
func (r *Rollup) areasOver(owners string) string {
	cols := "rollup_day, rollup_n"
	for _, k := range r.Keys {
		cols += ", " + k
	}
	for i := range r.sums {
		cols += ", rollup_m" + strconv.Itoa(i+1)
	}
	part := func(table, of string) string {
		return "SELECT " + cols + " FROM " + table + " WHERE owner = ANY ((SELECT " + of + " FROM cover)::text[])"
	}
	return "(WITH cover AS MATERIALIZED (SELECT * FROM linhui_cover(" + owners + "::text[])) " + strings.Join([]string{
		part(r.table+"_areas", "areas"), part(r.table, "apart"), part(r.table, "within") + " AND NOT folded"}, " UNION ALL ") + ")"
}

// area is a division with the communities of a source that lie in it, for linhui_place.
type area struct {
	Area    string   `json:"area"`
	Parent  *string  `json:"parent"`
	Members []string `json:"members"`
}

// areas are the divisions above the given communities, in no order: those that hold several of
// them, and more than any division below.
func (d *Directory) areas(communities []string) []area {
	members := map[string][]string{}
	for _, slug := range communities {
		if c := d.communities[slug]; c != nil {
			for x := d.divisions[c.ParentCode]; x != nil; x = d.parent(x) {
				members[x.Code] = append(members[x.Code], slug)
			}
		}
	}
	tells := func(x *Division) bool {
		n := len(members[x.Code])
		for _, child := range d.children[x.Code] {
			if len(members[child]) == n {
				return false
			}
		}
		return n > 1
	}
	all := []area{} // none is a list too
	for code, of := range members {
		x := d.divisions[code]
		if !tells(x) {
			continue
		}
		a := area{Area: code, Members: of}
		for x = d.parent(x); x != nil && a.Parent == nil; x = d.parent(x) {
			if tells(x) {
				a.Parent = &x.Code
			}
		}
		all = append(all, a)
	}
	return all
}

func (d *Directory) parent(x *Division) *Division {
	if x.ParentOf == nil {
		return nil
	}
	return d.divisions[*x.ParentOf]
}

// Which community lies where is the directory's to say, and seldom changes.
var _ = keeps(Chore{Name: "areas", AtOnce: 10_000, Do: func(r *Round) (int, error) {
	placed, err := json.Marshal(r.Ask.Directory.areas(r.Owners))
	if err != nil {
		return 0, err
	}
	return r.Count("SELECT linhui_place($1)", placed)
}})
