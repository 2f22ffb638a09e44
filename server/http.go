package server

import (
	"context"
	"net/http"
	"strings"

	"linhui/internal/authz"
	"linhui/internal/fault"
)

// graphql answers /graphql: sockets, event streams, GET and POST, in that order of preference.
func (s *Server) graphql(e *engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if s.preflight(w, r) {
			return
		}
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			s.serveSocket(e, w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, POST, OPTIONS")
			s.refuse(x, mediaJSON, failure(http.StatusMethodNotAllowed, fault.Newf(fault.BadUserInput, "use GET or POST")))
			return
		}
		a := negotiate(r)
		if r.Method == http.MethodGet && a.html && r.URL.RawQuery == "" && s.playground {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if a.export != nil {
			s.serveExport(e, a.export, w, r)
			return
		}
		if a.media == nil && !a.stream {
			s.refuse(x, mediaJSON, failure(http.StatusNotAcceptable, fault.Newf(fault.BadUserInput,
				"accept application/graphql-response+json, application/json or text/event-stream, or text/csv and other files of rows")))
			return
		}
		if a.stream {
			s.serveEvents(e, w, r)
			return
		}
		reply := s.once(e, r)
		if reply.status != 0 {
			s.noteRefusal(x, reply)
			if reply.status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", "POST")
			}
		}
		reply.write(x, a.media)
	})
}

// once reads, runs and answers one query or mutation.
func (s *Server) once(e *engine, r *http.Request) *answer {
	ctx, p, t, refused := s.receive(e, r)
	if refused != nil {
		return refused
	}
	ctx, op, refused := e.begin(ctx, p, t)
	if refused != nil {
		return refused
	}
	return op.run(ctx)
}

// receive does what stands before a document is looked at: origin, room, viewer, body.
func (s *Server) receive(e *engine, r *http.Request) (context.Context, *params, *transport, *answer) {
	ctx, t, refused := s.caller(e, r)
	if refused != nil {
		return nil, nil, nil, refused
	}
	most := e.limits.AnonymousBody
	if authz.FromContext(ctx).Principal != "" || !e.public {
		most = e.limits.SignedInBody
	}
	p, refused := readParams(r, most)
	if refused != nil {
		return nil, nil, nil, refused
	}
	return ctx, p, t, nil
}

// caller finds out who asks, and what the request's carrier allows.
func (s *Server) caller(e *engine, r *http.Request) (context.Context, *transport, *answer) {
	if f := s.crossSite(r); f != nil {
		return nil, nil, failure(http.StatusForbidden, f)
	}
	if !s.room(classMutation) {
		return nil, nil, busy()
	}
	ctx, refused := s.identify(r)
	if refused != nil {
		return nil, nil, refused
	}
	return ctx, &transport{
		safe:       r.Method == http.MethodGet,
		showCost:   r.Header.Get("X-Linhui-Cost") != "",
		rateKey:    s.rateKey(e, authz.FromContext(ctx), r),
		headers:    r.Header,
		priorities: s.room,
	}, nil
}

// rateKey is whose minute a request spends. Strangers behind the gateway have spent theirs
// there: they spend nobody's here, or they would all spend the gateway's.
func (s *Server) rateKey(e *engine, v *authz.Viewer, r *http.Request) string {
	switch {
	case v.Principal != "":
		return "p:" + pseudonym(v.Principal)
	case !e.public:
		return ""
	}
	return "a:" + s.clientAddress(r)
}

// room reports whether another request of class c may start. The count includes the request
// itself, and no streams or sockets: those mostly wait. Exports stop first, reads next; the last
// eighth is for mutations.
func (s *Server) room(c class) bool {
	most := int64(s.limits.InFlight)
	switch c {
	case classExport:
		most /= 2
	case classQuery, classSubscription:
		most -= most / 8
	}
	return s.inFlight.Load()-s.streaming.Load() <= most
}

func (s *Server) refuse(x *exchange, m *media, a *answer) {
	s.noteRefusal(x, a)
	a.write(x, m)
}

func (s *Server) noteRefusal(x *exchange, a *answer) {
	for _, e := range a.errors {
		if code, ok := e.Extensions["code"].(string); ok {
			x.note(fault.Code(code))
		}
		e.Extensions["requestId"] = x.id
	}
}
