package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// target is a server under load.
type target struct {
	name    string
	url     string
	token   string
	request func(w *workload, vars map[string]any) (path string, body []byte)
}

// sample is one round of load on one target.
type sample struct {
	requests  int // answered whole
	refused   int
	seconds   float64
	latencies []time.Duration // sorted
}

// drive keeps conns requests in flight for the given time and lets the last ones end: a client
// that leaves costs the server a connection. Each connection asks about other communities each
// time; workload e pages on for a few pages. A limited target may refuse, which is counted.
func drive(ctx context.Context, t *target, w *workload, set *dataset, conns int, d time.Duration, seed int, limited bool) (sample, error) {
	refused := make([]int, conns)
	lat := make([][]time.Duration, conns)
	errs := make([]error, conns)
	begin := time.Now()
	var wg sync.WaitGroup
	for n := range conns {
		wg.Go(func() {
			c, err := dial(ctx, t)
			if err != nil {
				errs[n] = err
				return
			}
			defer c.close()
			after := ""
			for i, page := 0, 0; time.Since(begin) < d; page++ {
				if page == pagesOf(w) {
					i, page, after = i+1, 0, ""
				}
				vars := w.variables(set, seed+n*1009+i)
				if after != "" {
					vars["after"] = after
				}
				start := time.Now()
				body, err := c.ask(w, vars)
				if limited && errors.Is(err, errRefused) {
					refused[n]++
					continue
				}
				if err != nil {
					errs[n] = err
					return
				}
				lat[n] = append(lat[n], time.Since(start))
				if pagesOf(w) > 1 {
					after = endCursor(body)
				}
			}
		})
	}
	wg.Wait()
	s := sample{seconds: time.Since(begin).Seconds()}
	for n := range conns {
		if errs[n] != nil {
			return s, errs[n]
		}
		s.latencies = append(s.latencies, lat[n]...)
		s.refused += refused[n]
	}
	s.requests = len(s.latencies)
	slices.Sort(s.latencies)
	return s, nil
}

func pagesOf(w *workload) int {
	if w.name == "e" {
		return 5
	}
	return 1
}

// endCursor finds the cursor without parsing the whole answer.
func endCursor(body []byte) string {
	_, rest, ok := bytes.Cut(body, []byte(`"endCursor":"`))
	if !ok {
		return ""
	}
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(cursor)
}

func (s sample) perSecond() float64 { return float64(s.requests) / s.seconds }

func (s sample) percentile(p float64) time.Duration {
	if len(s.latencies) == 0 {
		return 0
	}
	return s.latencies[int(p*float64(len(s.latencies)-1))]
}

func graphqlRequest(w *workload, vars map[string]any) (string, []byte) {
	body, err := json.Marshal(map[string]any{"query": w.query, "variables": vars})
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return "/graphql", body
}

func floorRequest(w *workload, vars map[string]any) (string, []byte) {
	body, err := json.Marshal(vars)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return "/" + w.name, body
}
