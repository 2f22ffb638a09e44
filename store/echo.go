package store

import (
	"time"

	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// EchoWallPost is what the Echo Wall (回音壁) says about a feedback.
type EchoWallPost struct {
	Row
	TitleZh          string            `db:"title_zh"`
	OutcomeZh        string            `db:"outcome_zh"`
	Status           scalar.Enum       `db:"status"`
	PublishedAt      *time.Time        `db:"published_at"`
	FeedbackID       uuid.UUID         `db:"feedback_id" for:"feedback"`
	WithdrawnReason  *string           `db:"withdrawn_reason"`
	LearnedFromOwner *string           `db:"learned_from_owner" for:"learnedFromId"`
	LearnedFromUUID  *uuid.UUID        `db:"learned_from_id" for:"learnedFromId"`
	Version          int               `db:"version"`
	Provenance       scalar.Provenance `db:"provenance"`
}

// LearnedFromID is the global id of a post that lies perhaps in another source.
func (p *EchoWallPost) LearnedFromID() *string {
	if p.LearnedFromOwner == nil || p.LearnedFromUUID == nil {
		return nil
	}
	id := page.ID{Type: EchoWallPosts.Type, Owner: *p.LearnedFromOwner, UUID: *p.LearnedFromUUID}.String()
	return &id
}

type (
	EchoWallPostConnection = page.Connection[EchoWallPost]
	EchoWallPostEdge       = page.Edge[EchoWallPost]
)

// onTheWall holds for the posts that everybody may read.
const onTheWall = "t.status = 'PUBLISHED'"

var EchoWallPosts = Define[EchoWallPost](Spec{Type: "EchoWallPost", Table: "echo_wall_posts", Published: onTheWall,
	Default: []string{"published_at"}, DefaultDesc: true})

var (
	_ = HasPage(Communities, EchoWallPosts, Children{Field: "echoWall", Where: onTheWall})
	_ = HasOne(EchoWallPosts, "feedback", Feedbacks, "feedback_id")
	_ = HasFirst(Feedbacks, EchoWallPosts, Children{Field: "echo", By: "feedback_id", Where: "t.status <> 'WITHDRAWN'"})
)

// EchoFilter is the fixed filter of the wall: what is published, also for staff.
type EchoFilter struct{}

func (*EchoFilter) Where(w *Where, _ *Ask) error {
	w.And(onTheWall)
	return nil
}
