package store

import (
	"slices"
	"strings"
	"time"

	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// EventSeries is events that come again.
type EventSeries struct {
	Row
	NameZh       string                   `db:"name_zh"`
	NameEn       *string                  `db:"name_en"`
	Kind         *scalar.Enum             `db:"kind"`
	Format       *string                  `db:"format"`
	Recurrence   *scalar.Recurrence       `db:"recurrence" for:"next"`
	Festival     *string                  `db:"festival" for:"next"`
	AnnouncedOn  *scalar.Date             `db:"announced_on"`
	EditionCount *scalar.ReportedQuantity `db:"edition_count"`
	StationID    *uuid.UUID               `db:"station_id" for:"station"`
	RoomID       *uuid.UUID               `db:"room_id" for:"room"`
	ProgrammeID  *uuid.UUID               `db:"programme_id" for:"programme"`
	TeamID       *uuid.UUID               `db:"team_id" for:"team"`
	Provenance   scalar.Provenance        `db:"provenance"`
}

// Campaign is events under one name; those of other owners refer to it.
type Campaign struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Year       *int              `db:"year"`
	Forms      []string          `db:"forms"`
	Slugs      []string          `db:"slugs" sql:"ARRAY(SELECT c.community FROM campaign_communities c WHERE c.owner = t.owner AND c.campaign_id = t.id ORDER BY c.community)" for:"communities"`
	Provenance scalar.Provenance `db:"provenance"`
}

type (
	EventSeriesConnection = page.Connection[EventSeries]
	EventSeriesEdge       = page.Edge[EventSeries]
	CampaignConnection    = page.Connection[Campaign]
	CampaignEdge          = page.Edge[Campaign]
)

var (
	EventSerieses = Define[EventSeries](Spec{Type: "EventSeries", Table: "event_series", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	Campaigns = Define[Campaign](Spec{Type: "Campaign", Table: "campaigns",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
)

var (
	_ = HasPage(EventSerieses, Events, Children{Field: "events", By: "series_id"})
	_ = HasOne(EventSerieses, "station", Stations, "station_id")
	_ = HasOne(EventSerieses, "room", Rooms, "room_id")
	_ = HasOne(EventSerieses, "programme", Programmes, "programme_id")
	_ = HasOne(EventSerieses, "team", VolunteerTeams, "team_id")
	_ = FromOwner(EventSerieses, "division", "Division", func(d *Directory, owner string) any { return d.Division(owner) })
	_ = FromOwner(Campaigns, "division", "Division", func(d *Directory, owner string) any { return d.Division(owner) })
	_ = FromDirectory(Campaigns, "communities", "Community", func(d *Directory, c *Campaign) any { return d.Known(c.Slugs) })
	_ = register(&Link{Parent: "EventSeries", Field: "next",
		check: func(_ *Ask, args map[string]any) error {
			if limit, _ := args["limit"].(int); limit < 1 || limit > maxNext {
				return fault.Newf(fault.BadUserInput, "limit is between 1 and %d", maxNext).At("limit")
			}
			return nil
		},
		local: func(ask *Ask, n Node, args map[string]any) (any, error) {
			return n.(*EventSeries).next(ask, args["limit"].(int)), nil
		}})
)

// EventSeriesFilter narrows a list of series.
type EventSeriesFilter struct {
	Kinds        []scalar.Enum
	NameContains *string
}

func (f *EventSeriesFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	return nil
}

// CampaignFilter narrows a list of campaigns.
type CampaignFilter struct {
	Year         *int
	NameContains *string
}

func (f *CampaignFilter) Where(w *Where, _ *Ask) error {
	if f.Year != nil {
		w.And("t.year = ?", *f.Year)
	}
	w.Contains("t.name_zh", f.NameContains)
	return nil
}

const (
	maxNext = 100 // chosen: two years of weeks
	// nextHorizon is how many days ahead occurrences are sought. Chosen: 30 years.
	nextHorizon = 30 * 366
)

// next returns the first occurrences from the instant of the request on, by pointer as gqlgen
// takes a list of instants.
func (s *EventSeries) next(ask *Ask, limit int) []*time.Time {
	now := ask.Viewer.At
	today := scalar.DateOf(now)
	var r scalar.Recurrence
	if s.Recurrence != nil {
		r = *s.Recurrence
	}
	start, clock := today, time.Duration(0)
	if r.Dtstart != nil {
		start = scalar.DateOf(*r.Dtstart)
		clock = r.Dtstart.Sub(start.Start())
	}
	var rule *dayRule
	if r.Rrule != nil && !strings.HasPrefix(*r.Rrule, "RSCALE=") { // lunar rules are the festival's days
		var err error
		if rule, err = parseDayRule(*r.Rrule, start, clock); err != nil {
			ask.Log.Warn("part of a document cannot be read and is left out", "table", "event_series", "column", "recurrence", "owner", s.Owner, "id", s.UUID, "error", err)
		} else if r.Dtstart == nil && rule.needsStart {
			rule = nil
		}
	}
	dated := r.Rdates
	if s.Festival != nil {
		dated = append(slices.Clip(dated), ask.Directory.Festival(*s.Festival)...)
	}
	out := []*time.Time{}
	for _, ahead := range []int{400, nextHorizon} {
		out = out[:0]
		for _, d := range occurrences(rule, dated, r.Exdates, today, today.AddDays(ahead)) {
			at := d.Start().Add(clock)
			if clock == 0 || !at.Before(now) {
				out = append(out, &at)
			}
		}
		if len(out) >= limit {
			break
		}
	}
	return out[:min(len(out), limit)]
}
