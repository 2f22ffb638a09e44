package compose

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

var label = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9_:./-]*|percent\((\d{1,3}(?:\.\d{1,8})?)\))$`)

func goodLabel(text string) bool {
	m := label.FindStringSubmatch(text)
	if m == nil || m[1] == "" {
		return m != nil
	}
	percent, err := strconv.ParseFloat(m[1], 64)
	return err == nil && percent <= 100
}

// overrides takes fields from the subgraphs that @override names.
func (c *composer) overrides() {
	for _, g := range c.graphs {
		for _, name := range g.order {
			for _, f := range g.types[name].fields {
				if f.override == "" {
					continue
				}
				where := name + "." + f.name
				if g.types[name].kind == ast.Interface {
					c.problem("OVERRIDE_ON_INTERFACE", one(g.at(f.pos)), "put it on the types that implement it", "%s: @override has no meaning on an interface", where)
					continue
				}
				if f.override == g.name {
					c.problem("OVERRIDE_FROM_SELF_ERROR", one(g.at(f.pos)), "name the subgraph that has the field now", "%s overrides itself", where)
					continue
				}
				if f.label != "" && !goodLabel(f.label) {
					c.problem("OVERRIDE_LABEL_INVALID", one(g.at(f.pos)), "begin it with a letter, then letters, digits and _ - : . /; or write percent(x), x from 0 to 100", "%s has the label %q", where, f.label)
					continue
				}
				i := slices.IndexFunc(c.graphs, func(o *graph) bool { return o.name == f.override })
				if i < 0 {
					c.warn("FROM_SUBGRAPH_DOES_NOT_EXIST", one(g.at(f.pos)), "remove the directive or correct the name", "%s overrides the subgraph %q, which there is not", where, f.override)
					f.label = ""
					continue
				}
				from := c.graphs[i]
				var old *field
				if t := from.types[name]; t != nil {
					old = t.field(f.name)
				}
				if old == nil {
					c.warn("OVERRIDE_DIRECTIVE_CAN_BE_REMOVED", one(g.at(f.pos)), "remove the directive", "%s overrides the field of %s, which does not have it any more", where, from.name)
					f.label = ""
					continue
				}
				if old.override != "" {
					c.problem("OVERRIDE_SOURCE_HAS_OVERRIDE", []Place{g.at(f.pos), from.at(old.pos)}, "override from one side only", "%s is overridden from a field that is itself an @override", where)
					continue
				}
				if f.label != "" {
					c.warn("PROGRESSIVE_OVERRIDE_IGNORED", one(g.at(f.pos)), "remove the label when the field shall move", "%s has a progressive @override (%q): the field stays with %s", where, f.label, from.name)
					continue
				}
				if old.requires != "" || old.provides != "" {
					c.problem("OVERRIDE_COLLISION_WITH_ANOTHER_DIRECTIVE", []Place{g.at(f.pos), from.at(old.pos)}, "take @requires or @provides from the field that is overridden first", "%s overrides the field of %s, which has @requires or @provides", where, from.name)
					continue
				}
				if old.external {
					continue
				}
				old.overridden = true
			}
		}
	}
}
