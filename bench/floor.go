package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

// floor is what a careful programmer would write by hand for exactly these questions: one
// statement a database, PostgreSQL writes the JSON, rows of several databases are merged by
// their sort key and copied to the client. It knows no schema, checks no permission and
// masks nothing but the one field that is asked for.
type floor struct {
	dbs   []*sql.DB
	home  map[string]int // community -> database
	stmts map[string][]*sql.Stmt
}

const openStatuses = `('RECEIVED','TRIAGED','ASSIGNED','IN_PROGRESS')`

// floorSQL answers rows (sort key, JSON object) for the communities in $1.
func floorSQL(today time.Time) map[string]string {
	from, to := today.Format(time.RFC3339), today.AddDate(0, 0, 1).Format(time.RFC3339)
	isToday := fmt.Sprintf("e.over_at >= '%s' AND e.starts_at < '%s' AND e.status <> 'DRAFT'", from, to)
	byCategory := `SELECT to_char(g.month, 'YYYYMMDD') || g.owner || coalesce(g.category, '~'), json_build_object('bucket', g.month, 'slug', g.owner, 'category', g.category,
			'received', g.received, 'resolved', g.resolved) FROM (SELECT f.owner, f.category, date_trunc('month', f.received_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
				count(*) AS received, count(f.resolved_at) AS resolved FROM feedbacks f WHERE f.owner = ANY($1)
				AND f.received_at >= $2::timestamptz AND f.received_at < $3::timestamptz + interval '1 day' GROUP BY 1, 2, 3) g`
	return map[string]string{
		"d": byCategory, "dr": byCategory,
		"dt": `SELECT to_char(g.month, 'YYYYMMDD') || coalesce(g.category, '~'), json_build_object('bucket', g.month, 'category', g.category,
			'received', g.received, 'resolved', g.resolved) FROM (SELECT f.category, date_trunc('month', f.received_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
				count(*) AS received, count(f.resolved_at) AS resolved FROM feedbacks f WHERE f.owner = ANY($1)
				AND f.received_at >= $2::timestamptz AND f.received_at < $3::timestamptz + interval '1 day' GROUP BY 1, 2) g`,
		"a": `SELECT p.owner, json_build_object('slug', p.owner,
			'stations', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'nameZh', s.name_zh, 'kind', s.kind) ORDER BY s.name_zh, s.id), '[]')
				FROM stations s WHERE s.owner = p.owner AND s.retired_at IS NULL),
			'todayEvents', (SELECT coalesce(json_agg(json_build_object('id', e.id, 'nameZh', e.name_zh, 'start', e.starts_at) ORDER BY e.starts_at, e.id), '[]')
				FROM events e WHERE e.owner = p.owner AND ` + isToday + `),
			'feedbacks', (SELECT count(*) FROM feedbacks f WHERE f.owner = p.owner AND f.status IN ` + openStatuses + `),
			'teams', (SELECT coalesce(json_agg(json_build_object('id', v.id, 'nameZh', v.name_zh, 'kind', v.kind, 'memberCount', v.member_count) ORDER BY v.name_zh, v.id), '[]')
				FROM volunteer_teams v WHERE v.owner = p.owner)) FROM unnest($1::text[]) p(owner)`,
		"b": `SELECT p.owner, json_build_object('slug', p.owner, 'courses', (SELECT coalesce(json_agg(json_build_object('id', c.id, 'nameZh', c.name_zh,
			'enrolmentCount', c.enrolment_count, 'sessions', (SELECT coalesce(json_agg(json_build_object('id', x.id, 'start', x.starts_at, 'end', x.ends_at)), '[]')
				FROM (SELECT * FROM course_sessions x WHERE x.owner = c.owner AND x.course_id = c.id ORDER BY x.starts_at, x.id LIMIT 5) x)) ORDER BY c.name_zh, c.id), '[]')
			FROM courses c WHERE c.owner = p.owner AND c.retired_at IS NULL)) FROM unnest($1::text[]) p(owner)`,
		"c": `SELECT to_char(e.starts_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || e.owner || e.id, json_build_object('id', e.id, 'nameZh', e.name_zh, 'kind', e.kind,
			'start', e.starts_at, 'end', e.ends_at, 'slug', e.owner) FROM unnest($1::text[]) p(owner), LATERAL (SELECT * FROM events e
			WHERE e.owner = p.owner AND ` + isToday + ` ORDER BY e.starts_at, e.id LIMIT 201) e ORDER BY e.starts_at, e.owner, e.id LIMIT 201`,
		"e": `SELECT to_char(f.received_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || f.owner || f.id, json_build_object('id', f.id, 'number', f.number, 'status', f.status,
			'receivedAt', f.received_at, 'title', f.title, 'reporter', CASE WHEN r.id IS NOT NULL AND NOT f.anonymous THEN json_build_object('id', r.id, 'maskedName', left(r.name, 1) || '*') END)
			FROM (SELECT f.* FROM unnest($1::text[]) p(owner), LATERAL (SELECT * FROM feedbacks f WHERE f.owner = p.owner AND f.status IN ` + openStatuses + `
				AND ($2 = '' OR to_char(f.received_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') || f.owner || f.id < $2)
				AND f.received_at <= coalesce(nullif($3, '')::timestamptz, 'infinity')
				ORDER BY f.received_at DESC, f.id DESC LIMIT 51) f ORDER BY f.received_at DESC, f.owner DESC, f.id DESC LIMIT 51) f
			LEFT JOIN residents r ON r.owner = f.owner AND r.id = f.reporter_id ORDER BY f.received_at DESC, f.owner DESC, f.id DESC`,
	}
}

func newFloor(ctx context.Context, dsns []string, home map[string]int, today time.Time) (*floor, error) {
	f := &floor{home: home, stmts: map[string][]*sql.Stmt{}}
	for _, dsn := range dsns {
		db, err := sql.Open("postgres", dsn+"&TimeZone=Asia/Shanghai")
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(8)
		f.dbs = append(f.dbs, db)
	}
	for name, text := range floorSQL(today) {
		for _, db := range f.dbs {
			stmt, err := db.PrepareContext(ctx, text)
			if err != nil {
				return nil, fmt.Errorf("floor %s: %w", name, err)
			}
			f.stmts[name] = append(f.stmts[name], stmt)
		}
	}
	return f, nil
}

// keyed is a row with its sort key.
type keyed struct {
	key string
	row []byte
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		C     []string `json:"c"`
		After string   `json:"after"`
		P     struct{ From, To string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	rows, err := f.ask(r.Context(), name, in.C, in.After, in.P.From, in.P.To)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	slices.SortFunc(rows, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	limit, more := len(rows), false
	switch name {
	case "e":
		slices.Reverse(rows)
		limit, more = min(len(rows), 50), len(rows) > 50
	case "c":
		limit = min(len(rows), 200)
	case "dt":
		if rows, err = folded(rows); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		limit = len(rows)
	}
	var b bytes.Buffer
	b.WriteString(`{"rows":[`)
	for i, row := range rows[:limit] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(row.row)
	}
	b.WriteByte(']')
	if name == "e" {
		end := ""
		if limit > 0 {
			end = rows[limit-1].key
		}
		fmt.Fprintf(&b, `,"more":%t,"endCursor":%q`, more, end)
	}
	b.WriteByte('}')
	w.Header().Set("Content-Type", "application/json")
	w.Write(b.Bytes())
}

// folded adds up the counts of rows with the same key, which stand side by side.
func folded(rows []keyed) (out []keyed, err error) {
	type counts struct {
		Bucket   string  `json:"bucket"`
		Category *string `json:"category"`
		Received int     `json:"received"`
		Resolved int     `json:"resolved"`
	}
	var sum counts
	for i, row := range rows {
		var one counts
		if err := json.Unmarshal(row.row, &one); err != nil {
			return nil, err
		}
		if i > 0 && rows[i-1].key == row.key {
			one.Received, one.Resolved = one.Received+sum.Received, one.Resolved+sum.Resolved
			out = out[:len(out)-1]
		}
		sum = one
		text, err := json.Marshal(sum)
		if err != nil {
			return nil, err
		}
		out = append(out, keyed{row.key, text})
	}
	return out, nil
}

func (f *floor) ask(ctx context.Context, name string, communities []string, after, from, to string) ([]keyed, error) {
	byDB := make([][]string, len(f.dbs))
	for _, c := range communities {
		byDB[f.home[c]] = append(byDB[f.home[c]], c)
	}
	parts := make([][]keyed, len(f.dbs))
	errs := make([]error, len(f.dbs))
	var wg sync.WaitGroup
	for i, some := range byDB {
		if some == nil {
			continue
		}
		wg.Go(func() {
			args := []any{pq.Array(some)}
			switch name {
			case "d", "dr", "dt":
				args = append(args, from, to)
			case "e":
				at := ""
				if after != "" {
					at = after[:8] + " " + after[8:10] + ":" + after[10:12] + ":" + after[12:14] + "." + after[14:20] + "Z"
				}
				args = append(args, after, at)
			}
			parts[i], errs[i] = readKeyed(ctx, f.stmts[name][i], args)
		})
	}
	wg.Wait()
	var all []keyed
	for i, p := range parts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, p...)
	}
	return all, nil
}

func readKeyed(ctx context.Context, stmt *sql.Stmt, args []any) ([]keyed, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []keyed
	for rows.Next() {
		var k keyed
		if err := rows.Scan(&k.key, &k.row); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}
