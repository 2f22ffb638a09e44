package resolvers

import (
	"context"

	"linhui/page"
	"linhui/store"
)

func (q query) Surveys(ctx context.Context, communities []string, filter *store.SurveyFilter, orderBy *store.OrderBy, first *int, after *string, last *int, before *string, onPartial *store.OnPartial) (*store.SurveyConnection, error) {
	return pageOf(ctx, q.Root, store.Surveys, list{communities, filter, orderBy, page.Args{First: first, Last: last, After: after, Before: before}, onPartial})
}

func (m mutation) survey(ctx context.Context, in store.Input) (*store.SurveyPayload, error) {
	return write(ctx, m.Root, store.Surveys, in, func(s *store.Survey, broken []store.UserError) *store.SurveyPayload {
		return &store.SurveyPayload{Survey: s, UserErrors: broken}
	})
}

func (m mutation) DraftSurvey(ctx context.Context, input store.DraftSurveyInput) (*store.SurveyPayload, error) {
	return m.survey(ctx, &input)
}

func (m mutation) OpenSurvey(ctx context.Context, input store.StepSurveyInput) (*store.SurveyPayload, error) {
	return m.survey(ctx, &store.OpenSurvey{StepSurveyInput: input})
}

func (m mutation) CloseSurvey(ctx context.Context, input store.StepSurveyInput) (*store.SurveyPayload, error) {
	return m.survey(ctx, &store.CloseSurvey{StepSurveyInput: input})
}

func (m mutation) AnswerSurvey(ctx context.Context, input store.AnswerSurveyInput) (*store.SurveyPayload, error) {
	return m.survey(ctx, &input)
}
