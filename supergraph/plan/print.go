package plan

import (
	"encoding/json"
	"fmt"
	"strings"
)

// String prints the plan as a tree, one node or field of a document a line.
func (p *Plan) String() string {
	var w printer
	w.open("Plan")
	if p.Root != nil {
		p.Root.print(&w)
	}
	w.close()
	return w.b.String()
}

type printer struct {
	b     strings.Builder
	depth int
}

func (w *printer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *printer) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.depth++
}

func (w *printer) close() {
	w.depth--
	w.line("}")
}

func (n *Sequence) print(w *printer) { w.nodes("Sequence", n.Nodes) }
func (n *Parallel) print(w *printer) { w.nodes("Parallel", n.Nodes) }

func (w *printer) nodes(kind string, nodes []Node) {
	w.open("%s", kind)
	for _, n := range nodes {
		n.print(w)
	}
	w.close()
}

func (n *Condition) print(w *printer) {
	w.open("Condition($%s)", n.Variable)
	if n.Then != nil {
		w.open("Then")
		n.Then.print(w)
		w.close()
	}
	if n.Else != nil {
		w.open("Else")
		n.Else.print(w)
		w.close()
	}
	w.close()
}

func (n *Subscription) print(w *printer) {
	w.open("Subscription")
	n.Primary.print(w)
	if n.Rest != nil {
		w.open("Rest")
		n.Rest.print(w)
		w.close()
	}
	w.close()
}

func (n *Flatten) print(w *printer) {
	w.open("Flatten(path: %q)", n.Path.String())
	n.Fetch.print(w)
	w.close()
}

func (n *Fetch) print(w *printer) {
	w.open("Fetch(subgraph: %q, id: %d%s)", n.Subgraph, n.ID, after(n.DependsOn))
	for _, r := range n.Requires {
		w.line("requires %s", r.String())
	}
	w.line("%s", n.Document)
	w.rewrites(n.Rewrites)
	w.close()
}

func (n *BatchFetch) print(w *printer) {
	w.open("BatchFetch(subgraph: %q, id: %d%s)", n.Subgraph, n.ID, after(n.DependsOn))
	for _, t := range n.Targets {
		paths := make([]string, len(t.Paths))
		for i, p := range t.Paths {
			paths[i] = fmt.Sprintf("%q", p.String())
		}
		w.open("%s(paths: %s)", t.Alias, strings.Join(paths, ", "))
		for _, r := range t.Requires {
			w.line("requires %s", r.String())
		}
		w.rewrites(t.Rewrites)
		w.close()
	}
	w.line("%s", n.Document)
	w.close()
}

func (w *printer) rewrites(rewrites []Rewrite) {
	for _, r := range rewrites {
		w.line("rename %q: %s -> %s", r.Path.String(), r.From, r.To)
	}
}

func after(ids []int) string {
	if len(ids) == 0 {
		return ""
	}
	return ", after: " + strings.Trim(fmt.Sprint(ids), "[]")
}

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Types != nil:
			b.WriteString("|[" + strings.Join(s.Types, ",") + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if s.Each {
			b.WriteByte('@')
		} else {
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

func (r RequiredSelection) String() string {
	on := "*"
	if len(r.Types) > 0 {
		on = strings.Join(r.Types, "|")
	}
	if r.TypeName != "" && r.TypeName != on {
		on += " as " + r.TypeName
	}
	return on + requiredFields(r.Fields)
}

func requiredFields(fields []RequiredField) string {
	var b strings.Builder
	b.WriteString(" {")
	for _, f := range fields {
		b.WriteByte(' ')
		b.WriteString(f.Name)
		if f.Key != f.Name {
			b.WriteString(" from " + f.Key)
		}
		if len(f.Types) > 0 {
			b.WriteString(" on " + strings.Join(f.Types, "|"))
		}
		if f.Fields != nil {
			b.WriteString(requiredFields(f.Fields))
		}
	}
	b.WriteString(" }")
	return b.String()
}

// MarshalJSON and its likes name the kind of each node, as query plans are written elsewhere.
func (n *Sequence) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind  string `json:"kind"`
		Nodes []Node `json:"nodes"`
	}{"Sequence", n.Nodes})
}

func (n *Parallel) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind  string `json:"kind"`
		Nodes []Node `json:"nodes"`
	}{"Parallel", n.Nodes})
}

func (n *Condition) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind      string `json:"kind"`
		Condition string `json:"condition"`
		If        Node   `json:"ifClause,omitempty"`
		Else      Node   `json:"elseClause,omitempty"`
	}{"Condition", n.Variable, n.Then, n.Else})
}

func (n *Flatten) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind string `json:"kind"`
		Path Path   `json:"path"`
		Node Node   `json:"node"`
	}{"Flatten", n.Path, n.Fetch})
}

func (n *Subscription) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind    string `json:"kind"`
		Primary Node   `json:"primary"`
		Rest    Node   `json:"rest,omitempty"`
	}{"Subscription", n.Primary, n.Rest})
}

func (n *Fetch) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind          string              `json:"kind"`
		ID            int                 `json:"id"`
		ServiceName   string              `json:"serviceName"`
		OperationKind string              `json:"operationKind"`
		OperationName string              `json:"operationName,omitempty"`
		Operation     string              `json:"operation"`
		Variables     []string            `json:"variableUsages,omitempty"`
		Requires      []RequiredSelection `json:"requires,omitempty"`
		Rewrites      []Rewrite           `json:"outputRewrites,omitempty"`
		DependsOn     []int               `json:"dependsOn,omitempty"`
	}{"Fetch", n.ID, n.Subgraph, string(n.Kind), n.OperationName, n.Document, n.Variables, n.Requires, n.Rewrites, n.DependsOn})
}

func (n *BatchFetch) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind          string        `json:"kind"`
		ID            int           `json:"id"`
		ServiceName   string        `json:"serviceName"`
		OperationName string        `json:"operationName,omitempty"`
		Operation     string        `json:"operation"`
		Variables     []string      `json:"variableUsages,omitempty"`
		Targets       []BatchTarget `json:"targets"`
		DependsOn     []int         `json:"dependsOn,omitempty"`
	}{"BatchFetch", n.ID, n.Subgraph, n.OperationName, n.Document, n.Variables, n.Targets, n.DependsOn})
}
