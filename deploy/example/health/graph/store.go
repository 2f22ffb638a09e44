package graph

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"

	"github.com/lib/pq"
)

//go:embed schema.sql
var schemaSQL string

// Migrate makes the tables, and the rows of the demonstration, unless they are there.
func Migrate(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, schemaSQL)
	return err
}

type clinic struct {
	ID, NameZh, Kind, Community string
	NameEn, Phone, Station      *string
	Hours                       []hours
}

type hours struct {
	Weekday       int // 0 is Monday
	Opens, Closes string
	Department    string
	Doctor        *string
}

// wanted says which clinics a request needs.
type wanted struct {
	all                        bool
	ids, communities, stations []string
}

// one statement answers a whole request, however many entities and root fields it has.
const clinicsSQL = `
SELECT c.id, c.name_zh, c.name_en, c.kind, c.phone, c.community, c.station, coalesce(h.hours, '[]')
FROM clinics c
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('weekday', weekday, 'opens', to_char(opens, 'HH24:MI'),
                                      'closes', to_char(closes, 'HH24:MI'), 'department', department, 'doctor', doctor)
                    ORDER BY weekday, opens, department) AS hours
    FROM consulting_hours WHERE clinic = c.id
) h ON true
WHERE $1 OR c.id = ANY($2) OR c.community = ANY($3) OR c.station = ANY($4)
ORDER BY c.name_zh COLLATE "C", c.id`

func (g *Graph) clinics(ctx context.Context, w wanted) ([]*clinic, error) {
	if !w.all && len(w.ids)+len(w.communities)+len(w.stations) == 0 {
		return nil, nil
	}
	rows, err := g.db.QueryContext(ctx, clinicsSQL, w.all, pq.Array(w.ids), pq.Array(w.communities), pq.Array(w.stations))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []*clinic
	for rows.Next() {
		var c clinic
		var raw []byte
		if err := rows.Scan(&c.ID, &c.NameZh, &c.NameEn, &c.Kind, &c.Phone, &c.Community, &c.Station, &raw); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &c.Hours); err != nil {
			return nil, err
		}
		found = append(found, &c)
	}
	return found, rows.Err()
}
