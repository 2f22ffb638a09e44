package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listener is an address and what answers there.
type Listener struct {
	net.Listener
	Handler http.Handler
}

const (
	headerTimeout = 5 * time.Second // for a request's headers, so that silent connections end
	idleTimeout   = 2 * time.Minute // between requests of one connection; longer than balancers keep theirs
	headerBytes   = 16 << 10        // twice the largest token
)

// Serve answers on the listeners until soft ends, then drains: nothing accepted fails, unless
// hard ends first. The listeners are closed when it returns.
func Serve(soft, hard context.Context, log *slog.Logger, drain func(context.Context, ...*http.Server) error, listeners ...Listener) error {
	failed := make(chan error, len(listeners))
	var servers []*http.Server
	for _, l := range listeners {
		s := &http.Server{Handler: l.Handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
		servers = append(servers, s)
		go func() { failed <- s.Serve(l) }()
	}
	var err error
	select {
	case <-soft.Done():
	case err = <-failed:
	}
	return errors.Join(err, drain(hard, servers...))
}

// Serve answers on a listener, and those who run it on ops unless that is nil, until soft ends, then drains.
func (g *Gateway) Serve(soft, hard context.Context, l, ops net.Listener) error {
	listeners := []Listener{{l, g.Handler()}}
	if ops != nil {
		listeners = append(listeners, Listener{ops, g.OpsHandler()})
	}
	return Serve(soft, hard, g.o.Log, g.Drain, listeners...)
}

// OpsHandler serves those who run the gateway.
func (g *Gateway) OpsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.now.Load().OpsHandler().ServeHTTP(w, r) })
}

// Drain drains the version in use, and those that still have requests or streams.
func (g *Gateway) Drain(ctx context.Context, servers ...*http.Server) error {
	g.mu.Lock()
	versions := g.versions
	g.mu.Unlock()
	errs := make([]error, len(versions))
	var all sync.WaitGroup
	for i, v := range versions {
		all.Go(func() { errs[i] = v.Drain(ctx, servers...) })
	}
	all.Wait()
	return errors.Join(errs...)
}
