package execute

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// Program is a plan made ready to run: keys are slots, documents are bytes. It is immutable as
// far as callers see, and shared by all requests for its operation.
type Program struct {
	Plan *plan.Plan

	schema *ast.Schema // the client's
	root   *shape
	start  node // nil: nothing to fetch
	stream *call
	out    *outputs
	shapes uint32
	calls  int
	// apart: paths part by type before their end, so that two objects that came from one
	// representation may have to differ in what later fetches add.
	apart    bool
	refusal  *fault.Error  // told at fields that the plan refuses
	switches []string      // variables of @skip and @include, a bit each
	written  atomic.Uint32 // numbers given to fields
}

// switchesMost is how many variables may decide about fields of one operation: a bit each.
const switchesMost = 64

// node is a step of a program: sequence, parallel, choice or *call.
type node interface{ run(x *execution) }

type (
	sequence []node
	parallel []node
	choice   struct {
		variable        string
		then, otherwise node
	}
)

// call is one fetch.
type call struct {
	number    int // in the program, from 0
	id        int // in the plan
	subgraph  string
	mutation  bool
	query     string
	operation string
	head      []byte // of the request, up to and including the brace of the variables
	variables []variable
	answer    *shape // of its data
	targets   []target
	into      place    // where an answer without targets is merged
	at        string   // where the answer goes, printed
	keys      []string // the client's response keys at the root that an answer without targets has
}

type variable struct {
	name string
	key  []byte // "name":
}

// target is one _entities of a call.
type target struct {
	slot   int // in the call's answer
	alias  string
	key    []byte // of the representations among the variables
	places []place
	// again: elements are read once for each place, or for each object when paths part by type,
	// because places have shapes of their own.
	again bool
}

// place is where a path leads.
type place struct {
	steps    []step
	path     plan.Path
	shape    *shape
	requires []required // of the objects there; nil: they are not entities
	rewrites []rewrite
}

// step is a plan.Step whose key is a slot of the shape at hand.
type step struct {
	slot  int
	each  bool
	types []string
	shape *shape // of the object that slot and types are about
}

type rewrite struct {
	steps    []step
	shape    *shape
	from, to int
	rename   plan.Rewrite
}

type required struct {
	types    []string
	typeName []byte // with its key, as JSON; nil: the object's own
	fields   []requiredField
	partly   bool // without what is no key it is asked for nonetheless
}

type requiredField struct {
	slot   int
	name   []byte // "name":
	types  []string
	isKey  bool
	lost   []int // slots of what is left out when it is not there
	fields []requiredField
	shape  *shape // of the object or objects that fields are about
}

// Compile makes the program of a plan. The schema is the client's: nulls, types and the order of
// fields follow it.
func Compile(schema *ast.Schema, p *plan.Plan) (*Program, error) {
	c := &compiler{Program: &Program{Plan: p, schema: schema, refusal: refusal(fault.Forbidden)}}
	c.Program.root = c.shape(true)
	c.Program.root.static = rootType(schema, p.Kind)
	c.types(c.Program.root, p.Operation().SelectionSet, p.Document, true)
	var err error
	if s, ok := p.Root.(*plan.Subscription); ok {
		if c.stream, err = c.fetch(s.Primary, nil); err == nil {
			c.start, err = c.node(s.Rest)
		}
	} else {
		c.start, err = c.node(p.Root)
	}
	if err != nil {
		return nil, err
	}
	for _, finish := range c.late {
		finish()
	}
	c.Program.root.finish(c.apart, make(map[*shape]bool))
	if err := c.output(p); err != nil {
		return nil, err
	}
	return c.Program, nil
}

// types gives the client's fields their slots, in the client's order, and the objects whose type
// the schema fixes their type.
func (c *compiler) types(s *shape, set ast.SelectionSet, doc *ast.QueryDocument, interned bool) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if strings.HasPrefix(sel.Name, "__") {
				continue
			}
			slot := s.slotOf(sel.Alias)
			if len(sel.SelectionSet) == 0 {
				continue
			}
			static := ""
			if def := c.schema.Types[sel.Definition.Type.Name()]; def.Kind == ast.Object {
				static = def.Name
			}
			child := s.below[slot]
			if child == nil {
				child = c.shape(interned)
				child.static = static
				s.below[slot] = child
			}
			if child.static != static {
				child.static = ""
			}
			child.interned = child.interned && interned
			c.types(child, sel.SelectionSet, doc, interned)
		case *ast.InlineFragment:
			c.types(s, sel.SelectionSet, doc, interned && (sel.TypeCondition == "" || sel.TypeCondition == s.static))
		case *ast.FragmentSpread:
			def := doc.Fragments.ForName(sel.Name)
			c.types(s, def.SelectionSet, doc, interned && def.TypeCondition == s.static)
		}
	}
}

func rootType(schema *ast.Schema, kind ast.Operation) string {
	def := schema.Query
	switch kind {
	case ast.Mutation:
		def = schema.Mutation
	case ast.Subscription:
		def = schema.Subscription
	}
	if def == nil {
		return ""
	}
	return def.Name
}

type compiler struct {
	*Program
	late []func() // what can be said once all shapes are complete
}

func (c *compiler) shape(interned bool) *shape {
	c.shapes++
	return &shape{number: c.shapes, typename: -1, interned: interned}
}

func (c *compiler) node(n plan.Node) (node, error) {
	switch n := n.(type) {
	case nil:
		return nil, nil
	case *plan.Sequence:
		list, err := c.nodes(n.Nodes)
		return sequence(list), err
	case *plan.Parallel:
		list, err := c.nodes(n.Nodes)
		return parallel(list), err
	case *plan.Condition:
		then, err := c.node(n.Then)
		if err != nil {
			return nil, err
		}
		otherwise, err := c.node(n.Else)
		return &choice{n.Variable, then, otherwise}, err
	case *plan.Flatten:
		return c.fetch(n.Fetch, n.Path)
	case *plan.Fetch:
		return c.fetch(n, nil)
	case *plan.BatchFetch:
		return c.batch(n)
	}
	return nil, fmt.Errorf("execute: a plan with a %T is not supported", n)
}

func (c *compiler) nodes(list []plan.Node) ([]node, error) {
	var made []node
	for _, n := range list {
		m, err := c.node(n)
		if err != nil {
			return nil, err
		}
		if m != nil {
			made = append(made, m)
		}
	}
	return made, nil
}

func (c *compiler) call(id int, subgraph, document, operation string, variables []string) (*call, ast.SelectionSet, *ast.QueryDocument, error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("execute: the plan's document for %s: %w", subgraph, err)
	}
	k := &call{number: c.calls, id: id, subgraph: subgraph, query: document, operation: operation,
		mutation: doc.Operations[0].Operation == ast.Mutation, answer: c.shape(false)}
	c.calls++
	query, _ := json.Marshal(document)
	k.head = append([]byte(`{"query":`), query...)
	if operation != "" {
		name, _ := json.Marshal(operation)
		k.head = append(append(k.head, `,"operationName":`...), name...)
	}
	k.head = append(k.head, `,"variables":{`...)
	for _, v := range variables {
		k.variables = append(k.variables, variable{v, jsonKey(v)})
	}
	return k, doc.Operations[0].SelectionSet, doc, nil
}

func jsonKey(name string) []byte {
	key, _ := json.Marshal(name)
	return append(key, ':')
}

func (c *compiler) fetch(f *plan.Fetch, path plan.Path) (*call, error) {
	k, set, doc, err := c.call(f.ID, f.Subgraph, f.Document, f.OperationName, f.Variables)
	if err != nil {
		return nil, err
	}
	if f.Requires != nil {
		t := plan.BatchTarget{Alias: "_entities", Variable: "representations", Paths: []plan.Path{path}, Requires: f.Requires, Rewrites: f.Rewrites}
		return k, c.target(k, t, set, doc)
	}
	k.into = c.place(path)
	k.answer = k.into.shape
	w := &walk{compiler: c, doc: doc, subgraph: k.subgraph}
	w.set(set, k.answer, true, f.Rewrites)
	k.into.rewrites = c.rewrites(k.answer, f.Rewrites)
	k.at = k.placed()
	for _, s := range set {
		if f, ok := s.(*ast.Field); ok && !strings.HasPrefix(f.Alias, internalKey) {
			k.keys = append(k.keys, f.Alias)
		}
	}
	return k, w.err
}

// internalKey begins the response keys that the planner made up.
const internalKey = "_linhui_"

func (c *compiler) batch(f *plan.BatchFetch) (*call, error) {
	k, set, doc, err := c.call(f.ID, f.Subgraph, f.Document, f.OperationName, f.Variables)
	if err != nil {
		return nil, err
	}
	for _, t := range f.Targets {
		if err := c.target(k, t, set, doc); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// target adds one _entities to a call. set is the root selection of its document.
func (c *compiler) target(k *call, t plan.BatchTarget, set ast.SelectionSet, doc *ast.QueryDocument) error {
	var entities *ast.Field
	for _, s := range set {
		if f, ok := s.(*ast.Field); ok && f.Alias == t.Alias {
			entities = f
		}
	}
	if entities == nil {
		return fmt.Errorf("execute: the plan's document for %s has no %s", k.subgraph, t.Alias)
	}
	made := target{alias: t.Alias, slot: k.answer.slotOf(t.Alias), key: jsonKey(t.Variable), again: len(t.Paths) > 1}
	for _, path := range t.Paths {
		p := c.place(path)
		w := &walk{compiler: c, doc: doc, subgraph: k.subgraph}
		w.set(entities.SelectionSet, p.shape, len(entities.SelectionSet) < 2, t.Rewrites)
		if w.err != nil {
			return w.err
		}
		p.rewrites = c.rewrites(p.shape, t.Rewrites)
		for _, r := range t.Requires {
			c.ensure(p.shape, r.Fields)
			p.requires = append(p.requires, required{types: r.Types, typeName: typeNameOf(r.TypeName), fields: c.required(p.shape, r.Fields), partly: r.Partly})
		}
		for i, s := range path {
			c.apart = c.apart || s.Types != nil && i < len(path)-1
		}
		made.places = append(made.places, p)
	}
	at := len(k.targets)
	k.targets = append(k.targets, made)
	k.at = k.placed()
	c.late = append(c.late, func() {
		t := &k.targets[at]
		if t.again = t.again || c.apart; !t.again {
			k.answer.below[t.slot] = t.places[0].shape
		}
	})
	return nil
}

func typeNameOf(name string) []byte {
	if name == "" {
		return nil
	}
	raw, _ := json.Marshal(name)
	return raw
}

// ensure makes slots for what representations are made of, whether or not a fetch fills them.
func (c *compiler) ensure(s *shape, fields []plan.RequiredField) {
	for _, f := range fields {
		i := s.slotOf(f.Key)
		if f.Fields == nil {
			continue
		}
		if s.below[i] == nil {
			s.below[i] = c.shape(s.interned)
		}
		c.ensure(s.below[i], f.Fields)
	}
}

func (c *compiler) required(s *shape, fields []plan.RequiredField) []requiredField {
	list := make([]requiredField, len(fields))
	for i, f := range fields {
		slot := s.slotOf(f.Key)
		list[i] = requiredField{slot: slot, name: jsonKey(f.Name), types: f.Types, isKey: f.IsKey, shape: s.below[slot]}
		for _, key := range f.For {
			list[i].lost = append(list[i].lost, s.slotOf(key))
		}
		if f.Fields != nil {
			list[i].fields = c.required(s.below[slot], f.Fields)
		}
	}
	return list
}
