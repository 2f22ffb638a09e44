package e2e

import (
	"fmt"
	"testing"
)

// steps runs the mutations of one type: what they answer stands under field.
type steps struct {
	*book
	field, shown string // and the fields that are read
}

// take runs a mutation; code is that of the rule it broke and its path, "" for none.
func (s steps) take(token, mutation, kind string, input map[string]any, headers ...string) (row map[string]any, code string) {
	s.t.Helper()
	a := s.ask(token, fmt.Sprintf(`mutation($in: %s!) { out: %s(input: $in) { row: %s { %s } userErrors { code message path currentVersion allowed } } }`,
		kind, mutation, s.field, s.shown), map[string]any{"in": input}, headers...)
	var data struct {
		Out *struct {
			Row        map[string]any
			UserErrors []userError
		}
	}
	decode(s.t, a.Data, &data)
	switch {
	case data.Out == nil || len(a.Errors) > 0:
		return nil, fmt.Sprint("!", a.Errors[0].Extensions["code"])
	case len(data.Out.UserErrors) > 0:
		return nil, fmt.Sprint(data.Out.UserErrors[0].Code, data.Out.UserErrors[0].Path)
	}
	return data.Out.Row, ""
}

// must takes a step that succeeds, on a row when one is given, with the fields named in pairs.
func (s steps) must(token, mutation, kind string, row map[string]any, more ...any) map[string]any {
	s.t.Helper()
	got, code := s.take(token, mutation, kind, s.input(row, more...))
	if code != "" {
		s.t.Fatalf("%s: %s", mutation, code)
	}
	return got
}

// refused takes a step that breaks a rule.
func (s steps) refused(want, token, mutation, kind string, row map[string]any, more ...any) {
	s.t.Helper()
	before := s.footprint()
	if got, code := s.take(token, mutation, kind, s.input(row, more...)); code != want {
		s.t.Errorf("%s: %v %s, want %s", mutation, got, code, want)
	}
	if after := s.footprint(); after != before {
		s.t.Errorf("%s left %s, was %s", mutation, after, before)
	}
}

func (s steps) input(row map[string]any, more ...any) map[string]any {
	in := map[string]any{}
	if row != nil {
		in["id"], in["version"] = row["id"], row["version"]
	}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

// violates runs statements that the database refuses.
func (b *book) violates(t *testing.T, queries ...string) {
	t.Helper()
	for _, query := range queries {
		if _, err := b.one.Exec(query); err == nil {
			t.Errorf("allowed: %s", query)
		}
	}
}
