package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"linhui/internal/authz"
	"linhui/internal/database"
)

// Chore is what time alone asks for, such as telling of a deadline that passed. Its file
// declares it; the keeper does all that are declared.
type Chore struct {
	Name   string // signs what it does as system:NAME
	AtOnce int    // rows of one transaction
	// Do treats at most AtOnce rows of the round's owners and returns how many it did.
	Do func(r *Round) (int, error)
}

// chores are the declared ones by name; filled by package initialisation only.
var chores = map[string]Chore{}

func keeps(c Chore) Chore {
	if _, twice := chores[c.Name]; twice {
		panic("store: chore " + c.Name + " is declared twice")
	}
	chores[c.Name] = c
	return c
}

// Round is one transaction of a chore. Its viewer is the chore itself, as staff of the owners.
type Round struct {
	Ask    *Ask
	Owners []string
	AtOnce int

	ctx context.Context
	tx  *sqlx.Tx
}

// Keep does every chore for the owners of one source, as of now, and returns how many rows each
// did. Any number of gateways may: a chore that another is at is left to that one. A chore that
// fails is named, and the others are done.
func Keep(ctx context.Context, dst Writer, owners []string, ask Ask, now time.Time) (map[string]int, error) {
	done := map[string]int{}
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(chores)) {
		n, err := chores[name].keep(ctx, dst, owners, ask, now)
		done[name] = n
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return done, errors.Join(failed...)
}

func (c Chore) keep(ctx context.Context, dst Writer, owners []string, ask Ask, now time.Time) (total int, err error) {
	ask.Viewer = &authz.Viewer{Principal: "system:" + c.Name, Roles: []authz.Role{authz.CommunityStaff}, Communities: owners, At: now}
	for {
		n := 0
		scope := database.Scope{Owners: owners, Principal: ask.Viewer.Principal, Class: database.Analyst}
		err := dst.Write(ctx, scope, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			var mine bool
			if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", "linhui chore "+c.Name).Scan(&mine); err != nil || !mine {
				return err
			}
			n, err = c.Do(&Round{Ask: &ask, Owners: owners, AtOnce: c.AtOnce, ctx: ctx, tx: tx})
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n < c.AtOnce {
			return total, nil
		}
	}
}

// Count runs a statement that says how many rows it did.
func (r *Round) Count(query string, args ...any) (n int, err error) {
	err = r.tx.QueryRowContext(r.ctx, query, args...).Scan(&n)
	return n, err
}

// take does a command to each row that a query finds: SELECT owner, id.
func (r *Round) take(command func(owner string, id uuid.UUID) (Command, error), query string, args ...any) (int, error) {
	found, err := r.tx.QueryContext(r.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	var ks keys
	for found.Next() {
		var owner string
		var id uuid.UUID
		if err := found.Scan(&owner, &id); err != nil {
			found.Close()
			return 0, err
		}
		ks.add(owner, id)
	}
	if err := errors.Join(found.Close(), found.Err()); err != nil {
		return 0, err
	}
	for i, owner := range ks.owners {
		id := uuid.MustParse(ks.ids[i])
		c, err := command(owner, id)
		if err == nil {
			err = c.Do(&Tx{Ask: r.Ask, Owner: owner, ID: id, ctx: r.ctx, tx: r.tx})
		}
		if err != nil {
			return 0, fmt.Errorf("%s %s: %w", owner, id, err)
		}
	}
	return len(ks.owners), nil
}

// Chosen: long enough for a client that was offline over a holiday to send its write again.
const idempotencyKeptFor = 14 * 24 * time.Hour

// Chosen: events that a relay has passed on are kept for a look back, and those that nobody
// passes on for as long as a relay may be down.
const publishedKeptFor, unpublishedKeptFor = 7 * 24 * time.Hour, 30 * 24 * time.Hour

// The writer may delete nothing by itself: linhui_sweep is what it may.
var _ = keeps(Chore{Name: "sweeping", AtOnce: 5000, Do: func(r *Round) (int, error) {
	now := r.Ask.Viewer.At
	return r.Count("SELECT linhui_sweep($1, $2, $3, $4)", now.Add(-idempotencyKeptFor), now.Add(-publishedKeptFor), now.Add(-unpublishedKeptFor), r.AtOnce)
}})
