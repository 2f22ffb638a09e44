package server_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"linhui/server"
)

// attack is a request that a default gqlgen server answers late, large or not at all.
type attack struct {
	name, document string
	passes         bool // within the limits: validation and execution must bear it
}

func attacks() []attack {
	const introspection = "__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}"
	nested := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	list := func(n int, f func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	return []attack{
		{"one key, differing arguments", "{" + list(1500, func(i int) string { return fmt.Sprintf(`hello(name:"%d") `, i) }) + "}", false},
		{"one key, differing arguments, 61 KB", "{" + list(2400, func(i int) string { return fmt.Sprintf(`a:hello(name:"%d") `, i) }) + "}", false},
		{"one key below one key", "{" + list(16, func(i int) string {
			return "item(id:1){" + list(16, func(j int) string { return fmt.Sprintf(`name(style:"%d")`, i*16+j) }) + "}"
		}) + "}", false},
		{"one key through fragments", "{items{edges{node{" + list(90, func(i int) string { return fmt.Sprintf("...f%d ", i) }) + "}}}}" +
			list(90, func(i int) string { return fmt.Sprintf(`fragment f%d on Item{name(style:"%d")}`, i, i) }), false},
		{"5,000 x __typename", "{" + strings.Repeat("__typename ", 5000) + "}", false},
		{"3,900 x __typename", "{" + strings.Repeat("__typename ", 3900) + "}", false},
		{"20,000 unknown directives", "{hello" + strings.Repeat("@a", 20000) + "}", false},
		{"unknown directives on many fields", "{" + list(400, func(i int) string { return fmt.Sprintf("f%d@a@b@c@d ", i) }) + "}", false},
		{"six directives on one field", "{hello" + strings.Repeat("@include(if:true)", 6) + "}", false},
		{"unknown fields", "{" + list(3000, func(i int) string { return fmt.Sprintf("f%d ", i) }) + "}", false},
		{"unknown arguments", "{hello(" + list(1200, func(i int) string { return fmt.Sprintf("a%d:1 ", i) }) + ")}", false},
		{"unused variables", "query(" + list(900, func(i int) string { return fmt.Sprintf("$v%d:Int ", i) }) + "){hello}", false},
		{"aliases", "{" + list(1300, func(i int) string { return fmt.Sprintf("a%d:hello ", i) }) + "}", false},
		{"depth", "{item(id:1)" + nested("{parent", "}", 300) + "}", false},
		{"braces", nested("{", "}", 30000), false},
		{"lists", "{items(filter:{names:" + nested("[", "]", 900) + "}){totalCount}}", false},
		{"objects", "{items(filter:" + nested("{and:", "}", 700) + "){totalCount}}", false},
		{"fragment cycle", "{items{edges{node{...a}}}} fragment a on Item{parent{...b}} fragment b on Item{parent{...a}}", false},
		{"fragment spreads itself", "{items{edges{node{...a}}}} fragment a on Item{...a}", false},
		{"exponential fragments", "{items{edges{node{...f0}}}}" + list(60, func(i int) string {
			return fmt.Sprintf("fragment f%d on Item{a:parent{...f%d} b:parent{...f%d}}", i, i+1, i+1)
		}) + "fragment f60 on Item{id}", false},
		{"one key in every fragment", "{items{edges{node{...f0}}}}" + list(30, func(i int) string {
			return fmt.Sprintf("fragment f%d on Item{%s}", i, strings.Repeat(fmt.Sprintf("parent{...f%d}", i+1), 16))
		}) + "fragment f30 on Item{id}", false},
		{"many fragments", "{hello}" + list(450, func(i int) string { return fmt.Sprintf("fragment f%d on Item{...f%d}", i, i+1) }), false},
		{"many operations", list(1000, func(i int) string { return fmt.Sprintf("query q%d{hello}", i) }), false},
		{"introspection", "{" + introspection + "}", false},
		{"introspection of types of types", "{__schema{types{name" + nested("{ofType", "}", 40) + "}}}", false},
		{"a name of 60 KB", "{" + strings.Repeat("a", 60000) + "}", false},
		{"an unknown enum of 60 KB", "{hello(name:" + strings.Repeat("a", 60000) + ")}", false},
		{"a block string", `{hello(name:"""` + strings.Repeat("\n ", 30000) + `"""`, false},
		{"comments", strings.Repeat("#\n", 30000) + "{hello}", false},
		{"an unfinished string", `{hello(name:"` + strings.Repeat(`\\`, 30000), false},
		{"control characters", strings.Repeat("\x00", 60000), false},
		{"exponential fragments without fields", "{items{edges{node{...f0}}}}" + list(90, func(i int) string {
			return fmt.Sprintf("fragment f%d on Item{...f%d ...f%d}", i, i+1, i+1)
		}) + "fragment f90 on Item{id}", true},
		{"commas", strings.Repeat(",", 60000) + "{hello}", true},
		{"as many fragments as may be, in one place", "{items(first:1){edges{node{" + list(99, func(i int) string { return fmt.Sprintf("...f%d ", i) }) + "}}}}" +
			list(99, func(i int) string { return fmt.Sprintf("fragment f%d on Item{...on Item{f%d:id}}", i, i) }), false},
		{"as many fragments as may be, in a chain", "{items(first:1){edges{node{...f0}}}}" + list(99, func(i int) string {
			return fmt.Sprintf("fragment f%d on Item{...f%d}", i, i+1)
		}) + "fragment f99 on Item{id}", true},
		{"fields of one key as often as may be, on three levels", "{" + strings.Repeat("item(id:1){"+strings.Repeat("parent{"+strings.Repeat("id ", 4)+"}", 4)+"}", 16) + "}", false},
		{"nested lists of rows", "{items(first:9){edges{node{children(first:9){children(first:9){id}}}}}}", true},
	}
}

// TestAttacksAreAnsweredFast sends each probe alone and measures what a defence must hold:
// time, size of the answer, heap. The walls are what is promised;
// two slow cores take a thirtieth of them.
func TestAttacksAreAnsweredFast(t *testing.T) {
	b := setup(t, func(o *server.Options) { o.Limits = unlimited() })
	b.query(t, "{hello}")
	wall := 200 * time.Millisecond
	if raceEnabled {
		wall *= 10
	}
	for _, a := range attacks() {
		body := mustJSON(map[string]any{"query": a.document})
		var best time.Duration
		var before, after runtime.MemStats
		for try := range 3 { // another process may have had the cores
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := time.Now()
			got := b.post(t, body)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if try == 0 || took < best {
				best = took
			}
			if len(got.body) >= 64<<10 {
				t.Errorf("%s: an answer of %d bytes", a.name, len(got.body))
			}
			refused := got.status == http.StatusBadRequest || got.status == http.StatusRequestEntityTooLarge
			if refused == a.passes {
				t.Errorf("%s: %d %.200s", a.name, got.status, got.body)
			}
			if n := len(got.errors(t)); n > 10 {
				t.Errorf("%s: %d errors", a.name, n)
			}
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
			t.Errorf("%s: the heap grew by %d MB", a.name, grown>>20)
		}
		if best > wall {
			t.Errorf("%s took %v", a.name, best)
		}
		t.Logf("%-40s %8v %4d KB", a.name, best.Round(10*time.Microsecond), (int64(after.TotalAlloc)-int64(before.TotalAlloc))>>10)
	}
}

// TestHonestDocumentsPass keeps the guard from growing teeth against the playground, against
// generated clients and against dashboards.
func TestHonestDocumentsPass(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	typeRef := "kind name" + strings.Repeat(" ofType{kind name", 9) + strings.Repeat("}", 9)
	for name, document := range map[string]string{
		"the playground's introspection": `query IntrospectionQuery{__schema{queryType{name kind}mutationType{name kind}subscriptionType{name kind}
			types{...FullType}directives{name description isRepeatable locations args(includeDeprecated:true){...InputValue}}}}
			fragment FullType on __Type{kind name description specifiedByURL isOneOf fields(includeDeprecated:true){name description
			args(includeDeprecated:true){...InputValue}type{...TypeRef}isDeprecated deprecationReason}
			inputFields(includeDeprecated:true){...InputValue}interfaces{...TypeRef}enumValues(includeDeprecated:true)
			{name description isDeprecated deprecationReason}possibleTypes{...TypeRef}}
			fragment InputValue on __InputValue{name description type{...TypeRef}defaultValue isDeprecated deprecationReason}
			fragment TypeRef on __Type{` + typeRef + `}`,
		"one fragment from many components": `{items(first:2){edges{node{...a ...b ...c}}}} fragment card on Item{id name parent{id}}
			fragment a on Item{...card} fragment b on Item{...card id} fragment c on Item{...card ...a name}`,
		"eleven levels":    `{items(first:1){edges{node{` + strings.Repeat("parent{", 8) + "id" + strings.Repeat("}", 8) + `}}}}`,
		"skip and include": `query($on:Boolean=true){hello @include(if:$on) @skip(if:false)}`,
	} {
		if got := b.query(t, document); got.status != 200 || got.code(t) != "" {
			t.Errorf("%s: %d %.300s", name, got.status, got.body)
		}
	}
}

func TestLimitIsNamedAndPlaced(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := b.query(t, "{\n item(id:1)"+strings.Repeat("{parent", 12)+"{id"+strings.Repeat("}", 13)+"}")
	e := got.errors(t)[0]
	if e.Extensions["max"] != 12.0 || e.Locations[0]["line"] != 2 {
		t.Errorf("%s", got.body)
	}
}
