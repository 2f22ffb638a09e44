package execute_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// dataset is the truth behind all subgraphs; see testdata/README.md.
type dataset struct {
	Entities map[string][]map[string]any `json:"entities"`
	Roots    map[string]map[string]any   `json:"roots"`
	implies  map[string][]string         // object types by interface, of all subgraphs
}

func readDataset(raw []byte) (*dataset, error) {
	d := &dataset{implies: make(map[string][]string)}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return d, dec.Decode(d)
}

// served is a subgraph answered from a dataset, as strictly as testdata/README.md says.
type served struct {
	name   string
	sdl    string
	data   *dataset
	schema *ast.Schema
	keys   map[string][]ast.SelectionSet
	marks  map[string]map[string]ast.DirectiveList // federation's directives by type and field
	bare   map[string]bool                         // types that are @interfaceObject
}

// federation's directives, however the SDL has renamed them.
var federation = []string{"key", "external", "requires", "provides", "interfaceObject", "shareable", "override", "inaccessible", "tag",
	"extends", "composeDirective", "authenticated", "requiresScopes", "link"}

// renames maps the names that an SDL uses to federation's own.
func renames(doc *ast.SchemaDocument) map[string]string {
	names := map[string]string{}
	for _, n := range federation {
		names[n], names["federation__"+n] = n, n
	}
	for _, def := range append(doc.Schema[:len(doc.Schema):len(doc.Schema)], doc.SchemaExtension...) {
		for _, d := range def.Directives {
			url := d.Arguments.ForName("url")
			if url == nil || !strings.Contains(url.Value.Raw, "/federation/") {
				continue
			}
			if as := d.Arguments.ForName("as"); as != nil {
				for _, n := range federation {
					names[as.Value.Raw+"__"+n] = n
				}
			}
			list := d.Arguments.ForName("import")
			if list == nil {
				continue
			}
			for _, c := range list.Value.Children {
				if as := c.Value.Children.ForName("as"); as != nil {
					names[strings.TrimPrefix(as.Raw, "@")] = strings.TrimPrefix(c.Value.Children.ForName("name").Raw, "@")
				}
			}
		}
	}
	return names
}

func serve(name, sdl string, data *dataset) (*served, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: name, Input: sdl})
	if err != nil {
		return nil, err
	}
	s := &served{name: name, sdl: sdl, data: data, keys: map[string][]ast.SelectionSet{}, marks: map[string]map[string]ast.DirectiveList{}, bare: map[string]bool{}}
	names := renames(doc)
	for _, def := range append(doc.Definitions[:len(doc.Definitions):len(doc.Definitions)], doc.Extensions...) {
		if err := s.strip(def, names); err != nil {
			return nil, err
		}
	}
	// Federation 1 extends what only other subgraphs define.
	var extensions ast.DefinitionList
	for _, def := range doc.Extensions {
		if doc.Definitions.ForName(def.Name) == nil {
			doc.Definitions = append(doc.Definitions, def)
		} else {
			extensions = append(extensions, def)
		}
	}
	doc.Extensions, doc.SchemaExtension, doc.Directives = extensions, nil, nil
	query := "Query"
	for _, def := range doc.Schema {
		def.Directives = nil
		for _, op := range def.OperationTypes {
			if op.Operation == ast.Query {
				query = op.Type
			}
		}
	}
	more := "scalar _Any type _Service { sdl: String! } "
	fields := "_service: _Service!"
	var members []string
	for _, t := range slices.Sorted(maps.Keys(s.keys)) {
		if def := doc.Definitions.ForName(t); def != nil && def.Kind == ast.Object {
			members = append(members, t)
		}
	}
	if members != nil {
		more += "union _Entity = " + strings.Join(members, " | ")
		fields += " _entities(representations: [_Any!]!): [_Entity]!"
	}
	if doc.Definitions.ForName(query) == nil {
		more += " type " + query + " { " + fields + " }"
	} else {
		more += " extend type " + query + " { " + fields + " }"
	}
	for _, source := range []*ast.Source{{Input: more}, validator.Prelude} {
		extra, err := parser.ParseSchema(source)
		if err != nil {
			return nil, err
		}
		doc.Merge(extra)
	}
	if s.schema, err = validator.ValidateSchemaDocument(doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, def := range s.schema.Types {
		for _, i := range def.Interfaces {
			if def.Kind == ast.Object && !slices.Contains(data.implies[i], def.Name) {
				data.implies[i] = append(data.implies[i], def.Name)
			}
		}
	}
	return s, nil
}

// strip takes federation's directives off a definition and remembers them.
func (s *served) strip(def *ast.Definition, names map[string]string) error {
	take := func(list ast.DirectiveList) (taken, rest ast.DirectiveList) {
		for _, d := range list {
			if n, ok := names[d.Name]; ok {
				own := *d
				own.Name = n
				taken = append(taken, &own)
			} else if d.Name == "deprecated" || d.Name == "specifiedBy" || d.Name == "oneOf" {
				rest = append(rest, d)
			}
		}
		return taken, rest
	}
	var taken ast.DirectiveList
	taken, def.Directives = take(def.Directives)
	for _, d := range taken {
		switch d.Name {
		case "interfaceObject":
			s.bare[def.Name] = true
		case "key":
			if r := d.Arguments.ForName("resolvable"); r != nil && r.Value.Raw == "false" {
				if s.keys[def.Name] == nil {
					s.keys[def.Name] = []ast.SelectionSet{}
				}
				continue
			}
			set, err := fieldSet(d)
			if err != nil {
				return err
			}
			s.keys[def.Name] = append(s.keys[def.Name], set)
		}
	}
	if s.marks[def.Name] == nil {
		s.marks[def.Name] = map[string]ast.DirectiveList{}
	}
	for _, f := range def.Fields {
		var marks ast.DirectiveList
		marks, f.Directives = take(f.Directives)
		if taken.ForName("external") != nil {
			marks = append(marks, taken.ForName("external"))
		}
		s.marks[def.Name][f.Name] = append(s.marks[def.Name][f.Name], marks...)
		for _, a := range f.Arguments {
			_, a.Directives = take(a.Directives)
		}
	}
	for _, v := range def.EnumValues {
		_, v.Directives = take(v.Directives)
	}
	return nil
}

// fieldSet reads the fields argument of a directive.
func fieldSet(d *ast.Directive) (ast.SelectionSet, error) {
	text := d.Arguments.ForName("fields").Value.Raw
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + text + "}"})
	if err != nil {
		return nil, fmt.Errorf("fields %q: %w", text, err)
	}
	return doc.Operations[0].SelectionSet, nil
}

func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	raw, _ := io.ReadAll(r.Body)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.answer(request.Query, request.OperationName, request.Variables))
}

type toldError struct {
	Message string `json:"message"`
	Path    []any  `json:"path,omitempty"`
}

func (s *served) answer(query, operation string, variables map[string]any) map[string]any {
	doc, list := gqlparser.LoadQueryWithRules(s.schema, query, nil)
	if list != nil {
		return map[string]any{"errors": []toldError{{Message: s.name + " cannot be asked this: " + list.Error() + " in " + query}}}
	}
	op := doc.Operations.ForName(operation)
	if operation == "" {
		op = doc.Operations[0]
	}
	vars, err := validator.VariableValues(s.schema, op, variables)
	if err != nil {
		return map[string]any{"errors": []toldError{{Message: s.name + ": variables: " + err.Error()}}}
	}
	a := &answering{served: s, doc: doc, variables: vars}
	root := map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation", ast.Subscription: "Subscription"}[op.Operation]
	def := map[ast.Operation]*ast.Definition{ast.Query: s.schema.Query, ast.Mutation: s.schema.Mutation, ast.Subscription: s.schema.Subscription}[op.Operation]
	data, ok := a.object(&node{typ: def.Name, data: s.data.Roots[root]}, op.SelectionSet, nil)
	answer := map[string]any{"data": nil}
	if ok {
		answer["data"] = data
	}
	if a.errors != nil {
		answer["errors"] = a.errors
	}
	return answer
}

// node is an object as one subgraph sees it.
type node struct {
	typ      string // in this subgraph
	data     map[string]any
	rep      map[string]any // what the subgraph was sent; nil: it was not asked by representation
	provided ast.SelectionSet
}

type answering struct {
	*served
	doc       *ast.QueryDocument
	variables map[string]any
	errors    []toldError
}

func (a *answering) fail(path []any, format string, args ...any) {
	a.errors = append(a.errors, toldError{a.name + ": " + fmt.Sprintf(format, args...), slices.Clone(path)})
}

func (a *answering) skipped(list ast.DirectiveList) bool {
	for _, d := range list {
		if d.Name == "skip" || d.Name == "include" {
			v, _ := d.Arguments.ForName("if").Value.Value(a.variables)
			if v == (d.Name == "skip") {
				return true
			}
		}
	}
	return false
}

func (a *answering) fits(typ, condition string) bool {
	if condition == "" || typ == condition {
		return true
	}
	return slices.ContainsFunc(a.schema.GetPossibleTypes(a.schema.Types[condition]), func(d *ast.Definition) bool { return d.Name == typ })
}

func (a *answering) collect(typ string, set ast.SelectionSet, into *[]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if a.skipped(sel.Directives) {
				continue
			}
			if at := slices.IndexFunc(*into, func(f *ast.Field) bool { return f.Alias == sel.Alias }); at >= 0 {
				both := *(*into)[at]
				both.SelectionSet = slices.Concat(both.SelectionSet, sel.SelectionSet)
				(*into)[at] = &both
			} else {
				*into = append(*into, sel)
			}
		case *ast.InlineFragment:
			if !a.skipped(sel.Directives) && a.fits(typ, sel.TypeCondition) {
				a.collect(typ, sel.SelectionSet, into)
			}
		case *ast.FragmentSpread:
			if def := a.doc.Fragments.ForName(sel.Name); !a.skipped(sel.Directives) && a.fits(typ, def.TypeCondition) {
				a.collect(typ, def.SelectionSet, into)
			}
		}
	}
}

// object answers a selection; false when it must be null.
func (a *answering) object(n *node, set ast.SelectionSet, path []any) (map[string]any, bool) {
	var fields []*ast.Field
	a.collect(n.typ, set, &fields)
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		at := append(path, f.Alias)
		if f.Name == "__typename" {
			out[f.Alias] = n.typ
			continue
		}
		def := a.schema.Types[n.typ].Fields.ForName(f.Name)
		v, ok := a.field(n, f, def, at)
		if !ok {
			return nil, false
		}
		out[f.Alias] = v
	}
	return out, true
}

func (a *answering) field(n *node, f *ast.Field, def *ast.FieldDefinition, path []any) (any, bool) {
	switch f.Name {
	case "_service":
		return map[string]any{"sdl": a.sdl}, true
	case "_entities":
		return a.entities(f, path), true
	}
	marks := a.marks[n.typ][f.Name]
	provided, isProvided := within(n.provided, f.Name)
	if marks.ForName("external") != nil && !isProvided && !a.isKeyPart(n.typ, f.Name) {
		a.fail(path, "%s.%s is external", n.typ, f.Name)
		return a.null(def.Type)
	}
	if p := marks.ForName("provides"); p != nil {
		set, err := fieldSet(p)
		if err != nil {
			a.fail(path, "%v", err)
		}
		provided = slices.Concat(provided, set)
	}
	return a.value(a.lookup(n.data, f), n, f, def.Type, provided, path)
}

// within returns what is provided below a field.
func within(set ast.SelectionSet, name string) (below ast.SelectionSet, ok bool) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == name {
				below, ok = slices.Concat(below, sel.SelectionSet), true
			}
		case *ast.InlineFragment:
			more, found := within(sel.SelectionSet, name)
			below, ok = slices.Concat(below, more), ok || found
		}
	}
	return below, ok
}

func (a *answering) isKeyPart(typ, field string) bool {
	for _, names := range a.keys {
		for _, set := range names {
			if hasField(set, field) && a.keys[typ] != nil {
				return true
			}
		}
	}
	// Objects inside keys, as organization { id }.
	for _, sets := range a.keys {
		for _, set := range sets {
			for _, sel := range set {
				if f, ok := sel.(*ast.Field); ok && f.SelectionSet != nil && hasField(f.SelectionSet, field) {
					return true
				}
			}
		}
	}
	return false
}

func hasField(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool { f, ok := s.(*ast.Field); return ok && f.Name == name })
}

// lookup finds the data of a field: with these arguments, of this subgraph alone, or plainly.
func (a *answering) lookup(data map[string]any, f *ast.Field) any {
	var parts []string
	for _, arg := range f.Arguments {
		if arg.Value.Kind == ast.Variable {
			if _, given := a.variables[arg.Value.Raw]; !given {
				continue
			}
		}
		v, _ := arg.Value.Value(a.variables)
		raw, _ := json.Marshal(v)
		parts = append(parts, arg.Name+":"+string(raw))
	}
	slices.Sort(parts)
	with := f.Name + "(" + strings.Join(parts, ",") + ")"
	for _, key := range []string{a.name + ":" + with, a.name + ":" + f.Name, with, f.Name} {
		if v, ok := data[key]; ok {
			return v
		}
	}
	return nil
}

func (a *answering) null(t *ast.Type) (any, bool) { return nil, !t.NonNull }

func (a *answering) value(v any, n *node, f *ast.Field, t *ast.Type, provided ast.SelectionSet, path []any) (any, bool) {
	switch special := v.(type) {
	case nil:
		if t.NonNull {
			a.fail(path, "there is no value, and %s allows no null", t)
		}
		return a.null(t)
	case []any:
		if t.Elem == nil {
			break
		}
		out := make([]any, len(special))
		for i, item := range special {
			var ok bool
			if out[i], ok = a.value(item, n, f, t.Elem, provided, append(path, i)); !ok {
				return a.null(t)
			}
		}
		return out, true
	case map[string]any:
		if text, ok := special["$error"]; ok {
			a.fail(path, "%v", text)
			return a.null(t)
		}
		if arg, ok := special["$echo"].(string); ok {
			out, _ := f.Arguments.ForName(arg).Value.Value(a.variables)
			return out, true
		}
		if template, ok := special["$template"].(string); ok {
			text, err := fill(template, n.rep)
			if err != nil {
				a.fail(path, "%s.%s: %v", n.typ, f.Name, err)
				return a.null(t)
			}
			return text, true
		}
	}
	if len(f.SelectionSet) == 0 {
		return v, true
	}
	data, ok := v.(map[string]any)
	if !ok {
		a.fail(path, "the data has no object for %s", t)
		return a.null(t)
	}
	child := a.child(data, t.Name())
	if child == nil {
		return a.null(t)
	}
	if def := a.schema.Types[child.typ]; def == nil || def.Kind != ast.Object {
		a.fail(path, "the type %q is not known here", child.typ)
		return a.null(t)
	}
	child.provided = provided
	out, ok := a.object(child, f.SelectionSet, path)
	if !ok {
		return a.null(t)
	}
	return out, true
}

// child is the object that data stands for where a type is expected; nil when there is none.
func (a *answering) child(data map[string]any, expected string) *node {
	typ, _ := data["__typename"].(string)
	if ref, ok := data["$ref"].(string); ok {
		typ = ref
		if data = a.deref(data); data == nil {
			return nil
		}
	}
	if def := a.schema.Types[expected]; def.Kind == ast.Object {
		typ = expected
	} else if a.schema.Types[typ] == nil {
		// An interface object stands for all types of its interface.
		for bare := range a.bare {
			if slices.Contains(a.data.implies[bare], typ) {
				typ = bare
				break
			}
		}
	}
	return &node{typ: typ, data: data}
}

func (a *answering) deref(ref map[string]any) map[string]any {
	for _, e := range a.data.Entities[ref["$ref"].(string)] {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(ref)), func(k string) bool { return k != "$ref" && !reflect.DeepEqual(ref[k], e[k]) }) {
			return e
		}
	}
	return nil
}

func (a *answering) entities(f *ast.Field, path []any) []any {
	v, _ := f.Arguments.ForName("representations").Value.Value(a.variables)
	list, _ := v.([]any)
	out := make([]any, len(list))
	for i, item := range list {
		rep, _ := item.(map[string]any)
		at := append(slices.Clone(path), i)
		n, err := a.find(rep)
		if err != nil {
			a.fail(at, "%v", err)
		}
		if n == nil {
			continue
		}
		if o, ok := a.object(n, f.SelectionSet, at); ok {
			out[i] = o
		}
	}
	return out
}

// find returns the entity of a representation; nil when there is none.
func (a *answering) find(rep map[string]any) (*node, error) {
	typ, _ := rep["__typename"].(string)
	def := a.schema.Types[typ]
	if def == nil || a.keys[typ] == nil {
		return nil, fmt.Errorf("%q is no entity here", typ)
	}
	at := slices.IndexFunc(a.keys[typ], func(key ast.SelectionSet) bool { return holds(rep, key) })
	if at < 0 {
		raw, _ := json.Marshal(rep)
		return nil, fmt.Errorf("no key of %s fits %s", typ, raw)
	}
	types := []string{typ}
	if a.bare[typ] || def.Kind == ast.Interface {
		types = append(types, a.data.implies[typ]...)
	}
	for _, t := range types {
		for _, e := range a.data.Entities[t] {
			if a.equal(e, rep, a.keys[typ][at]) {
				n := &node{typ: typ, data: e, rep: rep}
				if def.Kind == ast.Interface {
					n.typ = t
				}
				return n, nil
			}
		}
	}
	return nil, nil
}

// holds reports whether a representation has all fields of a key.
func holds(v any, key ast.SelectionSet) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !holds(item, key) })
	case map[string]any:
		for _, sel := range key {
			if f, ok := sel.(*ast.Field); ok {
				part, there := v[f.Name]
				if !there || f.SelectionSet != nil && !holds(part, f.SelectionSet) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// equal compares the fields of a key.
func (a *answering) equal(data, rep any, key ast.SelectionSet) bool {
	if key == nil {
		return reflect.DeepEqual(data, rep) || data != nil && rep != nil && fmt.Sprint(data) == fmt.Sprint(rep)
	}
	if list, ok := data.([]any); ok {
		other, ok := rep.([]any)
		if !ok || len(other) != len(list) {
			return false
		}
		for i := range list {
			if !a.equal(list[i], other[i], key) {
				return false
			}
		}
		return true
	}
	d, _ := data.(map[string]any)
	r, _ := rep.(map[string]any)
	if d == nil || r == nil {
		return data == nil && rep == nil
	}
	if _, ok := d["$ref"]; ok {
		d = a.deref(d)
	}
	for _, sel := range key {
		if f, ok := sel.(*ast.Field); ok && !a.equal(a.lookup(d, f), r[f.Name], f.SelectionSet) {
			return false
		}
	}
	return true
}

// fill makes the text of a template from a representation.
func fill(template string, rep map[string]any) (string, error) {
	if rep == nil {
		return "", fmt.Errorf("nothing was sent for %q", template)
	}
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(template, "{")
		b.WriteString(text)
		if !found {
			return b.String(), nil
		}
		path, after, _ := strings.Cut(rest, "}")
		v, err := pick(rep, strings.Split(path, "."))
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		template = after
	}
}

func pick(v any, path []string) (string, error) {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			var err error
			if parts[i], err = pick(item, path); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		if len(path) == 0 {
			break
		}
		part, ok := v[path[0]]
		if !ok {
			return "", fmt.Errorf("%s was not sent", path[0])
		}
		return pick(part, path[1:])
	case nil:
		return "null", nil
	}
	if len(path) > 0 {
		return "", fmt.Errorf("%s was not sent", path[0])
	}
	return cmp.Or(fmt.Sprint(v), ""), nil
}
