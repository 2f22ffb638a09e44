package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Channels(ctx context.Context, communities []string, filter *store.ChannelFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.ChannelConnection, error) {
	return pageOf(ctx, q.Root, store.Channels, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) LiveSessions(ctx context.Context, communities []string, filter *store.LiveSessionFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.LiveSessionConnection, error) {
	return pageOf(ctx, q.Root, store.LiveSessions, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (q query) Announcements(ctx context.Context, communities []string, filter *store.AnnouncementFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.AnnouncementConnection, error) {
	return pageOf(ctx, q.Root, store.Announcements, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) approval(ctx context.Context, in store.Input) (*store.ChannelApprovalPayload, error) {
	return write(ctx, m.Root, store.ChannelApprovals, in, func(a *store.ChannelApproval, broken []store.UserError) *store.ChannelApprovalPayload {
		return &store.ChannelApprovalPayload{Approval: a, UserErrors: broken}
	})
}

func (m mutation) StudyChannel(ctx context.Context, input store.StudyChannelInput) (*store.ChannelApprovalPayload, error) {
	return m.approval(ctx, &input)
}

func (m mutation) SubmitChannel(ctx context.Context, input store.SubmitChannelInput) (*store.ChannelApprovalPayload, error) {
	return m.approval(ctx, &input)
}

func (m mutation) ApproveChannel(ctx context.Context, input store.StepChannelApprovalInput) (*store.ChannelApprovalPayload, error) {
	return m.approval(ctx, &input)
}

func (m mutation) RefuseChannel(ctx context.Context, input store.HoldChannelInput) (*store.ChannelApprovalPayload, error) {
	return m.approval(ctx, &store.RefuseChannel{HoldChannelInput: input})
}

func (m mutation) SuspendChannel(ctx context.Context, input store.HoldChannelInput) (*store.ChannelApprovalPayload, error) {
	return m.approval(ctx, &store.SuspendChannel{HoldChannelInput: input})
}

func (m mutation) liveSession(ctx context.Context, in store.Input) (*store.LiveSessionPayload, error) {
	return write(ctx, m.Root, store.LiveSessions, in, func(s *store.LiveSession, broken []store.UserError) *store.LiveSessionPayload {
		return &store.LiveSessionPayload{Session: s, UserErrors: broken}
	})
}

func (m mutation) ScheduleLiveSession(ctx context.Context, input store.ScheduleLiveSessionInput) (*store.LiveSessionPayload, error) {
	return m.liveSession(ctx, &input)
}

func (m mutation) CancelLiveSession(ctx context.Context, input store.CancelLiveSessionInput) (*store.LiveSessionPayload, error) {
	return m.liveSession(ctx, &input)
}

func (m mutation) announcement(ctx context.Context, in store.Input) (*store.AnnouncementPayload, error) {
	return write(ctx, m.Root, store.Announcements, in, func(a *store.Announcement, broken []store.UserError) *store.AnnouncementPayload {
		return &store.AnnouncementPayload{Announcement: a, UserErrors: broken}
	})
}

func (m mutation) DraftAnnouncement(ctx context.Context, input store.DraftAnnouncementInput) (*store.AnnouncementPayload, error) {
	return m.announcement(ctx, &input)
}

func (m mutation) PublishAnnouncement(ctx context.Context, input store.PublishAnnouncementInput) (*store.AnnouncementPayload, error) {
	return m.announcement(ctx, &input)
}

func (m mutation) WithdrawAnnouncement(ctx context.Context, input store.WithdrawAnnouncementInput) (*store.AnnouncementPayload, error) {
	return m.announcement(ctx, &input)
}
