package store

import (
	"net/url"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

const (
	// Chosen: a headline and a paragraph, and more parts than a weekly review has.
	mediaTitleLength, mediaTextLength, mediaSegments = 60, 1000, 20
	// adult is the age from which people release what they say themselves.
	adult     = 18
	urlLength = 500
)

var unreleased = fault.Newf(fault.InvalidTransition, "the release of each contributor must be on file: see the segments").At("segments")

// MediaLife is model.md §5, and the way back. Who drafted an issue does not review it, and a release that is not on file
// keeps it from being published; the database holds both.
var MediaLife = &Machine[MediaIssue]{
	Table: MediaIssues, Topic: "mediaIssue",
	State: func(i *MediaIssue) (scalar.Enum, int) { return i.Status, i.Version },
	Transitions: []Transition[MediaIssue]{
		{"draft", nil, "DRAFT", Holding[MediaIssue](authz.StationStaff), nil},
		{"addSegment", In("DRAFT"), "DRAFT", Holding[MediaIssue](authz.StationStaff), nil},
		{"record", In("DRAFT"), "RECORDED", Holding[MediaIssue](authz.StationStaff), nil},
		{"rework", In("RECORDED REVIEWED"), "DRAFT", Holding[MediaIssue](authz.CommunityStaff), nil},
		{"review", In("RECORDED"), "REVIEWED", Holding[MediaIssue](authz.CommunityStaff), nil},
		{"publish", In("REVIEWED"), "PUBLISHED", Holding[MediaIssue](authz.CommunityStaff), nil},
		{"withdraw", In("DRAFT RECORDED REVIEWED PUBLISHED"), "WITHDRAWN", Holding[MediaIssue](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"media_issues_owner_series_id_fkey":             missing("series"),
		"media_issues_owner_series_id_issue_no_key":     fault.Newf(fault.Conflict, "the series has an issue of this number").At("issueNo"),
		"media_issues_issue_no_check":                   fault.Newf(fault.BadUserInput, "numbers begin at 1").At("issueNo"),
		"reviewed_by_another":                           fault.Newf(fault.Forbidden, "another than the author reviews an issue"),
		"release_on_file":                               unreleased,
		"channel_publishes_with_approval":               unapproved,
		"media_segments_owner_series_id_column_id_fkey": missing("column"),
		"media_segments_owner_contributor_team_id_fkey": missing("contributorTeam"),
		"media_segments_owner_contributor_id_fkey":      missing("contributor"),
	},
}

// SegmentLife is that of the contributors' release.
var SegmentLife = &Machine[MediaSegment]{
	Table: MediaSegments, Topic: "mediaSegment",
	State: func(s *MediaSegment) (scalar.Enum, int) { return *s.Status, s.Version },
	Transitions: []Transition[MediaSegment]{
		{"release", In("AWAITED REVOKED"), "ON_FILE", Holding[MediaSegment](authz.StationStaff), nil},
		{"revoke", In("AWAITED ON_FILE"), "REVOKED", Holding[MediaSegment](authz.StationStaff), nil},
	},
}

// ProductionLife has one action: what was shown is recorded.
var ProductionLife = &Machine[Production]{
	Table: Productions, Topic: "production",
	Transitions: []Transition[Production]{
		{"record", nil, "", Holding[Production](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"productions_owner_team_id_fkey":    missing("team"),
		"productions_owner_channel_id_fkey": missing("channel"),
		"productions_playwrights_check":     fault.Newf(fault.BadUserInput, "a number from 0 on").At("playwrights"),
		"channel_publishes_with_approval":   unapproved,
	},
}

// MediaIssuePayload answers a step of an issue, the others one of theirs.
type (
	MediaIssuePayload struct {
		Issue      *MediaIssue
		UserErrors []UserError
	}
	MediaSegmentPayload struct {
		Segment    *MediaSegment
		UserErrors []UserError
	}
	ProductionPayload struct {
		Production *Production
		UserErrors []UserError
	}
)

// MediaSegmentInput is a part of an issue to be.
type MediaSegmentInput struct {
	Column                       *string
	TitleZh                      string
	ContributorTeam, Contributor *string
}

// add writes the segment behind those that the issue has.
func (in *MediaSegmentInput) add(tx *Tx, series, issue uuid.UUID) error {
	form := tx.Form()
	form.Public("title_zh", in.TitleZh, mediaTitleLength, "titleZh")
	form.Refer("column_id", in.Column, MediaColumns.Type, "column")
	form.Refer("contributor_team_id", in.ContributorTeam, VolunteerTeams.Type, "contributorTeam")
	form.Refer("contributor_id", in.Contributor, Residents.Type, "contributor")
	form.Set("status", scalar.Enum("NOT_NEEDED"))
	if in.ContributorTeam != nil || in.Contributor != nil {
		form.Set("status", scalar.Enum("AWAITED"))
	}
	form.Set("series_id", series)
	form.Set("issue_id", issue)
	change, err := form.Done()
	if err != nil {
		return err
	}
	var had int
	if _, err := tx.Get("SELECT count(*) FROM media_segments WHERE owner = $1 AND issue_id = $2", []any{tx.Owner, issue}, &had); err != nil {
		return err
	}
	if had == mediaSegments {
		return fault.Newf(fault.BadUserInput, "an issue has at most %d segments", mediaSegments).At("segments")
	}
	change.Set["ordinal"] = had + 1
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return tx.Insert(MediaSegments.Table, id, change.Set)
}

// DraftMediaIssueInput begins an issue.
type DraftMediaIssueInput struct {
	Series             string
	IssueNo            *int
	TitleZh, SummaryZh *string
	DueOn              *scalar.Date
	Segments           []*MediaSegmentInput
	IdempotencyKey     string
}

// Command draws the number under the lock of the series, so that two drafts at once get two numbers.
func (in *DraftMediaIssueInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Series)
	if err != nil {
		return Command{}, fault.Of(err).At("series")
	}
	c, err := MediaLife.Begin("draft", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("series_id", &in.Series, MediaSerieses.Type, "series")
		var next int
		if found, err := tx.Get(`SELECT (SELECT coalesce(max(i.issue_no), 0) + 1 FROM media_issues i WHERE i.owner = s.owner AND i.series_id = s.id)
			FROM media_series s WHERE owner = $1 AND id = $2 FOR NO KEY UPDATE`, []any{tx.Owner, id.UUID}, &next); err != nil {
			return Change{}, err
		} else if !found {
			form.Fail(missing("series"))
		}
		if in.IssueNo != nil {
			next = *in.IssueNo
		}
		form.Set("issue_no", next)
		form.OptionalPublic("title_zh", in.TitleZh, mediaTitleLength, "titleZh")
		form.OptionalPublic("summary_zh", in.SummaryZh, mediaTextLength, "summaryZh")
		form.Set("due_on", in.DueOn)
		form.Set("authored_by", tx.Principal())
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
		for _, s := range in.Segments {
			if err := s.add(tx, id.UUID, tx.ID); err != nil {
				return err
			}
		}
		return nil
	}
	return c, nil
}

// AddMediaSegmentInput adds a part to a draft.
type AddMediaSegmentInput struct {
	Edit
	Segment MediaSegmentInput
}

func (in *AddMediaSegmentInput) Command(*Ask) (Command, error) {
	return MediaLife.Take("addSegment", in.Edit, in, func(tx *Tx, i *MediaIssue) (Change, error) {
		return Change{}, in.Segment.add(tx, i.SeriesID, i.UUID)
	})
}

// ReleaseMediaSegmentInput puts a release on file.
type ReleaseMediaSegmentInput struct {
	Edit
	By scalar.Enum
	On *scalar.Date
}

func (in *ReleaseMediaSegmentInput) Command(*Ask) (Command, error) {
	return SegmentLife.Take("release", in.Edit, in, func(tx *Tx, s *MediaSegment) (Change, error) {
		form := tx.Form()
		on := scalar.DateOf(tx.Now())
		if in.On != nil && in.On.Compare(on) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "it was signed today or before").At("on"))
		} else if in.On != nil {
			on = *in.On
		}
		if in.By == "OTHER" {
			form.Fail(fault.Newf(fault.BadUserInput, "CONTRIBUTOR or GUARDIAN").At("by"))
		}
		form.Set("released_on", on)
		form.Set("released_by", in.By)
		if s.ContributorID != nil && in.By != "GUARDIAN" {
			var minor bool
			if _, err := tx.Get("SELECT coalesce(full_years(birth_date, $3) < $4, false) FROM residents WHERE owner = $1 AND id = $2",
				[]any{tx.Owner, *s.ContributorID, scalar.DateOf(tx.Now()), adult}, &minor); err != nil {
				return Change{}, err
			}
			if minor {
				form.Fail(fault.Newf(fault.BadUserInput, "the guardian releases what a minor says").At("by"))
			}
		}
		return form.Done()
	})
}

// RevokeMediaReleaseInput takes a release back; a published issue is withdrawn with it.
type RevokeMediaReleaseInput struct{ Edit }

func (in *RevokeMediaReleaseInput) Command(*Ask) (Command, error) {
	return SegmentLife.Take("revoke", in.Edit, in, func(*Tx, *MediaSegment) (Change, error) {
		return Change{Set: Values{"released_on": nil, "released_by": nil}}, nil
	})
}

// RecordMediaIssueInput says that an issue is recorded.
type RecordMediaIssueInput struct {
	Edit
	MediaURL *string
}

func (in *RecordMediaIssueInput) Command(*Ask) (Command, error) {
	return MediaLife.Take("record", in.Edit, in, func(tx *Tx, _ *MediaIssue) (Change, error) {
		form := tx.Form()
		form.mediaURL(in.MediaURL)
		form.Set("recorded_at", tx.Now())
		return form.Done()
	})
}

func (f *Form) mediaURL(s *string) {
	f.OptionalText("media_url", s, urlLength, "mediaUrl")
	if s == nil {
		return
	}
	if u, err := url.Parse(*s); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		f.Fail(fault.Newf(fault.BadUserInput, "an https address").At("mediaUrl"))
	}
}

// StepMediaIssueInput is a step that needs nothing but itself.
type StepMediaIssueInput struct{ Edit }

// ReworkMediaIssue, ReviewMediaIssue and PublishMediaIssue are the inputs of their steps.
type (
	ReworkMediaIssue  struct{ StepMediaIssueInput }
	ReviewMediaIssue  struct{ StepMediaIssueInput }
	PublishMediaIssue struct{ StepMediaIssueInput }
)

func (in *ReworkMediaIssue) Command(*Ask) (Command, error) {
	return MediaLife.Take("rework", in.Edit, in, func(*Tx, *MediaIssue) (Change, error) {
		return Change{Set: Values{"recorded_at": nil, "reviewed_by": nil, "reviewed_at": nil}}, nil
	})
}

func (in *ReviewMediaIssue) Command(*Ask) (Command, error) {
	return MediaLife.Take("review", in.Edit, in, func(tx *Tx, _ *MediaIssue) (Change, error) {
		return Change{Set: Values{"reviewed_by": tx.Principal(), "reviewed_at": tx.Now()}}, nil
	})
}

func (in *PublishMediaIssue) Command(*Ask) (Command, error) {
	return MediaLife.Take("publish", in.Edit, in, func(tx *Tx, _ *MediaIssue) (Change, error) {
		return Change{Set: Values{"published_at": tx.Now()}}, nil
	})
}

// WithdrawMediaIssueInput takes an issue back; the hot list forgets it in the same transaction.
type WithdrawMediaIssueInput struct {
	Edit
	Reason string
}

func (in *WithdrawMediaIssueInput) Command(*Ask) (Command, error) {
	return MediaLife.Take("withdraw", in.Edit, in, func(tx *Tx, _ *MediaIssue) (Change, error) {
		form := tx.Form()
		form.Text("withdrawn_for", in.Reason, textLength, "reason")
		return form.Done()
	})
}

// RecordProductionInput records what a team showed.
type RecordProductionInput struct {
	Team           string
	Channel        *string
	NameZh         string
	TitleZh        *string
	ReleasedOn     scalar.Date
	Playwrights    *int
	MediaURL       *string
	IdempotencyKey string
}

func (in *RecordProductionInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Team)
	if err != nil {
		return Command{}, fault.Of(err).At("team")
	}
	return ProductionLife.Begin("record", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("team_id", &in.Team, VolunteerTeams.Type, "team")
		form.Refer("channel_id", in.Channel, Channels.Type, "channel")
		form.Public("name_zh", in.NameZh, mediaTitleLength, "nameZh")
		form.OptionalPublic("title_zh", in.TitleZh, mediaTitleLength, "titleZh")
		form.mediaURL(in.MediaURL)
		form.Set("playwrights", in.Playwrights)
		form.Set("released_on", in.ReleasedOn)
		if in.ReleasedOn.Compare(scalar.DateOf(tx.Now())) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is recorded has happened: today or before").At("releasedOn"))
		}
		return form.Done()
	})
}
