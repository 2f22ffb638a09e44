package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
// hard ends first. The listeners are closed when it returns; the gateway is not.
func (g *Gateway) Serve(soft, hard context.Context, listeners ...Listener) error {
	failed := make(chan error, len(listeners))
	var servers []*http.Server
	for _, l := range listeners {
		s := &http.Server{Handler: l.Handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)}
		servers = append(servers, s)
		go func() { failed <- s.Serve(l) }()
	}
	var err error
	select {
	case <-soft.Done():
	case err = <-failed:
	}
	return errors.Join(err, g.Drain(hard, servers...))
}
