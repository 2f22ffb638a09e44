package store

import (
	"errors"

	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// daysKept is how many days back the keeper writes what is missing. Chosen: a gateway that stood still over a long holiday.
const daysKept = 10

// RoomDay is how long a room could be used on a day that is over; its rows are restricted.
type RoomDay struct {
	Row
	RoomID      uuid.UUID         `db:"room_id" for:"room"`
	Day         scalar.Date       `db:"day"`
	OpenMinutes int               `db:"open_minutes"`
	Provenance  scalar.Provenance `db:"provenance"`
}

type (
	RoomDayConnection = page.Connection[RoomDay]
	RoomDayEdge       = page.Edge[RoomDay]
)

var RoomDays = Define[RoomDay](Spec{Type: "RoomDay", Table: "room_days", Restricted: true,
	Orders:  map[string][]string{"DAY": {"day"}},
	Default: []string{"day"}, DefaultDesc: true})

var _ = HasOne(RoomDays, "room", Rooms, "room_id")

// RoomDayFilter narrows a list of rooms' days.
type RoomDayFilter struct {
	Room  *string
	Range *DateRange
}

func (f *RoomDayFilter) Where(w *Where, _ *Ask) error {
	if err := w.Refers("t.room_id", f.Room, Rooms, "filter", "room"); err != nil {
		return err
	}
	return w.Days("t.day", f.Range, "filter", "range")
}

// bookedMinutes are those of a room's day t for which the room was kept for who booked; a booking past midnight counts on
// each of its days. The lower bound on its start says that none is longer than 12 hours, and keeps the index short.
const bookedMinutes = `(SELECT coalesce(sum(extract(epoch FROM least(b.ends_at, d.ends) - greatest(b.starts_at, d.begins)) / 60), 0)
	FROM (SELECT t.day::timestamp AT TIME ZONE 'Asia/Shanghai' AS begins, (t.day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS ends) d, room_bookings b
	WHERE b.owner = t.owner AND b.room_id = t.room_id AND b.status IN ` + heldForIt + `
		AND b.starts_at >= d.begins - interval '12 hours' AND b.starts_at < d.ends AND b.ends_at > d.begins)`

var _ = DefineCube(Cube{
	Of: RoomDays, Time: "day", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "ROOM", SQL: "t.room_id", To: Rooms},
		{Name: "ROOM_KIND", SQL: "r.kind", Type: "RoomKind", From: itsRoom},
		{Name: "STATION", SQL: "r.station_id", To: Stations, From: itsRoom},
		{Name: "WEEKDAY", Doc: "1 is Monday.", SQL: "extract(isodow FROM t.day)::int", Type: "Int"},
	},
	Measures: []Measure{
		{Name: "roomDays", Doc: "Days of rooms whose station published hours.", Unit: "天", Kind: measure.Count{}},
		{Name: "openHours", Doc: "Hours that the rooms' stations were open, as published.", Unit: "小时", Kind: measure.Sum{Of: "t.open_minutes / 60.0"}},
		{Name: "bookedHours", Doc: "Hours that the rooms were kept for who booked.", Unit: "小时", Kind: measure.Sum{Of: bookedMinutes + " / 60"}},
		{Name: "utilisation", Doc: "Booked hours over open hours; above 1 where rooms are used out of hours.",
			Kind: measure.Ratio{Of: "sum(" + bookedMinutes + ")", By: "sum(t.open_minutes)"}},
	},
})

// openMinutes are those of a day, cut at its midnights; known is false when nothing was published about it.
func (h *Hours) openMinutes(d scalar.Date) (minutes int, known bool) {
	_, known = h.exceptions[d]
	for i := range h.schedules {
		s := &h.schedules[i]
		begun := s.rule == nil || !s.rule.opt.Dtstart.After(lateMidnight(d))
		known = known || s.valid(d) && begun
	}
	for _, w := range h.windows {
		known = known || w.from.Compare(d) <= 0 && d.Compare(w.to) <= 0
	}
	begins, ends := d.Start(), d.End()
	for _, s := range h.spans(d.AddDays(-1), d) {
		from, to := lateInstant(s.from, begins), s.to
		if to.After(ends) {
			to = ends
		}
		if to.After(from) {
			minutes += int(to.Sub(from).Minutes())
		}
	}
	return minutes, known
}

// What a day's hours were is written when it is over, and then stands: hours that are published later are of later days.
var _ = keeps(Chore{Name: "roomDays", AtOnce: 5000, Do: func(r *Round) (int, error) {
	var owners, rooms, days []string
	var minutes []int64
	found, err := r.tx.QueryContext(r.ctx, `SELECT t.owner, m.rooms, m.days, `+new(Hours).SQL()+` FROM stations t, LATERAL (
			SELECT array_agg(r.id::text ORDER BY d, r.id), array_agg(d::date::text ORDER BY d, r.id)
			FROM rooms r, generate_series($2::date - $3::int, $2::date - 1, interval '1 day') d
			WHERE r.owner = t.owner AND r.station_id = t.id AND r.retired_at IS NULL
				AND NOT EXISTS (SELECT FROM room_days x WHERE x.owner = r.owner AND x.room_id = r.id AND x.day = d::date)) m(rooms, days)
		WHERE t.owner = ANY($1) AND t.retired_at IS NULL AND m.rooms IS NOT NULL AND (
			EXISTS (SELECT FROM schedules s WHERE s.owner = t.owner AND s.station_id = t.id AND s.room_id IS NULL AND s.offering_id IS NULL)
			OR EXISTS (SELECT FROM schedule_exceptions e WHERE e.owner = t.owner AND e.station_id = t.id AND e.room_id IS NULL)
			OR EXISTS (SELECT FROM service_windows v WHERE v.owner = t.owner AND v.station_id = t.id))
		ORDER BY t.owner, t.id`, pq.Array(r.Owners), scalar.DateOf(r.Ask.Viewer.At), daysKept)
	if err != nil {
		return 0, err
	}
	for found.Next() && len(rooms) < r.AtOnce {
		var owner string
		var its, on []string
		var hours Hours
		if err := found.Scan(&owner, (*pq.StringArray)(&its), (*pq.StringArray)(&on), &hours); err != nil {
			found.Close()
			return 0, err
		}
		for i := range its {
			if len(rooms) == r.AtOnce {
				break
			}
			day, err := scalar.ParseDate(on[i])
			if err != nil {
				found.Close()
				return 0, err
			}
			if open, known := hours.openMinutes(day); known {
				owners, rooms, days, minutes = append(owners, owner), append(rooms, its[i]), append(days, on[i]), append(minutes, int64(open))
			}
		}
	}
	if err := errors.Join(found.Close(), found.Err()); err != nil || len(rooms) == 0 {
		return 0, err
	}
	written, err := r.tx.ExecContext(r.ctx, `INSERT INTO room_days (owner, room_id, day, open_minutes)
		SELECT * FROM unnest($1::text[], $2::uuid[], $3::date[], $4::int[]) ON CONFLICT DO NOTHING`,
		pq.Array(owners), pq.Array(rooms), pq.Array(days), pq.Array(minutes))
	if err != nil {
		return 0, err
	}
	n, err := written.RowsAffected()
	return int(n), err
}})
