package cache

import (
	"context"
	"testing"
	"time"

	"linhui/internal/testkit"
)

// BenchmarkGet reads 50 keys of 3 rows each that are all in the cache.
func BenchmarkGet(b *testing.B) {
	load := func(_ context.Context, missing []Key) (map[Key]Loaded[rows], error) {
		loaded := map[Key]Loaded[rows]{}
		for _, k := range missing {
			loaded[k] = Loaded[rows]{Version: 1, Value: rows{
				{"01890a5d-ac96-774b-bcce-b302099a8057", "睦邻茶会", 20},
				{"01890a5d-ac96-774b-bcce-b302099a8058", "小板凳会客厅", 12},
				{"01890a5d-ac96-774b-bcce-b302099a8059", "周三便民服务", 40},
			}}
		}
		return loaded, nil
	}
	ttl := func(Key) time.Duration { return time.Hour }
	url := "redis://" + testkit.Redis(b)
	for _, c := range []struct {
		name     string
		l1       int
		parallel bool
	}{{"L1", 0, false}, {"L1/parallel", 0, true}, {"Redis", -1, false}} {
		b.Run(c.name, func(b *testing.B) {
			h := New(client(b, url), Options[rows]{L1: c.l1})
			keys := keysOf(50)
			get := func() {
				results, err := h.Get(b.Context(), keys, ttl, load)
				if err != nil || !results[49].Hit {
					b.Errorf("not a hit: %v %v", results, err)
				}
			}
			if _, err := h.Get(b.Context(), keys, ttl, load); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			if c.parallel {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						get()
					}
				})
				return
			}
			for b.Loop() {
				get()
			}
		})
	}
}
