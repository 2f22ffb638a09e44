package resolvers

import (
	"context"

	"linhui/store"
)

func (m mutation) echo(ctx context.Context, in store.Input) (*store.EchoPayload, error) {
	return write(ctx, m.Root, store.EchoWallPosts, in, func(p *store.EchoWallPost, broken []store.UserError) *store.EchoPayload {
		return &store.EchoPayload{Post: p, UserErrors: broken}
	})
}

func (m mutation) DraftEcho(ctx context.Context, input store.DraftEchoInput) (*store.EchoPayload, error) {
	return m.echo(ctx, &input)
}

func (m mutation) ReviseEcho(ctx context.Context, input store.ReviseEchoInput) (*store.EchoPayload, error) {
	return m.echo(ctx, &input)
}

func (m mutation) WithdrawEcho(ctx context.Context, input store.WithdrawEchoInput) (*store.EchoPayload, error) {
	return m.echo(ctx, &input)
}

func (m mutation) ReviewEcho(ctx context.Context, input store.StepEchoInput) (*store.EchoPayload, error) {
	return m.echo(ctx, &store.ReviewEcho{StepEchoInput: input})
}

func (m mutation) PublishEcho(ctx context.Context, input store.StepEchoInput) (*store.EchoPayload, error) {
	return m.echo(ctx, &store.PublishEcho{StepEchoInput: input})
}
