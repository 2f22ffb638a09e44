package compose

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// carries finds the custom directives that a subgraph's @composeDirective names.
func (c *composer) carries(g *graph, all ast.DirectiveList) {
	for _, d := range all {
		if g.local[d.Name] != "composeDirective" {
			continue
		}
		name := strings.TrimPrefix(argument(d, "name"), "@")
		if g.doc.Directives.ForName(name) == nil {
			c.problem("DIRECTIVE_COMPOSITION_ERROR", one(g.at(d.Position)), "define the directive in the subgraph", "@composeDirective names @%s, which the subgraph does not define", name)
			continue
		}
		at := slices.IndexFunc(g.links, func(l link) bool { _, ok := l.brings(name); return ok })
		if at < 0 {
			c.problem("DIRECTIVE_COMPOSITION_ERROR", one(g.at(d.Position)), `link it from a specification of its own: @link(url: "https://example.com/name/v1.0", import: ["@`+name+`"])`, "@composeDirective names @%s, which comes from no @link", name)
			continue
		}
		own, _ := g.links[at].brings(name)
		g.composed = append(g.composed, name)
		c.customsOf(g.links[at]).add(custom{g: g, link: g.links[at], name: name, own: own})
	}
}

// custom is a directive of a feature that a subgraph wants carried.
type custom struct {
	g         *graph
	link      link
	name, own string // as the subgraph and as the feature call it; own with "@"
}

// family is a feature whose directives are carried, in whatever versions.
type family struct {
	identity string // the url without its version
	of       []custom
}

func (f *family) add(x custom) { f.of = append(f.of, x) }

var versioned = regexp.MustCompile(`^(.*)/v(\d+)\.(\d+)/?$`)

func version(url string) (identity string, major, minor int) {
	m := versioned.FindStringSubmatch(url)
	if m == nil {
		return url, 0, 0
	}
	major, _ = strconv.Atoi(m[2]) // digits; one that is too long is as good as the largest
	minor, _ = strconv.Atoi(m[3])
	return m[1], major, minor
}

func (c *composer) customsOf(l link) *family {
	identity, _, _ := version(l.url)
	for _, f := range c.families {
		if f.identity == identity {
			return f
		}
	}
	f := &family{identity: identity}
	c.families = append(c.families, f)
	return f
}

// newest is the link of the highest version. Versions that do not fit together are a problem.
func (c *composer) newest(f *family) link {
	best := f.of[0].link
	_, major, minor := version(best.url)
	for _, x := range f.of {
		_, ma, mi := version(x.link.url)
		if ma != major || ma == 0 && mi != minor {
			c.problem("DIRECTIVE_COMPOSITION_ERROR", []Place{f.of[0].g.at(f.of[0].link.raw.Position), x.g.at(x.link.raw.Position)}, "link versions that fit together in all subgraphs", "%s is linked in versions that do not fit together: %s and %s", f.identity, f.of[0].link.url, x.link.url)
		}
		if mi > minor {
			best, minor = x.link, mi
		}
	}
	return best
}

// carriedAlike checks that a directive that is carried means the same, by the same name, everywhere.
func (c *composer) carriedAlike() {
	byName := map[string]*family{}
	for _, f := range c.families {
		c.newest(f)
		byOwn := map[string]custom{}
		for _, x := range f.of {
			if first, ok := byOwn[x.own]; ok && first.name != x.name {
				c.problem("DIRECTIVE_COMPOSITION_ERROR", []Place{first.g.at(first.link.raw.Position), x.g.at(x.link.raw.Position)}, "import it by the same name in all subgraphs", "%s of %s is called @%s in %s and @%s in %s", x.own, f.identity, first.name, first.g.name, x.name, x.g.name)
			} else if !ok {
				byOwn[x.own] = x
			}
			if other := byName[x.name]; other != nil && other != f {
				c.problem("DIRECTIVE_COMPOSITION_ERROR", []Place{other.of[0].g.at(other.of[0].link.raw.Position), x.g.at(x.link.raw.Position)}, "import one of them by another name", "@%s comes from %s and from %s", x.name, other.identity, f.identity)
			}
			byName[x.name] = f
		}
	}
}

// customs are the links and definitions of what @composeDirective carries, each directive as its feature's newest version
// defines it.
func (c *composer) customs() (links, definitions []string) {
	for _, f := range c.families {
		newest := c.newest(f)
		imports := map[string]string{}
		defined := map[string]*graph{}
		for _, x := range f.of {
			text := quote(x.own)
			if x.own != "@"+x.name {
				text = fmt.Sprintf("{name: %s, as: %s}", quote(x.own), quote("@"+x.name))
			}
			imports[x.name] = text
			if defined[x.name] == nil || x.link.url == newest.url {
				defined[x.name] = x.g
			}
		}
		var names, list []string
		for name, g := range defined {
			names = append(names, name)
			definitions = append(definitions, printDefinition(g.doc.Directives.ForName(name)))
		}
		sort.Strings(names)
		for _, name := range names {
			list = append(list, imports[name])
		}
		links = append(links, fmt.Sprintf("@link(url: %s, import: [%s])", quote(newest.url), strings.Join(list, ", ")))
	}
	sort.Strings(links)
	sort.Strings(definitions)
	return links, definitions
}

func printDefinition(d *ast.DirectiveDefinition) string {
	s := "directive @" + d.Name
	if len(d.Arguments) > 0 {
		args := make([]string, len(d.Arguments))
		for i, a := range d.Arguments {
			args[i] = a.Name + ": " + a.Type.String()
			if a.DefaultValue != nil {
				args[i] += " = " + literal(a.DefaultValue)
			}
		}
		s += "(" + strings.Join(args, ", ") + ")"
	}
	if d.IsRepeatable {
		s += " repeatable"
	}
	locations := make([]string, len(d.Locations))
	for i, l := range d.Locations {
		locations[i] = string(l)
	}
	return s + " on " + strings.Join(locations, " | ")
}
