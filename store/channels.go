package store

import (
	"context"
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const (
	// Chosen: a headline, a leaf, and more channels than a community has.
	announcedTitle, announcedText, announcedOn = 60, 2000, 10
	// liveAtMost bounds a live session. Chosen: longer ones are a wrong date.
	liveAtMost = 24 * time.Hour
)

// ChannelApproval is a decision on a channel, from its study on.
type ChannelApproval struct {
	Row
	ChannelID        uuid.UUID         `db:"channel_id" for:"channel"`
	Status           scalar.Enum       `db:"status"`
	StudiedByOrgID   *uuid.UUID        `db:"studied_by_org_id" for:"studiedBy"`
	SubmittedToOrgID *uuid.UUID        `db:"submitted_to_org_id" for:"submittedTo"`
	DecidedOn        *scalar.Date      `db:"decided_on"`
	Reason           *string           `db:"reason"`
	Version          int               `db:"version"`
	Provenance       scalar.Provenance `db:"provenance"`
}

// LiveSession is a live stream, announced or held.
type LiveSession struct {
	Row
	ChannelID    uuid.UUID         `db:"channel_id" for:"channel"`
	TitleZh      string            `db:"title_zh"`
	Start        time.Time         `db:"starts_at" for:"status"`
	End          time.Time         `db:"ends_at" for:"status"`
	Stored       scalar.Enum       `db:"status" for:"status"` // never LIVE or ENDED
	CancelledFor *string           `db:"cancelled_for"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Status is the stored one, or what time made of it at the instant of the request.
func (s *LiveSession) Status(ctx context.Context) scalar.Enum {
	switch at := authz.FromContext(ctx).At; {
	case s.Stored != "SCHEDULED" || at.Before(s.Start):
		return s.Stored
	case at.Before(s.End):
		return "LIVE"
	}
	return "ENDED"
}

// Announcement is what a community tells everybody.
type Announcement struct {
	Row
	TitleZh      string            `db:"title_zh"`
	BodyZh       *string           `db:"body_zh"`
	Topic        *string           `db:"topic"`
	Status       scalar.Enum       `db:"status"`
	PublishedAt  *time.Time        `db:"published_at"`
	WithdrawnFor *string           `db:"withdrawn_for"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

type (
	ChannelConnection      = page.Connection[Channel]
	ChannelEdge            = page.Edge[Channel]
	LiveSessionConnection  = page.Connection[LiveSession]
	LiveSessionEdge        = page.Edge[LiveSession]
	AnnouncementConnection = page.Connection[Announcement]
	AnnouncementEdge       = page.Edge[Announcement]
)

var (
	ChannelApprovals = Define[ChannelApproval](Spec{Type: "ChannelApproval", Table: "channel_approvals"})
	LiveSessions     = Define[LiveSession](Spec{Type: "LiveSession", Table: "live_sessions",
		Orders: map[string][]string{"START": {"starts_at"}}, Default: []string{"starts_at"}})
	Announcements = Define[Announcement](Spec{Type: "Announcement", Table: "announcements", Published: "t.status = 'PUBLISHED'",
		Orders:  map[string][]string{"PUBLISHED_AT": {"published_at"}, "TITLE": {"title_zh"}},
		Default: []string{"published_at"}, DefaultDesc: true})
)

var (
	_ = HasOne(ChannelApprovals, "channel", Channels, "channel_id")
	_ = HasOne(ChannelApprovals, "studiedBy", Organizations, "studied_by_org_id")
	_ = HasOne(ChannelApprovals, "submittedTo", Organizations, "submitted_to_org_id")
	_ = HasFirst(Channels, ChannelApprovals, Children{Field: "approval", By: "channel_id", Where: "t.status <> 'REFUSED'"})
	_ = HasMany(Channels, ChannelApprovals, Children{Field: "approvals", By: "channel_id"})
	_ = HasOne(LiveSessions, "channel", Channels, "channel_id")
	_ = HasPage(Channels, LiveSessions, Children{Field: "liveSessions", By: "channel_id"})
	_ = HasThrough(Announcements, Channels, Through{Field: "channels", Table: "announcement_channels", From: "announcement_id", To: "channel_id"})
	_ = HasThrough(Channels, Announcements, Through{Field: "announcements", Table: "announcement_channels", From: "channel_id", To: "announcement_id"})
	_ = HasPage(Communities, Announcements, Children{Field: "announcements"})
)

// ChannelFilter narrows a list of channels.
type ChannelFilter struct {
	Kinds                   []scalar.Enum
	NeedsApproval, Approved *bool
}

func (f *ChannelFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	if f.NeedsApproval != nil {
		w.And("t.needs_approval = ?", *f.NeedsApproval)
	}
	if f.Approved != nil {
		w.And("t.approved = ?", *f.Approved)
	}
	return nil
}

// LiveSessionFilter narrows a list of live sessions.
type LiveSessionFilter struct {
	Status  []scalar.Enum
	Channel *string
	Range   *DateRange
}

func (f *LiveSessionFilter) Where(w *Where, ask *Ask) error {
	if f.Status != nil {
		w.And("CASE WHEN t.status = 'SCHEDULED' AND t.ends_at <= ? THEN 'ENDED' WHEN t.status = 'SCHEDULED' AND t.starts_at <= ? THEN 'LIVE' ELSE t.status END = ANY(?)",
			ask.Viewer.At, ask.Viewer.At, EnumTexts(f.Status))
	}
	if err := w.Refers("t.channel_id", f.Channel, Channels, "filter", "channel"); err != nil {
		return err
	}
	return w.During("t.starts_at", f.Range, "filter", "range")
}

// AnnouncementFilter narrows a list of announcements.
type AnnouncementFilter struct {
	Status               []scalar.Enum
	Topic, TitleContains *string
	Channel              *string
}

func (f *AnnouncementFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	if f.Topic != nil {
		w.And("t.topic = ?", *f.Topic)
	}
	w.Contains("t.title_zh", f.TitleContains)
	return w.on("announcement_channels", "announcement_id", f.Channel)
}

// on keeps rows that stand on a channel by a table between; nil keeps all.
func (w *Where) on(between, of string, channel *string) error {
	if channel == nil {
		return nil
	}
	id, err := page.ParseID(*channel)
	if err != nil || id.Type != Channels.Type {
		return fault.Newf(fault.BadUserInput, "the id is not one of a %s", Channels.Type).At("filter", "channel")
	}
	w.And("t.owner = ? AND EXISTS (SELECT FROM "+between+" j WHERE j.owner = t.owner AND j."+of+" = t.id AND j.channel_id = ?)", id.Owner, id.UUID)
	return nil
}

// unapproved is what publishing on a channel means whose approval does not stand (I24).
var unapproved = fault.Newf(fault.InvalidTransition, "a channel publishes only while its approval stands").At("channel")

// ApprovalLife is model.md §5: NONE is a channel without an approval.
var ApprovalLife = &Machine[ChannelApproval]{
	Table: ChannelApprovals, Topic: "channel",
	State: func(a *ChannelApproval) (scalar.Enum, int) { return a.Status, a.Version },
	Transitions: []Transition[ChannelApproval]{
		{"study", nil, "STUDIED", Holding[ChannelApproval](authz.CommunityStaff), nil},
		{"submit", In("STUDIED"), "SUBMITTED", Holding[ChannelApproval](authz.CommunityAdmin), nil},
		{"approve", In("SUBMITTED SUSPENDED"), "APPROVED", Holding[ChannelApproval](authz.StreetStaff), nil},
		{"refuse", In("SUBMITTED"), "REFUSED", Holding[ChannelApproval](authz.StreetStaff), nil},
		{"suspend", In("APPROVED"), "SUSPENDED", Holding[ChannelApproval](authz.CommunityAdmin), nil},
	},
	Rules: Rules{
		"channel_approvals_one_live":                       fault.Newf(fault.Conflict, "this channel is being decided on, or was: see its approval").At("channel"),
		"channel_approvals_owner_channel_id_fkey":          missing("channel"),
		"channel_approvals_owner_studied_by_org_id_fkey":   missing("studiedBy"),
		"channel_approvals_owner_submitted_to_org_id_fkey": missing("submittedTo"),
	},
}

// LiveLife is how a live stream is announced and called off.
var LiveLife = &Machine[LiveSession]{
	Table: LiveSessions, Topic: "liveSession",
	State: func(s *LiveSession) (scalar.Enum, int) { return s.Stored, s.Version },
	Transitions: []Transition[LiveSession]{
		{"schedule", nil, "SCHEDULED", Holding[LiveSession](authz.CommunityStaff), nil},
		{"cancel", In("SCHEDULED"), "CANCELLED", Holding[LiveSession](authz.CommunityStaff), func(ask *Ask, s *LiveSession) error {
			if !ask.Viewer.At.Before(s.End) {
				return fault.Newf(fault.InvalidTransition, "it is over").With("allowed", []string{})
			}
			return nil
		}},
	},
	Rules: Rules{
		"live_sessions_owner_channel_id_fkey": missing("channel"),
		"channel_publishes_with_approval":     unapproved,
		"channel_goes_live":                   fault.Newf(fault.BadUserInput, "the channel has no live stream").At("channel"),
		"one_at_a_time":                       fault.Newf(fault.Conflict, "another session is on this channel then").At("start"),
		"live_for_a_while":                    fault.Newf(fault.BadUserInput, "it ends after it begins").At("end"),
	},
}

// AnnouncementLife is how an announcement is published and taken down.
var AnnouncementLife = &Machine[Announcement]{
	Table: Announcements, Topic: "announcement",
	State: func(a *Announcement) (scalar.Enum, int) { return a.Status, a.Version },
	Transitions: []Transition[Announcement]{
		{"draft", nil, "DRAFT", Holding[Announcement](authz.StationStaff), nil},
		{"publish", In("DRAFT"), "PUBLISHED", Holding[Announcement](authz.CommunityStaff), nil},
		{"withdraw", In("DRAFT PUBLISHED"), "WITHDRAWN", Holding[Announcement](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"channel_publishes_with_approval":             unapproved,
		"announcement_channels_owner_channel_id_fkey": missing("channel"),
	},
}

// ChannelApprovalPayload answers a step of an approval, the others one of theirs.
type (
	ChannelApprovalPayload struct {
		Approval   *ChannelApproval
		UserErrors []UserError
	}
	LiveSessionPayload struct {
		Session    *LiveSession
		UserErrors []UserError
	}
	AnnouncementPayload struct {
		Announcement *Announcement
		UserErrors   []UserError
	}
)

// StudyChannelInput asks whether a channel is to be opened.
type StudyChannelInput struct {
	Channel, StudiedBy string
	IdempotencyKey     string
}

func (in *StudyChannelInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Channel)
	if err != nil {
		return Command{}, fault.Of(err).At("channel")
	}
	return ApprovalLife.Begin("study", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("channel_id", &in.Channel, Channels.Type, "channel")
		form.Refer("studied_by_org_id", &in.StudiedBy, Organizations.Type, "studiedBy")
		return form.Done()
	})
}

// SubmitChannelInput hands it to who decides.
type SubmitChannelInput struct {
	Edit
	SubmittedTo string
}

func (in *SubmitChannelInput) Command(*Ask) (Command, error) {
	return ApprovalLife.Take("submit", in.Edit, in, func(tx *Tx, _ *ChannelApproval) (Change, error) {
		form := tx.Form()
		form.Refer("submitted_to_org_id", &in.SubmittedTo, Organizations.Type, "submittedTo")
		return form.Done()
	})
}

// StepChannelApprovalInput approves.
type StepChannelApprovalInput struct{ Edit }

func (in *StepChannelApprovalInput) Command(*Ask) (Command, error) {
	return ApprovalLife.Take("approve", in.Edit, in, func(tx *Tx, _ *ChannelApproval) (Change, error) {
		return Change{Set: Values{"decided_on": scalar.DateOf(tx.Now()), "reason": nil}}, nil
	})
}

// HoldChannelInput says no, or no more.
type HoldChannelInput struct {
	Edit
	Reason string
}

// RefuseChannel and SuspendChannel are the inputs of their steps.
type (
	RefuseChannel  struct{ HoldChannelInput }
	SuspendChannel struct{ HoldChannelInput }
)

func (in *RefuseChannel) Command(*Ask) (Command, error)  { return in.hold("refuse", in) }
func (in *SuspendChannel) Command(*Ask) (Command, error) { return in.hold("suspend", in) }

func (in *HoldChannelInput) hold(action string, input any) (Command, error) {
	return ApprovalLife.Take(action, in.Edit, input, func(tx *Tx, _ *ChannelApproval) (Change, error) {
		form := tx.Form()
		form.Text("reason", in.Reason, textLength, "reason")
		form.Set("decided_on", scalar.DateOf(tx.Now()))
		return form.Done()
	})
}

// ScheduleLiveSessionInput announces a live stream.
type ScheduleLiveSessionInput struct {
	Channel, TitleZh string
	Start, End       time.Time
	IdempotencyKey   string
}

func (in *ScheduleLiveSessionInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Channel)
	if err != nil {
		return Command{}, fault.Of(err).At("channel")
	}
	return LiveLife.Begin("schedule", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("channel_id", &in.Channel, Channels.Type, "channel")
		form.Public("title_zh", in.TitleZh, announcedTitle, "titleZh")
		form.Set("starts_at", in.Start)
		form.Set("ends_at", in.End)
		switch {
		case !in.Start.After(tx.Now()):
			form.Fail(fault.Newf(fault.BadUserInput, "it begins later than now").At("start"))
		case in.End.Sub(in.Start) > liveAtMost:
			form.Fail(fault.Newf(fault.BadUserInput, "it ends within 24 hours").At("end"))
		}
		return form.Done()
	})
}

// CancelLiveSessionInput calls a live stream off.
type CancelLiveSessionInput struct {
	Edit
	Reason string
}

func (in *CancelLiveSessionInput) Command(*Ask) (Command, error) {
	return LiveLife.Take("cancel", in.Edit, in, func(tx *Tx, _ *LiveSession) (Change, error) {
		form := tx.Form()
		form.Public("cancelled_for", in.Reason, planTextLength, "reason")
		return form.Done()
	})
}

// DraftAnnouncementInput writes an announcement.
type DraftAnnouncementInput struct {
	Community, TitleZh string
	BodyZh, Topic      *string
	Channels           []string
	IdempotencyKey     string
}

func (in *DraftAnnouncementInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	c, err := AnnouncementLife.Begin("draft", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("title_zh", in.TitleZh, announcedTitle, "titleZh")
		form.OptionalPublic("body_zh", in.BodyZh, announcedText, "bodyZh")
		form.OptionalPublic("topic", in.Topic, announcedTitle, "topic")
		if len(in.Channels) == 0 || len(in.Channels) > announcedOn {
			form.Fail(fault.Newf(fault.BadUserInput, "one to %d channels", announcedOn).At("channels"))
		}
		return form.Done()
	})
	if err != nil {
		return c, err
	}
	draft := c.Do
	c.Do = func(tx *Tx) error {
		if err := draft(tx); err != nil {
			return err
		}
		return tx.stand("announcement_channels", "announcement_id", in.Channels)
	}
	return c, nil
}

// stand writes on which channels the command's row stands, by a table between.
func (tx *Tx) stand(between, of string, channels []string) error {
	for _, id := range channels {
		channel, err := Refer(id, tx.Owner, Channels.Type, "channels")
		if err != nil {
			return err
		}
		if _, err := tx.exec("INSERT INTO "+between+" (owner, "+of+", channel_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", tx.Owner, tx.ID, channel); err != nil {
			return err
		}
	}
	return nil
}

// PublishAnnouncementInput puts an announcement before everybody.
type PublishAnnouncementInput struct{ Edit }

func (in *PublishAnnouncementInput) Command(*Ask) (Command, error) {
	return AnnouncementLife.Take("publish", in.Edit, in, func(tx *Tx, _ *Announcement) (Change, error) {
		return Change{Set: Values{"published_at": tx.Now()}}, nil
	})
}

// WithdrawAnnouncementInput takes one down.
type WithdrawAnnouncementInput struct {
	Edit
	Reason string
}

func (in *WithdrawAnnouncementInput) Command(*Ask) (Command, error) {
	return AnnouncementLife.Take("withdraw", in.Edit, in, func(tx *Tx, _ *Announcement) (Change, error) {
		form := tx.Form()
		form.Text("withdrawn_for", in.Reason, textLength, "reason")
		return form.Done()
	})
}
