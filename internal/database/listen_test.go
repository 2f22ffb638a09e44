package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/internal/testkit"
)

func receive[T comparable](t testing.TB, within time.Duration, from <-chan T, want T) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	case <-time.After(within):
		t.Fatalf("no %v within %v", want, within)
	}
}

func TestListenNoticesLossAndComesBack(t *testing.T) {
	testkit.Leaks(t)
	tk := testDB(t)
	proxy := testkit.NewProxy(t, tk.Addr())
	d := open(t, database.Config{DSN: tk.Via(proxy.Addr())})
	notes, links := make(chan string, 100), make(chan bool, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- d.Listen(ctx, []string{"hot", "Other list"},
			func(channel, payload string) { notes <- channel + " " + payload },
			func(up bool) { links <- up })
	}()
	receive(t, 5*time.Second, links, true)
	exec(t, tk.DSN, func(ex func(string)) { ex(`NOTIFY hot, 'a 1'; NOTIFY "Other list", 'b'; NOTIFY unheard, 'c'`) })
	receive(t, time.Second, notes, "hot a 1")
	receive(t, time.Second, notes, "Other list b")

	for _, broken := range []testkit.Mode{testkit.Blackhole, testkit.Reset} {
		proxy.Set(broken)
		receive(t, 2500*time.Millisecond, links, false)
		proxy.Set(testkit.Pass)
		receive(t, 10*time.Second, links, true)
		exec(t, tk.DSN, func(ex func(string)) { ex("NOTIFY hot, 'again'") })
		receive(t, time.Second, notes, "hot again")
	}

	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	receive(t, time.Second, links, false)
}

func TestCloseEndsListen(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: testDB(t).DSN})
	up, done := make(chan bool, 2), make(chan error, 1)
	go func() {
		done <- d.Listen(t.Context(), []string{"hot"}, func(string, string) {}, func(b bool) { up <- b })
	}()
	receive(t, 5*time.Second, up, true)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	receive(t, time.Second, done, nil)
}

func TestListenIsRefusedBehindAPooler(t *testing.T) {
	t.Parallel()
	d := open(t, database.Config{DSN: "host=pooler", TransactionPooler: true})
	if err := d.Listen(t.Context(), nil, nil, nil); !fault.Is(err, fault.SourceUnavailable) {
		t.Error(err)
	}
}
