package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"slices"

	"linhui/internal/measure"
	"linhui/schema/scalar"
)

// groupReader reads the rows of one statement. Groups are many and alike: they are made some
// hundred at a time, and share the texts of their keys.
type groupReader struct {
	cube  *Cube
	query *CubeQuery
	typ   string
	owned bool
	log   *slog.Logger

	small   bool
	owner   sharedText
	day     sharedText
	keys    []sharedText
	texts   map[string]*string
	days    map[*string]*scalar.Date
	unknown map[*string]bool // keys that their enum lacks, already told of
	dest    []any
	lead    int

	groups []Group // still to be handed out
	parts  []measure.Part
	shown  []*string
	key    []byte
}

// groupsAtOnce is how many groups are made in one piece. Chosen: some 50 KB.
const groupsAtOnce = 256

func (c *Cube) groupReader(log *slog.Logger, q *CubeQuery) *groupReader {
	r := &groupReader{cube: c, query: q, typ: c.GroupType(), log: log, owned: slices.ContainsFunc(q.By, (*Dimension).ownerBound),
		keys: make([]sharedText, len(q.By)), texts: map[string]*string{}, days: map[*string]*scalar.Date{}, unknown: map[*string]bool{}}
	share := func(t *sharedText) {
		t.known = r.texts
		r.dest = append(r.dest, t)
	}
	r.dest = append(r.dest, &r.small)
	if r.owned {
		share(&r.owner)
	}
	if q.Bucket != "" {
		share(&r.day)
	}
	for i, d := range q.By {
		if d.place != ofOwner {
			share(&r.keys[i])
		}
	}
	r.lead = len(r.dest)
	return r
}

// sharedText scans a text, of which equal ones are one.
type sharedText struct {
	text  *string // nil is NULL
	known map[string]*string
}

func (t *sharedText) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.text = nil
	case []byte:
		if t.text = t.known[string(v)]; t.text == nil {
			t.add(string(v))
		}
	case string:
		if t.text = t.known[v]; t.text == nil {
			t.add(v)
		}
	default:
		return fmt.Errorf("a key is a text, not a %T", src)
	}
	return nil
}

func (t *sharedText) add(s string) {
	t.text = &s
	t.known[s] = t.text
}

func (r *groupReader) read(rs *sql.Rows) (*Group, error) {
	g := r.next()
	r.dest = r.dest[:r.lead]
	for i, m := range r.query.Measures {
		g.Parts[i] = m.Kind.Part()
		r.dest = append(r.dest, g.Parts[i].Dest()...)
	}
	if err := rs.Scan(r.dest...); err != nil {
		return nil, fmt.Errorf("group of %s: %w", r.cube.Of.TypeName(), err)
	}
	if r.owned && r.bound() {
		g.Owner = *r.owner.text
	}
	g.Suppressed = r.small
	r.key = append(r.key[:0], g.Owner...)
	if r.day.text != nil {
		day, err := r.dayOf(r.day.text)
		if err != nil {
			return nil, err
		}
		g.Bucket = day
		r.key = append(append(r.key, 0), *r.day.text...)
	}
	before := len(r.key)
	for i, d := range r.query.By {
		value := r.keys[i].text
		if d.place == ofOwner {
			value = r.owner.text
		}
		value = r.known(d, value)
		g.keys[i] = value
		r.key = append(r.key, 0)
		if value != nil {
			r.key = append(append(r.key, 1), *value...) // what is absent is not what is empty
		}
	}
	if g.Suppressed {
		r.key = append(r.key, 0) // apart from rows without the key
	}
	g.Key = string(r.key)
	g.rest = g.Key[before:]
	return g, nil
}

// next is an empty group.
func (r *groupReader) next() *Group {
	if len(r.groups) == 0 {
		r.groups = make([]Group, groupsAtOnce)
		r.parts = make([]measure.Part, groupsAtOnce*len(r.query.Measures))
		r.shown = make([]*string, groupsAtOnce*len(r.query.By))
	}
	g, m, k := &r.groups[0], len(r.query.Measures), len(r.query.By)
	g.typ, g.by, g.Parts, g.keys = r.typ, r.query.By, r.parts[:m:m], r.shown[:k:k]
	r.groups, r.parts, r.shown = r.groups[1:], r.parts[m:], r.shown[k:]
	return g
}

func (r *groupReader) dayOf(text *string) (*scalar.Date, error) {
	if day := r.days[text]; day != nil {
		return day, nil
	}
	day, err := scalar.ParseDate(*text)
	if err != nil {
		return nil, fmt.Errorf("bucket of %s: %w", r.cube.Of.TypeName(), err)
	}
	r.days[text] = &day
	return &day, nil
}

// known is a key, or OTHER in place of one that this version's enum lacks.
func (r *groupReader) known(d *Dimension, value *string) *string {
	if value == nil || d.enum == nil || slices.Contains(d.enum, *value) {
		return value
	}
	if !r.unknown[value] {
		r.unknown[value] = true
		r.log.Warn("unknown enum value mapped to OTHER", "table", r.cube.Of.described().Table, "dimension", d.Name, "enum", d.Type)
	}
	return &other
}

var other = "OTHER"

// bound reports whether the row just scanned has a key that belongs to its owner. Rows without
// a station, say, are one group, whoever's they are.
func (r *groupReader) bound() bool {
	for i, d := range r.query.By {
		if d.place == ofOwner || d.To != nil && r.keys[i].text != nil {
			return true
		}
	}
	return false
}

// keyOn is the key of the group with the same dimensions in the bucket that begins on a day.
func (g *Group) keyOn(day scalar.Date) string { return g.Owner + "\x00" + day.String() + g.rest }
