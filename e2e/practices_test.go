package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"linhui/internal/authz"
	"linhui/internal/testkit"
	"linhui/seed"
)

var update = flag.Bool("update", false, "rewrite the answers of practices and docs/practices.md; review the difference")

const (
	practicesDir  = "testdata/practices/"
	practicesPage = "../docs/practices.md"
	// practicesTotal is how many the five reports describe: 21, 27, 23, 32 and 29.
	practicesTotal = 132
)

// practice is one that a query shows (ID.graphql, whose answer is ID.json).
type practice struct{ id, zh, query string }

// Each practice is shown by a query over the imported facts alone, and docs/practices.md lists them.
func TestPractices(t *testing.T) {
	t.Parallel()
	all := practices(t)
	if len(all) != practicesTotal {
		t.Errorf("%d practices, want %d", len(all), practicesTotal)
	}
	b := facts(t)
	token := b.token(authz.CommunityAdmin)
	for _, p := range all {
		a := b.ask(token, p.query, nil, "X-Linhui-Purpose", "practices")
		if len(a.Errors) > 0 {
			t.Errorf("%s: %+v", p.id, a.Errors)
			continue
		}
		var got bytes.Buffer
		if err := json.Indent(&got, a.Data, "", "  "); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got.Bytes(), []byte(`"nodes": []`)) && !bytes.Contains(got.Bytes(), []byte(`"nameZh"`)) {
			t.Errorf("%s shows nothing: %s", p.id, a.Data)
		}
		golden(t, practicesDir+p.id+".json", append(got.Bytes(), '\n'))
	}
	golden(t, practicesPage, pageOfPractices(all))
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: run with -update and review the difference; got\n%s", file, got)
	}
}

// facts is a gateway over the six communities as imported, in one database.
func facts(t *testing.T) *bundle {
	t.Helper()
	directory, source := testkit.Database(t, testkit.Directory), testkit.Database(t, testkit.Source)
	target := seed.Target{Directory: directory.Open(t), Sources: map[string]*sql.DB{"all": source.Open(t)}, Place: func(string) string { return "all" }}
	if _, err := seed.Import(t.Context(), target, seed.Facts, nil); err != nil {
		t.Fatal(err)
	}
	return start(t, directory, map[string]*testkit.DB{"all": source}, nil)
}

func practices(t *testing.T) (all []practice) {
	t.Helper()
	files, err := filepath.Glob(practicesDir + "*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		title, query, _ := strings.Cut(string(text), "\n")
		all = append(all, practice{id: strings.TrimSuffix(filepath.Base(file), ".graphql"), zh: strings.TrimPrefix(title, "# "), query: query})
	}
	slices.SortFunc(all, func(a, b practice) int {
		if a.id[0] != b.id[0] {
			return int(a.id[0]) - int(b.id[0])
		}
		return number(t, a.id) - number(t, b.id)
	})
	return all
}

func number(t *testing.T, id string) int {
	t.Helper()
	n, err := strconv.Atoi(id[1:])
	if err != nil {
		t.Fatalf("%q is no practice: a letter and a number", id)
	}
	return n
}

// pageOfPractices is docs/practices.md.
func pageOfPractices(all []practice) []byte {
	var shown strings.Builder
	for _, p := range all {
		file := "../e2e/" + practicesDir + p.id
		query := strings.Join(strings.Fields(p.query), " ")
		if len([]rune(query)) > 120 {
			query = string([]rune(query)[:120]) + " …"
		}
		fmt.Fprintf(&shown, "| %s | %s | [`%s`](%s.graphql) | [answer](%s.json) |\n", p.id, p.zh, query, file, file)
	}
	return fmt.Appendf(nil, `# Practices

The five reports behind the data describe %d practices of communities. Each has a query that runs in a test over
the imported facts (`+"`go test ./e2e -run TestPractices`"+`, which also writes this page with `+"`-update`"+`).

| | Practice | Query | |
|---|---|---|---|
%s`, len(all), &shown)
}
