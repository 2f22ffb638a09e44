package store

import (
	"context"
	"database/sql"
	"encoding/json"
)

// Estimate is what a source's planner expects of a query; Rolled, that kept totals would answer.
type Estimate struct {
	Groups, Rows int
	Rolled       bool
}

// Explain asks a source's planner what the query would read, without reading it. Planners know the
// tables well: of guarded rows only the magnitude is told.
func (c *Cube) Explain(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery) (Estimate, error) {
	e, rollup, err := c.explain(ctx, src, ask, owners, q, c.Rollups)
	if rollup != nil && noTable(err) {
		e, _, err = c.explain(ctx, src, ask, owners, q, nil)
	}
	return e, err
}

func (c *Cube) explain(ctx context.Context, src Source, ask *Ask, owners []string, q *CubeQuery, rollups []*Rollup) (Estimate, *Rollup, error) {
	s, rollup, err := c.statement(ask, owners, q, rollups)
	if err != nil || s.none {
		return Estimate{}, nil, err
	}
	s.query.SQL = "EXPLAIN (FORMAT JSON) " + s.query.SQL
	var plans []struct{ Plan explained }
	err = s.each(ctx, src, func(rs *sql.Rows) error {
		var text []byte
		if err := rs.Scan(&text); err != nil {
			return err
		}
		return json.Unmarshal(text, &plans)
	})
	if err != nil || len(plans) == 0 {
		return Estimate{}, rollup, err
	}
	e := Estimate{Groups: plans[0].Plan.Rows, Rows: plans[0].Plan.leaves(), Rolled: rollup != nil}
	if c.Guarded(ask.Viewer) {
		e.Groups, e.Rows = magnitude(e.Groups), magnitude(e.Rows)
	}
	return e, rollup, nil
}

// leastMagnitude is the smallest that is told. Chosen: far above any group that a guard hides.
const leastMagnitude = 1000

// magnitude is the power of ten that a number does not exceed.
func magnitude(n int) int {
	m := leastMagnitude
	for m < n {
		m *= 10
	}
	return m
}

type explained struct {
	Rows  int         `json:"Plan Rows"`
	Plans []explained `json:"Plans"`
}

// leaves is the number of rows that the plan's scans return.
func (p *explained) leaves() int {
	if len(p.Plans) == 0 {
		return p.Rows
	}
	n := 0
	for i := range p.Plans {
		n += p.Plans[i].leaves()
	}
	return n
}
