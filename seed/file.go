package seed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"linhui/internal/fault"
)

// record is one record of a file.
type record struct {
	section string
	id      string
	owner   string // "" for what no owner holds: divisions, communities, sources, audiences
	raw     map[string]any
	row     row // of the section's table; nil while unchecked or when the section has none
}

// file is a parsed file: its records by section, in the order written, and by id.
type file struct {
	sections map[string][]*record
	byID     map[string]*record
	extra    map[string][]row // rows of tables that no section is, by table
}

// keyOf names the field that identifies the records of a section.
func keyOf(section string) string {
	return cmp.Or(sections[section].id, "id")
}

// unkeyed are sections about the file itself.
var unkeyed = []string{"meta", "glossary"}

func parse(body []byte) (*file, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var top map[string]json.RawMessage
	if err := decoder.Decode(&top); err != nil {
		return nil, malformed(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Newf(fault.BadUserInput, "the file goes on after its JSON object")
	}
	f := &file{sections: map[string][]*record{}, byID: map[string]*record{}, extra: map[string][]row{}}
	for _, section := range sorted(top) {
		if slices.Contains(unkeyed, section) {
			continue
		}
		if err := f.read(section, top[section]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func malformed(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fault.Newf(fault.BadUserInput, "the file is not JSON: byte %d: %v", syntax.Offset, err)
	}
	return fault.Newf(fault.BadUserInput, "the file is not a JSON object of sections: %v", err)
}

func (f *file) read(section string, body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var raws []map[string]any
	if err := decoder.Decode(&raws); err != nil {
		return fault.Newf(fault.BadUserInput, "section %s is not a list of records: %v", section, err)
	}
	for i, raw := range raws {
		r := &record{section: section, raw: raw}
		id, ok := raw[keyOf(section)].(string)
		if !ok || strings.TrimSpace(id) == "" {
			r.id = fmt.Sprintf("number %d", i+1)
			return r.bad(keyOf(section), "an id")
		}
		r.id = id
		if other := f.byID[id]; other != nil {
			return r.bad(keyOf(section), "an id that no other record has, not that of one in "+other.section)
		}
		f.byID[id] = r
		f.sections[section] = append(f.sections[section], r)
	}
	return nil
}

// bad is the error of a field that is not as expected.
func (r *record) bad(field, expected string) error {
	return fault.Newf(fault.BadUserInput, "%s %s: %s: expected %s", r.section, r.id, field, expected).At(r.section, r.id, field)
}

// field follows a path such as approval.studiedBy; of alternatives a|b the first that is there.
func (r *record) field(path string) any {
	for _, alternative := range strings.Split(path, "|") {
		value := any(r.raw)
		for _, name := range strings.Split(alternative, ".") {
			in, _ := value.(map[string]any)
			value = in[name]
		}
		if value != nil {
			return value
		}
	}
	return nil
}

// find is the record of one of the sections that value names; sections nil: of any.
func (f *file) find(value any, sections []string) *record {
	id, _ := value.(string)
	if r := f.byID[id]; r != nil && slices.Contains(sections, r.section) {
		return r
	}
	return nil
}

// ownerOf follows the fields that lead from a record to its owner: its community, else its
// district by name, else that of the record it belongs to. The error is of the first that fails.
func (f *file) ownerOf(r *record) (string, error) {
	if r.owner != "" {
		return r.owner, nil
	}
	for _, field := range sections[r.section].owner {
		value := r.raw[field]
		if value == nil {
			continue
		}
		switch field {
		case "community":
			if f.find(value, []string{"communities"}) == nil {
				return "", r.bad(field, "the id of a community of the file")
			}
			r.owner = value.(string)
		case "district":
			for _, d := range f.sections["divisions"] {
				if d.raw["name"] == value && d.raw["level"] == "DISTRICT" {
					if r.owner != "" {
						return "", r.bad(field, "the name of one district of the file; several are called so")
					}
					r.owner = d.id
				}
			}
			if r.owner == "" {
				return "", r.bad(field, "the name of a district of the file")
			}
		default:
			c := sections[r.section].column(field)
			above := f.find(value, c.refs)
			if above == nil {
				return "", r.bad(field, c.expected())
			}
			owner, err := f.ownerOf(above)
			if err != nil {
				return "", err
			}
			r.owner = owner
		}
		return r.owner, nil
	}
	return "", r.bad(sections[r.section].owner[0], "whose record this is")
}

// isDivision tells the owners that are divisions from communities.
func isDivision(owner string) bool {
	return len(owner) == 12 && strings.Trim(owner, "0123456789") == ""
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
