package compose

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// link is a @link to something else than federation.
type link struct {
	url, name string
	as        string
	imports   []imported
	raw       *ast.Directive
}

// brings reports whether the link is where a directive of this subgraph comes from, and what the feature itself calls it.
func (l link) brings(name string) (own string, ok bool) {
	for _, i := range l.imports {
		if i.as == "@"+name {
			return i.name, true
		}
	}
	if l.as == name {
		return "@" + l.name, true
	}
	if rest, ok := strings.CutPrefix(name, l.as+"__"); ok {
		return "@" + rest, true
	}
	return "", false
}

// exported are federation's directives that are understood, and the version that brought them.
var exported = map[string]int{
	"key": 0, "requires": 0, "provides": 0, "external": 0, "extends": 0, "shareable": 0, "inaccessible": 0, "override": 0, "tag": 0,
	"composeDirective": 1, "interfaceObject": 3, "authenticated": 5, "requiresScopes": 5, "policy": 6,
}

// refused are those that are not: carrying half of their meaning would be worse than none.
var refused = []string{"context", "fromContext", "cost", "listSize", "cacheTag"}

const newest = 14 // the last 2.x of federation that was looked at

var federation = regexp.MustCompile(`^https?://specs\.apollo\.dev/federation/v(\d+)\.(\d+)$`)

var spec = regexp.MustCompile(`/([A-Za-z_][A-Za-z0-9_-]*)(?:/v\d+\.\d+)?/?$`)

// names finds out what federation's directives are called in the subgraph.
func (c *composer) names(g *graph) {
	var all ast.DirectiveList
	var ops ast.OperationTypeDefinitionList
	for _, s := range append(slices.Clone(g.doc.Schema), g.doc.SchemaExtension...) {
		all = append(all, s.Directives...)
		ops = append(ops, s.OperationTypes...)
	}
	for _, o := range ops {
		usual := strings.ToUpper(string(o.Operation)[:1]) + string(o.Operation)[1:]
		if o.Type != usual {
			g.roots[o.Type] = usual
		}
	}
	g.fed1 = true
	for _, d := range all.ForNames("link") {
		url := argument(d, "url")
		m := federation.FindStringSubmatch(url)
		if m == nil {
			c.foreign(g, d, url)
			continue
		}
		minor := 0
		for _, r := range m[2] {
			minor = minor*10 + int(r-'0')
		}
		if m[1] != "2" || minor > newest {
			c.problem("UNKNOWN_FEDERATION_LINK_VERSION", one(g.at(d.Position)), "link a version from v2.0 to v2.14", "federation v%s.%s is not known", m[1], m[2])
			continue
		}
		g.fed1 = false
		prefix := argument(d, "as")
		if prefix == "" {
			prefix = "federation"
		}
		for name := range exported {
			g.local[prefix+"__"+name] = name
		}
		for _, name := range refused {
			g.local[prefix+"__"+name] = name
		}
		for _, item := range imports(d) {
			name := strings.TrimPrefix(item.name, "@")
			since, ok := exported[name]
			switch {
			case item.name == "FieldSet" || item.name == "Scope" || item.name == "ContextFieldValue" || item.name == "Policy":
			case slices.Contains(refused, name):
				g.local[strings.TrimPrefix(item.as, "@")] = name
			case !ok || !strings.HasPrefix(item.name, "@"):
				c.problem("INVALID_LINK_DIRECTIVE_USAGE", one(g.at(d.Position)), "import only what the version exports", "federation v%s.%s has nothing called %s", m[1], m[2], item.name)
			case since > minor:
				c.problem("INVALID_LINK_DIRECTIVE_USAGE", one(g.at(d.Position)), "link a newer version of federation", "%s came with federation v2.%d, the subgraph links v2.%d", item.name, since, minor)
			default:
				g.local[strings.TrimPrefix(item.as, "@")] = name
			}
		}
	}
	if g.fed1 {
		for _, name := range []string{"key", "requires", "provides", "external", "extends", "inaccessible", "tag"} {
			g.local[name] = name
		}
		for _, name := range []string{"shareable", "override", "interfaceObject", "composeDirective"} {
			if g.doc.Directives.ForName(name) == nil {
				g.local[name] = "!" + name
			}
		}
	}
	c.carries(g, all)
}

func (c *composer) foreign(g *graph, d *ast.Directive, url string) {
	m := spec.FindStringSubmatch(url)
	if m == nil || m[1] == "link" {
		return
	}
	l := link{url: url, name: m[1], as: argument(d, "as"), raw: d}
	if l.as == "" {
		l.as = m[1]
	}
	for _, item := range imports(d) {
		l.imports = append(l.imports, item)
		if strings.HasPrefix(url, "https://specs.apollo.dev/") && (m[1] == "tag" || m[1] == "inaccessible") {
			g.local[strings.TrimPrefix(item.as, "@")] = m[1]
		}
	}
	if strings.HasPrefix(url, "https://specs.apollo.dev/") && (m[1] == "tag" || m[1] == "inaccessible") {
		g.local[l.as] = m[1]
		return
	}
	if p := argument(d, "for"); p == "EXECUTION" || p == "SECURITY" {
		c.problem("UNSUPPORTED_LINKED_FEATURE", one(g.at(d.Position)), "remove the link", "%s says that it changes execution or security (for: %s); it is not known here", url, p)
		return
	}
	g.links = append(g.links, l)
}

type imported struct{ name, as string }

func imports(d *ast.Directive) []imported {
	a := d.Arguments.ForName("import")
	if a == nil {
		return nil
	}
	var out []imported
	for _, ch := range a.Value.Children {
		item := imported{ch.Value.Raw, ch.Value.Raw}
		if ch.Value.Kind == ast.ObjectValue {
			item = imported{}
			for _, f := range ch.Value.Children {
				switch f.Name {
				case "name":
					item.name = f.Value.Raw
				case "as":
					item.as = f.Value.Raw
				}
			}
			if item.as == "" {
				item.as = item.name
			}
		}
		out = append(out, item)
	}
	return out
}

func argument(d *ast.Directive, name string) string {
	if a := d.Arguments.ForName(name); a != nil && a.Value != nil && a.Value.Kind != ast.NullValue {
		return a.Value.Raw
	}
	return ""
}
