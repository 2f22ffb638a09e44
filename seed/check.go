package seed

import (
	"slices"
	"strings"
)

// column says what a field of a record is and which column it fills.
type column struct {
	from string // a|b, or a path with dots
	to   string // "" when it is checked and stays in the provenance
	as   convert
	need bool
	late bool
	refs []string // sections one of whose records the field names; as is then nil
}

func (c column) expected() string {
	return "the id of a record of " + strings.Join(c.refs, " or ")
}

// section says which table the records of a section fill, and how.
type section struct {
	table       string
	id          string   // the field that identifies its records; "": id
	key         []string // columns of the table's key; nil: owner and id
	codes       bool     // its ids are values of other tables
	standing    bool     // its rows, once there, are no longer the importer's to change
	owner       []string // fields that lead to the owner, in order; nil: none
	columns     []column
	keep        func(*record) bool         // nil: all
	derive      func(*file, *record) error // what one field alone does not say
	derived     []string                   // further columns, which derive sets
	places      []string                   // further fields, whose facts derive puts into columns
	derivedLate []string                   // those of derived that are late
	complete    func(*file)                // what all its records together make, when all have derived
}

// refers reports whether a row may refer to one of the section: it has a table, or is a code.
func (s section) refers() bool { return s.table != "" || s.codes }

// column finds the description of a field.
func (s section) column(from string) column {
	for _, c := range s.columns {
		if slices.Contains(strings.Split(c.from, "|"), from) {
			return c
		}
	}
	return column{}
}

// check makes the rows of a file, or says what is wrong with it. It writes nothing.
func check(body []byte) (*file, error) {
	f, err := parse(body)
	if err != nil {
		return nil, err
	}
	for _, name := range sorted(sections) {
		s := sections[name]
		for _, r := range f.sections[name] {
			if s.owner != nil {
				if _, err := f.ownerOf(r); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, name := range sorted(sections) {
		s := sections[name]
		for _, r := range f.sections[name] {
			if err := f.convert(s, r); err != nil {
				return nil, err
			}
		}
	}
	// A derivation may reach into the rows of any section, so all rows are there first.
	for _, name := range sorted(sections) {
		s := sections[name]
		for _, r := range f.sections[name] {
			if s.derive == nil || r.row == nil {
				continue
			}
			if err := s.derive(f, r); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range sorted(sections) {
		if complete := sections[name].complete; complete != nil {
			complete(f)
		}
	}
	return f, nil
}

func (f *file) convert(s section, r *record) error {
	if err := f.checkSource(r); err != nil {
		return err
	}
	made := row{}
	placed := append(slices.Clone(s.places), keyOf(r.section), "community", "district", "source", "inferred", "inferredFields")
	for _, c := range s.columns {
		v := r.field(c.from)
		if v == nil && c.need {
			return r.bad(c.from, "a value")
		}
		var value any
		stays := c.to == ""
		if c.refs != nil {
			target, single, err := f.follow(r, c, v)
			if err != nil {
				return err
			}
			if target != nil && c.to != "" && sections[target.section].refers() && (target.owner == "" || target.owner == r.owner) {
				value = target.key()
			}
			stays = v != nil && (value == nil || !single)
		} else {
			var expected string
			if value, expected = c.as(v); expected != "" {
				return r.bad(c.from, expected)
			}
		}
		if !stays {
			for _, alternative := range strings.Split(c.from, "|") {
				top, _, _ := strings.Cut(alternative, ".")
				placed = append(placed, top)
			}
		}
		if c.to != "" {
			made[c.to] = value
		}
	}
	if s.table == "" || s.keep != nil && !s.keep(r) {
		return nil
	}
	if s.owner != nil {
		made["owner"], made["id"] = r.owner, ID(r.owner, r.id)
	}
	made["provenance"] = r.provenance(placed)
	r.row = made
	return nil
}

// follow finds the record that a reference names; of a list of references the first, and single
// says whether there was no other. A record of the district may be named from its communities.
func (f *file) follow(r *record, c column, v any) (target *record, single bool, err error) {
	values, isList := v.([]any)
	if !isList && v != nil {
		values = []any{v}
	}
	for i, value := range values {
		found := f.find(value, c.refs)
		if found == nil {
			return nil, false, r.bad(c.from, c.expected())
		}
		if r.owner != "" && sections[found.section].owner != nil {
			if _, err := f.ownerOf(found); err != nil {
				return nil, false, err
			}
		}
		if r.owner != "" && found.owner != "" && found.owner != r.owner && !isDivision(found.owner) {
			return nil, false, r.bad(c.from, c.expected()+" of the same community")
		}
		if i == 0 {
			target = found
		}
	}
	return target, len(values) == 1, nil
}

// key is what other rows refer to a record by.
func (r *record) key() any {
	if sections[r.section].owner == nil {
		return r.id
	}
	return ID(r.owner, r.id)
}

func (f *file) checkSource(r *record) error {
	source, expected := text(r.raw["source"])
	if source == nil || expected != "" {
		return r.bad("source", "the file of the document that states it")
	}
	if _, expected := flag(false)(r.raw["inferred"]); expected != "" {
		return r.bad("inferred", expected)
	}
	if _, expected := texts(r.raw["inferredFields"]); expected != "" {
		return r.bad("inferredFields", expected)
	}
	for _, s := range f.sections["sources"] {
		if s.raw["file"] == source {
			return nil
		}
	}
	return r.bad("source", "the file of one of the sources")
}

// provenance keeps where a record comes from, and beside it each stated fact that has no column.
func (r *record) provenance(placed []string) map[string]any {
	p := map[string]any{"source": r.raw["source"], "inferred": false, "inferredFields": []any{}}
	for _, name := range []string{"inferred", "inferredFields"} {
		if r.raw[name] != nil {
			p[name] = r.raw[name]
		}
	}
	for name, value := range r.raw {
		if value != nil && !slices.Contains(placed, name) {
			p[name] = value
		}
	}
	return p
}

// inferred marks columns that the importer filled without the document's word.
func inferred(provenance any, fields ...string) {
	p := provenance.(map[string]any)
	p["inferred"] = true
	known, _ := p["inferredFields"].([]any)
	known = slices.Clone(known)
	for _, field := range fields {
		if !slices.Contains(known, any(field)) {
			known = append(known, field)
		}
	}
	p["inferredFields"] = known
}
