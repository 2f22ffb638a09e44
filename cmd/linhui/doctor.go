package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"linhui/internal/authz"
	"linhui/internal/cache"
	"linhui/internal/config"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/store"
	"linhui/store/migrations"
)

const (
	checkWait     = 5 * time.Second // for each part
	oldestServer  = 15              // what the migrations need
	mostClockSkew = time.Second     // tokens, deadlines and "today" are judged by both clocks
)

type doctor struct{ configured }

// finding is one line of the doctor's report.
type finding struct {
	part string
	ok   bool
	text string // what was found; when not ok, also what to do
}

// Run checks everything at once and says what to do, part by part.
func (d *doctor) Run(p *process) error {
	cfg, err := config.Read(d.Config, p.environ, nil)
	if err != nil {
		return usage("%w", err)
	}
	findings := d.examine(p.soft, cfg)
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PART\t\tFOUND")
	toDo := 0
	for _, f := range findings {
		state := "OK"
		if !f.ok {
			state = "TO DO"
			toDo++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.part, state, f.text)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if toDo > 0 {
		fmt.Fprintf(p.out, "%d to do\n", toDo)
		return errReported
	}
	return nil
}

func (d *doctor) examine(ctx context.Context, cfg *config.Config) []finding {
	list := configuration(cfg)
	databases := make([]checkup, len(cfg.Sources)+1)
	keys := append([]string{directoryKey}, slices.Sorted(maps.Keys(cfg.Sources))...)
	var redis, keysOfIssuer finding
	var all sync.WaitGroup
	for i, key := range keys {
		all.Go(func() { databases[i] = checkDatabase(ctx, cfg, key) })
	}
	all.Go(func() { redis = checkRedis(ctx, cfg) })
	all.Go(func() { keysOfIssuer = checkIssuer(ctx, cfg) })
	all.Wait()
	for _, c := range databases {
		list = append(list, c.findings...)
	}
	return append(append(list, checkOwners(databases)...), redis, keysOfIssuer)
}

// configuration is what the file itself lacks.
func configuration(cfg *config.Config) []finding {
	var list []finding
	for _, problem := range cfg.Check() {
		list = append(list, finding{"configuration", false, problem.Error()})
	}
	if _, err := allowList(cfg.AllowList); err != nil {
		list = append(list, finding{"configuration", false, err.Error()})
	}
	if list == nil {
		list = []finding{{"configuration", true, "complete, with a key for cursors"}}
	}
	return list
}

// checkup is what was found out about one database.
type checkup struct {
	key      string
	findings []finding
	owners   []string         // of a source
	known    *store.Directory // of the directory
}

func checkDatabase(ctx context.Context, cfg *config.Config, key string) checkup {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	c := checkup{key: key}
	part := key
	if key != directoryKey {
		part = "source " + key
	}
	say := func(ok bool, format string, args ...any) {
		c.findings = append(c.findings, finding{part, ok, fmt.Sprintf(format, args...)})
	}
	settings, files := schemaOf(cfg, key)
	if settings.DSN == "" {
		return c // the configuration's own findings say so
	}
	db, err := database.Open(databaseConfig(cfg, key, settings))
	if err != nil {
		say(false, "%v", err)
		return c
	}
	defer db.Close()
	h, err := db.Health(ctx)
	if err != nil {
		say(false, "does not answer; check that it runs, its address and its user: %s", explain(err))
		return c
	}
	fine := true
	todo := func(format string, args ...any) { fine = false; say(false, format, args...) }
	if major := majorVersion(h.Version); major < oldestServer {
		todo("PostgreSQL %s is too old: upgrade to %d or newer", h.Version, oldestServer)
	}
	if skew := h.ClockSkew.Abs() - h.RoundTrip/2; skew > mostClockSkew {
		todo("its clock is %v off this machine's: let both keep time by NTP", h.ClockSkew.Round(time.Millisecond))
	}
	latest, err := migrations.Latest(files)
	switch {
	case err != nil:
		todo("%v", err)
	case h.Migration == 0:
		todo("has no schema yet: run linhui migrate")
	case h.Migration < latest:
		todo("has schema %d, this version's is %d: run linhui migrate", h.Migration, latest)
	case h.Migration > latest+1:
		todo("has schema %d, which is more than one ahead of this version's %d: run a newer linhui", h.Migration, latest)
	}
	if h.Migration > 0 {
		for _, role := range slices.Sorted(maps.Keys(h.Roles)) {
			if err := h.Roles[role]; err != nil {
				todo("cannot be used as %s: GRANT %s to its user, or run linhui migrate as its owner: %s", role, role, explain(err))
			}
		}
		if err := c.read(ctx, db); err != nil {
			todo("its content cannot be read: %s", explain(err))
		}
	}
	if settings.TransactionPooler && settings.Listen.DSN == "" {
		todo("is behind a transaction pooler and changes in it cannot be heard of: give listen.dsn, past the pooler")
	}
	if fine {
		say(true, "PostgreSQL %s, schema %d, clock %+d ms, answers in %.1f ms%s", h.Version, h.Migration,
			h.ClockSkew.Milliseconds(), float64(h.RoundTrip.Microseconds())/1000, c.holds())
	}
	return c
}

// read takes the owners of a source, or the content of the directory.
func (c *checkup) read(ctx context.Context, db *database.DB) (err error) {
	if c.key != directoryKey {
		c.owners, err = store.Owners(ctx, db)
		return err
	}
	c.known, err = store.LoadDirectory(ctx, db, &store.Ask{Viewer: &authz.Viewer{}, Log: newConsole(io.Discard, 0)})
	return err
}

func (c *checkup) holds() string {
	if c.key == directoryKey {
		return fmt.Sprintf(", %d communities", len(c.known.Slugs()))
	}
	return fmt.Sprintf(", holds %d communities and divisions", len(c.owners))
}

// checkOwners compares who holds what with the directory and among the sources.
func checkOwners(databases []checkup) []finding {
	var list []finding
	var known *store.Directory
	holder := map[string]string{}
	complete := true // every source said what it holds
	for _, c := range databases {
		if c.key == directoryKey {
			known = c.known
			continue
		}
		complete = complete && c.owners != nil
		for _, owner := range c.owners {
			if other, taken := holder[owner]; taken {
				list = append(list, finding{"source " + c.key, false, fmt.Sprintf("claims %s, and so does %s: remove it from the owners table of one of them", owner, other)})
				continue
			}
			holder[owner] = c.key
			if known != nil && !known.Holds(owner) {
				list = append(list, finding{"source " + c.key, false, fmt.Sprintf("holds %s, which the directory does not know: import it, or remove it from the owners table", owner)})
			}
		}
	}
	if known == nil || !complete {
		return list
	}
	for _, slug := range known.Slugs() {
		if holder[slug] == "" {
			list = append(list, finding{directoryKey, false, fmt.Sprintf("knows %s, which no source holds: import its rows, or retire it", slug)})
		}
	}
	return list
}

func checkRedis(ctx context.Context, cfg *config.Config) finding {
	if cfg.RedisURL == "" {
		return finding{"Redis", true, "none is configured: hot lists are read from SQL, each instance counts rates by itself"}
	}
	client, err := cache.NewClient(cfg.RedisURL.Reveal())
	if err != nil {
		return finding{"Redis", false, "redis_url cannot be used: " + err.Error()}
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	start := time.Now()
	if err := client.Ping(ctx).Err(); err != nil {
		return finding{"Redis", false, "does not answer; check that it runs, its address and password: " + err.Error()}
	}
	return finding{"Redis", true, fmt.Sprintf("answers in %.1f ms", float64(time.Since(start).Microseconds())/1000)}
}

func checkIssuer(ctx context.Context, cfg *config.Config) finding {
	const part = "token issuer"
	if cfg.Auth.JWKSURL == "" {
		return finding{part, true, "none is configured: every token is refused and everybody is PUBLIC"}
	}
	n, err := publishedKeys(ctx, cfg.Auth.JWKSURL)
	switch {
	case err != nil:
		return finding{part, false, fmt.Sprintf("auth.jwks_url gives no keys, so every token is refused: %v", err)}
	case n == 0:
		return finding{part, false, "auth.jwks_url gives an empty set of keys, so every token is refused"}
	}
	return finding{part, true, fmt.Sprintf("publishes %d keys", n)}
}

// publishedKeys counts the keys of a JSON Web Key Set.
func publishedKeys(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fault.Newf(fault.SourceUnavailable, "it answers %s", response.Status)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&set); err != nil {
		return 0, fmt.Errorf("it is no JSON Web Key Set: %w", err)
	}
	return len(set.Keys), nil
}

// majorVersion reads the number before the first point: "15.18 (Debian 15.18-1)" is 15.
func majorVersion(version string) int {
	digits := strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}
