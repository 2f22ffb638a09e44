package store

import (
	"encoding/json"
	"fmt"

	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// PublishedDate is a date of which parts are not known.
type PublishedDate struct {
	Year  *int    `json:"year"`
	Month *int    `json:"month"`
	Day   *int    `json:"day"`
	Part  *string `json:"part"`
}

func (p *PublishedDate) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("published date: cannot read %T", src)
	}
	return json.Unmarshal(b, p)
}

// EventPart is a 方面 of an event.
type EventPart struct {
	Row
	Order  int     `db:"ordinal"`
	NameZh string  `db:"name_zh"`
	NameEn *string `db:"name_en"`
}

// EventActivity is something to take part in at an event.
type EventActivity struct {
	Row
	NameZh           string      `db:"name_zh"`
	NameEn           *string     `db:"name_en"`
	Kind             scalar.Enum `db:"kind"`
	PartID           *uuid.UUID  `db:"part_id" for:"part"`
	Topics           []string    `db:"topics"`
	Materials        *string     `db:"materials"`
	Capacity         *int        `db:"capacity"`
	GuardianRequired bool        `db:"guardian_required"`
	SafetyNotes      *string     `db:"safety_notes"`
	RunBy            *string     `db:"run_by"`
}

// ProgrammeItem is a 节目.
type ProgrammeItem struct {
	Row
	Order   int        `db:"ordinal"`
	TitleZh string     `db:"title_zh"`
	TitleEn *string    `db:"title_en"`
	Kind    string     `db:"kind"`
	TeamID  *uuid.UUID `db:"performer_team_id" for:"performer"`
}

// Stall is a 摊位.
type Stall struct {
	Row
	NameZh string       `db:"name_zh"`
	NameEn *string      `db:"name_en"`
	Kind   string       `db:"kind"`
	Price  scalar.Money `db:"price" sql:"jsonb_build_object('amount', t.price, 'currency', 'CNY')"`
	Free   bool         `db:"free"`
}

// ContestEntry is what was entered for a contest.
type ContestEntry struct {
	Row
	TitleZh string     `db:"title_zh"`
	TeamID  *uuid.UUID `db:"team_id" for:"team"`
	Rank    *int       `db:"rank"`
	// Place is the rank, or after all ranks.
	Place int `db:"place" sql:"coalesce(t.rank, 2147483647)" for:"rank"`
}

var (
	EventParts      = Define[EventPart](Spec{Type: "EventPart", Table: "event_parts", Default: []string{"ordinal"}})
	EventActivities = Define[EventActivity](Spec{Type: "EventActivity", Table: "event_activities", Default: []string{"name_zh"}})
	ProgrammeItems  = Define[ProgrammeItem](Spec{Type: "ProgrammeItem", Table: "programme_items", Default: []string{"ordinal"}})
	Stalls          = Define[Stall](Spec{Type: "Stall", Table: "stalls", Default: []string{"name_zh"}})
	ContestEntries  = Define[ContestEntry](Spec{Type: "ContestEntry", Table: "contest_entries", Default: []string{"place"}})
)

var (
	_ = HasOne(EventActivities, "part", EventParts, "part_id")
	_ = HasOne(ProgrammeItems, "performer", VolunteerTeams, "performer_team_id")
	_ = HasOne(ContestEntries, "team", VolunteerTeams, "team_id")
)
