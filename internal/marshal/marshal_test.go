package marshal

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"
)

func TestStringsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		b := AppendString(nil, s)
		if !utf8.Valid(b) {
			t.Fatalf("%q is written as invalid UTF-8: %q", s, b)
		}
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q is written as %q: %v", s, b, err)
		}
		standard, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(standard, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%q reads back as %q", s, got)
		}
	})
}

func TestAnObjectIsWrittenAsGqlgenWritesIt(t *testing.T) {
	t.Parallel()
	fields := []graphql.CollectedField{{Field: &ast.Field{Alias: "a"}}, {Field: &ast.Field{Alias: "b"}}, {Field: &ast.Field{Alias: "list"}}, {Field: &ast.Field{Alias: "none"}}}
	inner := NewObject(fields[:1])
	inner.Put(0, graphql.MarshalBoolean(true), graphql.Null)
	values := []graphql.Marshaler{Int(-7), String("<&\"\\\n\x01é\xff"), graphql.Array{String("x"), inner, graphql.Null}, graphql.Null}

	ours := NewObject(fields)
	for i, v := range values {
		ours.Put(i, v, graphql.RequiredNull)
	}
	theirs := graphql.NewFieldSet(fields)
	copy(theirs.Values, values)
	var a, b bytes.Buffer
	ours.MarshalGQL(&a)
	theirs.MarshalGQL(&b)
	var x, y any
	if err := json.Unmarshal(a.Bytes(), &x); err != nil {
		t.Fatalf("%v: %s", err, a.Bytes())
	}
	if err := json.Unmarshal(b.Bytes(), &y); err != nil {
		t.Fatal(err)
	}
	xs, _ := json.Marshal(x)
	ys, _ := json.Marshal(y)
	if !bytes.Equal(xs, ys) {
		t.Errorf("ours   %s\ntheirs %s", xs, ys)
	}
}

func TestACollectorAnswersAsCollectFieldsAndKeepsItsAnswer(t *testing.T) {
	t.Parallel()
	oc := &graphql.OperationContext{Variables: map[string]any{}}
	sel := ast.SelectionSet{&ast.Field{Name: "a", Alias: "a"}, &ast.Field{Name: "b", Alias: "b"},
		&ast.InlineFragment{TypeCondition: "Other", SelectionSet: ast.SelectionSet{&ast.Field{Name: "c", Alias: "c"}}}}
	var c Collector
	first, again := c.Collect(oc, sel, []string{"T"}), []graphql.CollectedField(nil)
	if len(first) != 2 {
		t.Fatalf("%d fields", len(first))
	}
	types := []string{"T"}
	first = c.Collect(oc, sel, types)
	if again = c.Collect(oc, sel, types); &first[0] != &again[0] {
		t.Error("the same question was answered twice")
	}
	if other := c.Collect(oc, sel, []string{"Other"}); len(other) != 3 {
		t.Errorf("%d fields of the other type", len(other))
	}
}

func BenchmarkObject(b *testing.B) {
	fields := []graphql.CollectedField{{Field: &ast.Field{Alias: "id"}}, {Field: &ast.Field{Alias: "nameZh"}}}
	var w bytes.Buffer
	for b.Loop() {
		o := NewObject(fields)
		o.String(0, "U3RhdGlvbjphOjAxYTFmZmRi")
		o.String(1, "蓝馨花园小区党员阵地")
		w.Reset()
		o.MarshalGQL(&w)
	}
}
