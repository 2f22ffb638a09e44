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

// fieldCall is the call of a field's function where an object's fields are collected.
var fieldCall = regexp.MustCompile(`ec\._\w+\(ctx, field, obj\)`)

// deferral is what gqlgen does for @defer at the end of an object; the server refuses @defer.
var deferral = regexp.MustCompile(`(?s)\tout\.Dispatch\(ctx\)\n(\tif out\.Invalids > 0 \{\n\t\treturn graphql\.Null\n\t\}\n)\n\tatomic\.AddInt32\(&ec\.Deferred.*?\n\t\}\)\n\n(\treturn out\n)`)

// begin is where an object's fields are collected.
var begin = regexp.MustCompile(`\tfields := graphql\.CollectFields\(ec\.OperationContext, sel, (\w+)\)\n\n\tout := graphql\.NewFieldSet\(fields\)\n\tdeferredFieldSet := graphql\.NewFieldSet\(nil\)\n\tdeferLabelToView := make\(map\[string\]\*graphql\.FieldSetView\)\n`)

// object is the function of a type that is no root: roots keep gqlgen's way, side by side.
var object = regexp.MustCompile(`(?s)func \(ec \*executionContext\) _\w+\(ctx context\.Context, sel ast\.SelectionSet, obj [^\n]*\n.*?\n\}\n`)

// replacements by functions of the same signature in internal/marshal.
var replacements = []struct{ old, new string }{
	{"graphql.MarshalSliceConcurrently(", "marshal.Slice("},
	{"graphql.MarshalString(", "marshal.String("},
	{"graphql.MarshalInt(", "marshal.Int("},
}

// rewrite takes out of the generated code what a request pays for and does not need: the
// goroutine of a list's element, the field context of a plain field, the second collection of
// the same fields, deferral. See docs/adr/0003.
func rewrite(dir string, plain map[string]string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	fields, objects := 0, 0
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
			return deferral.ReplaceAll(f, []byte("$1\n$2"))
		})
		text = fieldCall.ReplaceAllFunc(text, func(call []byte) []byte {
			if with, ok := plain[string(call)]; ok {
				fields++
				return []byte(with)
			}
			return call
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
	if fields < len(plain) || objects == 0 {
		return fmt.Errorf("%d of %d plain fields and %d objects were found in the generated code: gqlgen's templates have changed, see internal/gen/rewrite.go", fields, len(plain), objects)
	}
	return nil
}
