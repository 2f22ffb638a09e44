package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/internal/testkit"
)

func state(err error) any { return fault.Of(err).Extensions["state"] }

// behind opens cfg on a fresh database behind a proxy.
func behind(t testing.TB, cfg database.Config) (*database.DB, *testkit.Proxy, *testkit.DB) {
	t.Helper()
	tk := testDB(t)
	proxy := testkit.NewProxy(t, tk.Addr())
	cfg.DSN = tk.Via(proxy.Addr())
	return open(t, cfg), proxy, tk
}

func within(t testing.TB, limit time.Duration, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	if took := time.Since(start); took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}

func TestABlackHoledConnectionFailsAtTheCallersDeadlineAndThePoolHeals(t *testing.T) {
	t.Parallel()
	for _, pooler := range []bool{false, true} {
		d, proxy, _ := behind(t, database.Config{TransactionPooler: pooler})
		for _, q := range []database.Query{public("SELECT 'a'"), scoped([]string{"a"}, "SELECT 'a'")} {
			mustColumn(t, d, q) // pooled now
			proxy.Set(testkit.Blackhole)
			for range 2 { // on the pooled connection, then on one that cannot be opened
				within(t, 500*time.Millisecond, "query into a black hole", func() {
					ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
					defer cancel()
					if _, err := column(ctx, d, q); !fault.Is(err, fault.SourceTimeout) {
						t.Errorf("%v", err)
					}
				})
			}
			proxy.Set(testkit.Pass)
			within(t, time.Second, "query after the repair", func() { mustColumn(t, d, q) })
		}
	}
}

func TestABlackHoledConnectionFailsAtTheBudgetWithoutADeadline(t *testing.T) {
	t.Parallel()
	cfg := database.Config{}
	cfg.Budgets[database.Dashboard] = 200 * time.Millisecond
	d, proxy, _ := behind(t, cfg)
	mustColumn(t, d, public("SELECT 'a'"))
	proxy.Set(testkit.Blackhole)
	within(t, 450*time.Millisecond, "query", func() {
		if _, err := column(context.Background(), d, public("SELECT 'a'")); !fault.Is(err, fault.SourceTimeout) {
			t.Error(err)
		}
	})
	proxy.Set(testkit.Pass)
	mustColumn(t, d, public("SELECT 'a'"))
}

func TestOneLostLinkMakesTheOtherIdleConnectionsSuspect(t *testing.T) {
	t.Parallel()
	cfg := database.Config{}
	cfg.Budgets[database.Dashboard] = 200 * time.Millisecond
	d, proxy, _ := behind(t, cfg)
	var all sync.WaitGroup
	barrier := make(chan struct{})
	var inside atomic.Int32
	for range 4 {
		all.Go(func() {
			_ = d.Query(t.Context(), public("SELECT 1"), func(*sql.Rows) error {
				if inside.Add(1) == 4 {
					close(barrier)
				}
				<-barrier
				return nil
			})
		})
	}
	all.Wait()
	if n := d.Snapshot().Conns; n != 4 {
		t.Fatalf("%d connections", n)
	}
	proxy.Set(testkit.Blackhole)
	if _, err := column(t.Context(), d, public("SELECT 1")); err == nil {
		t.Fatal("no error")
	}
	// The three others still hang in the black hole; nobody waits for them.
	proxy.Set(testkit.Pass)
	for range 4 {
		mustColumn(t, d, public("SELECT 1"))
	}
	if s := d.Snapshot(); s.Failures != 1 {
		t.Errorf("%d calls failed", s.Failures)
	}
}

func TestConnectionsLostWhileIdleCostNoRequest(t *testing.T) {
	t.Parallel()
	d, proxy, _ := behind(t, database.Config{})
	for _, do := range []func() error{
		func() error { _, err := column(t.Context(), d, public("SELECT 'a'")); return err },
		func() error { _, err := column(t.Context(), d, scoped([]string{"a"}, "SELECT 'a'")); return err },
		func() error {
			return d.Write(t.Context(), database.Scope{Owners: []string{"a"}}, func(ctx context.Context, tx *sqlx.Tx) error {
				_, err := tx.ExecContext(ctx, "SELECT 1")
				return err
			})
		},
	} {
		for range 3 {
			if err := do(); err != nil {
				t.Error(err)
			}
			proxy.Set(testkit.Reset)
			proxy.Set(testkit.Pass)
		}
	}
}

func TestARefusedConnectIsUnavailableAndTriedTwice(t *testing.T) {
	t.Parallel()
	d, proxy, _ := behind(t, database.Config{})
	proxy.Set(testkit.Refuse)
	_, err := column(t.Context(), d, public("SELECT 1"))
	if !fault.Is(err, fault.SourceUnavailable) || state(err) != database.StateUnavailable || d.Snapshot().Retries != 1 {
		t.Errorf("%v after %d retries", err, d.Snapshot().Retries)
	}
}

func TestAResultCutInTheMiddleIsAnError(t *testing.T) {
	t.Parallel()
	d, proxy, _ := behind(t, database.Config{})
	const rows = "SELECT repeat('x', 1000) FROM generate_series(1, 100)"
	for _, q := range []database.Query{public(rows), scoped([]string{"a"}, rows)} {
		mustColumn(t, d, q)
		proxy.Set(testkit.CutAfter(20_000))
		got, err := column(t.Context(), d, q)
		if !fault.Is(err, fault.SourceUnavailable) {
			t.Errorf("%d rows, %v", len(got), err)
		}
		proxy.Set(testkit.Pass)
	}
}

func TestACommitThatGotNoAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	d, proxy, _ := behind(t, database.Config{})
	err := d.Write(t.Context(), database.Scope{Owners: []string{"north"}}, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE notes SET body = $1", "x")
		proxy.Set(testkit.Reset)
		return err
	})
	if !fault.Is(err, fault.SourceUnavailable) || state(err) != database.StateCommitUnknown {
		t.Error(err)
	}
}

func TestCancellingFreesTheServerAndKeepsTheConnection(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	d := open(t, database.Config{DSN: tk.DSN, MaxConns: 1})
	admin := tk.Open(t)
	sleeping := func() bool {
		var n int
		err := admin.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	for _, q := range []database.Query{public("SELECT 'a' FROM pg_sleep(30)"), scoped([]string{"a"}, "SELECT 'a' FROM pg_sleep(30)")} {
		q.Class = database.Export
		pid := q
		pid.SQL = "SELECT pg_backend_pid()::text"
		before := mustColumn(t, d, pid)
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err = column(ctx, d, q)
		}()
		eventually(t, 5*time.Second, "statement runs", sleeping)
		cancel()
		within(t, time.Second, "cancellation", func() {
			<-done
			eventually(t, time.Second, "statement is gone", func() bool { return !sleeping() })
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if after := mustColumn(t, d, pid); after[0] != before[0] {
			t.Error("the connection was dropped")
		}
	}
}

func TestTheServersTimeoutIsSourceTimeoutAndKeepsTheConnection(t *testing.T) {
	t.Parallel()
	cfg := database.Config{DSN: testDB(t).DSN, MaxConns: 1}
	cfg.Budgets[database.Dashboard] = 100 * time.Millisecond
	d := open(t, cfg)
	for _, access := range []database.Access{database.Public, database.Scoped} {
		ask := func(text string) ([]string, error) {
			return column(t.Context(), d, database.Query{Access: access, Owners: []string{"a"}, SQL: text})
		}
		before, _ := ask("SELECT pg_backend_pid()::text")
		if _, err := ask("SELECT pg_sleep(30)"); !fault.Is(err, fault.SourceTimeout) {
			t.Error(err)
		}
		if after, err := ask("SELECT pg_backend_pid()::text"); err != nil || after[0] != before[0] {
			t.Error(before, after, err)
		}
	}
}

func TestReadsGoToAReplicaOnlyWhileThePrimaryIsDown(t *testing.T) {
	t.Parallel()
	replica := testDB(t)
	primary := testDB(t)
	proxy := testkit.NewProxy(t, primary.Addr())
	d := open(t, database.Config{DSN: primary.Via(proxy.Addr()), Replicas: []string{replica.DSN}})
	name := public("SELECT current_database()")
	if got := mustColumn(t, d, name); got[0] != primary.Name {
		t.Error(got)
	}
	proxy.Set(testkit.Refuse)
	if got := mustColumn(t, d, name); got[0] != replica.Name {
		t.Error(got)
	}
	err := d.Write(t.Context(), database.Scope{Owners: []string{"a"}}, func(context.Context, *sqlx.Tx) error { return nil })
	if !fault.Is(err, fault.SourceUnavailable) {
		t.Errorf("a write went to a replica: %v", err)
	}
}

func TestASilentPrimaryLeavesTimeForTheReplicaAndIsAskedOnce(t *testing.T) {
	t.Parallel()
	replica := testDB(t)
	primary := testDB(t)
	proxy := testkit.NewProxy(t, primary.Addr())
	proxy.Set(testkit.Blackhole)
	d := open(t, database.Config{DSN: primary.Via(proxy.Addr()), Replicas: []string{replica.DSN}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, limit := range []time.Duration{time.Second, 200 * time.Millisecond, 200 * time.Millisecond} {
		within(t, limit, "read past a silent primary", func() {
			if got, err := column(ctx, d, public("SELECT current_database()")); err != nil || got[0] != replica.Name {
				t.Error(got, err)
			}
		})
	}
}

func TestManyCallersUnderFaultsLeaveNothingBehind(t *testing.T) {
	d, proxy, _ := behind(t, database.Config{})
	testkit.Leaks(t)
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for n := range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*n)%30)*time.Millisecond)
				q := public("SELECT 'a' FROM pg_sleep(0.005)")
				if n%2 == 0 {
					q = scoped([]string{fmt.Sprint("o", i)}, "SELECT current_setting('linhui.owners') FROM pg_sleep(0.005)")
				}
				got, err := column(ctx, d, q)
				if err == nil && n%2 == 0 && got[0] != fmt.Sprint("o", i) {
					t.Errorf("o%d saw %v", i, got)
				}
				cancel()
			}
		})
	}
	proxy.Set(testkit.Slow(2 * time.Millisecond))
	proxy.Set(testkit.Pass)
	callers.Wait()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if s := d.Snapshot(); s.Running != 0 || s.Conns != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := column(t.Context(), d, public("SELECT 1")); !fault.Is(err, fault.SourceUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

func TestACallerWhoLeavesCostsOneConnectionAtMost(t *testing.T) {
	t.Parallel()
	tk := testDB(t)
	// As a statement that a cancellation reaches between two messages, this one goes on.
	exec(t, tk.DSN, func(ex func(string)) {
		ex(`CREATE FUNCTION stubborn() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
			BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); END; RETURN 'slept'; END $$`)
	})
	for _, text := range []string{"SELECT pg_sleep(60)::text", "SELECT stubborn()"} {
		d := open(t, database.Config{DSN: tk.DSN, Budgets: [...]time.Duration{time.Minute, time.Minute, time.Minute}})
		for _, access := range []database.Access{database.Public, database.Scoped} {
			q := database.Query{Access: access, Owners: []string{"north"}, SQL: "SELECT pg_backend_pid()::text FROM pg_sleep(0.05)"}
			pids := func() (all []string) {
				t.Helper()
				var mu sync.Mutex
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						got, err := column(t.Context(), d, q)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						all = append(all, got...)
						mu.Unlock()
					})
				}
				wg.Wait()
				slices.Sort(all)
				return all
			}
			var before []string
			eventually(t, 10*time.Second, "eight connections are open", func() bool {
				before = slices.Compact(pids())
				return len(before) == 8
			})
			ctx, leave := context.WithCancel(t.Context())
			defer time.AfterFunc(10*time.Millisecond, leave).Stop()
			left := q
			left.SQL = text
			if _, err := column(ctx, d, left); !fault.Is(err, fault.SourceTimeout) {
				t.Error(err)
			}
			fresh := slices.DeleteFunc(slices.Compact(pids()), func(pid string) bool { return slices.Contains(before, pid) })
			if len(fresh) > 1 {
				t.Errorf("%s as %s: %d of 8 connections had to be opened anew", text, access.Role(), len(fresh))
			}
		}
	}
}
