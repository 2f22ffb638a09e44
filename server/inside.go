package server

import (
	"bytes"
	"context"

	"linhui/internal/fault"
)

// Ask answers an operation that this process itself asks, as the subgraph listener answers a
// gateway: by Options.Subgraph, for the viewer of ctx, at nobody's rate, because the request of
// which it is a part has been charged. body is that of a POST; the answer is appended to buffer.
func (s *Server) Ask(ctx context.Context, body, buffer []byte) []byte {
	ctx, op, refused := s.within(ctx, body, false)
	if refused == nil {
		refused = op.run(ctx)
	}
	return refused.appended(buffer)
}

// Stream is Ask for subscriptions: next returns the answers one by one, nil after the last. The
// stream ends with ctx.
func (s *Server) Stream(ctx context.Context, body []byte) (next func() []byte) {
	ctx, op, refused := s.within(ctx, body, true)
	if refused != nil {
		return func() []byte {
			if refused == nil {
				return nil
			}
			raw := refused.appended(nil)
			refused = nil
			return raw
		}
	}
	answers := op.stream(ctx)
	return func() []byte {
		a := answers()
		if a == nil {
			return nil
		}
		return a.appended(nil)
	}
}

// within prepares an operation of this process. It has an exchange of its own, with the id of the
// request that it is a part of: parts run at once, and the log has a line for the whole already.
func (s *Server) within(ctx context.Context, body []byte, streams bool) (context.Context, *operation, *answer) {
	if s.inside == nil {
		return nil, nil, invalid(coded(fault.Newf(fault.Internal, "the server has no schema for a gateway")))
	}
	ctx = context.WithValue(ctx, exchangeKey{}, &exchange{id: exchangeOf(ctx).id})
	p, f := parseParams(bytes.NewReader(body))
	if f != nil {
		return nil, nil, invalid(coded(f))
	}
	return s.inside.begin(ctx, p, &transport{streams: streams})
}

// appended appends the entire answer.
func (a *answer) appended(buffer []byte) []byte {
	b := bytes.NewBuffer(buffer)
	a.whole(b)
	return b.Bytes()
}
