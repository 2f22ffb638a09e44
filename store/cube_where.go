package store

import (
	"slices"
	"strings"

	"github.com/lib/pq"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// MetricCondition keeps rows by a dimension.
type MetricCondition struct {
	Of     string
	In     []string // nil: any
	IsNull *bool    // true: rows without the dimension, too
}

// Conditions are a filter made of a cube's own dimensions, for which no input is written. What it
// tells of the rows is what grouping by the dimensions would tell.
type Conditions struct {
	cube  *Cube
	conds []condition
}

type condition struct {
	*Dimension
	in     []string
	isNull *bool
}

// maxKeys bounds the keys of one condition. Chosen: a page of a list, from which they are taken.
const maxKeys = page.MaxSize

// Conditions finds the dimensions of the conditions and checks their keys, with BAD_USER_INPUT
// for those that can be of no row.
func (c *Cube) Conditions(asked []*MetricCondition) (Conditions, error) {
	all := Conditions{cube: c}
	for _, a := range asked {
		d := c.Named(scalar.Enum(a.Of))
		switch {
		case d == nil:
			return all, fault.Newf(fault.BadUserInput, "%s has no such dimension; it has %s", c.Of.TypeName(), strings.Join(c.names(), ", ")).At("where", "of")
		case d.place != ofRow:
			return all, fault.Newf(fault.BadUserInput, "choose communities, or those of a division, by communities").At("where", "of")
		case a.In == nil && a.IsNull == nil:
			return all, fault.Newf(fault.BadUserInput, "a condition needs in or isNull").At("where", d.Name)
		case len(a.In) > maxKeys:
			return all, fault.Newf(fault.BadUserInput, "at most %d keys", maxKeys).At("where", d.Name, "in")
		}
		for _, key := range a.In {
			if d.enum != nil && !slices.Contains(d.enum, key) {
				return all, fault.Newf(fault.BadUserInput, "%s is one of %s", d.Name, strings.Join(d.enum, ", ")).At("where", d.Name, "in").With("legal", d.enum)
			}
			if id, err := page.ParseID(key); d.To != nil && (err != nil || id.Type != d.Type) {
				return all, fault.Newf(fault.BadUserInput, "%s is told by ids of a %s", d.Name, d.Type).At("where", d.Name, "in")
			}
		}
		all.conds = append(all.conds, condition{d, a.In, a.IsNull})
	}
	return all, nil
}

// Where adds what the cube counts anyhow, and the conditions.
func (c Conditions) Where(w *Where, ask *Ask) error {
	if c.cube.Default != nil {
		if err := c.cube.Default.Where(w, ask); err != nil {
			return err
		}
	}
	for _, x := range c.conds {
		x.where(w, ask)
	}
	return nil
}

func (c Conditions) class() authz.Class {
	class := authz.P0Public
	for _, x := range c.conds {
		class = max(class, x.Dimension.class)
	}
	return class
}

func (x condition) where(w *Where, ask *Ask) {
	key := "(" + w.now(ask, x.SQL) + ")"
	var args []any
	var tests []string
	switch {
	case x.in == nil:
	case x.To != nil:
		var ids []string
		for _, text := range x.in {
			id, _ := page.ParseID(text) // Conditions has checked it
			ids = append(ids, id.Owner+":"+id.UUID.String())
		}
		tests, args = append(tests, "t.owner || ':' || "+key+" = ANY(?)"), append(args, pq.StringArray(ids))
	default:
		test := key + "::text = ANY(?)"
		args = append(args, pq.StringArray(x.in))
		if x.enum != nil && slices.Contains(x.in, "OTHER") { // also what this version does not know
			test, args = "("+test+" OR "+key+"::text <> ALL(?))", append(args, pq.StringArray(x.enum))
		}
		tests = append(tests, test)
	}
	with := " OR "
	if x.isNull != nil && *x.isNull {
		tests = append(tests, key+" IS NULL")
	} else if x.isNull != nil {
		with = " AND "
		tests = append(tests, key+" IS NOT NULL")
	}
	cond := strings.Join(tests, with)
	if x.From != "" {
		cond = "EXISTS (SELECT FROM (SELECT) here " + x.From + " WHERE " + cond + ")"
	}
	w.And(cond, args...)
}
