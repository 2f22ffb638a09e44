package store

import (
	"slices"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// mostProposals is how often a settlement is proposed before a case is referred. model.md §5.
	mostProposals = 3
	// followUpAfter and followUpAgainAfter are when an agreement is looked at again. model.md §5.
	followUpAfter      = 7 * 24 * time.Hour
	followUpAgainAfter = 30 * 24 * time.Hour

	mediationTextLength, settlementLength = 200, 2000
)

// fourParties act together; linhui_four_invited in store/migrations is the same.
var fourParties = In("STATIONED_CADRE PROPERTY_MANAGEMENT OWNERS_COMMITTEE BUILDING_HEAD")

// MediationCase is a 调解; its rows are restricted.
type MediationCase struct {
	Row
	Dispute         scalar.Enum       `db:"dispute"`
	DisputeZh       *string           `db:"dispute_zh"`
	RoomID          *uuid.UUID        `db:"room_id" for:"room"`
	FourParty       bool              `db:"four_party"`
	PartiesCount    int               `db:"parties_count"`
	Steps           []string          `db:"steps"`
	SideAID         *uuid.UUID        `db:"side_a_id" for:"sideA"`
	SideBID         *uuid.UUID        `db:"side_b_id" for:"sideB"`
	Status          scalar.Enum       `db:"status"`
	ToldOf          *PublishedDate    `db:"told_of"`
	OpenedAt        *time.Time        `db:"opened_at"`
	SideATakesPart  bool              `db:"side_a_takes_part"`
	SideBTakesPart  bool              `db:"side_b_takes_part"`
	Proposals       int               `db:"proposals"`
	Settlement      *string           `db:"settlement"`
	SideAAgrees     bool              `db:"side_a_agrees"`
	SideBAgrees     bool              `db:"side_b_agrees"`
	AgreedAt        *time.Time        `db:"agreed_at"`
	ReferredTo      *string           `db:"referred_to"`
	FollowedUpAt    *time.Time        `db:"followed_up_at"`
	FollowedUpAgain *time.Time        `db:"followed_up_again_at" for:"followedUpAgainAt"`
	ClosedAt        *time.Time        `db:"closed_at"`
	Version         int               `db:"version"`
	Provenance      scalar.Provenance `db:"provenance"`
}

// FollowedUpAgainAt is when the agreement was looked at a second time.
func (m *MediationCase) FollowedUpAgainAt() *time.Time { return m.FollowedUpAgain }

// MediationSession is a sitting; its rows are restricted.
type MediationSession struct {
	Row
	MediationID uuid.UUID  `db:"mediation_id" for:"mediation"`
	HeldAt      *time.Time `db:"held_at"`
}

// MediationParticipant is a side or a party asked to a sitting; its rows are restricted.
type MediationParticipant struct {
	Row
	SessionID uuid.UUID   `db:"session_id"`
	Role      scalar.Enum `db:"role"`
	RoleZh    *string     `db:"role_zh"`
	Attended  *bool       `db:"attended"`
}

type (
	MediationCaseConnection = page.Connection[MediationCase]
	MediationCaseEdge       = page.Edge[MediationCase]
)

var (
	MediationCases = Define[MediationCase](Spec{Type: "MediationCase", Table: "mediation_cases", Restricted: true, Own: "? IN (t.side_a_id, t.side_b_id)",
		Orders: map[string][]string{"OPENED_AT": {"opened_at"}}, Default: []string{"opened_at"}, DefaultDesc: true})
	MediationSessions = Define[MediationSession](Spec{Type: "MediationSession", Table: "mediation_sessions", Restricted: true, Default: []string{"held_at"},
		Own: "EXISTS (SELECT FROM mediation_cases m WHERE m.owner = t.owner AND m.id = t.mediation_id AND ? IN (m.side_a_id, m.side_b_id))"})
	MediationParticipants = Define[MediationParticipant](Spec{Type: "MediationParticipant", Table: "mediation_participants", Restricted: true, Default: []string{"role"},
		Own: `EXISTS (SELECT FROM mediation_sessions s JOIN mediation_cases m ON m.owner = s.owner AND m.id = s.mediation_id
			WHERE s.owner = t.owner AND s.id = t.session_id AND ? IN (m.side_a_id, m.side_b_id))`})
)

var (
	_ = HasOne(MediationCases, "room", Rooms, "room_id")
	_ = HasOne(MediationCases, "sideA", Residents, "side_a_id")
	_ = HasOne(MediationCases, "sideB", Residents, "side_b_id")
	_ = HasMany(MediationCases, MediationSessions, Children{Field: "sessions", By: "mediation_id"})
	_ = HasOne(MediationSessions, "mediation", MediationCases, "mediation_id")
	_ = HasMany(MediationSessions, MediationParticipants, Children{Field: "participants", By: "session_id"})
)

// What a dispute is about stays out of the lattice: model.md §11 has it by district and quarter at the finest.
var _ = DefineCube(Cube{
	Of: MediationCases, Time: "opened_at", Roles: []authz.Role{authz.CommunityStaff, authz.DistrictViewer, authz.Analyst},
	Dimensions: []Dimension{
		{Name: "DISPUTE", Column: "dispute"},
		{Name: "STATUS", Column: "status"},
		{Name: "FOUR_PARTY", Column: "four_party", Type: "Boolean"},
	},
	Measures: []Measure{
		{Name: "cases", Doc: "Disputes brought to mediation.", Unit: "件", Kind: measure.Count{}},
		{Name: "agreed", Doc: "Disputes that both sides settled.", Unit: "件", Kind: measure.Count{If: settled}},
		{Name: "agreementRate", Doc: "Disputes settled over disputes settled, not agreed or referred.",
			Kind: measure.Share(settled, settled+" OR t.status IN ('NOT_AGREED', 'REFERRED')")},
		{Name: "meanDays", Doc: "Days from opening to the agreement, over disputes settled.", Unit: "天",
			Kind: measure.Mean("extract(epoch FROM t.agreed_at - t.opened_at) / 86400")},
	},
	Guard: &Guard{People: "t.side_a_id", Lattice: []string{"FOUR_PARTY"}},
})

const settled = "t.status IN ('AGREED', 'FOLLOW_UP', 'CLOSED')"

// MediationCaseFilter narrows a list of mediations.
type MediationCaseFilter struct {
	Status    []scalar.Enum
	Dispute   []scalar.Enum
	FourParty *bool
	Range     *DateRange
}

func (f *MediationCaseFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf("t.dispute", f.Dispute)
	if f.FourParty != nil {
		w.And("t.four_party = ?", *f.FourParty)
	}
	return w.During("t.opened_at", f.Range, "filter", "range")
}

var (
	mediates = Holding[MediationCase](authz.CommunityStaff)
	isASide  = Holding[MediationCase](authz.Resident) // of rows of their own: others are not found
)

// MediationLife is the state machine of model.md §5. No step makes a side take part or agree.
var MediationLife = &Machine[MediationCase]{
	Table: MediationCases, Topic: "mediation",
	State: func(m *MediationCase) (scalar.Enum, int) { return m.Status, m.Version },
	Transitions: []Transition[MediationCase]{
		{"open", nil, "REGISTERED", mediates.Or(isASide), nil},
		{"accept", In("REGISTERED"), "", mediates.Or(isASide), nil},
		{"convene", In("ACCEPTED CONVENED"), "CONVENED", mediates, nil},
		{"recordAttendance", In("CONVENED PROPOSED NOT_AGREED AGREED"), "", mediates, nil},
		{"propose", In("CONVENED NOT_AGREED"), "PROPOSED", mediates, mayPropose},
		{"acceptSettlement", In("PROPOSED"), "", mediates.Or(isASide), nil},
		{"declineSettlement", In("PROPOSED"), "NOT_AGREED", mediates.Or(isASide), nil},
		{"refer", In("NOT_AGREED"), "REFERRED", mediates, nil},
		{"followUp", In("AGREED FOLLOW_UP"), "FOLLOW_UP", mediates, followUpIsDue},
		{"close", In("FOLLOW_UP"), "CLOSED", mediates, isFollowedUp},
		{"withdraw", In("REGISTERED ACCEPTED CONVENED PROPOSED NOT_AGREED"), "WITHDRAWN", mediates.Or(isASide), nil},
	},
	Rules: Rules{
		"mediation_cases_owner_room_id_fkey":   missing("room"),
		"mediation_cases_owner_side_a_id_fkey": missing("sideA"),
		"mediation_cases_owner_side_b_id_fkey": missing("sideB"),
		"mediation_of_two":                     fault.Newf(fault.BadUserInput, "the two sides are different people").At("sideB"),
		"mediation_participants_once":          fault.Newf(fault.BadUserInput, "somebody is asked twice").At("invited"),
		"four_parties_invited":                 fault.Newf(fault.InvalidTransition, "all four parties are asked to a sitting before anything is proposed"),
	},
}

func mayPropose(_ *Ask, m *MediationCase) error {
	if m.Proposals >= mostProposals {
		return fault.Newf(fault.InvalidTransition, "%d settlements were proposed already", mostProposals).With("allowed", []string{"refer", "withdraw"})
	}
	return nil
}

func followUpIsDue(ask *Ask, m *MediationCase) error {
	var due time.Time
	switch {
	case m.FollowedUpAgain != nil:
		return fault.Newf(fault.InvalidTransition, "it was followed up twice").With("allowed", []string{"close"})
	case m.FollowedUpAt != nil:
		due = m.FollowedUpAt.Add(followUpAgainAfter - followUpAfter)
		if m.AgreedAt != nil && m.AgreedAt.Add(followUpAgainAfter).After(due) {
			due = m.AgreedAt.Add(followUpAgainAfter)
		}
	case m.AgreedAt != nil:
		due = m.AgreedAt.Add(followUpAfter)
	}
	if ask.Viewer.At.Before(due) {
		return fault.Newf(fault.InvalidTransition, "it is followed up from %s on", scalar.DateOf(due)).With("allowed", []string{})
	}
	return nil
}

func isFollowedUp(_ *Ask, m *MediationCase) error {
	if m.FollowedUpAgain == nil {
		return fault.Newf(fault.InvalidTransition, "it is followed up twice before it is closed").With("allowed", []string{"followUp"})
	}
	return nil
}

// MediationPayload answers a step of a mediation.
type MediationPayload struct {
	Mediation  *MediationCase
	UserErrors []UserError
}

// OpenMediationInput brings a dispute.
type OpenMediationInput struct {
	Community      string
	Dispute        scalar.Enum
	DisputeZh      *string
	FourParty      bool
	Room           *string
	SideA          *string
	SideB          *string
	IdempotencyKey string
}

func (in *OpenMediationInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return MediationLife.Begin("open", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		side := neighbour(tx, form, in.SideA, authz.CommunityStaff, "sideA")
		form.Set("dispute", in.Dispute)
		form.OptionalText("dispute_zh", in.DisputeZh, mediationTextLength, "disputeZh")
		form.Set("four_party", in.FourParty)
		form.Refer("room_id", in.Room, Rooms.Type, "room")
		form.Refer("side_a_id", side, Residents.Type, "sideA")
		form.Refer("side_b_id", in.SideB, Residents.Type, "sideB")
		form.Set("opened_at", tx.Now())
		return form.Done()
	})
}

// MediationSideInput is what one side says.
type MediationSideInput struct {
	Edit
	Side scalar.Enum
}

// To is the input of an action.
func (in *MediationSideInput) To(action string) Input { return mediationSide{in, action} }

type mediationSide struct {
	*MediationSideInput
	action string
}

func (s mediationSide) Command(*Ask) (Command, error) {
	return MediationLife.Take(s.action, s.Edit, s.MediationSideInput, func(tx *Tx, m *MediationCase) (Change, error) {
		is := m.SideAID
		if s.Side == "B" {
			is = m.SideBID
		}
		if err := speaksForSide(tx, m, is); err != nil {
			return Change{}, err
		}
		switch s.action {
		case "accept":
			return both(s.Side, "takes_part", m.SideATakesPart, m.SideBTakesPart, Values{"status": scalar.Enum("ACCEPTED")}), nil
		case "acceptSettlement":
			return both(s.Side, "agrees", m.SideAAgrees, m.SideBAgrees, Values{"status": scalar.Enum("AGREED"), "agreed_at": tx.Now()}), nil
		}
		return Change{}, nil
	})
}

// speaksForSide refuses who is not that side. Staff write down what a side told them, whose name stands
// in the audit log then; not so where they are a side themselves.
func speaksForSide(tx *Tx, m *MediationCase, side *uuid.UUID) error {
	owner, self, known := Self(tx.Ask.Viewer)
	is := func(id *uuid.UUID) bool { return known && owner == tx.Owner && id != nil && *id == self }
	if is(side) || tx.Ask.Viewer.Has(authz.CommunityStaff) && !is(m.SideAID) && !is(m.SideBID) {
		return nil
	}
	return fault.Newf(fault.Forbidden, "you speak for your own side").At("side")
}

// both notes what a side says, and what follows once both have said it.
func both(side scalar.Enum, what string, a, b bool, then Values) Change {
	set := Values{}
	if side == "A" {
		a = true
	} else {
		b = true
	}
	if a && b {
		set = then
	}
	set["side_a_"+what], set["side_b_"+what] = a, b
	return Change{Set: set}
}

// ConveneMediationInput asks to a sitting.
type ConveneMediationInput struct {
	Edit
	HeldAt  time.Time
	Invited []scalar.Enum
}

func (in *ConveneMediationInput) Command(*Ask) (Command, error) {
	return MediationLife.Take("convene", in.Edit, in, func(tx *Tx, m *MediationCase) (Change, error) {
		for _, party := range fourParties {
			if m.FourParty && !slices.Contains(in.Invited, party) {
				return Change{}, fault.Newf(fault.BadUserInput, "with four parties %s is asked too", party).At("invited")
			}
		}
		session, err := uuid.NewV7()
		if err != nil {
			return Change{}, err
		}
		if err := tx.Insert(MediationSessions.Table, session, Values{"mediation_id": m.UUID, "held_at": in.HeldAt}); err != nil {
			return Change{}, err
		}
		_, err = tx.exec("INSERT INTO mediation_participants (owner, session_id, role) SELECT $1, $2, unnest('{SIDE_A,SIDE_B}'::text[] || $3::text[])",
			tx.Owner, session, EnumTexts(in.Invited))
		return Change{}, err
	})
}

// RecordMediationAttendanceInput says who came.
type RecordMediationAttendanceInput struct {
	Edit
	Session  string
	Attended []scalar.Enum
}

func (in *RecordMediationAttendanceInput) Command(*Ask) (Command, error) {
	return MediationLife.Take("recordAttendance", in.Edit, in, func(tx *Tx, m *MediationCase) (Change, error) {
		session, err := Refer(in.Session, tx.Owner, MediationSessions.Type, "session")
		if err != nil {
			return Change{}, err
		}
		var held *time.Time
		var strangers int
		found, err := tx.Get(`SELECT s.held_at, (SELECT count(*) FROM unnest($4::text[]) r WHERE r NOT IN (
				SELECT p.role FROM mediation_participants p WHERE p.owner = s.owner AND p.session_id = s.id))
			FROM mediation_sessions s WHERE s.owner = $1 AND s.mediation_id = $2 AND s.id = $3`,
			[]any{tx.Owner, m.UUID, session, EnumTexts(in.Attended)}, &held, &strangers)
		switch {
		case err != nil:
			return Change{}, err
		case !found:
			return Change{}, missing("session")
		case strangers > 0:
			return Change{}, fault.Newf(fault.BadUserInput, "somebody came who was not asked").At("attended")
		case held != nil && held.After(tx.Now()):
			return Change{}, fault.Newf(fault.InvalidTransition, "the sitting has not begun").At("session")
		}
		_, err = tx.exec("UPDATE mediation_participants SET attended = role = ANY($3) WHERE owner = $1 AND session_id = $2", tx.Owner, session, EnumTexts(in.Attended))
		return Change{Set: Values{"steps": pq.Array(m.Steps)}}, err // the case counts it as a change
	})
}

// ProposeSettlementInput proposes how to settle it.
type ProposeSettlementInput struct {
	Edit
	Text string
}

func (in *ProposeSettlementInput) Command(*Ask) (Command, error) {
	return MediationLife.Take("propose", in.Edit, in, func(tx *Tx, m *MediationCase) (Change, error) {
		form := tx.Form()
		form.Text("settlement", in.Text, settlementLength, "text")
		form.Set("proposals", m.Proposals+1)
		form.Set("side_a_agrees", false)
		form.Set("side_b_agrees", false)
		return form.Done()
	})
}

// ReferMediationInput hands the case on.
type ReferMediationInput struct {
	Edit
	To string
}

func (in *ReferMediationInput) Command(*Ask) (Command, error) {
	return MediationLife.Take("refer", in.Edit, in, func(tx *Tx, _ *MediationCase) (Change, error) {
		form := tx.Form()
		form.Text("referred_to", in.To, mediationTextLength, "to")
		return form.Done()
	})
}

// StepMediationInput takes a step that needs nothing more.
type StepMediationInput struct{ Edit }

// To is the input of an action.
func (in *StepMediationInput) To(action string) Input { return mediationStep{in, action} }

type mediationStep struct {
	*StepMediationInput
	action string
}

func (s mediationStep) Command(*Ask) (Command, error) {
	return MediationLife.Take(s.action, s.Edit, s.StepMediationInput, func(tx *Tx, m *MediationCase) (Change, error) {
		switch {
		case s.action == "close":
			return Change{Set: Values{"closed_at": tx.Now()}}, nil
		case m.FollowedUpAt == nil:
			return Change{Set: Values{"followed_up_at": tx.Now()}}, nil
		}
		return Change{Set: Values{"followed_up_again_at": tx.Now()}}, nil
	})
}
