package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// writer writes the document of one call.
type writer struct {
	b       *builder
	kind    ast.Operation
	without conds // conditions that a Condition node has seen to
	vars    []string
	err     error
}

func (b *builder) newWriter(kind ast.Operation, without conds) *writer {
	return &writer{b: b, kind: kind, without: without}
}

// used lists the client's variables in the order in which the client declares them.
func (w *writer) used() []string {
	var out []string
	for _, v := range w.b.op.VariableDefinitions {
		if slices.Contains(w.vars, v.Variable) {
			out = append(out, v.Variable)
		}
	}
	return out
}

func (w *writer) document(own []string, body string) string {
	defs := own
	for _, v := range w.b.op.VariableDefinitions {
		if !slices.Contains(w.vars, v.Variable) {
			continue
		}
		def := "$" + v.Variable + ":" + v.Type.String()
		if v.DefaultValue != nil {
			var d strings.Builder
			literal(&d, v.DefaultValue)
			def += "=" + d.String()
		}
		defs = append(defs, def)
	}
	head := string(w.kind)
	if w.b.op.Name != "" {
		head += " " + w.b.op.Name
	}
	if len(defs) > 0 {
		head += "(" + strings.Join(defs, ",") + ")"
	}
	if head == "query" {
		return body
	}
	return head + body
}

func (w *writer) single(f *fetch) (string, []RequiredSelection, []Rewrite) {
	if f.root != nil {
		body, rewrites := w.root(f.root)
		return w.document(nil, body), nil, rewrites
	}
	body, requires, rewrites := w.entities(f)
	return w.document([]string{"$representations:[_Any!]!"}, "{_entities(representations:$representations)"+body+"}"), requires, rewrites
}

// batch makes targets of fetches; those that ask the same share one.
func (w *writer) batch(fetches []*fetch) (string, []BatchTarget) {
	var targets []BatchTarget
	var own []string
	var b strings.Builder
	at := map[string]int{}
	b.WriteByte('{')
	for _, f := range fetches {
		body, requires, rewrites := w.entities(f)
		same := body + fmt.Sprint(requires, rewrites)
		if i, ok := at[same]; ok {
			targets[i].Paths = append(targets[i].Paths, f.where())
			continue
		}
		n := len(targets)
		at[same] = n
		t := BatchTarget{Alias: fmt.Sprintf("_e%d", n), Variable: fmt.Sprintf("_r%d", n), Paths: []Path{f.where()}, Requires: requires, Rewrites: rewrites}
		targets = append(targets, t)
		own = append(own, "$"+t.Variable+":[_Any!]!")
		if n > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s:_entities(representations:$%s)%s", t.Alias, t.Variable, body)
	}
	b.WriteByte('}')
	return w.document(own, b.String()), targets
}

func (w *writer) root(s *selection) (string, []Rewrite) {
	var rewrites []Rewrite
	n := w.settle(s, nil, &rewrites)
	return n.String(), rewrites
}

func (w *writer) entities(f *fetch) (string, []RequiredSelection, []Rewrite) {
	top := &selection{g: f.g}
	var requires []RequiredSelection
	for _, a := range f.asks {
		requires = append(requires, RequiredSelection{Types: a.types, TypeName: a.rep, Fields: a.required, Partly: a.partly})
		at := -1
		for i, c := range top.cases {
			if c.view == a.sel.view {
				at = i
			}
		}
		if at < 0 {
			top.cases = append(top.cases, &selection{g: f.g, view: a.sel.view})
			at = len(top.cases) - 1
		}
		top.cases[at].take(a.sel)
	}
	var rewrites []Rewrite
	return w.settle(top, nil, &rewrites).String(), requires, rewrites
}

// node is a selection set that is ready to be printed.
type node struct {
	typename bool
	fields   []*printed
	cases    []*nodeCase
}

type nodeCase struct {
	on  string
	set *node
}

type printed struct {
	key, alias string // alias: what is asked for instead of key, because key is taken by a field of another shape
	name, args string
	conds      conds
	shape      string // of the type: lists and non-null, and the name when it is a leaf
	sub        *node
}

// settle makes the printable form of a selection: fields that all types have alike are asked for at once, and fields of
// different types that cannot share a key get aliases, which rewrites undo.
func (w *writer) settle(s *selection, path Path, rewrites *[]Rewrite) *node {
	n := w.shape(s)
	w.alias(n, path, rewrites)
	return n
}

func (w *writer) shape(s *selection) *node {
	n := &node{typename: s.typename}
	for _, c := range s.fields {
		cs := slices.DeleteFunc(slices.Clone(c.conds), func(x string) bool { return slices.Contains(w.without, x) })
		f := &printed{key: c.key, alias: c.key, name: c.name, args: c.args, conds: cs, shape: wrapping(c.typ)}
		for _, v := range append(slices.Clone(c.vars), names(cs)...) {
			if !slices.Contains(w.vars, v) {
				w.vars = append(w.vars, v)
			}
		}
		if c.sub != nil {
			deep := &writer{b: w.b, kind: w.kind, vars: w.vars}
			f.sub = deep.shape(c.sub)
			w.vars = deep.vars
		} else {
			f.shape += c.typ.Name()
		}
		n.fields = append(n.fields, f)
	}
	for _, c := range s.cases {
		n.cases = append(n.cases, &nodeCase{c.view.Name, w.shape(c)})
	}
	if s.view != nil && s.view.Abstract() && len(n.cases) > 1 && len(n.cases) == len(s.view.Possible) {
		w.lift(s, n)
	}
	n.cases = slices.DeleteFunc(n.cases, func(c *nodeCase) bool { return c.set.empty() })
	return n
}

func names(cs conds) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = strings.TrimPrefix(c, "!")
	}
	return out
}

func (n *node) empty() bool { return !n.typename && len(n.fields)+len(n.cases) == 0 }

// lift moves fields that every case has alike to the interface, when it has them too.
func (w *writer) lift(s *selection, n *node) {
	for _, f := range slices.Clone(n.cases[0].set.fields) {
		in := s.view.Fields[f.name]
		if in == nil || f.sub != nil && f.sub.abstracted() {
			continue
		}
		text := f.String()
		same := true
		for i, c := range n.cases {
			at := slices.IndexFunc(c.set.fields, func(x *printed) bool { return x.String() == text })
			same = same && at >= 0
			if same {
				same = s.cases[i].fieldType(f.key, f.name) == in.Type.Name()
			}
		}
		if !same || slices.ContainsFunc(n.fields, func(x *printed) bool { return x.key == f.key }) {
			continue
		}
		for _, c := range n.cases {
			c.set.fields = slices.DeleteFunc(c.set.fields, func(x *printed) bool { return x.String() == text })
		}
		lifted := *f
		if lifted.shape = wrapping(in.Type); f.sub == nil {
			lifted.shape += in.Type.Name()
		}
		n.fields = append(n.fields, &lifted)
	}
}

// abstracted is true of sets with fragments, which are left where they are.
func (n *node) abstracted() bool { return len(n.cases) > 0 }

func (s *selection) fieldType(key, name string) string {
	for _, c := range s.fields {
		if c.key == key && c.name == name {
			return c.typ.Name()
		}
	}
	return ""
}

func wrapping(t *ast.Type) string {
	s := ""
	for ; ; t = t.Elem {
		if t.NonNull {
			s += "!"
		}
		if t.Elem == nil {
			return s
		}
		s += "["
	}
}

func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// write prints the set; one that asks for nothing asks for __typename, so that its object can be told from null.
func (n *node) write(b *strings.Builder) {
	b.WriteByte('{')
	start := b.Len()
	gap := func() {
		if b.Len() > start {
			b.WriteByte(' ')
		}
	}
	if n.typename || n.empty() {
		b.WriteString("__typename")
	}
	for _, f := range n.fields {
		gap()
		b.WriteString(f.String())
	}
	for _, c := range n.cases {
		gap()
		b.WriteString("...on " + c.on)
		c.set.write(b)
	}
	b.WriteByte('}')
}

// String prints the field. A second @skip or @include, which cannot stand beside the first, goes on a fragment around it.
func (f *printed) String() string {
	var b, own strings.Builder
	var skipped, included bool
	around := 0
	for _, c := range f.conds {
		d, again := "@include(if:$"+c+")", included
		if c[0] == '!' {
			d, again = "@skip(if:$"+c[1:]+")", skipped
			skipped = true
		} else {
			included = true
		}
		if again {
			b.WriteString("..." + d + "{")
			around++
		} else {
			own.WriteString(d)
		}
	}
	if f.alias != f.name {
		b.WriteString(f.alias + ":")
	}
	b.WriteString(f.name + f.args + own.String())
	if f.sub != nil {
		f.sub.write(&b)
	}
	b.WriteString(strings.Repeat("}", around))
	return b.String()
}
