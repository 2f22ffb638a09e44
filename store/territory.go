package store

import (
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Estate is a 小区.
type Estate struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Building is a 楼栋.
type Building struct {
	Row
	NameZh   string     `db:"name_zh"`
	EstateID *uuid.UUID `db:"estate_id" for:"estate"`
}

// StaffPost is a post that work is assigned to.
type StaffPost struct {
	Row
	Code       scalar.Enum `db:"code"`
	LabelZh    string      `db:"label_zh"`
	BuildingID *uuid.UUID  `db:"building_id" for:"building"`
	DutyPhone  *string     `db:"duty_phone"`
	HolderName *string     `db:"holder_name"`
}

// Organization is a 单位.
type Organization struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Brand is a 品牌; brands form trees.
type Brand struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	ParentID   *uuid.UUID        `db:"parent_id" for:"parent"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Channel is a way views come in or news goes out.
type Channel struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	Kind       scalar.Enum       `db:"kind"`
	Direction  scalar.Enum       `db:"direction"`
	Provenance scalar.Provenance `db:"provenance"`
}

var (
	Estates       = Define[Estate](Spec{Type: "Estate", Table: "estates", Default: []string{"name_zh"}})
	Buildings     = Define[Building](Spec{Type: "Building", Table: "buildings", Default: []string{"name_zh"}})
	StaffPosts    = Define[StaffPost](Spec{Type: "StaffPost", Table: "staff_posts", Default: []string{"code", "label_zh"}})
	Organizations = Define[Organization](Spec{Type: "Organization", Table: "organizations", Default: []string{"name_zh"}})
	Brands        = Define[Brand](Spec{Type: "Brand", Table: "brands", Default: []string{"name_zh"}})
	Channels      = Define[Channel](Spec{Type: "Channel", Table: "channels", Default: []string{"name_zh"}})
)

var (
	_ = HasMany(Communities, Estates, Children{Field: "estates"})
	_ = HasMany(Communities, Organizations, Children{Field: "organizations", Filter: AnyOf("kind", "t.kind")})
	_ = HasMany(Communities, StaffPosts, Children{Field: "posts", Filter: AnyOf("code", "t.code")})
	_ = HasMany(Communities, Brands, Children{Field: "brands"})
	_ = HasMany(Communities, Channels, Children{Field: "channels", Filter: AnyOf("kind", "t.kind")})
	_ = HasMany(Estates, Buildings, Children{Field: "buildings", By: "estate_id"})
	_ = HasOne(Buildings, "estate", Estates, "estate_id")
	_ = HasMany(Buildings, StaffPosts, Children{Field: "posts", By: "building_id"})
	_ = HasOne(StaffPosts, "building", Buildings, "building_id")
	_ = HasOne(Brands, "parent", Brands, "parent_id")
	_ = HasMany(Brands, Brands, Children{Field: "children", By: "parent_id"})
)
