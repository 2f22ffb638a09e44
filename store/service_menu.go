package store

import (
	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// ServiceMenuLife has two actions: an item comes on the list, and is to be had or not.
var ServiceMenuLife = &Machine[ServiceMenuItem]{
	Table: ServiceMenuItems, Topic: "service-menu",
	State: func(i *ServiceMenuItem) (scalar.Enum, int) { return "LISTED", i.Version },
	Transitions: []Transition[ServiceMenuItem]{
		{"list", nil, "", Holding[ServiceMenuItem](authz.CommunityStaff), nil},
		{"offer", In("LISTED"), "", Holding[ServiceMenuItem](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"service_menu_items_one_of_a_name": fault.Newf(fault.Conflict, "the list has an item of this name").At("nameZh"),
	},
}

// ServiceMenuItemPayload answers a step of an item.
type ServiceMenuItemPayload struct {
	Item       *ServiceMenuItem
	UserErrors []UserError
}

// ListServiceMenuItemInput puts something on the list.
type ListServiceMenuItemInput struct {
	Community, NameZh string
	NameEn            *string
	Kind              scalar.Enum
	IdempotencyKey    string
}

func (in *ListServiceMenuItemInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return ServiceMenuLife.Begin("list", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("name_zh", in.NameZh, titleLength, "nameZh")
		form.OptionalPublic("name_en", in.NameEn, titleLength, "nameEn")
		form.Set("kind", in.Kind)
		return form.Done()
	})
}

// OfferServiceMenuItemInput says whether an item is to be had.
type OfferServiceMenuItemInput struct {
	Edit
	Available bool
}

func (in *OfferServiceMenuItemInput) Command(*Ask) (Command, error) {
	return ServiceMenuLife.Take("offer", in.Edit, in, func(*Tx, *ServiceMenuItem) (Change, error) {
		return Change{Set: Values{"available": in.Available}}, nil
	})
}
