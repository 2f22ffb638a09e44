package server

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

const (
	// leaseShare is the part of a minute's points taken from Redis at a time and spent without
	// asking again: an instance is at most 1 % of a minute off, and most requests ask nobody.
	leaseShare = 100
	leaseFor   = 10 * time.Second
	// redisPause is how long nobody asks a Redis that failed.
	redisPause = 5 * time.Second
	// maxBuckets bounds the memory that many addresses can take; past it idle ones are dropped.
	maxBuckets = 100_000
)

// rates gives every principal a number of points a minute, counted in Redis across instances,
// and in memory alone while Redis does not answer.
type rates struct {
	limiter *redis_rate.Limiter // nil: memory only
	limit   redis_rate.Limit
	now     func() time.Time
	log     *slog.Logger

	mu      sync.Mutex
	buckets map[string]*bucket
	paused  time.Time // no Redis before this
}

type bucket struct {
	leased  int       // points taken from Redis and not spent yet
	ends    time.Time // of the lease
	refused time.Time // no use to ask before this
	tokens  float64   // of the bucket in memory
	filled  time.Time
}

func newRates(client redis.UniversalClient, perMinute int, now func() time.Time, log *slog.Logger) *rates {
	r := &rates{limit: redis_rate.PerMinute(perMinute), now: now, log: log, buckets: make(map[string]*bucket)}
	if client != nil {
		r.limiter = redis_rate.NewLimiter(client)
	}
	return r
}

// take spends points of key's minute, or says how long to wait. A request dearer than a whole
// minute takes the whole minute: the limit per request is the cost limit's business.
func (r *rates) take(ctx context.Context, key string, points int) (wait time.Duration) {
	points = min(points, r.limit.Burst)
	now := r.now()
	r.mu.Lock()
	b := r.bucket(key, now)
	shared := r.limiter != nil && now.After(r.paused)
	if !shared {
		defer r.mu.Unlock()
		return r.local(b, points, now)
	}
	if now.After(b.ends) {
		b.leased = 0
	}
	if b.leased >= points {
		b.leased -= points
		r.mu.Unlock()
		return 0
	}
	if now.Before(b.refused) {
		r.mu.Unlock()
		return b.refused.Sub(now)
	}
	need := points - b.leased
	r.mu.Unlock()
	got, wait, err := r.ask(ctx, key, need)

	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			r.paused = now.Add(redisPause)
			r.log.LogAttrs(ctx, slog.LevelWarn, "rate limits are counted in memory", slog.String("error", err.Error()))
		}
		return r.local(b, points, now)
	}
	if got == 0 {
		b.refused = now.Add(wait)
		return wait
	}
	b.leased, b.ends = max(b.leased+got-points, 0), now.Add(leaseFor)
	return 0
}

// ask takes need points and a lease from Redis, or need points alone, or nothing.
func (r *rates) ask(ctx context.Context, key string, need int) (got int, wait time.Duration, err error) {
	for _, n := range [...]int{need + r.limit.Burst/leaseShare, need} {
		res, err := r.limiter.AllowN(ctx, key, r.limit, n)
		if err != nil {
			return 0, 0, err
		}
		if res.Allowed > 0 {
			return n, 0, nil
		}
		wait = res.RetryAfter
	}
	return 0, wait, nil
}

// refill is how long the given points take to come back.
func (r *rates) refill(points int) time.Duration {
	return time.Duration(math.Ceil(float64(points) / float64(r.limit.Rate) * float64(r.limit.Period)))
}

func (r *rates) local(b *bucket, points int, now time.Time) time.Duration {
	back := now.Sub(b.filled).Minutes() * float64(r.limit.Rate)
	b.tokens, b.filled = min(b.tokens+back, float64(r.limit.Burst)), now
	if missing := float64(points) - b.tokens; missing > 0 {
		return r.refill(int(math.Ceil(missing)))
	}
	b.tokens -= float64(points)
	return 0
}

// bucket returns key's bucket, full when it is new.
func (r *rates) bucket(key string, now time.Time) *bucket {
	if b, ok := r.buckets[key]; ok {
		return b
	}
	if len(r.buckets) >= maxBuckets {
		for k, old := range r.buckets {
			if now.Sub(old.filled) > time.Minute && now.After(old.ends) {
				delete(r.buckets, k)
			}
		}
		if len(r.buckets) >= maxBuckets {
			clear(r.buckets)
		}
	}
	b := &bucket{tokens: float64(r.limit.Burst), filled: now}
	r.buckets[key] = b
	return b
}
