package compose_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"linhui/supergraph/compose"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sections reads a golden file: "-- name --" begins a subgraph; "-- want --" what comes of them.
func sections(t *testing.T, file string) (inputs []compose.Input, want, head string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, want, _ := strings.Cut(string(raw), "-- want --\n")
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, sdl, _ := strings.Cut(part, " --\n")
		inputs = append(inputs, compose.Input{Name: name, URL: "http://" + name, File: name + ".graphql", SDL: sdl})
	}
	return inputs, want, text
}

// TestWhatComesOfSubgraphs compares supergraphs and lists of problems with golden files, for subgraphs given in both orders.
func TestWhatComesOfSubgraphs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			inputs, want, head := sections(t, file)
			got := outcome(t, inputs)
			slices.Reverse(inputs)
			if again := outcome(t, inputs); again != got {
				t.Errorf("another order gives\n%s\nnot\n%s", again, got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(head+"-- want --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func outcome(t *testing.T, inputs []compose.Input) string {
	t.Helper()
	result, err := compose.Compose(context.Background(), inputs)
	var wrong *compose.Error
	switch {
	case errors.As(err, &wrong):
		return wrong.Error() + "\n"
	case err != nil:
		t.Fatal(err)
	}
	var b strings.Builder
	for _, w := range result.Warnings {
		b.WriteString("warning: " + w.String() + "\n")
	}
	_, types, _ := strings.Cut(result.SDL, "enum join__Graph")
	head, _, _ := strings.Cut(result.SDL, "\ndirective ")
	return b.String() + head + "\nenum join__Graph" + types
}

// many are n subgraphs of m types each: entities, those of the next subgraph that they point at, one entity that all
// extend, an enum.
func many(n, m int) []compose.Input {
	var out []compose.Input
	for i := range n {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])` + "\n")
		fmt.Fprintf(&b, "type Query { root%d: E%d_0 }\n", i, i)
		fmt.Fprintf(&b, "type Shared @key(fields: \"id\") { id: ID! at%d: Int }\n", i)
		for j := range (m - 2) / 2 {
			next := (i + 1) % n
			fmt.Fprintf(&b, "type E%d_%d @key(fields: \"id\") { id: ID! name: String count: Int shared: Shared sibling: E%d_%d next: E%d_%d }\n", i, j, i, (j+1)%((m-2)/2), next, j)
			if j == 0 {
				for k := range (m - 2) / 2 {
					fmt.Fprintf(&b, "type E%d_%d @key(fields: \"id\", resolvable: false) { id: ID! }\n", next, k)
				}
			}
		}
		fmt.Fprintf(&b, "enum Kind%d { A B C }\n", i)
		out = append(out, compose.Input{Name: fmt.Sprintf("s%03d", i), SDL: b.String()})
	}
	return out
}

// BenchmarkCompose composes 100 subgraphs of 50 types each, satisfiability included.
func BenchmarkCompose(b *testing.B) {
	inputs := many(100, 50)
	for b.Loop() {
		if _, err := compose.Compose(context.Background(), inputs); err != nil {
			b.Fatal(err)
		}
	}
}

// TestComposingIsDeterministic composes a hundred subgraphs of fifty types twice, in two orders.
func TestComposingIsDeterministic(t *testing.T) {
	t.Parallel()
	inputs := many(100, 50)
	first, err := compose.Compose(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(inputs)
	again, err := compose.Compose(t.Context(), inputs)
	if err != nil || again.SDL != first.SDL {
		t.Errorf("composed differently the second time: %v", err)
	}
}

func TestEveryVersionOfFederation2IsRead(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{"v2.0": true, "v2.1": true, "v2.2": true, "v2.3": true, "v2.4": true, "v2.5": true, "v2.6": true, "v2.7": true,
		"v2.8": true, "v2.9": true, "v2.10": true, "v2.11": true, "v2.14": true, "v2.15": false, "v3.0": false, "v1.0": false} {
		_, err := compose.Compose(t.Context(), []compose.Input{{Name: "a", SDL: `extend schema @link(url: "https://specs.apollo.dev/federation/` + version +
			`", as: "fed", import: [{name: "@key", as: "@id"}]) type Query { e: E } type E @id(fields: "i") { i: ID! n: Int @fed__shareable }`}})
		if (err == nil) != good || !good && !strings.Contains(err.Error(), "UNKNOWN_FEDERATION_LINK_VERSION") {
			t.Errorf("%s: %v", version, err)
		}
	}
}
