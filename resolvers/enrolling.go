package resolvers

import (
	"context"

	"linhui/store"
)

func (m mutation) enrolment(ctx context.Context, in store.Input) (*store.EnrolmentPayload, error) {
	return write(ctx, m.Root, store.Enrolments, in, func(e *store.Enrolment, broken []store.UserError) *store.EnrolmentPayload {
		return &store.EnrolmentPayload{Enrolment: e, UserErrors: broken}
	})
}

func (m mutation) Enrol(ctx context.Context, input store.EnrolInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, &input)
}

func (m mutation) ConsentEnrolment(ctx context.Context, input store.ConsentEnrolmentInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, &input)
}

func (m mutation) AcceptSeat(ctx context.Context, input store.StepEnrolmentInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, input.To("accept"))
}

func (m mutation) WithdrawEnrolment(ctx context.Context, input store.StepEnrolmentInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, input.To("withdraw"))
}

func (m mutation) RejectEnrolment(ctx context.Context, input store.StepEnrolmentInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, input.To("reject"))
}

func (m mutation) CompleteEnrolment(ctx context.Context, input store.StepEnrolmentInput) (*store.EnrolmentPayload, error) {
	return m.enrolment(ctx, input.To("complete"))
}

func (m mutation) RecordAttendance(ctx context.Context, input store.RecordAttendanceInput) (*store.SessionPayload, error) {
	return write(ctx, m.Root, store.CourseSessions, &input, func(s *store.CourseSession, broken []store.UserError) *store.SessionPayload {
		return &store.SessionPayload{Session: s, UserErrors: broken}
	})
}
