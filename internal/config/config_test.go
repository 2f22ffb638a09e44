package config

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const example = "../../deploy/linhui.example.yaml"

// complete is the smallest configuration.
const complete = "directory: {dsn: postgres://u:sesame@127.0.0.1/d}\nsources: {north: {dsn: postgres://u:sesame@127.0.0.1/n}}\n"

var withKey = []string{"LINHUI_CURSOR_KEY=0123456789abcdef"}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linhui.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSmallestFileHasAllDefaults(t *testing.T) {
	t.Parallel()
	got, err := Load(write(t, complete), withKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Directory, want.Sources = defaultSource, map[string]Source{"north": defaultSource}
	want.CursorKey = "0123456789abcdef"
	dsn := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".DSN" }, cmp.Ignore())
	if diff := cmp.Diff(want, *got, dsn); diff != "" {
		t.Error(diff)
	}
}

// The example is true: what it shows commented out are the defaults.
func TestExample(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	environ := withKey
	for _, name := range regexp.MustCompile(`LINHUI_\w+_DSN`).FindAllString(string(raw), -1) {
		environ = append(environ, name+"=postgres://u@127.0.0.1/"+name)
	}
	as := func(text string) *Config {
		c, err := Load(write(t, text), environ, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	uncommented := regexp.MustCompile(`(?m)^( *)# ?( *[a-z_]+: |(?:budgets|breaker|limits|drain): )`).ReplaceAllString(string(raw), "$1$2")
	if uncommented == string(raw) {
		t.Fatal("nothing was uncommented")
	}
	if diff := cmp.Diff(as(string(raw)), as(uncommented), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, key := range topLevel() {
		if key != "-" && !strings.Contains(string(raw), key+":") {
			t.Errorf("the example does not show %s", key)
		}
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	environ := append([]string{"LINHUI_ADDR=127.0.0.1:1", "LINHUI_SUBGRAPH_ADDR=127.0.0.1:2", "LINHUI_BUDGETS__DASHBOARD=2s",
		"LINHUI_SOURCES__NORTH__ESSENTIAL=true", "LINHUI_ORIGINS=https://a.example,https://b.example", "LINHUI_LOG_LEVEL=error",
		"LINHUI_TRUSTED_PROXIES=10.0.0.0/8", "LINHUI_NOBODYS_BUSINESS=1", "REDIS_URL=redis://127.0.0.1"}, withKey...)
	c, err := Load(write(t, "addr: 127.0.0.1:0\n"+complete), environ, map[string]string{"subgraph_addr": "127.0.0.1:3", "addr": ""})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Addr, c.SubgraphAddr, c.Budgets.Dashboard, c.Sources["north"].Essential, c.Origins, c.LogLevel, c.TrustedProxies[0].String(), c.RedisURL.Reveal()}
	want := []any{"127.0.0.1:1", "127.0.0.1:3", 2 * time.Second, true, []string{"https://a.example", "https://b.example"}, slog.LevelError, "10.0.0.0/8", "redis://127.0.0.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is wrong is named by the path of its key, and no value of the file or the environment is quoted.
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		environ    []string
		want       string
	}{
		{"empty", "", withKey, "directory.dsn: is missing"},
		{"no sources", "directory: {dsn: postgres://u:sesame@h/d}", withKey, "sources: at least one"},
		{"no YAML", "a: [", withKey, "is not YAML: look at line 1"},
		{"only a text", "postgres://u:sesame@h/d", withKey, "is not YAML"},
		{"unknown key", complete + "adr: sesame", withKey, "adr: there is no such key"},
		{"unknown key of a source", "directory: {dsn: a}\nsources: {north: {dsn: a, dns: sesame}}", withKey, "sources.north.dns: there is no such key"},
		{"unknown key of a replica", "directory: {dsn: a}\nsources: {north: {dsn: a, replicas: [{dns: sesame}]}}", withKey, "sources.north.replicas.0.dns: there is no such key"},
		{"unknown variable", complete, append([]string{"LINHUI_BUDGETS__DASHBORD=2s"}, withKey...), "budgets.dashbord: there is no such key"},
		{"a number without a unit", complete + "budgets: {dashboard: 5}", withKey, "budgets.dashboard: the value cannot be read: must be a duration"},
		{"no duration", complete + "budgets: {dashboard: sesame}", withKey, "budgets.dashboard: the value cannot be read: must be a duration"},
		{"no number", complete + "limits: {tokens: sesame}", withKey, "limits.tokens: the value cannot be read: must be a number"},
		{"no boolean", complete + "playground: sesame", withKey, "playground: the value cannot be read: must be true or false"},
		{"a list for a text", complete + "addr: [sesame]", withKey, "addr: the value cannot be read: must be a text"},
		{"a group for a text", "directory: {dsn: {password: sesame}}", withKey, "directory.dsn: the value cannot be read: must be a text"},
		{"a text for a group", complete + "limits: sesame", withKey, "limits: the value cannot be read"},
		{"no level", complete + "log_level: sesame", withKey, "log_level: the value cannot be read"},
		{"no prefix", complete + "trusted_proxies: [sesame]", withKey, "trusted_proxies.0: the value cannot be read"},
		{"no address", complete + "addr: sesame", withKey, "addr: must be host:port"},
		{"no port", complete + "addr: sesame:99999", withKey, "addr: must be host:port"},
		{"a bad key", "directory: {dsn: a}\nsources: {North: {dsn: sesame}}", withKey, "sources.North: the key must be"},
		{"the directory's key", "directory: {dsn: a}\nsources: {directory: {dsn: sesame}}", withKey, "sources.directory: the key must be"},
		{"an empty variable", "directory: {dsn_env: NOWHERE}\nsources: {north: {dsn: sesame}}", withKey, "directory.dsn_env: the variable NOWHERE is empty"},
		{"an empty variable of a replica", "directory: {dsn: a}\nsources: {north: {dsn: a, replicas: [{dsn_env: NOWHERE}]}}", withKey, "sources.north.replicas.0.dsn_env: the variable NOWHERE is empty"},
		{"no connections", "directory: {dsn: a}\nsources: {north: {dsn: sesame, max_conns: 0}}", withKey, "sources.north.max_conns: must be at least 1"},
		{"half of auth", complete + "auth: {jwks_url: 'https://id.example/keys'}", withKey, "auth.issuer: is missing"},
		{"no address of keys", complete + "auth: {jwks_url: sesame, issuer: a, audience: a}", withKey, "auth.jwks_url: must be the address"},
		{"no cursor key", complete, nil, "cursor_key_env: the variable LINHUI_CURSOR_KEY is empty"},
		{"a short cursor key", complete, []string{"LINHUI_CURSOR_KEY=sesame"}, "cursor_key_env: the key in LINHUI_CURSOR_KEY is shorter"},
		{"no limit", complete + "limits: {in_flight: 0}", withKey, "limits.in_flight: must be more than 0"},
		{"more than all", complete + "breaker: {ratio: 1.5}", withKey, "breaker.ratio: must be"},
		{"no origin", complete + "origins: [sesame]", withKey, "origins.0: must be scheme://host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, c.text), c.environ, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("the error quotes a value: %v", err)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), withKey, nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	c, err := Load(write(t, complete), []string{"LINHUI_CURSOR_KEY=sesame, sesame, sesame"}, map[string]string{"redis_url": "redis://:sesame@127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "dsn", c.Directory.DSN)
	for _, text := range []string{fmt.Sprint(*c), fmt.Sprintf("%+v", *c), fmt.Sprintf("%#v", *c), fmt.Sprintf("%q", c.RedisURL), log.String()} {
		if strings.Contains(text, "sesame") {
			t.Errorf("printed: %s", text)
		}
	}
}
