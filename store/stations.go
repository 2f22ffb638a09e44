package store

import (
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Station is a place where a community serves people.
type Station struct {
	Row
	NameZh         string                   `db:"name_zh"`
	NameEn         *string                  `db:"name_en"`
	Aliases        []string                 `db:"aliases"`
	Kind           scalar.Enum              `db:"kind"`
	GroupLabel     *string                  `db:"group_label"`
	Structure      *string                  `db:"structure"`
	EstateID       *uuid.UUID               `db:"estate_id" for:"estate"`
	BrandID        *uuid.UUID               `db:"brand_id" for:"brand"`
	ParentID       *uuid.UUID               `db:"parent_id" for:"parent"`
	FormerOwnerID  *uuid.UUID               `db:"former_owner_id" for:"formerOwner"`
	LocationZh     *string                  `db:"location_zh"`
	AreaSqm        *scalar.ReportedQuantity `db:"area_sqm"`
	PublicPhone    *string                  `db:"public_phone"`
	OpenToPublic   bool                     `db:"open_to_public"`
	FormerUse      *string                  `db:"former_use"`
	Functions      []string                 `db:"functions"`
	ServedGroups   []scalar.Enum            `db:"served_groups"`
	ServedGroupsZh []string                 `db:"served_groups_zh"`
	Provenance     scalar.Provenance        `db:"provenance"`
}

// Room is a room of a station.
type Room struct {
	Row
	NameZh     string             `db:"name_zh"`
	NameEn     *string            `db:"name_en"`
	Kind       scalar.Enum        `db:"kind"`
	GroupLabel *string            `db:"group_label"`
	StationID  uuid.UUID          `db:"station_id" for:"station"`
	Capacity   *int               `db:"capacity"`
	AreaSqm    *scalar.Decimal    `db:"area_sqm"`
	SpaceUse   scalar.Enum        `db:"space_use"`
	Functions  []string           `db:"functions"`
	NoiseRule  *string            `db:"noise_rule"`
	Peak       *scalar.Recurrence `db:"peak"`
	Provenance scalar.Provenance  `db:"provenance"`
}

// Offering is something a station offers.
type Offering struct {
	Row
	NameZh            string            `db:"name_zh"`
	NameEn            *string           `db:"name_en"`
	Kind              scalar.Enum       `db:"kind"`
	StationID         uuid.UUID         `db:"station_id" for:"station"`
	RoomID            *uuid.UUID        `db:"room_id" for:"room"`
	Audience          *scalar.Enum      `db:"audience"`
	Consumable        bool              `db:"consumable"`
	Stock             *int              `db:"stock"`
	Available         bool              `db:"available"`
	RequiredDocuments []string          `db:"required_documents"`
	Provenance        scalar.Provenance `db:"provenance"`
}

// Signage is a sign of a station.
type Signage struct {
	Row
	PlaceZh string   `db:"place_zh"`
	LabelZh string   `db:"label_zh"`
	States  []string `db:"states"`
}

type (
	StationConnection = page.Connection[Station]
	StationEdge       = page.Edge[Station]
)

var (
	Stations = Define[Station](Spec{Type: "Station", Table: "stations", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
	Rooms     = Define[Room](Spec{Type: "Room", Table: "rooms", Visible: "t.retired_at IS NULL", Default: []string{"name_zh"}})
	Offerings = Define[Offering](Spec{Type: "Offering", Table: "offerings", Visible: "t.retired_at IS NULL", Default: []string{"name_zh"}})
	Signages  = Define[Signage](Spec{Type: "Signage", Table: "signage", Default: []string{"place_zh"}})
)

var (
	_ = HasPage(Communities, Stations, Children{Field: "stations"})
	_ = HasOne(Stations, "estate", Estates, "estate_id")
	_ = HasOne(Stations, "brand", Brands, "brand_id")
	_ = HasOne(Stations, "parent", Stations, "parent_id")
	_ = HasOne(Stations, "formerOwner", Organizations, "former_owner_id")
	_ = HasMany(Stations, Stations, Children{Field: "children", By: "parent_id"})
	_ = HasMany(Stations, Rooms, Children{Field: "rooms", By: "station_id"})
	_ = HasMany(Stations, Offerings, Children{Field: "offerings", By: "station_id", Filter: AnyOf("kind", "t.kind")})
	_ = HasMany(Stations, Signages, Children{Field: "signage", By: "station_id"})
	_ = HasOne(Rooms, "station", Stations, "station_id")
	_ = HasOne(Offerings, "station", Stations, "station_id")
	_ = HasOne(Offerings, "room", Rooms, "room_id")
)

// StationFilter narrows a list of stations.
type StationFilter struct {
	Kinds         []scalar.Enum
	OfferingKinds []scalar.Enum
	NameContains  *string
	Estate        *string
}

func (f *StationFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	if f.OfferingKinds != nil {
		w.And("EXISTS (SELECT FROM offerings o WHERE o.owner = t.owner AND o.station_id = t.id AND o.retired_at IS NULL AND o.kind = ANY(?))", EnumTexts(f.OfferingKinds))
	}
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.estate_id", f.Estate, Estates, "filter", "estate")
}
