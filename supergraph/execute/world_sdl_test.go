package execute_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func subgraphName(s int) string { return fmt.Sprintf("s%d", s) }

// sdls are those of the subgraphs, by name.
func (w *world) sdls() map[string]string {
	all := make(map[string]string)
	for s := range w.subgraphs {
		all[subgraphName(s)] = w.sdl(s)
	}
	return all
}

func (w *world) sdl(s int) string {
	var b strings.Builder
	b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires", "@provides", "@shareable", "@override", "@interfaceObject"])` + "\n")
	if b.WriteString("interface Node { kind: String }\n"); w.noted(s) {
		b.WriteString("extend interface Node { note: String }\n")
	}
	if w.spot[s] != nil {
		b.WriteString("type Spot @shareable " + spotSDL(w.spot[s]))
	}
	external := map[string][]*worldField{} // by type
	note := func(f *worldField) {
		for t, list := range f.external {
			external[t] = append(external[t], list...)
		}
	}
	for i, f := range slices.Concat(w.roots, w.changes) {
		root := "Query"
		if i >= len(w.roots) {
			root = "Mutation"
		}
		if slices.Contains(f.owners, s) {
			b.WriteString("extend type " + root + " { " + declared(f, s) + " }\n")
			note(f)
		}
	}
	for _, t := range w.types {
		for _, f := range t.fields {
			if slices.Contains(f.owners, s) {
				note(f)
			}
		}
	}
	var members []string
	for _, t := range w.anyOf(s, "Any") {
		members = append(members, t.name)
		b.WriteString("type " + t.name + " implements " + implemented(t))
		for _, k := range t.keys[s] {
			fmt.Fprintf(&b, " @key(fields: %q)", k)
		}
		b.WriteString(" {\n  " + keyFields(t.keys[s]) + "\n")
		if !t.isSite {
			b.WriteString("  kind: String @shareable\n")
		}
		writeFields(&b, t.fields, s, external[t.name])
	}
	if members != nil {
		b.WriteString("union Any = " + strings.Join(members, " | ") + "\n")
	}
	switch {
	case s == w.siteHub:
		b.WriteString("interface Site @key(fields: \"id\") {\n  id: ID!\n")
		for _, f := range w.common {
			if !f.lent {
				b.WriteString("  " + f.sdl() + "\n")
			}
		}
		b.WriteString("}\n")
	case w.site[s]:
		b.WriteString("type Site @interfaceObject @key(fields: \"id\") {\n  id: ID!\n")
		writeFields(&b, w.common, s, nil)
	}
	return b.String()
}

func implemented(t *worldType) string {
	if t.isSite {
		return "Site"
	}
	return "Node"
}

// keyFields declares what keys are made of.
func keyFields(keys []string) string {
	words := strings.Fields(strings.Join(keys, " "))
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ": ID! ") + ": ID!"
}

// writeFields declares what a subgraph has of a type: its own, stale ones, and those that it requires or provides.
func writeFields(b *strings.Builder, fields []*worldField, s int, external []*worldField) {
	external = slices.Clone(external)
	for _, f := range fields {
		switch {
		case slices.Contains(f.owners, s):
			b.WriteString("  " + declared(f, s) + "\n")
			for _, r := range f.requires {
				external = append(external, r.worldField)
			}
		case f.stale == s:
			b.WriteString("  " + f.sdl() + "\n")
		}
	}
	names := map[string]*worldField{}
	for _, f := range external {
		names[f.name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b.WriteString("  " + names[name].sdl() + " @external\n")
	}
	b.WriteString("}\n")
}

// declared is a field as its owner declares it.
func declared(f *worldField, s int) string {
	text := f.sdl()
	if len(f.owners) > 1 || f.provided {
		text += " @shareable"
	}
	if f.stale >= 0 {
		text += fmt.Sprintf(" @override(from: %q)", subgraphName(f.stale))
	}
	if f.requires != nil {
		text += fmt.Sprintf(" @requires(fields: %q)", fmt.Sprint(f.requires))
		text = strings.NewReplacer(`"[`, `"`, `]"`, `"`).Replace(text)
	}
	if f.provides != "" {
		text += fmt.Sprintf(" @provides(fields: %q)", f.provides)
	}
	return text
}

// merged is the schema of everything in one place.
func (w *world) merged() string {
	var b strings.Builder
	if b.WriteString("interface Node { kind: String }\n"); w.anyNoted() {
		b.WriteString("extend interface Node { note: String }\n")
	}
	b.WriteString("type Spot " + spotSDL(spotFields) + "interface Site {\n  id: ID!\n")
	for _, f := range w.common {
		b.WriteString("  " + f.sdl() + "\n")
	}
	b.WriteString("}\ntype Query {\n")
	for _, f := range w.roots {
		b.WriteString("  " + f.sdl() + "\n")
	}
	b.WriteString("}\ntype Mutation {\n")
	for _, f := range w.changes {
		b.WriteString("  " + f.sdl() + "\n")
	}
	b.WriteString("}\n")
	var members []string
	for _, t := range w.types {
		members = append(members, t.name)
		b.WriteString("type " + t.name + " implements " + implemented(t) + " {\n  id: ID!\n")
		if !t.isSite {
			b.WriteString("  kind: String\n  code: ID!\n")
		}
		for _, f := range t.fields {
			b.WriteString("  " + f.sdl() + "\n")
		}
		b.WriteString("}\n")
	}
	return b.String() + "union Any = " + strings.Join(members, " | ") + "\n"
}

// data is a data.json. Alone, what subgraphs make of representations stands in it as they would.
func (w *world) data(alone bool) []byte {
	entities := map[string]any{}
	for _, t := range w.types {
		var rows []any
		for i := range t.rows {
			rows = append(rows, t.row(i, alone))
		}
		entities[t.name] = rows
	}
	query, mutation := map[string]any{}, map[string]any{}
	for _, f := range w.roots {
		query[f.name] = f.values[0]
	}
	for _, f := range w.changes {
		mutation[f.name] = f.values[0]
	}
	raw, _ := json.Marshal(map[string]any{"entities": entities, "roots": map[string]any{"Query": query, "Mutation": mutation}})
	return raw
}

func (t *worldType) row(i int, alone bool) map[string]any {
	row := map[string]any{"id": fmt.Sprintf("%s-%d", t.name, i), "code": fmt.Sprintf("c%s-%d", t.name, i), "kind": strings.ToLower(t.name)}
	final := map[string]any{} // values as clients see them
	for _, f := range t.fields {
		row[f.name], final[f.name] = f.values[i], f.values[i]
		if f.args {
			for n := 1; n < 3; n++ {
				key := required{worldField: f, n: n}.String()
				row[key] = fmt.Sprintf("%v-%d", f.values[i], n)
				final[key] = row[key]
			}
		}
		if f.stale >= 0 {
			row[subgraphName(f.stale)+":"+f.name] = "stale"
		}
		if f.requires == nil {
			continue
		}
		var parts, filled []string
		for _, r := range f.requires {
			for _, way := range r.ways {
				parts = append(parts, "{"+r.name+"."+strings.Join(way, ".")+"}")
				filled = append(filled, follow(final[r.name], way))
			}
			if r.ways != nil {
				continue
			}
			parts = append(parts, "{"+r.name+"}")
			filled = append(filled, text(final[r.String()]))
		}
		final[f.name] = strings.Join(filled, "/")
		if row[f.name] = final[f.name]; !alone {
			row[f.name] = map[string]any{"$template": strings.Join(parts, "/")}
		}
	}
	return row
}

func text(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}
