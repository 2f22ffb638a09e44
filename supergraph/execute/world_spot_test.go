package execute_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// spotFields are those of Spot, a value type that every subgraph but one may know a part of.
var spotFields = []string{"east", "north", "up", "near"}

// newSpot is a value of Spot.
func (w *world) newSpot(depth int) any {
	v := map[string]any{"near": nil}
	for _, name := range spotFields[:3] {
		if v[name] = fmt.Sprintf("m%d", w.IntN(100)); w.IntN(8) == 0 {
			v[name] = nil
		}
	}
	if depth > 0 && w.IntN(3) > 0 {
		v["near"] = w.newSpot(depth - 1)
	}
	return v
}

func spotSDL(fields []string) string {
	return "{ " + strings.ReplaceAll(strings.Join(fields, ": String ")+": String", "near: String", "near: Spot") + " }\n"
}

// note is a field of every type that implements Node. A subgraph's Node has it where all of its types answer it there.
func (w *world) note(t *worldType) *worldField {
	places := slices.Sorted(maps.Keys(t.keys))
	f := &worldField{name: "note", typ: "String", owners: places, stale: -1}
	if w.IntN(3) == 0 {
		f.owners = places[:1]
	}
	w.fill(f, t.rows)
	return f
}

// noted reports whether the subgraph's Node has the field note.
func (w *world) noted(s int) bool {
	types := w.anyOf(s, "Node")
	return types != nil && !slices.ContainsFunc(types, func(t *worldType) bool {
		return !slices.ContainsFunc(t.fields, func(f *worldField) bool { return f.name == "note" && slices.Contains(f.owners, s) })
	})
}

func (w *world) anyNoted() bool {
	for s := range w.subgraphs {
		if w.noted(s) {
			return true
		}
	}
	return false
}

// follow prints what a way leads to, as a template of testdata/README.md does.
func follow(v any, way []string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = follow(item, way)
		}
		return strings.Join(parts, ",")
	case map[string]any:
		return follow(v[way[0]], way[1:])
	}
	return text(v)
}
