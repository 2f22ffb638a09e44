package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// sameData asks every target the same and compares what they say, cursors and coverage
// aside: a fast wrong answer is no answer.
func sameData(ctx context.Context, c *cluster, w *workload, targets []*process) error {
	clients := make([]*client, len(targets))
	for n, p := range targets {
		var err error
		if clients[n], err = dial(ctx, p.target); err != nil {
			return err
		}
		defer clients[n].close()
	}
	for i := range 3 {
		vars := w.variables(c.set, i*7)
		var first string
		for n, p := range targets {
			body, err := clients[n].ask(w, vars)
			if err != nil {
				return err
			}
			var v any
			if err := json.Unmarshal(body, &v); err != nil {
				return fmt.Errorf("%s: %w", p.target.name, err)
			}
			text, err := json.Marshal(plain(v))
			if err != nil {
				return err
			}
			if first == "" {
				first = string(text)
			} else if first != string(text) {
				at := 0
				for at < min(len(first), len(text)) && first[at] == text[at] {
					at++
				}
				at = max(at-200, 0)
				return fmt.Errorf("workload %s: %s and %s differ:\n%.600s\n%.600s", w.name, targets[0].target.name, p.target.name, first[min(at, len(first)):], text[min(at, len(text)):])
			}
		}
		if len(first) < 200 {
			return fmt.Errorf("workload %s answers next to nothing: %s", w.name, first)
		}
	}
	return nil
}

// plain reduces either server's answer to its rows: GraphQL's wrappers go, global ids become
// uuids.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for _, wrapper := range []string{"data", "communities", "rows", "nodes", "todayEventsRoot", "community"} {
			if inner, ok := x[wrapper]; ok && (len(x) == 1 || wrapper == "nodes" || wrapper == "rows") {
				return plain(inner)
			}
		}
		if edges, ok := x["edges"]; ok {
			return plain(edges)
		}
		if node, ok := x["node"]; ok {
			return plain(node)
		}
		if n, ok := x["totalCount"]; ok && len(x) == 1 {
			return n
		}
		for _, root := range []string{"todayEvents", "feedbacks", "feedbackAggregate"} {
			if inner, ok := x[root]; ok && len(x) == 1 {
				return plain(inner)
			}
		}
		out := map[string]any{}
		for k, inner := range x {
			if m, ok := inner.(map[string]any); ok && k == "community" {
				out["slug"] = m["slug"]
				continue
			}
			out[k] = plain(inner)
		}
		if id, ok := out["id"].(string); ok {
			raw, err := base64.RawURLEncoding.DecodeString(id) // a uuid decodes too, to no parts
			if parts := strings.Split(string(raw), ":"); err == nil && len(id) != 36 && len(parts) == 3 {
				out["id"] = parts[2]
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = plain(x[i])
		}
		return out
	}
	return v
}
