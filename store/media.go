package store

import (
	"time"

	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// MediaSeries is a programme with issues or columns.
type MediaSeries struct {
	Row
	NameZh            string             `db:"name_zh"`
	NameEn            *string            `db:"name_en"`
	Kind              scalar.Enum        `db:"kind"`
	BrandID           *uuid.UUID         `db:"brand_id" for:"brand"`
	ContributorTeamID *uuid.UUID         `db:"contributor_team_id" for:"contributorTeam"`
	Recurrence        *scalar.Recurrence `db:"recurrence"`
	Provenance        scalar.Provenance  `db:"provenance"`
}

// MediaColumn is a column of a series.
type MediaColumn struct {
	Row
	NameZh     string            `db:"name_zh"`
	NameEn     *string           `db:"name_en"`
	SeriesID   uuid.UUID         `db:"series_id" for:"series"`
	Provenance scalar.Provenance `db:"provenance"`
}

// MediaIssue is one issue of a series.
type MediaIssue struct {
	Row
	SeriesID     uuid.UUID         `db:"series_id" for:"series"`
	IssueNo      int               `db:"issue_no"`
	TitleZh      *string           `db:"title_zh"`
	SummaryZh    *string           `db:"summary_zh"`
	MediaURL     *string           `db:"media_url"`
	Status       scalar.Enum       `db:"status"`
	DueOn        *scalar.Date      `db:"due_on"`
	RecordedAt   *time.Time        `db:"recorded_at"`
	PublishedAt  *time.Time        `db:"published_at"`
	PublishedOn  *PublishedDate    `db:"published_on"`
	WithdrawnFor *string           `db:"withdrawn_for"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// MediaSegment is a part of an issue.
type MediaSegment struct {
	Row
	SeriesID          uuid.UUID         `db:"series_id"`
	IssueID           uuid.UUID         `db:"issue_id" for:"issue"`
	Order             int               `db:"ordinal"`
	ColumnID          *uuid.UUID        `db:"column_id" for:"column"`
	TitleZh           string            `db:"title_zh"`
	ContributorTeamID *uuid.UUID        `db:"contributor_team_id" for:"contributorTeam"`
	ContributorID     *uuid.UUID        `db:"contributor_id" for:"contributor"`
	Status            *scalar.Enum      `db:"status"`
	ReleasedOn        *scalar.Date      `db:"released_on"`
	ReleasedBy        *scalar.Enum      `db:"released_by"`
	Version           int               `db:"version"`
	Provenance        scalar.Provenance `db:"provenance"`
}

// Production is what a team made and showed.
type Production struct {
	Row
	NameZh         string            `db:"name_zh"`
	NameEn         *string           `db:"name_en"`
	TitleZh        *string           `db:"title_zh"`
	TeamID         uuid.UUID         `db:"team_id" for:"team"`
	ChannelID      *uuid.UUID        `db:"channel_id" for:"channel"`
	ReleasedOn     *scalar.Date      `db:"released_on"`
	ReleasedWithin *string           `db:"released_within"`
	Playwrights    *int              `db:"playwrights"`
	MediaURL       *string           `db:"media_url"`
	Provenance     scalar.Provenance `db:"provenance"`
}

type (
	MediaSeriesConnection  = page.Connection[MediaSeries]
	MediaSeriesEdge        = page.Edge[MediaSeries]
	MediaColumnConnection  = page.Connection[MediaColumn]
	MediaColumnEdge        = page.Edge[MediaColumn]
	MediaIssueConnection   = page.Connection[MediaIssue]
	MediaIssueEdge         = page.Edge[MediaIssue]
	MediaSegmentConnection = page.Connection[MediaSegment]
	MediaSegmentEdge       = page.Edge[MediaSegment]
	ProductionConnection   = page.Connection[Production]
	ProductionEdge         = page.Edge[Production]
)

const (
	issuePublished = "t.status = 'PUBLISHED'"
	// latestOfSeries holds of the published issue with the highest number.
	latestOfSeries = issuePublished + " AND NOT EXISTS (SELECT FROM media_issues n WHERE n.owner = t.owner AND n.series_id = t.series_id AND n.issue_no > t.issue_no AND n.status = 'PUBLISHED')"
)

var (
	MediaSerieses = Define[MediaSeries](Spec{Type: "MediaSeries", Table: "media_series",
		Orders: map[string][]string{"NAME": {"name_zh"}, "KIND": {"kind", "name_zh"}}, Default: []string{"name_zh"}})
	MediaColumns = Define[MediaColumn](Spec{Type: "MediaColumn", Table: "media_columns",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	MediaIssues = Define[MediaIssue](Spec{Type: "MediaIssue", Table: "media_issues", Published: issuePublished,
		Orders:  map[string][]string{"PUBLISHED_AT": {"published_at"}, "ISSUE_NO": {"issue_no"}, "DUE_ON": {"due_on"}},
		Default: []string{"published_at"}, DefaultDesc: true})
	MediaSegments = Define[MediaSegment](Spec{Type: "MediaSegment", Table: "media_segments",
		Published: "EXISTS (SELECT FROM media_issues i WHERE i.owner = t.owner AND i.id = t.issue_id AND i.status = 'PUBLISHED')",
		Default:   []string{"ordinal"}})
	Productions = Define[Production](Spec{Type: "Production", Table: "productions",
		Orders:  map[string][]string{"RELEASED_ON": {"released_on"}, "NAME": {"name_zh"}},
		Default: []string{"released_on"}, DefaultDesc: true})
)

// LatestMediaIssues keeps the latest issue of each series. TTL: model.md §12.
var LatestMediaIssues = DefineHot(MediaIssues, HotSpec[MediaIssue]{
	List: "LATEST_MEDIA_ISSUE", TTL: 30 * time.Minute,
	Filter: func(time.Time) Filter { return latestIssues{} },
})

// latestIssues is the fixed filter of the list.
type latestIssues struct{}

func (latestIssues) Where(w *Where, _ *Ask) error {
	w.And(latestOfSeries)
	return nil
}

var (
	_ = HasMany(Communities, MediaSerieses, Children{Field: "mediaSeries"})
	_ = HasHot(Communities, "latestMediaIssues", LatestMediaIssues)
	_ = HasOne(MediaSerieses, "brand", Brands, "brand_id")
	_ = HasOne(MediaSerieses, "contributorTeam", VolunteerTeams, "contributor_team_id")
	_ = HasThrough(MediaSerieses, Channels, Through{Field: "channels", Table: "media_series_channels", From: "series_id", To: "channel_id"})
	_ = HasThrough(Channels, MediaSerieses, Through{Field: "mediaSeries", Table: "media_series_channels", From: "channel_id", To: "series_id"})
	_ = HasMany(Channels, Productions, Children{Field: "productions", By: "channel_id"})
	_ = HasMany(MediaSerieses, MediaColumns, Children{Field: "columns", By: "series_id"})
	_ = HasFirst(MediaSerieses, MediaIssues, Children{Field: "latestIssue", By: "series_id", Where: latestOfSeries})
	_ = HasPage(MediaSerieses, MediaIssues, Children{Field: "issues", By: "series_id"})
	_ = HasMany(VolunteerTeams, Productions, Children{Field: "productions", By: "team_id"})
	_ = HasMany(VolunteerTeams, MediaSerieses, Children{Field: "mediaSeries", By: "contributor_team_id"})
	_ = HasOne(MediaColumns, "series", MediaSerieses, "series_id")
	_ = HasPage(MediaColumns, MediaSegments, Children{Field: "segments", By: "column_id"})
	_ = HasOne(MediaIssues, "series", MediaSerieses, "series_id")
	_ = HasMany(MediaIssues, MediaSegments, Children{Field: "segments", By: "issue_id"})
	_ = HasOne(MediaSegments, "issue", MediaIssues, "issue_id")
	_ = HasOne(MediaSegments, "column", MediaColumns, "column_id")
	_ = HasOne(MediaSegments, "contributorTeam", VolunteerTeams, "contributor_team_id")
	_ = HasOne(MediaSegments, "contributor", Residents, "contributor_id")
	_ = HasOne(Productions, "team", VolunteerTeams, "team_id")
	_ = HasOne(Productions, "channel", Channels, "channel_id")
	_ = HasOne(ReportedStatistics, "mediaSeries", MediaSerieses, "media_series_id")
)

// seriesKind is the kind of an issue's series.
const seriesKind = "(SELECT s.kind FROM media_series s WHERE s.owner = t.owner AND s.id = t.series_id)"

// MediaSeriesFilter narrows a list of series.
type MediaSeriesFilter struct {
	Kinds        []scalar.Enum
	NameContains *string
	Channel      *string
}

func (f *MediaSeriesFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.kind", f.Kinds)
	w.Contains("t.name_zh", f.NameContains)
	return w.on("media_series_channels", "series_id", f.Channel)
}

// MediaColumnFilter narrows a list of columns.
type MediaColumnFilter struct{ NameContains, Series *string }

func (f *MediaColumnFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	return w.Refers("t.series_id", f.Series, MediaSerieses, "filter", "series")
}

// MediaIssueFilter narrows a list of issues.
type MediaIssueFilter struct {
	Status  []scalar.Enum
	Series  *string
	IssueNo *int
	Kinds   []scalar.Enum
	Range   *DateRange
}

func (f *MediaIssueFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.AnyOf(seriesKind, f.Kinds)
	if f.IssueNo != nil {
		w.And("t.issue_no = ?", *f.IssueNo)
	}
	if err := w.Refers("t.series_id", f.Series, MediaSerieses, "filter", "series"); err != nil {
		return err
	}
	return w.During("t.published_at", f.Range, "filter", "range")
}

// ProductionFilter narrows a list of productions.
type ProductionFilter struct {
	Team, Channel *string
	Range         *DateRange
}

func (f *ProductionFilter) Where(w *Where, _ *Ask) error {
	if err := w.Refers("t.team_id", f.Team, VolunteerTeams, "filter", "team"); err != nil {
		return err
	}
	if err := w.Refers("t.channel_id", f.Channel, Channels, "filter", "channel"); err != nil {
		return err
	}
	return w.Days("t.released_on", f.Range, "filter", "range")
}

var _ = DefineCube(Cube{
	Of: MediaIssues, Where: "MediaIssueFilter", Default: &MediaIssueFilter{Status: In("PUBLISHED")}, Time: "published_at",
	Dimensions: []Dimension{
		{Name: "SERIES", SQL: "t.series_id", To: MediaSerieses},
		{Name: "SERIES_KIND", SQL: seriesKind, Type: "MediaSeriesKind"},
		{Name: "CHANNEL", Doc: "An issue stands in each channel of its series.", SQL: "c.channel_id", To: Channels, Overlaps: true,
			From: "LEFT JOIN media_series_channels c ON c.owner = t.owner AND c.series_id = t.series_id"},
	},
	Measures: []Measure{
		{Name: "issues", Doc: "Issues published.", Unit: "期", Kind: measure.Count{}},
		{Name: "highestNo", Doc: "The highest number.", Unit: "期", Kind: measure.Most{Of: "t.issue_no"}},
		{Name: "meanLagDays", Doc: "Days from the day an issue was due to its publication, over those with both.", Unit: "天",
			Kind: measure.Mean("cst_date(t.published_at) - t.due_on")},
		{Name: "onTimeShare", Doc: "Issues published by the day they were due over issues with a day.",
			Kind: measure.Share("cst_date(t.published_at) <= t.due_on", "t.due_on IS NOT NULL AND t.published_at IS NOT NULL")},
	},
})
