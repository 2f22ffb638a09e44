package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// reference matches what a browser fetches because of a page: src="…" and href="…".
var reference = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

// Holds before and after `make web`.
func TestThePageLoadsOnlyFilesThatAreInTheBinary(t *testing.T) {
	t.Parallel()
	files := Playground()
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	references := reference.FindAllStringSubmatch(string(page), -1)
	if Built() && len(references) == 0 {
		t.Error("the built page refers to no script")
	}
	for _, r := range references {
		path, rooted := strings.CutPrefix(r[1], "/")
		if !rooted || strings.HasPrefix(path, "/") {
			t.Errorf("%s is not a path of the page's own origin", r[1])
		} else if _, err := fs.Stat(files, path); err != nil {
			t.Error(err)
		}
	}
}

// A module script from elsewhere would need no reference in the page.
func TestNoStyleSheetLoadsFromElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := regexp.MustCompile(`url\(\s*["']?(?:https?:)?//`)
	sheets, err := fs.Glob(Playground(), "assets/*.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sheets {
		sheet, err := fs.ReadFile(Playground(), name)
		if err != nil {
			t.Fatal(err)
		}
		if found := elsewhere.Find(sheet); found != nil {
			t.Errorf("%s: %s", name, found)
		}
	}
}

func TestThePageOfAnUnbuiltBinarySaysWhatToDo(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(sub(unbuiltDir), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "make web") {
		t.Errorf("no word of `make web` in %s", page)
	}
}

// GraphiQL names a tab after its operation, the examples pane uses the first line, and nobody
// should have to fill in variables first.
func TestExamplesRunAsTheyStand(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("src/examples/*.graphql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("examples: %v, %v", paths, err)
	}
	pane, err := os.ReadFile("src/examples.tsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if title, _, _ := strings.Cut(string(text), "\n"); !strings.HasPrefix(title, "# ") || strings.Count(title, " · ") != 1 {
			t.Errorf("%s: the first line is not # a Chinese title · an English one", path)
		}
		audience, _, _ := strings.Cut(filepath.Base(path), "-")
		if !strings.Contains(string(pane), "\n  "+audience+": \"") {
			t.Errorf("%s: the pane has no heading for %q", path, audience)
		}
		document, err := parser.ParseQuery(&ast.Source{Name: path, Input: string(text)})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(document.Operations) != 1 || document.Operations[0].Name == "" {
			t.Errorf("%s: want one named operation", path)
			continue
		}
		for _, v := range document.Operations[0].VariableDefinitions {
			if v.Type.NonNull && v.DefaultValue == nil {
				t.Errorf("%s: $%s has no default", path, v.Variable)
			}
		}
	}
}
