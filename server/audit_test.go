package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAudit runs the checks of npm graphql-http, which is the reference of the GraphQL over HTTP
// specification, against a real listener. All of them pass: the optional ones too.
func TestAudit(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	dir := filepath.Join("testdata", "audit")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "graphql-http")); err != nil {
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		npm.Dir = dir
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	node := exec.CommandContext(t.Context(), "node", "audit.mjs", b.URL+"/graphql")
	node.Dir = dir
	var stderr bytes.Buffer
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("audit: %v\n%s", err, stderr.String())
	}
	checks, ok := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); checks++ {
		var check struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &check); err != nil {
			t.Fatal(err)
		}
		if check.Status == "ok" {
			ok++
			continue
		}
		t.Errorf("%s %s: %s: %s", check.ID, check.Name, check.Status, check.Reason)
	}
	if checks != 61 || ok != 61 {
		t.Errorf("%d of %d checks are ok, want 61 of 61", ok, checks)
	}
}
