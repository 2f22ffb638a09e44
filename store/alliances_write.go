package store

import (
	"github.com/google/uuid"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"
)

// Characters that fit. Chosen: a title, and a sentence or two.
const itemLength, itemTextLength = 60, 200

var (
	// AllianceLife lets bodies join and leave.
	AllianceLife = &Machine[AllianceMembership]{
		Table: AllianceMemberships, Topic: "allianceMembership",
		State: func(m *AllianceMembership) (scalar.Enum, int) {
			if m.Until != nil {
				return "LEFT", m.Version
			}
			return "MEMBER", m.Version
		},
		Transitions: []Transition[AllianceMembership]{
			{"join", nil, "", Holding[AllianceMembership](authz.CommunityStaff), nil},
			{"leave", In("MEMBER"), "", Holding[AllianceMembership](authz.CommunityStaff), nil},
		},
		Rules: Rules{
			"alliance_memberships_one_live":               fault.Newf(fault.Conflict, "it is a member").At("organization"),
			"alliance_left_after_it_is_joined":            fault.Newf(fault.InvalidTransition, "it joins later than today"),
			"alliance_memberships_owner_alliance_id_fkey": missing("alliance"),
			"alliance_memberships_owner_org_id_fkey":      missing("organization"),
		},
	}

	// DualReportingLife has one action: what was reported is recorded.
	DualReportingLife = &Machine[DualReportingEntry]{
		Table: DualReportingEntries, Topic: "dualReporting",
		Transitions: []Transition[DualReportingEntry]{{"record", nil, "", Holding[DualReportingEntry](authz.Partner, authz.CommunityStaff), nil}},
		Rules: Rules{
			"dual_reporting_entries_people_check":       fault.Newf(fault.BadUserInput, "at least one reported").At("people"),
			"dual_reporting_entries_visits_check":       fault.Newf(fault.BadUserInput, "visits are not negative").At("visits"),
			"dual_reporting_entries_target_check":       fault.Newf(fault.BadUserInput, "this community's database does not know the target").At("target"),
			"dual_reporting_entries_owner_unit_id_fkey": missing("unit"),
		},
	}

	// ResourceLife has one action: a resource is offered, and pairings are what happens to it.
	ResourceLife = &Machine[ResourceItem]{
		Table: ResourceItems, Topic: "resource",
		Transitions: []Transition[ResourceItem]{{"offer", nil, "", Holding[ResourceItem](authz.Partner, authz.CommunityStaff), nil}},
		Rules: Rules{
			"resource_items_quantity_check":           fault.Newf(fault.BadUserInput, "at least one").At("quantity"),
			"resource_items_kind_check":               fault.Newf(fault.BadUserInput, "this community's database does not know the kind").At("kind"),
			"resource_items_owner_alliance_id_fkey":   missing("alliance"),
			"resource_items_owner_offered_by_id_fkey": missing("offeredBy"),
		},
	}

	// NeedLife is the state machine of model.md §5. The pairing goes along with the need.
	NeedLife = &Machine[NeedItem]{
		Table: NeedItems, Topic: "need",
		State: func(n *NeedItem) (scalar.Enum, int) { return n.Status, n.Version },
		Transitions: []Transition[NeedItem]{
			{"add", nil, "OPEN", Holding[NeedItem](authz.Partner, authz.CommunityStaff), nil},
			{"match", In("OPEN"), "MATCHED", matchmaker, nil},
			{"reopen", In("MATCHED"), "OPEN", matchmaker, nil},
			{"start", In("MATCHED"), "IN_PROJECT", matchmaker, nil},
			{"meet", In("MATCHED IN_PROJECT"), "MET", matchmaker, nil},
			{"drop", In("OPEN MATCHED IN_PROJECT"), "DROPPED", matchmaker, nil},
		},
		Rules: Rules{
			"need_items_owner_alliance_id_fkey": missing("alliance"),
			"pairings_owner_resource_id_fkey":   missing("resource"),
			"pairings_owner_project_id_fkey":    missing("project"),
		},
	}
	matchmaker = Holding[NeedItem](authz.CommunityStaff)
)

type (
	// AllianceMembershipPayload answers a change of who is a member.
	AllianceMembershipPayload struct {
		Membership *AllianceMembership
		UserErrors []UserError
	}
	// DualReportingEntryPayload answers a record.
	DualReportingEntryPayload struct {
		Entry      *DualReportingEntry
		UserErrors []UserError
	}
	// ResourceItemPayload answers an offer.
	ResourceItemPayload struct {
		Resource   *ResourceItem
		UserErrors []UserError
	}
	// NeedItemPayload answers a step of a need.
	NeedItemPayload struct {
		Need       *NeedItem
		UserErrors []UserError
	}
)

// JoinAllianceInput makes a body a member.
type JoinAllianceInput struct {
	Alliance, Organization string
	Since                  *scalar.Date
	IdempotencyKey         string
}

func (in *JoinAllianceInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Alliance)
	if err != nil {
		return Command{}, fault.Of(err).At("alliance")
	}
	return AllianceLife.Begin("join", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("alliance_id", &in.Alliance, Alliances.Type, "alliance")
		form.Refer("org_id", &in.Organization, Organizations.Type, "organization")
		form.Set("since", scalar.DateOf(tx.Now()))
		if in.Since != nil {
			form.Set("since", *in.Since)
			if in.Since.Compare(scalar.DateOf(tx.Now())) > 0 {
				form.Fail(fault.Newf(fault.BadUserInput, "a member is one since today or before").At("since"))
			}
		}
		return form.Done()
	})
}

// LeaveAllianceInput ends a membership today.
type LeaveAllianceInput struct{ Edit }

func (in *LeaveAllianceInput) Command(*Ask) (Command, error) {
	return AllianceLife.Take("leave", in.Edit, in, func(tx *Tx, _ *AllianceMembership) (Change, error) {
		return Change{Set: Values{"until": scalar.DateOf(tx.Now())}}, nil
	})
}

// RecordDualReportingInput counts a day of a unit.
type RecordDualReportingInput struct {
	Unit           string
	OccurredOn     scalar.Date
	People, Visits int
	Target         scalar.Enum
	Matter         *string
	IdempotencyKey string
}

func (in *RecordDualReportingInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Unit)
	if err != nil {
		return Command{}, fault.Of(err).At("unit")
	}
	return DualReportingLife.Begin("record", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		if in.OccurredOn.Compare(scalar.DateOf(tx.Now())) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: today or before").At("occurredOn"))
		}
		form.Refer("unit_id", &in.Unit, DualReportingUnits.Type, "unit")
		form.Set("occurred_on", in.OccurredOn)
		form.Set("people", in.People)
		form.Set("visits", in.Visits)
		form.Set("target", in.Target)
		form.OptionalPublic("matter", in.Matter, itemTextLength, "matter")
		return form.Done()
	})
}

// OfferResourceInput offers something.
type OfferResourceInput struct {
	Community           string
	Alliance, OfferedBy *string
	NameZh              string
	Kind                scalar.Enum
	Quantity            *int
	IdempotencyKey      string
}

func (in *OfferResourceInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return ResourceLife.Begin("offer", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("alliance_id", in.Alliance, Alliances.Type, "alliance")
		form.Refer("offered_by_id", in.OfferedBy, Organizations.Type, "offeredBy")
		form.Text("name_zh", in.NameZh, itemLength, "nameZh")
		form.Fail(CheckPublic(in.NameZh, "nameZh"))
		form.Set("kind", in.Kind)
		form.Set("quantity", in.Quantity)
		return form.Done()
	})
}

// AddNeedInput puts something on the list of needs.
type AddNeedInput struct {
	Community        string
	Alliance, Origin *string
	NameZh           string
	IdempotencyKey   string
}

func (in *AddNeedInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return NeedLife.Begin("add", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("alliance_id", in.Alliance, Alliances.Type, "alliance")
		form.Text("name_zh", in.NameZh, itemLength, "nameZh")
		form.Fail(CheckPublic(in.NameZh, "nameZh"))
		form.OptionalPublic("origin", in.Origin, itemTextLength, "origin")
		form.Set("raised_on", scalar.DateOf(tx.Now()))
		return form.Done()
	})
}

// MatchNeedInput pairs a need with a resource.
type MatchNeedInput struct {
	Edit
	Resource string
}

func (in *MatchNeedInput) Command(*Ask) (Command, error) {
	return NeedLife.Take("match", in.Edit, in, func(tx *Tx, n *NeedItem) (Change, error) {
		resource, err := Refer(in.Resource, tx.Owner, ResourceItems.Type, "resource")
		if err != nil {
			return Change{}, err
		}
		var withdrawn bool
		if _, err := tx.Get("SELECT withdrawn_on IS NOT NULL FROM resource_items WHERE owner = $1 AND id = $2", []any{tx.Owner, resource}, &withdrawn); err != nil {
			return Change{}, err
		} else if withdrawn {
			return Change{}, fault.Newf(fault.Conflict, "it is offered no more").At("resource")
		}
		id, err := uuid.NewV7()
		if err != nil {
			return Change{}, err
		}
		return Change{}, tx.Insert("pairings", id, Values{"need_id": n.UUID, "resource_id": resource, "paired_on": scalar.DateOf(tx.Now())})
	})
}

// pairingOf is the pairing of a need that stands.
func pairingOf(tx *Tx, n *NeedItem) (id, resource uuid.UUID, found bool, err error) {
	found, err = tx.Get("SELECT id, resource_id FROM pairings WHERE owner = $1 AND need_id = $2 AND ended_on IS NULL FOR UPDATE", []any{tx.Owner, n.UUID}, &id, &resource)
	return id, resource, found, err
}

// endPairing ends the one that stands, if any.
func endPairing(tx *Tx, n *NeedItem) error {
	id, _, found, err := pairingOf(tx, n)
	if err != nil || !found {
		return err
	}
	return tx.Update("pairings", id, Values{"ended_on": scalar.DateOf(tx.Now())})
}

// ReopenNeedInput undoes a match.
type ReopenNeedInput struct{ Edit }

func (in *ReopenNeedInput) Command(*Ask) (Command, error) {
	return NeedLife.Take("reopen", in.Edit, in, func(tx *Tx, n *NeedItem) (Change, error) { return Change{}, endPairing(tx, n) })
}

// StartNeedInput makes a project of a pairing.
type StartNeedInput struct {
	Edit
	Project, ProjectNameZh *string
}

func (in *StartNeedInput) Command(*Ask) (Command, error) {
	return NeedLife.Take("start", in.Edit, in, func(tx *Tx, n *NeedItem) (Change, error) {
		pairing, _, _, err := pairingOf(tx, n)
		if err != nil {
			return Change{}, err
		}
		project, err := in.project(tx, n)
		if err != nil {
			return Change{}, err
		}
		return Change{}, tx.Update("pairings", pairing, Values{"project_id": project})
	})
}

// project is the one that is named, or a new one.
func (in *StartNeedInput) project(tx *Tx, n *NeedItem) (uuid.UUID, error) {
	if (in.Project == nil) == (in.ProjectNameZh == nil) {
		return uuid.UUID{}, fault.Newf(fault.BadUserInput, "give a project that runs, or the name of a new one").At("project")
	}
	if in.Project != nil {
		return Refer(*in.Project, tx.Owner, Projects.Type, "project")
	}
	form := tx.Form()
	form.Text("name_zh", *in.ProjectNameZh, itemLength, "projectNameZh")
	form.Fail(CheckPublic(*in.ProjectNameZh, "projectNameZh"))
	form.Set("alliance_id", n.AllianceID)
	form.Set("started_on", scalar.DateOf(tx.Now()))
	change, err := form.Done()
	if err != nil {
		return uuid.UUID{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return id, err
	}
	return id, tx.Insert(Projects.Table, id, change.Set)
}

// MeetNeedInput says that a need is met.
type MeetNeedInput struct {
	Edit
	By *string
}

func (in *MeetNeedInput) Command(*Ask) (Command, error) {
	return NeedLife.Take("meet", in.Edit, in, func(tx *Tx, n *NeedItem) (Change, error) {
		form := tx.Form()
		form.Set("closed_on", scalar.DateOf(tx.Now()))
		form.OptionalPublic("met_by", in.By, itemTextLength, "by")
		change, err := form.Done()
		if err != nil || change.Set["met_by"] != nil {
			return change, err
		}
		_, resource, _, err := pairingOf(tx, n)
		if err != nil {
			return change, err
		}
		var name string
		_, err = tx.Get("SELECT name_zh FROM resource_items WHERE owner = $1 AND id = $2", []any{tx.Owner, resource}, &name)
		change.Set["met_by"] = name
		return change, err
	})
}

// DropNeedInput gives a need up.
type DropNeedInput struct {
	Edit
	Reason string
}

func (in *DropNeedInput) Command(*Ask) (Command, error) {
	return NeedLife.Take("drop", in.Edit, in, func(tx *Tx, n *NeedItem) (Change, error) {
		form := tx.Form()
		form.Text("dropped_for", in.Reason, itemTextLength, "reason")
		form.Fail(CheckPublic(in.Reason, "reason"))
		form.Set("closed_on", scalar.DateOf(tx.Now()))
		change, err := form.Done()
		if err != nil {
			return change, err
		}
		return change, endPairing(tx, n)
	})
}
