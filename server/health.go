package server

import (
	"context"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// live answers as long as the process does.
func live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte("ok\n"))
}

// ready answers 503 while the server drains or Options.Ready refuses. One source being down is
// no reason for either.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	if s.isReady != nil {
		if err := s.isReady(r.Context()); err != nil {
			s.log.WarnContext(r.Context(), "not ready", "error", err.Error())
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
	}
	w.Write([]byte("ok\n"))
}

func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", live)
	mux.HandleFunc("GET /readyz", s.ready)
}

// operations serves those who run the server. Its requests are neither logged nor measured.
func (s *Server) operations(registry *prometheus.Registry, profiles bool) http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// OpsHandler serves /metrics, /livez and /readyz, and /debug/pprof/ with Options.Profiles. It belongs on an
// address that the public cannot reach.
func (s *Server) OpsHandler() http.Handler { return s.ops }

// Drain ends the server without failing a request: it becomes not ready, goes on serving for
// Timing.DrainDelay so that balancers notice, stops accepting, lets requests finish for at most
// Timing.DrainTimeout, then ends event streams and closes sockets with 1001. It returns early
// when ctx ends, with everything closed.
func (s *Server) Drain(ctx context.Context, listeners ...*http.Server) error {
	s.draining.Store(true)
	wait(ctx, s.timing.DrainDelay)
	ctx, cancel := context.WithTimeout(ctx, s.timing.DrainTimeout)
	defer cancel()

	// Shutdown waits for event streams too, which never end by themselves: they are ended once
	// they are all that is left.
	go func() {
		for s.inFlight.Load() > s.streaming.Load() && ctx.Err() == nil {
			wait(ctx, 10*time.Millisecond)
		}
		s.endStreams()
	}()
	errs := make([]error, len(listeners))
	var all sync.WaitGroup
	for i, l := range listeners {
		all.Go(func() {
			if errs[i] = l.Shutdown(ctx); errs[i] != nil {
				l.Close()
			}
		})
	}
	all.Wait()
	s.endStreams()
	s.sockets.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
