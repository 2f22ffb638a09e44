package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Characters that fit, and functions. Chosen: a title, a paragraph, and more than a room has.
const renovationNameLength, renovationTextLength, mostFunctions = 60, 500, 20

// Renovation is a 改造.
type Renovation struct {
	Row
	NameZh              string                   `db:"name_zh"`
	NameEn              *string                  `db:"name_en"`
	Kind                scalar.Enum              `db:"kind"`
	RoomID              *uuid.UUID               `db:"room_id" for:"room"`
	Investment          *scalar.Money            `db:"investment" sql:"CASE WHEN t.investment IS NOT NULL THEN jsonb_build_object('amount', t.investment, 'currency', 'CNY') END"`
	InvestmentQualifier *scalar.Enum             `db:"investment_qualifier"`
	InvestmentZh        *string                  `db:"investment_zh"`
	CostPerFunction     *scalar.Money            `db:"cost_per_function" sql:"CASE WHEN t.investment IS NOT NULL AND t.functions <> '{}' THEN jsonb_build_object('amount', round(t.investment / cardinality(t.functions), 2), 'currency', 'CNY') END"`
	Year                *int                     `db:"year"`
	YearOrder           int                      `db:"year_order" sql:"COALESCE(t.year, 0)" for:"year"` // what lists are ordered by
	CompletedOn         *scalar.Date             `db:"completed_on"`
	Before              *string                  `db:"before_zh"`
	After               *string                  `db:"after_zh"`
	Functions           []string                 `db:"functions"`
	Improvements        []string                 `db:"improvements"`
	DesignedByTeamID    *uuid.UUID               `db:"designed_by_team_id" for:"designedBy"`
	ParticipantsTeamID  *uuid.UUID               `db:"participants_team_id" for:"participants"`
	ReportedCount       *scalar.ReportedQuantity `db:"reported_count"`
	Version             int                      `db:"version"`
	Provenance          scalar.Provenance        `db:"provenance"`
}

type (
	RenovationConnection = page.Connection[Renovation]
	RenovationEdge       = page.Edge[Renovation]
)

var Renovations = Define[Renovation](Spec{Type: "Renovation", Table: "renovations",
	Orders: map[string][]string{"NAME": {"name_zh"}, "YEAR": {"year_order"}}, Default: []string{"name_zh"}})

var (
	_ = HasThrough(Renovations, Stations, Through{Field: "stations", Table: "renovation_stations", From: "renovation_id", To: "station_id"})
	_ = HasThrough(Stations, Renovations, Through{Field: "renovations", Table: "renovation_stations", From: "station_id", To: "renovation_id"})
	_ = HasThrough(Renovations, Estates, Through{Field: "estates", Table: "renovation_estates", From: "renovation_id", To: "estate_id"})
	_ = HasThrough(Estates, Renovations, Through{Field: "renovations", Table: "renovation_estates", From: "estate_id", To: "renovation_id"})
	_ = HasOne(Renovations, "room", Rooms, "room_id")
	_ = HasMany(Rooms, Renovations, Children{Field: "renovations", By: "room_id"})
	_ = HasOne(Renovations, "designedBy", VolunteerTeams, "designed_by_team_id")
	_ = HasOne(Renovations, "participants", VolunteerTeams, "participants_team_id")
)

// RenovationFilter narrows a list of renovations.
type RenovationFilter struct {
	Kinds                         []scalar.Enum
	Station, Estate, NameContains *string
	Year                          *int
}

func (f *RenovationFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	if f.Year != nil {
		w.And("t.year = ?", *f.Year)
	}
	if f.Station != nil {
		id, err := refersTo(*f.Station, Stations, "filter", "station")
		if err != nil {
			return err
		}
		w.And("t.owner = ? AND EXISTS (SELECT FROM renovation_stations j WHERE j.owner = t.owner AND j.renovation_id = t.id AND j.station_id = ?)", id.Owner, id.UUID)
	}
	if f.Estate != nil {
		id, err := refersTo(*f.Estate, Estates, "filter", "estate")
		if err != nil {
			return err
		}
		w.And("t.owner = ? AND EXISTS (SELECT FROM renovation_estates j WHERE j.owner = t.owner AND j.renovation_id = t.id AND j.estate_id = ?)", id.Owner, id.UUID)
	}
	return nil
}

// Investments of different sureness add up to no exact sum: the qualifier is a dimension.
var _ = DefineCube(Cube{
	Of: Renovations, Where: "RenovationFilter",
	Dimensions: []Dimension{
		{Name: "KIND", Column: "kind"},
		{Name: "YEAR", SQL: "t.year", Type: "Int"},
		{Name: "QUALIFIER", Doc: "How sure the investment is.", Column: "investment_qualifier"},
		{Name: "STATION", Doc: "A renovation stands in the group of each of its stations.", SQL: "s.station_id", To: Stations, Overlaps: true,
			From: "LEFT JOIN renovation_stations s ON s.owner = t.owner AND s.renovation_id = t.id"},
		{Name: "ESTATE", Doc: "A renovation stands in the group of each of its estates.", SQL: "e.estate_id", To: Estates, Overlaps: true,
			From: "LEFT JOIN renovation_estates e ON e.owner = t.owner AND e.renovation_id = t.id"},
	},
	Measures: []Measure{
		{Name: "renovations", Doc: "Renovations recorded.", Unit: "项", Kind: measure.Count{}},
		{Name: "investment", Doc: "Sum of investments published, each as sure as its qualifier.", Unit: "元", Kind: measure.Sum{Of: "t.investment"}},
		{Name: "functions", Doc: "Functions that came of them.", Unit: "个", Kind: measure.Sum{Of: "cardinality(t.functions)"}},
	},
})

// RenovationLife has one action: a renovation is recorded.
var RenovationLife = &Machine[Renovation]{
	Table: Renovations, Topic: "renovation",
	Transitions: []Transition[Renovation]{{"record", nil, "", Holding[Renovation](authz.CommunityStaff), nil}},
	Rules: Rules{
		"renovations_owner_name_zh_key":             fault.Newf(fault.Conflict, "the community has a renovation of this name").At("nameZh"),
		"renovations_kind_check":                    fault.Newf(fault.BadUserInput, "this community's database does not know the kind").At("kind"),
		"renovations_investment_check":              fault.Newf(fault.BadUserInput, "an investment is of some amount").At("investment"),
		"renovations_investment_qualifier_check":    fault.Newf(fault.BadUserInput, "this community's database does not know the qualifier").At("investmentQualifier"),
		"renovations_year_check":                    fault.Newf(fault.BadUserInput, "a year from 1949 on").At("year"),
		"investment_says_how_sure":                  fault.Newf(fault.BadUserInput, "say how sure the investment is, and only of one").At("investmentQualifier"),
		"renovations_owner_room_id_fkey":            missing("room"),
		"renovation_stations_owner_station_id_fkey": missing("station"),
		"renovation_estates_owner_estate_id_fkey":   missing("estate"),
	},
}

// RenovationPayload answers a record.
type RenovationPayload struct {
	Renovation *Renovation
	UserErrors []UserError
}

// RecordRenovationInput records what was put into a place.
type RecordRenovationInput struct {
	Community, NameZh     string
	Kind                  scalar.Enum
	Station, Room, Estate *string
	Investment            *scalar.Decimal
	InvestmentQualifier   *scalar.Enum
	Year                  *int
	Before, After         *string
	Functions             []string
	IdempotencyKey        string
}

// Command makes the renovation before its places: they hang on it.
func (in *RecordRenovationInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	c, err := RenovationLife.Begin("record", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("name_zh", in.NameZh, renovationNameLength, "nameZh")
		form.Set("kind", in.Kind)
		form.Refer("room_id", in.Room, Rooms.Type, "room")
		if in.Investment != nil {
			form.Yuan("investment", *in.Investment, "investment")
		}
		form.Set("investment_qualifier", in.InvestmentQualifier)
		form.Set("year", in.Year)
		form.OptionalPublic("before_zh", in.Before, renovationTextLength, "before")
		form.OptionalPublic("after_zh", in.After, renovationTextLength, "after")
		form.Texts("functions", in.Functions, mostFunctions, renovationNameLength, "functions")
		return form.Done()
	})
	record := c.Do
	c.Do = func(tx *Tx) error {
		if err := record(tx); err != nil {
			return err
		}
		for _, place := range []struct {
			table, column, typ, at string
			id                     *string
		}{{"renovation_stations", "station_id", Stations.Type, "station", in.Station}, {"renovation_estates", "estate_id", Estates.Type, "estate", in.Estate}} {
			if place.id == nil {
				continue
			}
			form := tx.Form()
			form.Refer(place.column, place.id, place.typ, place.at)
			form.Set("renovation_id", c.ID)
			change, err := form.Done()
			if err == nil {
				var id uuid.UUID
				if id, err = uuid.NewV7(); err == nil {
					err = tx.Insert(place.table, id, change.Set)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return c, err
}
