package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"linhui/internal/config"
	"linhui/seed"
)

type imports struct {
	configured
	File  string            `arg:"" help:"JSON in the form of seed/data.json."`
	Place map[string]string `placeholder:"OWNER=SOURCE" help:"Where a community that no source holds yet is to live. May be repeated. With one source it need not be said."`
}

// Run imports a file. A broken record is named and nothing is written.
func (i *imports) Run(p *process) error {
	cfg, err := i.load(p, nil)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(i.File)
	if err != nil {
		return usage("%w", err)
	}
	for owner, key := range i.Place {
		if _, ok := cfg.Sources[key]; !ok {
			return usage("--place: %s is to live in %s, which is not in the configuration", owner, key)
		}
	}
	placed, err := seed.Streets(body)
	if err != nil {
		return fmt.Errorf("%s: %w", i.File, err)
	}
	target, err := i.target(p.soft, cfg, placed)
	if err != nil {
		return err
	}
	defer closeTarget(target)
	report, err := seed.Import(p.soft, target, body, func(line string) { fmt.Fprintln(p.out, line) })
	if err != nil {
		return fmt.Errorf("%s: %w", i.File, err)
	}
	count := func(m map[string]int) (n int) {
		for _, each := range m {
			n += each
		}
		return n
	}
	_, err = fmt.Fprintf(p.out, "%d records imported, %d rows inserted or changed", count(report.Imported), report.Written)
	if skipped := slices.Sorted(maps.Keys(report.Skipped)); len(skipped) > 0 {
		_, err = fmt.Fprintf(p.out, "; no table for %d records of %s", count(report.Skipped), strings.Join(skipped, ", "))
	}
	fmt.Fprintln(p.out)
	return err
}

// target opens every database and asks who holds which of the file's owners, each with its street.
func (i *imports) target(ctx context.Context, cfg *config.Config, streetOf map[string]string) (seed.Target, error) {
	holder := map[string]string{}
	maps.Copy(holder, i.Place)
	t := seed.Target{Sources: map[string]*sql.DB{}, Place: func(owner string) string { return holder[owner] }}
	for _, key := range append(slices.Sorted(maps.Keys(cfg.Sources)), directoryKey) {
		source, _ := schemaOf(cfg, key)
		db, err := owned(key, source)
		if err != nil {
			closeTarget(t)
			return t, err
		}
		if key == directoryKey {
			t.Directory = db
		} else {
			t.Sources[key] = db
		}
		err = reach(ctx, key, db)
		if err == nil && key != directoryKey {
			err = holds(ctx, key, db, holder)
		}
		if err != nil {
			closeTarget(t)
			return t, fmt.Errorf("%w (nothing was imported)", err)
		}
	}
	if homeless := settle(holder, streetOf, slices.Sorted(maps.Keys(t.Sources))); homeless != nil {
		closeTarget(t)
		return t, usage("no source holds %s yet: say where each is to live, as in --place %s=SOURCE (nothing was imported)",
			strings.Join(homeless, ", "), homeless[0])
	}
	return t, nil
}

// settle gives owners that nobody holds a source: the only one there is, and a division that of a
// community of its street. It returns the communities that are left.
func settle(holder, streetOf map[string]string, keys []string) (homeless []string) {
	byStreet := map[string]string{}
	owners := slices.Sorted(maps.Keys(streetOf))
	for _, owner := range owners {
		if isDivision(owner) {
			continue
		}
		if holder[owner] == "" && len(keys) == 1 {
			holder[owner] = keys[0]
		}
		if holder[owner] == "" {
			homeless = append(homeless, owner)
		}
		byStreet[streetOf[owner]] = holder[owner]
	}
	for _, owner := range owners {
		if isDivision(owner) && holder[owner] == "" {
			holder[owner] = byStreet[streetOf[owner]]
		}
	}
	return homeless
}

// isDivision tells a 12-digit code from a community's slug.
func isDivision(owner string) bool {
	return len(owner) == 12 && strings.Trim(owner, "0123456789") == ""
}

// holds notes which owners a source has.
func holds(ctx context.Context, key string, db *sql.DB, holder map[string]string) error {
	rows, err := db.QueryContext(ctx, "SELECT owner FROM owners")
	if err != nil {
		return fmt.Errorf("%s does not say what it holds, run linhui migrate first: %w", key, err)
	}
	defer rows.Close()
	for rows.Next() {
		var owner string
		if err := rows.Scan(&owner); err != nil {
			return err
		}
		if other, taken := holder[owner]; taken && other != key {
			return fmt.Errorf("%s is held by %s and was to live in %s: it can be in one source only", owner, key, other)
		}
		holder[owner] = key
	}
	return rows.Err()
}

func closeTarget(t seed.Target) {
	for _, db := range t.Sources {
		db.Close()
	}
	if t.Directory != nil {
		t.Directory.Close()
	}
}
