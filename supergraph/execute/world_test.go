package execute_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// world is a random supergraph with its data.
type world struct {
	*rand.Rand
	subgraphs int
	types     []*worldType // entities; those of subgraph siteHub that implement Site are last
	roots     []*worldField

	siteHub int          // knows the types of the interface Site
	site    map[int]bool // subgraphs that have Site, most as an @interfaceObject
	common  []*worldField

	spotHub int              // knows all of the value type Spot
	spot    map[int][]string // fields of Spot, by subgraph
	changes []*worldField    // root fields of mutations
	broken  bool             // values are null that must not be
}

type worldType struct {
	name   string
	keys   map[int][]string // by subgraph; types live only where they have one
	fields []*worldField
	rows   int
	isSite bool
}

type worldField struct {
	name     string
	typ      string // of what is inside lists: String, Int, Node, Site, Any, Spot or an entity
	must     bool   // is never null, but in a world that is broken
	list     bool
	args     bool // takes n: Int, and answers something else for each n
	owners   []int
	stale    int  // a subgraph from which the owner takes the field by @override; -1: none
	lent     bool // by an @interfaceObject
	requires []required
	provides string
	provided bool                     // somewhere, so that its owner must share it
	external map[string][]*worldField // what provides names, by type
	values   []any                    // by row of the type; for a root one
}

// required is a field with its argument n, 0 being without, and of a Spot the ways to what is required of it.
type required struct {
	*worldField
	n    int
	ways [][]string
}

func (r required) String() string {
	if r.ways != nil {
		parts := make([]string, len(r.ways))
		for i, way := range r.ways {
			parts[i] = strings.Join(way, " { ") + strings.Repeat(" }", len(way)-1)
		}
		return r.name + " { " + strings.Join(parts, " ") + " }"
	}
	if r.n == 0 {
		return r.name
	}
	return fmt.Sprintf("%s(n:%d)", r.name, r.n)
}

func (f *worldField) leaf() bool { return f.typ == "String" || f.typ == "Int" }

// plain fields can be required and provided.
func (f *worldField) plain() bool { return f.leaf() && !f.list && !f.must }

func (f *worldField) sdl() string {
	s := f.name
	if f.args {
		s += "(n: Int)"
	}
	if f.list {
		return s + ": [" + f.typ + "]"
	}
	if f.must {
		return s + ": " + f.typ + "!"
	}
	return s + ": " + f.typ
}

func newWorld(r *rand.Rand) *world {
	w := &world{Rand: r, subgraphs: 2 + r.IntN(3)}
	w.siteHub, w.site = r.IntN(w.subgraphs), map[int]bool{}
	for s := range w.subgraphs {
		w.site[s] = s == w.siteHub || r.IntN(2) == 0
	}
	w.broken = r.IntN(3) == 0
	w.spotHub, w.spot = r.IntN(w.subgraphs), map[int][]string{}
	for s := range w.subgraphs {
		for _, name := range spotFields {
			if s == w.spotHub || r.IntN(2) == 0 {
				w.spot[s] = append(w.spot[s], name)
			}
		}
	}
	for i := range 2 + r.IntN(3) {
		t := &worldType{name: fmt.Sprintf("T%d", i), keys: map[int][]string{}, rows: 1 + r.IntN(3)}
		hub := r.IntN(w.subgraphs)
		for s := range w.subgraphs {
			switch {
			case s == hub:
				t.keys[s] = []string{"id", "code"}
			case r.IntN(4) > 0:
				t.keys[s] = [][]string{{"id"}, {"code"}, {"id", "code"}, {"id code"}}[r.IntN(4)]
			}
		}
		w.types = append(w.types, t)
	}
	for i := range 1 + r.IntN(3) {
		w.types = append(w.types, &worldType{name: fmt.Sprintf("S%d", i), keys: map[int][]string{w.siteHub: {"id"}}, rows: 1 + r.IntN(3), isSite: true})
	}
	for _, t := range w.types {
		for i := range 2 + r.IntN(5) {
			t.fields = append(t.fields, w.newField(t, fmt.Sprintf("%s_f%d", strings.ToLower(t.name), i)))
		}
		if !t.isSite {
			t.fields = append(t.fields, w.note(t))
		}
	}
	w.addCommon()
	for s := range w.subgraphs {
		for i, t := range w.types {
			if t.keys[s] != nil && (w.IntN(2) == 0 || i == s) {
				w.addRoot(fmt.Sprintf("all%s_%d", t.name, s), t.name, true, s)
				w.addRoot(fmt.Sprintf("one%s_%d", t.name, s), t.name, false, s)
				w.changes = append(w.changes, w.newRoot(fmt.Sprintf("change%s_%d", t.name, s), t.name, w.IntN(2) == 0, s))
			}
		}
		w.changes = append(w.changes, &worldField{name: fmt.Sprintf("turn_%d", s), typ: "Int", owners: []int{s}, stale: -1, values: []any{map[string]any{"$turn": true}}})
		for _, typ := range []string{"Node", "Site", "Any"} {
			if w.anyOf(s, typ) != nil {
				w.addRoot(fmt.Sprintf("all%s_%d", typ, s), typ, true, s)
				w.addRoot(fmt.Sprintf("one%s_%d", typ, s), typ, false, s)
			}
		}
	}
	var known []int
	for s := range w.subgraphs {
		if w.spot[s] != nil {
			known = append(known, s)
		}
	}
	for _, list := range []bool{false, true} {
		f := &worldField{name: fmt.Sprintf("spot_%t", list), typ: "Spot", list: list, owners: known, stale: -1}
		w.fill(f, 1)
		w.roots = append(w.roots, f)
	}
	return w
}

// newField makes a field of a type. Fields made earlier may be required by it.
func (w *world) newField(t *worldType, name string) *worldField {
	f := &worldField{name: name, stale: -1}
	places := slices.Sorted(maps.Keys(t.keys))
	f.owners = []int{places[w.IntN(len(places))]}
	switch w.IntN(9) {
	case 7:
		f.typ, f.must = "String", true
	case 8:
		f.typ, f.owners = "String", f.owners[:1]
		if t.keys[w.spotHub] != nil {
			f.typ, f.list, f.owners = "Spot", w.IntN(3) == 0, []int{w.spotHub}
			for _, s := range places {
				if s != w.spotHub && w.spot[s] != nil && w.IntN(2) == 0 {
					f.owners = append(f.owners, s)
				}
			}
		}
	case 0, 1:
		f.typ = "String"
		switch {
		case len(places) > 1 && w.IntN(3) == 0:
			f.owners = places[:2]
		case w.IntN(3) == 0:
			f.args = true
		case len(places) > 1 && w.IntN(3) == 0:
			if f.stale = places[w.IntN(len(places))]; f.stale == f.owners[0] {
				f.stale = -1
			}
		}
	case 2:
		f.typ = "Int"
	case 3, 4:
		f.typ = "String"
		f.requires = w.requirable(t.fields, f.owners[0])
	default:
		f.list = w.IntN(2) == 0
		f.typ = w.anyType(f.owners[0])
		w.provide(f)
	}
	w.fill(f, t.rows)
	return f
}

// requirable picks plain fields of other subgraphs.
func (w *world) requirable(fields []*worldField, s int) (list []required) {
	for _, f := range fields {
		if f.plain() && !slices.Contains(f.owners, s) && f.stale != s && w.IntN(3) > 0 {
			r := required{worldField: f}
			if f.args {
				r.n = w.IntN(3)
			}
			list = append(list, r)
		}
		if f.typ == "Spot" && !slices.Contains(f.owners, s) && w.spot[s] != nil && w.IntN(3) > 0 {
			r := required{worldField: f}
			for _, name := range w.spot[s] {
				if name != "near" {
					r.ways = append(r.ways, []string{name})
				} else if first := w.spot[s][0]; first != "near" {
					r.ways = append(r.ways, []string{"near", first})
				}
			}
			if r.ways != nil {
				list = append(list, r)
			}
		}
	}
	return list
}

// provide lets a field name what it gives of the entities that it leads to.
func (w *world) provide(f *worldField) {
	s := f.owners[0]
	if w.IntN(2) == 0 || f.typ == "Site" {
		return
	}
	f.external = map[string][]*worldField{}
	for _, t := range w.anyOf(s, f.typ) {
		var names []string
		for _, x := range t.fields {
			if x.plain() && !x.args && !slices.Contains(x.owners, s) && x.stale != s && x.requires == nil {
				names = append(names, x.name)
				f.external[t.name] = append(f.external[t.name], x)
				x.provided = true
				for _, lent := range w.common {
					lent.provided = lent.provided || t.isSite && lent.name == x.name
				}
			}
		}
		switch {
		case names == nil:
		case t.name == f.typ:
			f.provides = strings.Join(names, " ")
		default:
			f.provides += " ... on " + t.name + " { " + strings.Join(names, " ") + " }"
		}
	}
}

// addCommon makes the fields of the interface Site: of its hub, or lent by an @interfaceObject.
func (w *world) addCommon() {
	lenders := slices.DeleteFunc(slices.Sorted(maps.Keys(w.site)), func(s int) bool { return !w.site[s] || s == w.siteHub })
	for i := range 2 + w.IntN(4) {
		f := &worldField{name: fmt.Sprintf("site_f%d", i), typ: "String", owners: []int{w.siteHub}, stale: -1}
		if i > 0 && len(lenders) > 0 && w.IntN(3) > 0 {
			f.owners, f.lent = []int{lenders[w.IntN(len(lenders))]}, true
			switch w.IntN(3) {
			case 0:
				f.typ, f.list = w.anyType(f.owners[0]), w.IntN(2) == 0
			case 1:
				f.requires = w.requirable(w.common, f.owners[0])
			}
		}
		w.common = append(w.common, f)
	}
	for _, t := range w.types {
		if !t.isSite {
			continue
		}
		for _, f := range w.common {
			own := *f
			w.fill(&own, t.rows)
			t.fields = append(t.fields, &own)
		}
	}
}

func (w *world) fill(f *worldField, rows int) {
	for range rows {
		f.values = append(f.values, w.value(f))
	}
}

func (w *world) addRoot(name, typ string, list bool, s int) {
	w.roots = append(w.roots, w.newRoot(name, typ, list, s))
}

func (w *world) newRoot(name, typ string, list bool, s int) *worldField {
	f := &worldField{name: name, typ: typ, list: list, owners: []int{s}, stale: -1}
	w.provide(f)
	w.fill(f, 1)
	return f
}

// anyOf lists the types that a value may have in a subgraph.
func (w *world) anyOf(s int, typ string) (list []*worldType) {
	for _, t := range w.types {
		switch {
		case typ == "Site":
			if t.isSite && w.site[s] {
				list = append(list, t)
			}
		case t.keys[s] != nil && (typ == t.name || typ == "Any" || typ == "Node" && !t.isSite):
			list = append(list, t)
		}
	}
	return list
}

// anyType picks an entity that a subgraph has, or something abstract.
func (w *world) anyType(s int) string {
	names := []string{}
	for _, t := range w.anyOf(s, "Any") {
		names = append(names, t.name, t.name)
	}
	for _, typ := range []string{"Node", "Site", "Any"} {
		if w.anyOf(s, typ) != nil {
			names = append(names, typ)
		}
	}
	if len(names) == 0 {
		return "String"
	}
	return names[w.IntN(len(names))]
}

func (w *world) typ(name string) *worldType {
	return w.types[slices.IndexFunc(w.types, func(t *worldType) bool { return t.name == name })]
}

func (w *world) value(f *worldField) any {
	if f.list {
		list := make([]any, w.IntN(4))
		inner := *f
		inner.list = false
		for i := range list {
			list[i] = w.value(&inner)
		}
		return list
	}
	if w.IntN(8) == 0 && (!f.must || w.broken) {
		return nil
	}
	switch f.typ {
	case "String":
		return fmt.Sprintf("s%d", w.IntN(100))
	case "Int":
		return w.IntN(100)
	case "Spot":
		return w.newSpot(2)
	}
	may := w.anyOf(f.owners[0], f.typ)
	t := may[w.IntN(len(may))]
	return map[string]any{"$ref": t.name, "id": fmt.Sprintf("%s-%d", t.name, w.IntN(t.rows))}
}
