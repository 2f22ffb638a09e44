package execute_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

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
	turns    atomic.Int64                // how many values "$turn" gave
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
	"extends", "composeDirective", "authenticated", "requiresScopes", "policy", "link"}

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
