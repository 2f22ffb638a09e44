package store

import (
	"context"
	"database/sql"
	"time"

	"linhui/internal/database"
	"linhui/schema/scalar"
)

// Calendar says which Shanghai days are workdays: those of the yearly notice, 调休 included;
// of days it does not list, Monday to Friday. The zero Calendar lists none.
type Calendar struct{ listed map[scalar.Date]bool }

func loadCalendar(ctx context.Context, src Source) (Calendar, error) {
	c := Calendar{map[scalar.Date]bool{}}
	q := database.Query{Access: database.Public, SQL: "SELECT day, is_workday FROM work_calendar"}
	return c, each(ctx, src, q, func(rs *sql.Rows) error {
		var day scalar.Date
		var works bool
		err := rs.Scan(&day, &works)
		c.listed[day] = works
		return err
	})
}

// Calendar returns the working calendar of the directory.
func (d *Directory) Calendar() Calendar { return d.calendar }

// IsWorkday reports whether people work on a day.
func (c Calendar) IsWorkday(d scalar.Date) bool {
	if works, ok := c.listed[d]; ok {
		return works
	}
	w := d.Start().Weekday()
	return w != time.Saturday && w != time.Sunday
}

// Workdays is a span of n working days for Add, 24 hours each.
func Workdays(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Add moves an instant on by a span during which the clock stands still on days without work:
// Friday 10:00 and one working day is Monday 10:00.
func (c Calendar) Add(t time.Time, span time.Duration) time.Time {
	for {
		day := scalar.DateOf(t)
		left := day.End().Sub(t)
		switch {
		case !c.IsWorkday(day):
		case span <= left:
			return t.Add(span)
		default:
			span -= left
		}
		t = day.End()
	}
}
