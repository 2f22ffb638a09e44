package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"linhui/internal/config"
	"linhui/internal/testkit"
	"linhui/seed"
	"linhui/server"
)

const cursorVariable = "LINHUI_CURSOR_KEY=0123456789abcdef"

// deadDSN is an address where nobody listens: port 1 needs root and is nobody's.
const deadDSN = "postgres://u:sesame@127.0.0.1:1/n?sslmode=disable&connect_timeout=2"

// configFile writes a configuration over databases; extra comes after them.
func configFile(t *testing.T, directory string, sources map[string]string, extra string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "directory: {dsn: '%s'}\nsources:\n", directory)
	for key, dsn := range sources {
		fmt.Fprintf(&b, "  %s: {dsn: '%s'}\n", key, dsn)
	}
	return writeFile(t, "linhui.yaml", b.String()+extra)
}

// lines checks that each pattern matches a line of text of its own, whatever the padding.
func lines(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)^" + strings.ReplaceAll(p, " | ", ` {2,}`)).MatchString(text) {
			t.Errorf("no line like %s in\n%s", p, text)
		}
	}
}

func TestMigrateOneBrokenSourceStopsOnlyItself(t *testing.T) {
	t.Parallel()
	file := configFile(t, testkit.Empty(t).DSN, map[string]string{"a": testkit.Empty(t).DSN, "b": deadDSN, "c": testkit.Empty(t).DSN}, "")
	got := linhui(t, []string{cursorVariable}, "migrate", "--config", file)
	if got.code != exitFailed || got.err != "" {
		t.Errorf("exit %d, want %d: %s", got.code, exitFailed, got.err)
	}
	lines(t, got.out, `directory | 0 | [1-9]\d* | [\d.]+ | OK$`, `a | 0 | [1-9]\d* | [\d.]+ | OK$`, `b | \? | \? | [\d.]+ | b does not answer: .*refused`, `c | 0 | [1-9]\d* | [\d.]+ | OK$`)
	if strings.Contains(got.out, "sesame") {
		t.Errorf("a password is printed:\n%s", got.out)
	}

	again := linhui(t, []string{cursorVariable}, "migrate", "--config", file, "--source", "a")
	lines(t, again.out, `a | ([1-9]\d*) | [1-9]\d* | [\d.]+ | OK$`)
	if again.code != 0 || strings.Contains(again.out, "directory") {
		t.Errorf("%+v", again)
	}
	refused := linhui(t, []string{cursorVariable}, "migrate", "--config", file, "--source", "a", "--down")
	if refused.code != exitUsage || !strings.Contains(refused.err, "of a: add --yes") {
		t.Errorf("%+v", refused)
	}
	down := linhui(t, []string{cursorVariable}, "migrate", "--config", file, "--source", "a", "--down", "--yes")
	lines(t, down.out, `a | [1-9]\d* | 0 | [\d.]+ | OK$`)
	unknown := linhui(t, []string{cursorVariable}, "migrate", "--config", file, "--source", "z")
	if unknown.code != exitUsage || !strings.Contains(unknown.err, "z is not in the configuration; there are directory, a, b, c") {
		t.Errorf("%+v", unknown)
	}
}

func TestImportThenDoctor(t *testing.T) {
	t.Parallel()
	directory, a, b := testkit.Database(t, testkit.Directory), testkit.Database(t, testkit.Source), testkit.Database(t, testkit.Source)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[{}]}`) }))
	t.Cleanup(issuer.Close)
	extra := fmt.Sprintf("redis_url: redis://%s\nauth: {jwks_url: '%s', issuer: i, audience: a}\n", testkit.Redis(t), issuer.URL)
	file := configFile(t, directory.DSN, map[string]string{"a": a.DSN, "b": b.DSN}, extra)
	facts := writeFile(t, "facts.json", string(seed.Facts))
	environ := []string{cursorVariable}

	homeless := linhui(t, environ, "import", facts, "--config", file)
	if homeless.code != exitUsage || !strings.Contains(homeless.err, "no source holds") || !strings.Contains(homeless.err, "lanxin") {
		t.Errorf("%+v", homeless)
	}
	args := []string{"import", facts, "--config", file}
	streets, err := seed.Streets(seed.Facts)
	if err != nil {
		t.Fatal(err)
	}
	for owner, street := range streets {
		if isDivision(owner) {
			continue // goes with its communities
		}
		key := "b"
		if street == homeStreet {
			key = "a"
		}
		args = append(args, "--place", owner+"="+key)
	}
	if got := linhui(t, environ, args...); got.code != 0 || !strings.Contains(got.out, "records imported") {
		t.Fatalf("%+v", got)
	}
	if got := linhui(t, environ, "import", facts, "--config", file); got.code != 0 || !strings.Contains(got.out, " 0 rows inserted or changed") {
		t.Errorf("importing again: %+v", got)
	}
	var broken map[string]any
	if err := json.Unmarshal(seed.Facts, &broken); err != nil {
		t.Fatal(err)
	}
	broken["stations"].([]any)[0].(map[string]any)["community"] = "atlantis"
	text, err := json.Marshal(broken)
	if err != nil {
		t.Fatal(err)
	}
	first := broken["stations"].([]any)[0].(map[string]any)["id"].(string)
	if got := linhui(t, environ, "import", writeFile(t, "broken.json", string(text)), "--config", file); got.code != exitFailed || !strings.Contains(got.err, first) {
		t.Errorf("a broken record %s: %+v", first, got)
	}

	well := linhui(t, environ, "doctor", "--config", file)
	if well.code != 0 {
		t.Errorf("exit %d: %s%s", well.code, well.out, well.err)
	}
	lines(t, well.out, `configuration | OK | complete`, `directory | OK | PostgreSQL .*6 communities`, `source a | OK | PostgreSQL`, `source b | OK | PostgreSQL`, `Redis | OK | answers`, `token issuer | OK | publishes 1 keys`)

	if _, err := b.Open(t).ExecContext(t.Context(), "INSERT INTO owners VALUES ('lanxin', 'COMMUNITY'), ('atlantis', 'COMMUNITY')"); err != nil {
		t.Fatal(err)
	}
	ill := linhui(t, nil, "doctor", "--config", configFile(t, directory.DSN, map[string]string{"a": a.DSN, "b": b.DSN, "c": deadDSN, "d": testkit.Empty(t).DSN},
		"redis_url: redis://:sesame@127.0.0.1:1\nauth: {jwks_url: 'http://127.0.0.1:1/', issuer: i, audience: a}\nallow_list: /nowhere\n"))
	if ill.code != exitFailed || strings.Contains(ill.out, "sesame") {
		t.Errorf("exit %d: %s", ill.code, ill.out)
	}
	lines(t, ill.out, `configuration | TO DO | cursor_key_env: the variable LINHUI_CURSOR_KEY is empty`, `configuration | TO DO | allow_list: `,
		`directory | OK | PostgreSQL`, `source a | OK | PostgreSQL`, `source b | TO DO | claims lanxin, and so does a: remove it`,
		`source b | TO DO | holds atlantis, which the directory does not know`, `source c | TO DO | does not answer`,
		`source d | TO DO | has no schema yet: run linhui migrate`, `Redis | TO DO | does not answer`, `token issuer | TO DO | .*gives no keys`)
}

// What a configuration does not say is what the server does by itself.
func TestDefaultLimitsAreTheServers(t *testing.T) {
	t.Parallel()
	if got := limits(config.Default().Limits); got != server.DefaultLimits() {
		t.Errorf("%+v", got)
	}
	drain, timing := config.Default().Drain, server.DefaultTiming()
	if drain.Delay != timing.DrainDelay || drain.Timeout != timing.DrainTimeout {
		t.Errorf("%+v, the server's are %+v", drain, timing)
	}
}
