package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"linhui/internal/testkit"
	"linhui/server"
)

// tenPoints prices every operation at ten points a root field, aliased or not.
func tenPoints(_ context.Context, oc *graphql.OperationContext) server.Price {
	return server.Price{Points: 10 * len(oc.Operation.SelectionSet)}
}

func redisAt(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1,
		DialTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond})
	t.Cleanup(func() { c.Close() })
	return c
}

// refusedAfter asks until it is refused and returns how many were answered.
func refusedAfter(t testing.TB, b *bundle, document string, headers ...string) (answered int, last reply) {
	t.Helper()
	for range 200 {
		if last = b.query(t, document, headers...); last.status == 429 {
			return answered, last
		}
		answered++
	}
	return answered, last
}

func TestRateIsPerPrincipalAndCountsAliases(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]redis.UniversalClient{
		"memory":       nil,
		"miniredis":    redisAt(t, miniredis.RunT(t).Addr()),
		"redis-server": redisAt(t, testkit.Redis(t)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *server.Options) {
				o.Redis, o.Cost = client, tenPoints
				o.Limits = server.DefaultLimits()
				o.Limits.PerMinute = 100
			})
			n, last := refusedAfter(t, b, "{hello}")
			if n != 10 {
				t.Errorf("%d requests of 10 points in a minute of 100", n)
			}
			wait, err := strconv.Atoi(last.header.Get("Retry-After"))
			if err != nil || wait < 1 || wait > 60 || last.code(t) != "RATE_LIMITED" {
				t.Errorf("Retry-After %d, %s", wait, last.body)
			}
			if n, _ := refusedAfter(t, b, "{a:hello b:hello c:hello d:hello e:hello}", "Authorization", "Bearer staff"); n != 2 {
				t.Errorf("%d requests of five aliases", n)
			}
		})
	}
}

func TestInstancesShareTheRate(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	answered := 0
	for range 2 {
		b := setup(t, func(o *server.Options) {
			o.Redis, o.Cost = redisAt(t, addr), tenPoints
			o.Limits = server.DefaultLimits()
			o.Limits.PerMinute = 100
		})
		n, _ := refusedAfter(t, b, "{hello}")
		answered += n
	}
	if answered != 10 {
		t.Errorf("two instances answered %d requests in a minute of ten", answered)
	}
}

func TestRateIsCountedInMemoryWhenRedisIsGone(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	b := setup(t, func(o *server.Options) {
		o.Redis, o.Cost = redisAt(t, m.Addr()), tenPoints
		o.Limits = server.DefaultLimits()
		o.Limits.PerMinute = 100
	})
	m.Close()
	if n, _ := refusedAfter(t, b, "{hello}"); n != 10 {
		t.Errorf("%d requests without Redis", n)
	}
	if n := strings.Count(b.logs.String(), "counted in memory"); n != 1 {
		t.Errorf("%d warnings, want one a pause", n)
	}
}

func TestRateComesBackWithTime(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[time.Time]
	now.Store(&fixed)
	b := setup(t, func(o *server.Options) {
		o.Cost, o.Now = tenPoints, func() time.Time { return *now.Load() }
		o.Limits = server.DefaultLimits()
		o.Limits.PerMinute = 100
	})
	refusedAfter(t, b, "{hello}")
	later := fixed.Add(13 * time.Second)
	now.Store(&later)
	if n, _ := refusedAfter(t, b, "{hello}"); n != 2 {
		t.Errorf("%d requests after 13 s at 100 points a minute", n)
	}
}

func TestAddressesBehindATrustedProxyAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *server.Options) {
		o.Cost, o.TrustedProxies = tenPoints, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Limits = server.DefaultLimits()
		o.Limits.PerMinute = 20
	})
	refusedAfter(t, b, "{hello}", "X-Forwarded-For", "203.0.113.7")
	for forwarded, want := range map[string]int{
		"203.0.113.8":              2,
		"198.51.100.1,203.0.113.7": 0, // what the client itself claims is before what the proxy saw
		"2001:db8::1":              2,
	} {
		if n, _ := refusedAfter(t, b, "{hello}", "X-Forwarded-For", forwarded); n != want {
			t.Errorf("%s: %d requests, want %d", forwarded, n, want)
		}
	}
	if n, _ := refusedAfter(t, b, "{hello}", "X-Forwarded-For", "2001:db8::2"); n != 0 {
		t.Errorf("another address of one /64 has a minute of its own: %d", n)
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := b.query(t, `{items(first:100){edges{node{children(first:60){id}}}} hello}`)
	e := got.errors(t)[0].Extensions
	// items 1 + 100 edges × (edge 1 + node 1 + 60 children) = 6,201
	if got.status != 400 || e["code"] != "COST_EXCEEDED" || e["cost"] != 6201.0 || e["limit"] != 5000.0 || e["dearest"] != "items" || e["hint"] == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for document, points := range map[string]int{
		`{hello}`:                  1,
		`{__schema{types{name}}}`:  100,
		`{items{edges{node{id}}}}`: 1 + 50*2,
		`{items(first:3){edges{node{...f}}}} fragment f on Item{children(first:2){id}}`: 1 + 3*(2+2),
		`{items(first:3){edges @skip(if:true){cursor}}}`:                                1,
		`{item(id:1){children{id}}}`:                                                    1 + 10,
	} {
		got := b.query(t, document, "X-Linhui-Cost", "1")
		if want := fmt.Sprintf(`"extensions":{"cost":{"communities":1,"limit":5000,"points":%d}}`, points); !strings.Contains(got.body, want) {
			t.Errorf("%s: %.300s", document, got.body)
		}
	}
	got = b.post(t, `{"query":"query($n:Int){items(first:$n){edges{cursor}}}","variables":{"n":7}}`, "X-Linhui-Cost", "1")
	if !strings.Contains(got.body, `"points":8`) {
		t.Errorf("%s", got.body)
	}
	if got := b.query(t, "{hello}"); strings.Contains(got.body, "extensions") {
		t.Errorf("the price is shown unasked: %s", got.body)
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	type key struct{}
	var roots atomic.Int64
	b := setup(t, func(o *server.Options) {
		o.Log = slog.New(slog.DiscardHandler)
		o.Before = func(ctx context.Context, oc *graphql.OperationContext) (context.Context, error) {
			if oc.OperationName == "no" {
				return nil, context.DeadlineExceeded
			}
			return context.WithValue(ctx, key{}, "set"), nil
		}
		o.AroundRoot = func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
			if ctx.Value(key{}) == "set" {
				roots.Add(1)
			}
			return next(ctx)
		}
	})
	b.query(t, "{a:hello b:hello}")
	if roots.Load() != 2 {
		t.Errorf("AroundRoot saw %d fields with Before's context", roots.Load())
	}
	if got := b.post(t, `{"query":"query no{hello}","operationName":"no"}`); got.status != 503 || got.code(t) != "SOURCE_TIMEOUT" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
