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

// The same as package app's, for the same reasons.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 16 << 10
)

// Serve answers on a listener until soft ends, then drains: nothing accepted fails, unless hard
// ends first.
func (g *Gateway) Serve(soft, hard context.Context, l net.Listener) error {
	s := &http.Server{Handler: g.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(g.o.Log.Handler(), slog.LevelDebug)}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	var err error
	select {
	case <-soft.Done():
	case err = <-failed:
	}
	return errors.Join(err, g.drain(hard, s))
}

// drain drains the version in use, and those that still have requests or streams.
func (g *Gateway) drain(ctx context.Context, s *http.Server) error {
	g.mu.Lock()
	versions := g.versions
	g.mu.Unlock()
	errs := make([]error, len(versions))
	var all sync.WaitGroup
	for i, v := range versions {
		all.Go(func() { errs[i] = v.Drain(ctx, s) })
	}
	all.Wait()
	return errors.Join(errs...)
}
