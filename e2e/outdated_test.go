package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// A source of an older schema costs what it cannot answer, named, and nothing beside that.
func TestASourceOfAnOlderSchema(t *testing.T) {
	t.Parallel()
	b := learning(t)
	const whole = `{ courses(first: 100) { nodes { nameZh community { slug } programme { nameZh } sessions(first: 1) { nodes { start } } } coverage { complete } } }`
	type page struct {
		Courses struct {
			Nodes []struct {
				NameZh    string
				Community struct{ Slug string }
				Programme *struct{ NameZh string }
				Sessions  *struct{ Nodes []struct{ Start string } }
			}
			Coverage struct {
				Complete bool
				Sources  []struct {
					Key       string
					ErrorCode *string
				}
			}
		}
	}
	var before page
	b.must("", whole, nil, &before) // statements are prepared: migrations meet a running gateway
	run(t, b.sources["two"], `ALTER TABLE course_sessions RENAME TO not_yet; ALTER TABLE courses DROP COLUMN class_name_zh CASCADE`)

	a := b.ask("", whole, nil)
	var got page
	decode(t, a.Data, &got)
	lost := 0
	ofTwo := []string{"s5", "s6", "s7", "s8", "s9"}
	for i, c := range got.Courses.Nodes {
		old := slices.Contains(ofTwo, c.Community.Slug)
		if old {
			lost++
		}
		if (c.Sessions == nil) != old || (c.Programme == nil) != (before.Courses.Nodes[i].Programme == nil) {
			t.Errorf("%+v", c)
		}
	}
	if len(got.Courses.Nodes) != len(before.Courses.Nodes) || lost == 0 || lost != len(a.Errors) || !got.Courses.Coverage.Complete {
		t.Errorf("%d rows, %d of the old schema, %d errors, %+v", len(got.Courses.Nodes), lost, len(a.Errors), got.Courses.Coverage)
	}
	for _, e := range a.Errors {
		if said := fmt.Sprint(e.Extensions["code"], e.Extensions["state"], e.Extensions["source"], e.Path[len(e.Path)-1]); said != "SOURCE_UNAVAILABLEOUTDATEDtwosessions" {
			t.Error(said)
		}
	}

	a = b.ask("", `{ courses(first: 100) { nodes { nameZh classNameZh community { slug } } coverage { complete sources { key errorCode } } } }`, nil)
	got = page{}
	decode(t, a.Data, &got)
	for _, c := range got.Courses.Nodes {
		if slices.Contains(ofTwo, c.Community.Slug) {
			t.Errorf("%+v", c)
		}
	}
	if len(got.Courses.Nodes) == 0 || got.Courses.Coverage.Complete || len(a.Errors) != 1 {
		t.Errorf("%+v, %+v", got.Courses, a.Errors)
	} else if message := a.Errors[0].Message; message != "source two has not the schema that this is answered from; run linhui migrate" {
		t.Error(message)
	}
}
