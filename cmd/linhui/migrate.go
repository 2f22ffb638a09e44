package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"linhui/internal/config"
	"linhui/store/migrations"
)

type migrate struct {
	configured
	Source []string `placeholder:"KEY" help:"Only these, of the sources and \"directory\"."`
	Down   bool     `help:"Take the schema back instead, with all data in it. Needs --yes."`
	Yes    bool     `help:"Mean it."`
}

// Run migrates one database after the other, each by its own ledger; one that fails stops only itself.
func (m *migrate) Run(p *process) error {
	cfg, err := m.load(p, nil)
	if err != nil {
		return err
	}
	keys, err := m.choose(cfg)
	if err != nil {
		return err
	}
	if m.Down && !m.Yes {
		return usage("--down removes every table, with its rows, of %s: add --yes if that is meant", strings.Join(keys, ", "))
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DATABASE\tBEFORE\tNOW\tSECONDS\tRESULT")
	failed := false
	for _, key := range keys {
		start := time.Now()
		from, to, err := m.one(p.soft, cfg, key)
		result := "OK"
		if err != nil {
			failed = true
			result = explain(err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%s\n", key, from, to, time.Since(start).Seconds(), result)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed {
		return errReported
	}
	return nil
}

// choose returns the databases to migrate, the directory first.
func (m *migrate) choose(cfg *config.Config) ([]string, error) {
	all := append([]string{directoryKey}, slices.Sorted(maps.Keys(cfg.Sources))...)
	if m.Source == nil {
		return all, nil
	}
	for _, key := range m.Source {
		if !slices.Contains(all, key) {
			return nil, usage("--source: %s is not in the configuration; there are %s", key, strings.Join(all, ", "))
		}
	}
	return slices.DeleteFunc(all, func(key string) bool { return !slices.Contains(m.Source, key) }), nil
}

// one migrates one database and returns its version before and after, "?" where it is not known.
func (m *migrate) one(ctx context.Context, cfg *config.Config, key string) (before, after string, err error) {
	source, files := schemaOf(cfg, key)
	before, after = "?", "?"
	db, err := owned(key, source)
	if err != nil {
		return before, after, err
	}
	defer db.Close()
	if err := reach(ctx, key, db); err != nil {
		return before, after, err
	}
	version := func() string {
		v, err := migrations.Version(ctx, db)
		if err != nil {
			return "?"
		}
		return fmt.Sprint(v)
	}
	before = version()
	if m.Down {
		err = migrations.Down(ctx, db, files)
	} else {
		err = migrations.Up(ctx, db, files)
	}
	return before, version(), err
}

// schemaOf is how a database is reached and which migrations are its own.
func schemaOf(cfg *config.Config, key string) (config.Source, fs.FS) {
	if key == directoryKey {
		return cfg.Directory, migrations.Directory
	}
	return cfg.Sources[key], migrations.Source
}
