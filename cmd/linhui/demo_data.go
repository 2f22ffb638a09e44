package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"linhui/internal/authn"
	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/embedded"
	"linhui/seed"
	"linhui/sources"
	"linhui/store/migrations"
)

// streets are the sources of the demo, one for every street of the data, by the street's code.
var streets = map[string]string{
	homeStreet:     "chenping",
	"620104002000": "xianfenglu",
	"620102025000": "yanyuan",
	"652824100000": "ruoqiang",
	"370303100000": "mashang",
	"510112001000": "longquan",
}

const (
	homeStreet   = "620104001000" // of the community home
	directoryKey = "directory"
)

func otherDatabases() string {
	keys := slices.Sorted(maps.Values(streets))
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == streets[homeStreet] })
	return strings.Join(append(keys, directoryKey), ", ")
}

// prepare makes the demo's databases what this version expects, and returns what the tokens of
// the people in them say. Everything it does may be done again.
func prepare(p *process, postgres *embedded.Postgres) (map[authz.Role]authn.Claims, error) {
	target := seed.Target{Sources: map[string]*sql.DB{}}
	placed, err := seed.Streets(seed.Facts)
	if err != nil {
		return nil, err
	}
	target.Place = func(owner string) string { return streets[placed[owner]] }
	// Everything below is done again at the next start, so no commit need wait for the disk.
	pool := func(key string) (*sql.DB, error) {
		return sql.Open("postgres", postgres.DSN(key, embedded.AppUser)+"&synchronous_commit=off")
	}
	if target.Directory, err = pool(directoryKey); err != nil {
		return nil, err
	}
	defer target.Directory.Close()
	for _, key := range streets {
		if target.Sources[key], err = pool(key); err != nil {
			return nil, err
		}
		defer target.Sources[key].Close()
	}
	p.begin("the directory and six databases get their schema")
	if err := migrateDemo(p.soft, postgres, target); err != nil {
		return nil, err
	}
	p.begin("six communities are imported")
	if _, err := seed.Import(p.soft, target, seed.Facts, nil); err != nil {
		return nil, err
	}
	p.begin("rows of today and of the last months grow around them")
	owners := slices.Sorted(maps.Keys(placed))
	if err := seed.Demo(p.soft, target, seed.DemoOptions{Communities: owners}); err != nil {
		return nil, err
	}
	return castClaims(p.soft, target.Sources[streets[homeStreet]])
}

// migrateDemo makes and migrates the databases. The directory is first and alone: the roles that its
// migrations make belong to the whole server.
func migrateDemo(ctx context.Context, postgres *embedded.Postgres, target seed.Target) error {
	one := func(key string, db *sql.DB, files fs.FS) error {
		err := postgres.CreateDatabase(ctx, key)
		if err == nil {
			err = migrations.Up(ctx, db, files)
		}
		if err != nil {
			return fmt.Errorf("database %s: %w", key, err)
		}
		return nil
	}
	if err := one(directoryKey, target.Directory, migrations.Directory); err != nil {
		return err
	}
	var group errgroup.Group
	for key, db := range target.Sources {
		group.Go(func() error { return one(key, db, migrations.Source) })
	}
	return group.Wait()
}

// openDemo opens the demo's databases as the gateway does those of a configuration.
func openDemo(postgres *embedded.Postgres) (*database.DB, []*sources.Source, error) {
	var errs []error
	open := func(key string) *database.DB {
		db, err := database.Open(database.Config{Key: key, DSN: postgres.DSN(key, embedded.AppUser)})
		errs = append(errs, err)
		return db
	}
	var list []*sources.Source
	for _, key := range streets {
		list = append(list, &sources.Source{Key: key, DB: open(key)})
	}
	return open(directoryKey), list, errors.Join(errs...)
}
