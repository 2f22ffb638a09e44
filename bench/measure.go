package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// result is a workload's median round.
type result struct {
	Databases  int     `json:"databases"`
	Workload   string  `json:"workload"`
	Target     string  `json:"target"`
	PerSecond  float64 `json:"requestsPerSecond"`
	P50Ms      float64 `json:"p50Ms"`
	P99Ms      float64 `json:"p99Ms"`
	Statements float64 `json:"statementsPerRequest"` // of all sources together
	CPUMs      float64 `json:"cpuMsPerRequest"`      // of the server's process
	PgCPUMs    float64 `json:"postgresCpuMsPerRequest"`
	RedisMs    float64 `json:"redisCpuMsPerRequest"`
	Ratio      float64 `json:"ratioToFloor"` // median of the rounds' ratios
	Refused    float64 `json:"refused"`      // share of answers that were not whole
}

// measure checks that the targets give equal data, then loads them turn and turn about: the
// machine's own drift meets all of them alike.
func measure(ctx context.Context, o options, c *cluster) ([]result, error) {
	var results []result
	fmt.Printf("\n%d communities over %d database(s), %d connections, %d rounds of %.1f s\n", o.communities, c.databases, o.conns, o.rounds, o.seconds)
	fmt.Printf("%-3s %-9s %10s %9s %9s %7s %8s %8s %8s %7s %8s\n", "", "target", "req/s", "p50 ms", "p99 ms", "stmts", "cpu ms", "pg ms", "redis ms", "ratio", "refused")
	for i := range workloads {
		w := &workloads[i]
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), w.name) {
			continue
		}
		targets := []*process{c.floor, c.gateway}
		if w.hot && c.cached != nil {
			targets = append(targets, c.cached)
		}
		if err := sameData(ctx, c, w, targets); err != nil {
			return nil, err
		}
		rows, err := compare(ctx, o, c, w, targets)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			fmt.Printf("%-3s %-9s %10.0f %9.2f %9.2f %7.1f %8.2f %8.2f %8.2f %7.2f %8.2f\n", r.Workload, r.Target, r.PerSecond, r.P50Ms, r.P99Ms, r.Statements, r.CPUMs, r.PgCPUMs, r.RedisMs, r.Ratio, r.Refused)
		}
		results = append(results, rows...)
	}
	return results, nil
}

func compare(ctx context.Context, o options, c *cluster, w *workload, targets []*process) ([]result, error) {
	rounds := make([][]result, len(targets))
	d := time.Duration(o.seconds * float64(time.Second))
	for r := -1; r < o.rounds; r++ { // the first round warms up
		for i, p := range targets {
			before := p.usage(c)
			s, err := drive(ctx, p.target, w, c.set, o.conns, d, (r+1)*100_003, o.limits)
			if err != nil {
				return nil, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if s.requests == 0 {
				return nil, fmt.Errorf("%s answered nothing of workload %s in %v", p.target.name, w.name, d)
			}
			after := p.usage(c)
			each := func(before, after float64) float64 { return 1000 * (after - before) / float64(s.requests) }
			if r >= 0 {
				rounds[i] = append(rounds[i], result{Databases: c.databases, Workload: w.name, Target: p.target.name,
					PerSecond: s.perSecond(), P50Ms: ms(s.percentile(.5)), P99Ms: ms(s.percentile(.99)),
					Statements: float64(after.statements-before.statements) / float64(s.requests),
					Refused:    float64(s.refused) / float64(s.refused+s.requests),
					CPUMs:      each(before.cpu, after.cpu), PgCPUMs: each(before.postgres, after.postgres), RedisMs: each(before.redis, after.redis)})
			}
		}
	}
	out := make([]result, len(targets))
	for i := range targets {
		for r := range rounds[i] {
			rounds[i][r].Ratio = rounds[i][r].PerSecond / rounds[0][r].PerSecond
		}
		out[i] = rounds[i][0]
		for _, f := range []func(*result) *float64{
			func(r *result) *float64 { return &r.PerSecond }, func(r *result) *float64 { return &r.P50Ms },
			func(r *result) *float64 { return &r.P99Ms }, func(r *result) *float64 { return &r.Statements },
			func(r *result) *float64 { return &r.CPUMs }, func(r *result) *float64 { return &r.PgCPUMs },
			func(r *result) *float64 { return &r.RedisMs }, func(r *result) *float64 { return &r.Ratio },
			func(r *result) *float64 { return &r.Refused },
		} {
			var values []float64
			for r := range rounds[i] {
				values = append(values, *f(&rounds[i][r]))
			}
			slices.Sort(values)
			*f(&out[i]) = values[len(values)/2]
		}
	}
	return out, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
