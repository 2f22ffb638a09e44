package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"linhui/internal/authz"
)

// questions are the queries of docs/analysts.md, each with the beginning of its answer.
var questions = regexp.MustCompile("(?s)```graphql\n(.*?)```\n(\n```json\n(.*?)```\n)?")

// TestTheAnalystsQuestions: every query of docs/analysts.md answers, with groups, and its answer has
// the fields that stand below it, of the same kinds. go test -update writes them anew.
func TestTheAnalystsQuestions(t *testing.T) {
	t.Parallel()
	const file = "../docs/analysts.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b := sixStreets(t, generous)
	analyst := b.token(authz.Analyst)
	asked := 0
	written := questions.ReplaceAllFunc(text, func(block []byte) []byte {
		asked++
		m := questions.FindSubmatch(block)
		query := string(m[1])
		a := b.ask(analyst, query, nil)
		if len(a.Errors) > 0 || strings.Contains(string(a.Data), `"nodes":[]`) {
			t.Errorf("%s\n%+v\n%.500s", query, a.Errors, a.Data)
			return block
		}
		got := beginning(t, a.Data)
		if !*update && shapeOf(t, got) != shapeOf(t, m[3]) {
			t.Errorf("%s\nanswers %s\nnot as shown: run go test ./e2e -run TestTheAnalystsQuestions -update", query, got)
		}
		return []byte("```graphql\n" + query + "```\n\n```json\n" + string(got) + "\n```\n")
	})
	if asked < 20 {
		t.Errorf("%d questions", asked)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(file, written, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// beginning is an answer with the first element of every list of objects.
func beginning(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := copyFirst(d, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// copyFirst copies one value, in the order of its fields.
func copyFirst(d *json.Decoder, b *bytes.Buffer) error {
	tok, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return scalarTo(b, tok)
	}
	b.WriteString(delim.String())
	for n := 0; d.More(); n++ {
		var one bytes.Buffer
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			fmt.Fprintf(&one, "%q: ", key)
		}
		begun := one.Len()
		if err := copyFirst(d, &one); err != nil {
			return err
		}
		if n > 0 && delim == '[' && one.Bytes()[begun] == '{' {
			continue
		}
		if n > 0 {
			b.WriteString(", ")
		}
		b.Write(one.Bytes())
	}
	end, err := d.Token()
	if err == nil {
		b.WriteString(end.(json.Delim).String())
	}
	return err
}

func scalarTo(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	b.Truncate(b.Len() - 1) // the encoder's newline
	return err
}

// shapeOf tells the fields of an answer, and which are objects and lists. What may be null and what
// may have some length tells nothing.
func shapeOf(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err.Error()
	}
	var paths []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				walk(at+"."+name, value)
			}
		case []any:
			paths = append(paths, at+"[]")
			if len(v) > 0 {
				if _, object := v[0].(map[string]any); object {
					walk(at+"[]", v[0])
				}
			}
		default:
			paths = append(paths, at)
		}
	}
	walk("", v)
	slices.Sort(paths)
	return strings.Join(paths, " ")
}

// What was published stays what it was, beside what the records make of it.
func TestPublishedFiguresStandBesideComputed(t *testing.T) {
	t.Parallel()
	b := sixStreets(t, nil)
	var out struct {
		ReportedStatistics struct {
			Nodes []struct {
				NameZh               string
				Quantity             struct{ Value string }
				Computed, Difference *string
			}
		}
		Boxes struct {
			Nodes []struct {
				Quantity struct{ Value string }
				Computed *string
			}
		}
	}
	b.must("", `{ reportedStatistics(communities: ["yanbin"], filter: {metrics: [PERSON_TIMES]}) { nodes { nameZh quantity { value } computed difference } }
		boxes: reportedStatistics(communities: ["yanbin"], filter: {metrics: [BOXES_DONATED]}) { nodes { quantity { value } computed } } }`, nil, &out)
	var published []string
	for _, n := range out.ReportedStatistics.Nodes {
		published = append(published, n.Quantity.Value)
		if n.Computed == nil || n.Difference == nil || intOf(&n.Quantity.Value)-intOf(n.Computed) != intOf(n.Difference) {
			t.Errorf("%+v", n)
		}
	}
	slices.Sort(published)
	if got := strings.Join(published, " "); got != "167 354 68" {
		t.Errorf("published: %s", got)
	}
	if len(out.Boxes.Nodes) != 1 || out.Boxes.Nodes[0].Quantity.Value != "86" || out.Boxes.Nodes[0].Computed != nil {
		t.Errorf("boxes: %+v", out.Boxes.Nodes)
	}
}
