package store

import (
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Estate is a 小区.
type Estate struct {
	Row
	NameZh        string            `db:"name_zh"`
	NameEn        *string           `db:"name_en"`
	DivisionCode  *string           `db:"division_code"`
	PropertyOrgID *uuid.UUID        `db:"property_org_id" for:"propertyManagement"`
	Provenance    scalar.Provenance `db:"provenance"`
}

// Building is a 楼栋.
type Building struct {
	Row
	NameZh   string     `db:"name_zh"`
	NameEn   *string    `db:"name_en"`
	EstateID *uuid.UUID `db:"estate_id" for:"estate"`
}

// StaffPost is a post that work is assigned to.
type StaffPost struct {
	Row
	Code       scalar.Enum  `db:"code"`
	LabelZh    string       `db:"label_zh"`
	LabelEn    *string      `db:"label_en"`
	BuildingID *uuid.UUID   `db:"building_id" for:"building"`
	DutyPhone  *string      `db:"duty_phone"`
	TermFrom   *scalar.Date `db:"term_from" sql:"lower(t.term)"`
	TermTo     *scalar.Date `db:"term_to" sql:"upper(t.term) - 1"`
	HolderName *string      `db:"holder_name"`
}

// Organization is a 单位.
type Organization struct {
	Row
	NameZh       string            `db:"name_zh"`
	NameEn       *string           `db:"name_en"`
	Kind         scalar.Enum       `db:"kind"`
	ParentID     *uuid.UUID        `db:"parent_id" for:"parent"`
	Uscc         *string           `db:"uscc"`
	IsGroup      bool              `db:"is_group"`
	ServedOnly   bool              `db:"served_only"`
	Contribution *string           `db:"contribution"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Brand is a 品牌; brands form trees.
type Brand struct {
	Row
	NameZh        string            `db:"name_zh"`
	NameEn        *string           `db:"name_en"`
	Kind          scalar.Enum       `db:"kind"`
	ParentID      *uuid.UUID        `db:"parent_id" for:"parent"`
	LaunchEventID *uuid.UUID        `db:"launched_by_event_id" for:"launchEvent"`
	Note          *string           `db:"note"`
	Provenance    scalar.Provenance `db:"provenance"`
}

// Channel is a way views come in or news goes out.
type Channel struct {
	Row
	NameZh          string            `db:"name_zh"`
	NameEn          *string           `db:"name_en"`
	Kind            scalar.Enum       `db:"kind"`
	Direction       scalar.Enum       `db:"direction"`
	RawName         *string           `db:"raw_name"`
	Purpose         *string           `db:"purpose"`
	Publishes       []string          `db:"publishes"`
	Collects        []string          `db:"collects"`
	Livestream      bool              `db:"livestream"`
	BrandID         *uuid.UUID        `db:"brand_id" for:"brand"`
	StationID       *uuid.UUID        `db:"station_id" for:"station"`
	RoomID          *uuid.UUID        `db:"room_id" for:"room"`
	NeedsApproval   bool              `db:"needs_approval"`
	Approved        bool              `db:"approved"`
	ApprovedOn      *scalar.Date      `db:"approved_on"`
	StudiedByOrgID  *uuid.UUID        `db:"studied_by_org_id" for:"studiedBy"`
	ApprovedByOrgID *uuid.UUID        `db:"approved_by_org_id" for:"approvedBy"`
	Provenance      scalar.Provenance `db:"provenance"`
}

var (
	Estates       = Define[Estate](Spec{Type: "Estate", Table: "estates", Default: []string{"name_zh"}})
	Buildings     = Define[Building](Spec{Type: "Building", Table: "buildings", Default: []string{"name_zh"}})
	StaffPosts    = Define[StaffPost](Spec{Type: "StaffPost", Table: "staff_posts", Default: []string{"code", "label_zh"}})
	Organizations = Define[Organization](Spec{Type: "Organization", Table: "organizations", Default: []string{"name_zh"}})
	Brands        = Define[Brand](Spec{Type: "Brand", Table: "brands", Default: []string{"name_zh"}})
	Channels      = Define[Channel](Spec{Type: "Channel", Table: "channels", Visible: "t.retired_at IS NULL",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
)

var (
	_ = HasMany(Communities, Estates, Children{Field: "estates"})
	_ = HasMany(Communities, Organizations, Children{Field: "organizations", Filter: AnyOf("kind", "t.kind")})
	_ = HasMany(Communities, StaffPosts, Children{Field: "posts", Filter: AnyOf("code", "t.code")})
	_ = HasMany(Communities, Brands, Children{Field: "brands"})
	_ = HasMany(Communities, Channels, Children{Field: "channels", Filter: AnyOf("kind", "t.kind")})
	_ = HasOne(Estates, "propertyManagement", Organizations, "property_org_id")
	_ = HasMany(Estates, Buildings, Children{Field: "buildings", By: "estate_id"})
	_ = HasOne(Buildings, "estate", Estates, "estate_id")
	_ = HasMany(Buildings, StaffPosts, Children{Field: "posts", By: "building_id"})
	_ = HasFirst(Buildings, StaffPosts, Children{Field: "head", By: "building_id", Where: "t.code = 'BUILDING_HEAD'"})
	_ = HasOne(StaffPosts, "building", Buildings, "building_id")
	_ = HasOne(Brands, "parent", Brands, "parent_id")
	_ = HasMany(Brands, Brands, Children{Field: "children", By: "parent_id"})
	_ = HasMany(Brands, Channels, Children{Field: "channels", By: "brand_id"})
	_ = HasOne(Organizations, "parent", Organizations, "parent_id")
	_ = HasOne(Channels, "brand", Brands, "brand_id")
	_ = HasOne(Channels, "station", Stations, "station_id")
	_ = HasOne(Channels, "room", Rooms, "room_id")
	_ = HasOne(Channels, "studiedBy", Organizations, "studied_by_org_id")
	_ = HasOne(Channels, "approvedBy", Organizations, "approved_by_org_id")
)
