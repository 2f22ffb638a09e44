package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/tools/imports"
)

// setAside removes the generated files; restore puts them back.
func setAside(dir string) (restore func() error, err error) {
	kept := map[string][]byte{}
	restore = func() error {
		var errs []error
		for name, text := range kept {
			errs = append(errs, os.WriteFile(name, text, 0o644))
		}
		return errors.Join(errs...)
	}
	for _, pattern := range []string{"*.gen.go", "*.generated.go"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if kept[name], err = os.ReadFile(name); err != nil {
				return nil, errors.Join(err, restore())
			}
			if err := os.Remove(name); err != nil {
				return nil, errors.Join(err, restore())
			}
		}
	}
	return restore, nil
}

// put is where a field's value enters its object, after the rewriting of checked and unchecked.
var put = regexp.MustCompile(`out\.Put\(i, ec\.(_\w+)\(ctx, field, obj\), (graphql\.\w+|nil)\)`)

// deferral is what gqlgen does for @defer at the end of an object; the server refuses @defer.
var deferral = regexp.MustCompile(`(?s)\tout\.Dispatch\(ctx\)\n(\tif out\.Invalids > 0 \{\n\t\treturn graphql\.Null\n\t\}\n)\n\tatomic\.AddInt32\(&ec\.Deferred.*?\n\t\}\)\n\n(\treturn out\n)`)

// begin is where an object's fields are collected.
var begin = regexp.MustCompile(`\tfields := graphql\.CollectFields\(ec\.OperationContext, sel, (\w+)\)\n\n\tout := graphql\.NewFieldSet\(fields\)\n\tdeferredFieldSet := graphql\.NewFieldSet\(nil\)\n\tdeferLabelToView := make\(map\[string\]\*graphql\.FieldSetView\)\n`)

// object is the function of a type that is no root: roots keep gqlgen's way, side by side.
var object = regexp.MustCompile(`(?s)func \(ec \*executionContext\) _\w+\(ctx context\.Context, sel ast\.SelectionSet, obj [^\n]*\n.*?\n\}\n`)

// checked is a field's value with the test whether it nulls its object, unchecked one that cannot.
var (
	checked   = regexp.MustCompile(`out\.Values\[i\] = (.+)\n\s+if out\.Values\[i\] == (graphql\.\w+) \{\n\s+out\.Invalids\+\+\n\s+\}`)
	unchecked = regexp.MustCompile(`out\.Values\[i\] = (.+)`)
)

// inputs is a map of every input's function that gqlgen makes for each operation, for resolvers
// that take their arguments undecoded: there are none.
var inputs = regexp.MustCompile(`(?s)\tinputUnmarshalMap := graphql\.BuildUnmarshalerMap\(.*?\n\t\)\n|\t+ctx = graphql\.WithUnmarshalerMap\(ctx, inputUnmarshalMap\)\n`)

// nulled is the look at a list's elements for one that nulls it.
var nulled = regexp.MustCompile(`\tfor _, e := range ret \{\n\t\tif e == graphql\.Null \{\n\t\t\treturn (graphql\.\w+)\n\t\t\}\n\t\}\n`)

// element is where an element's context learns its value, which nobody asks for: asking for the
// context would make it.
var element = regexp.MustCompile(`\t\tfc := graphql\.GetFieldContext\(ctx\)\n\t\tfc\.Result = &v\[i\]\n`)

// listFunc is the function of a list whose elements are marshalled by a function each.
var listFunc = regexp.MustCompile(`(?s)\tret := graphql\.MarshalSliceConcurrently\(.*?\n\}\n`)

// linkFunc is the function of a field of an object.
var linkFunc = regexp.MustCompile(`func \(ec \*executionContext\) (_\w+)\(ctx context\.Context, field graphql\.CollectedField, obj [^)]*\) \(ret graphql\.Marshaler\) \{\n`)

// replacements by functions of the same signature in internal/marshal.
var replacements = []struct{ old, new string }{
	{"graphql.MarshalSliceConcurrently(", "marshal.Slice("},
	{"graphql.MarshalString(", "marshal.String("},
	{"graphql.MarshalInt(", "marshal.Int("},
}

// rewrite takes out of the generated code what a request pays for and does not need: the
// goroutine of a list's element, the resolver, field context and marshaler of a plain field, the
// resolver of a link that is loaded, a map of all inputs, the second collection of the same fields, deferral. See
// docs/adr/0003.
func rewrite(dir string, p *plugin) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	fields, links, objects := 0, 0, 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text = object.ReplaceAllFunc(text, func(f []byte) []byte {
			if bytes.Contains(f, []byte("__Schema")) || !begin.Match(f) {
				return f
			}
			objects++
			f = begin.ReplaceAll(f, []byte("\tfields := ec.collected.Collect(ec.OperationContext, sel, $1)\n\n\tout := marshal.NewObject(fields)\n"))
			f = deferral.ReplaceAll(f, []byte("$1\n$2"))
			f = checked.ReplaceAll(f, []byte("out.Put(i, $1, $2)"))
			f = unchecked.ReplaceAll(f, []byte("out.Put(i, $1, nil)"))
			return put.ReplaceAllFunc(f, func(call []byte) []byte {
				name := put.FindSubmatch(call)[1]
				if with, ok := p.plain[string(name)]; ok {
					fields++
					return put.ReplaceAll(call, []byte(with))
				}
				return call
			})
		})
		text = linkFunc.ReplaceAllFunc(text, func(begin []byte) []byte {
			marshal, ok := p.links[string(linkFunc.FindSubmatch(begin)[1])]
			if !ok {
				return begin
			}
			links++
			return fmt.Appendf(nil, "%s\tif ret, ok := dataloaders.Show(ctx, field, obj, ec.%s); ok {\n\t\treturn ret\n\t}\n", begin, marshal)
		})
		text = inputs.ReplaceAll(text, nil)
		text = listFunc.ReplaceAllFunc(text, func(f []byte) []byte {
			f = element.ReplaceAll(f, nil)
			return nulled.ReplaceAll(f, []byte("\tif ret.Nulled {\n\t\treturn $1\n\t}\n"))
		})
		for _, r := range replacements {
			text = bytes.ReplaceAll(text, []byte(r.old), []byte(r.new))
		}
		text = bytes.Replace(text, []byte("type executionContext struct {\n"), []byte("type executionContext struct {\n\tcollected marshal.Collector\n"), 1)
		if text, err = imports.Process(name, text, nil); err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	if fields < len(p.plain) || links < len(p.links) || objects == 0 {
		return fmt.Errorf("%d of %d plain fields, %d of %d links and %d objects were found in the generated code: gqlgen's templates have changed, see internal/gen/rewrite.go",
			fields, len(p.plain), links, len(p.links), objects)
	}
	return nil
}
