package server

import (
	"context"
	"log/slog"
	"time"
)

// BucketsAfter returns how many rate buckets are held after n keys took a point each.
func BucketsAfter(n int, now func() time.Time, key func(int) string) int {
	r := newRates(nil, 100, now, slog.Default())
	for i := range n {
		r.take(context.Background(), key(i), 1)
	}
	return len(r.buckets)
}
