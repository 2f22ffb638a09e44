package store

import (
	"reflect"

	"linhui/page"
	"linhui/schema"
)

// labelled are the fields that say what people call a row, the first that its type has.
var labelled = []string{"nameZh", "labelZh"}

// LabelField is the field that says what people call rows of a type; "" when none does.
func LabelField(typ string) string {
	def := schema.Parsed().Types[typ]
	for _, name := range labelled {
		if def != nil && def.Fields.ForName(name) != nil {
			return name
		}
	}
	return ""
}

// LabelOf is what people call a row; nil when nothing does.
func LabelOf(n Node) *string {
	row := reflect.ValueOf(n).Elem()
	for _, name := range []string{"NameZh", "LabelZh", "Name"} {
		if f := row.FieldByName(name); f.IsValid() && f.Kind() == reflect.String && f.Len() > 0 {
			text := f.String()
			return &text
		}
	}
	return nil
}

// Label is what people call the key of a dimension whose keys are no rows.
func (d *Dimension) Label(key string) string {
	if def := schema.Parsed().Types[d.Type]; def != nil {
		if v := def.EnumValues.ForName(key); v != nil && v.Description != "" {
			return v.Description
		}
	}
	return key
}

// KeyText is the key of a dimension as metrics show it: a global id where it leads to a row, null
// as the community of what belongs to a district.
func (g *Group) KeyText(dir *Directory, d *Dimension) *string {
	key := g.keyed(d)
	if d.place == ofOwner && key != nil && dir.Community(*key) == nil {
		return nil
	}
	if id := idOf(key); d.To != nil && id != nil {
		text := page.ID{Type: d.Type, Owner: g.Owner, UUID: *id}.String()
		return &text
	}
	return key
}
