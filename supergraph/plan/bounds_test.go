package plan_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// planes are n types that one interface has everywhere, each with fields in another of k subgraphs.
func planes(n, k int) []string {
	sdls := make([]string, k)
	for s := range k {
		var b strings.Builder
		if s == 0 {
			b.WriteString("type Query { nodes: [Node] node: Node }\n")
		}
		b.WriteString("interface Node { id: ID! } interface Named { name: String other: Node }\n")
		for i := range n {
			if i%k == s {
				fmt.Fprintf(&b, "type T%d implements Node & Named @key(fields: \"id\") { id: ID! name: String other: Node }\n", i)
			} else {
				fmt.Fprintf(&b, "type T%d implements Node @key(fields: \"id\") { id: ID! }\n", i)
			}
		}
		sdls[s] = b.String()
	}
	return sdls
}

// rings are n subgraphs with an entity each of which has keys of its neighbours only, and a field that requires theirs.
func rings(n int) []string {
	sdls := make([]string, n)
	for s := range n {
		var b strings.Builder
		if s == 0 {
			b.WriteString("type Query { e: E es: [E] }\n")
		}
		fmt.Fprintf(&b, "type E @key(fields: \"k%d\") @key(fields: \"k%d\") { k%d: ID! k%d: ID! n%d: E f%d: Int", s, (s+1)%n, s, (s+1)%n, s, s)
		if s > 0 {
			fmt.Fprintf(&b, " f%d: Int @external r%d: Int @requires(fields: \"f%d\")", s-1, s, s-1)
		}
		sdls[s] = b.String() + "}\n"
	}
	return sdls
}

func nested(depth int, around func(inner string) string) string {
	text := "__typename"
	for range depth {
		text = around(text)
	}
	return text
}

// TestPlanningStaysBounded plans what is made to be hard. It is not parallel to others, so that the memory is its own.
func TestPlanningStaysBounded(t *testing.T) {
	wide := []string{`type Query { e: E } type E @key(fields: "id") { id: ID! next: E }`}
	everything := ""
	for i := range 99 {
		wide = append(wide, fmt.Sprintf(`type E @key(fields: "id") { id: ID! f%d: Int }`, i))
		everything += fmt.Sprintf(" f%d", i)
	}
	ring := ""
	for i := 1; i < 10; i++ {
		ring += fmt.Sprintf(" f%d r%d", i, i)
	}
	aliases := make([]string, 19_000)
	for i := range aliases {
		aliases[i] = fmt.Sprintf("a%d:f%d", i, i%99)
	}
	var doubling strings.Builder
	for i := range 60 {
		fmt.Fprintf(&doubling, "fragment F%d on E { ...F%d ...F%d } ", i, i+1, i+1)
	}
	const most = 512 << 20 // chosen: an eighth of what a small server has
	for _, c := range []struct {
		name, query string
		sdls        []string
		refused     bool // else it must be planned
	}{
		{"a hundred subgraphs, twelve levels", "{ e {" + nested(12, func(in string) string { return everything + " next {" + in + "}" }) + "} }", wide, false},
		{"nineteen thousand aliases", "{ e {" + strings.Join(aliases, " ") + "} }", wide, false},
		{"doubling fragments", doubling.String() + "fragment F60 on E { __typename } { e { ...F0 } }", wide, true},
		{"sixty types, split at one level", "{ nodes {" + nested(1, func(in string) string { return "... on Named { name other {" + in + " ... on Named { name } } }" }) + "} }", planes(60, 10), false},
		{"sixty types, split at four levels", "{ nodes {" + nested(4, func(in string) string { return "... on Named { name other {" + in + "} }" }) + "} }", planes(60, 10), true},
		{"a hundred and fifty types, split once", "{ nodes { ... on Named { name other { id } } } }", planes(150, 10), false},
		{"a ring of keys", "{ e {" + ring + "} }", rings(10), false},
		{"a ring of keys at every level", "{ e {" + nested(6, func(in string) string { return ring + " n1 {" + in + "} n7 {" + in + "}" }) + "} }", rings(10), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := plan.Limits{Plans: -1}
			if !c.refused {
				limits.Time = time.Minute // on a busy machine; the memory is what is looked at
			}
			s := composed(t, limits, c.sdls...)
			doc := document(t, s.APISchema(), c.query)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := s.Plan(context.Background(), doc, "")
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if c.refused != fault.Is(err, fault.CostExceeded) || !c.refused && err != nil {
				t.Error(err)
			}
			if took > 30*time.Second || c.refused && took > 4*time.Second { // the limit is 2 s
				t.Errorf("it took %v", took)
			}
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > most {
				t.Errorf("%d MB", bytes>>20)
			}
		})
	}
}
