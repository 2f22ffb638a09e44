package marshal

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
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

func BenchmarkSlice(b *testing.B) {
	fields := []graphql.CollectedField{{Field: &ast.Field{Alias: "category"}}, {Field: &ast.Field{Alias: "received"}}, {Field: &ast.Field{Alias: "responsible"}}}
	b.ReportAllocs()
	for b.Loop() {
		Slice(b.Context(), 8000, 0, false, func(_ context.Context, i int) graphql.Marshaler {
			o := NewObject(fields)
			o.String(0, "ENVIRONMENT")
			o.Int(1, i)
			o.String(2, "蓝馨花园小区党员阵地")
			return o
		})
	}
}

// A list is written as gqlgen writes it, whatever its elements are, also when what they are made
// of has been used for another answer before.
func TestAListIsWrittenAsGqlgenWritesIt(t *testing.T) {
	t.Parallel()
	fields := []graphql.CollectedField{{Field: &ast.Field{Alias: "a"}}, {Field: &ast.Field{Alias: "inner"}}}
	rapid.Check(t, func(t *rapid.T) {
		type row struct {
			A     string
			Inner []int
			Null  bool
		}
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{rapid.String().Draw(t, "a"), rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "inner"), rapid.IntRange(0, 5).Draw(t, "null") == 0}
		}), 0, 8).Draw(t, "rows")
		want := []any{}
		nulled := false
		for _, r := range rows {
			if nulled = nulled || r.Null; r.Null {
				want = append(want, nil)
				continue
			}
			inner := []any{}
			for _, n := range r.Inner {
				inner = append(inner, map[string]any{"a": float64(n)})
			}
			want = append(want, map[string]any{"a": r.A, "inner": inner})
		}
		list := Slice(t.Context(), len(rows), 0, false, func(ctx context.Context, i int) graphql.Marshaler {
			if rows[i].Null {
				return graphql.Null
			}
			o := NewObject(fields)
			o.String(0, rows[i].A)
			o.Put(1, Slice(Below(ctx, fields[1]), len(rows[i].Inner), 0, false, func(_ context.Context, k int) graphql.Marshaler {
				o := NewObject(fields[:1])
				o.Int(0, rows[i].Inner[k])
				return o
			}), graphql.Null)
			return o
		})
		var b bytes.Buffer
		list.MarshalGQL(&b)
		var got []any
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, b.Bytes())
		}
		if list.Nulled != nulled || !reflect.DeepEqual(plain(got), plain(want)) {
			t.Fatalf("nulled %v\ngot  %v\nwant %v", list.Nulled, got, want)
		}
	})
}

// plain is v as JSON has it: texts without what is no UTF-8.
func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// What goes wrong at a place is reported with its path, though the place made no context before.
func TestPlacesKnowTheirPath(t *testing.T) {
	t.Parallel()
	field := func(name string) graphql.CollectedField {
		return graphql.CollectedField{Field: &ast.Field{Name: name, Alias: name}}
	}
	ctx := graphql.WithFieldContext(t.Context(), &graphql.FieldContext{Field: field("root")})
	var paths []string
	Slice(Below(ctx, field("nodes")), 2, 0, false, func(ctx context.Context, i int) graphql.Marshaler {
		below := Below(ctx, field("title"))
		paths = append(paths, graphql.GetFieldContext(below).Path().String(), graphql.GetFieldContext(ctx).Path().String())
		if first, again := graphql.GetFieldContext(below), graphql.GetFieldContext(below); first != again {
			t.Error("a place has two contexts")
		}
		return graphql.Null
	})
	want := []string{"root.nodes[0].title", "root.nodes[0]", "root.nodes[1].title", "root.nodes[1]"}
	if !slices.Equal(paths, want) {
		t.Errorf("%q", paths)
	}
	type other struct{}
	if got := Below(context.WithValue(ctx, other{}, 7), field("x")).Value(other{}); got != 7 {
		t.Errorf("another value is %v", got)
	}
}
