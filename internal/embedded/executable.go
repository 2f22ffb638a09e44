package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// FindExecutable returns the absolute path of the program name. PATH is searched first, then the
// directories that match the globs, of each glob's matches the highest version first. It is an
// error of kind exec.ErrNotFound when no place has it.
func FindExecutable(name string, globs ...string) (string, error) {
	for _, dir := range searchDirs(globs) {
		if path, err := executableIn(dir, name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// searchDirs lists the absolute directories of PATH and then those that match the globs.
func searchDirs(globs []string) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, glob := range globs {
		matches, err := filepath.Glob(glob)
		if err != nil {
			continue
		}
		slices.SortFunc(matches, func(a, b string) int { return compareVersions(b, a) })
		dirs = append(dirs, matches...)
	}
	return dirs
}

func executableIn(dir, name string) (string, error) {
	// With a separator in its name LookPath does not search, it only checks.
	return exec.LookPath(filepath.Join(dir, name))
}

// compareVersions orders strings with runs of digits compared as numbers: pg9 before pg15.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			da, db := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if len(da) != len(db) {
				return len(da) - len(db)
			}
			if c := strings.Compare(da, db); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// digits is the length of the run of digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
