package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"linhui/cmd/linhui/gateway"
	"linhui/internal/authn"
	"linhui/supergraph/execute"
	"linhui/supergraph/subgraph"
)

// subgraphs is what a command line says of the services that take part in a supergraph.
type subgraphs struct {
	Subgraph map[string]string `mapsep:"none" placeholder:"NAME=URL" help:"A GraphQL service of a federation that takes part. Repeatable."`
	Stream   map[string]string `mapsep:"none" placeholder:"NAME=URL" help:"Where a subgraph answers subscriptions: ws and wss addresses speak graphql-transport-ws, others server-sent events. Default: events at its address."`
	Poll     time.Duration     `default:"10s" help:"How often subgraphs are asked whether their schemas have changed; 0: only at SIGHUP."`

	Timeout      time.Duration `default:"5s" help:"Of one call of a subgraph."`
	Concurrency  int           `default:"128" help:"Calls of one subgraph at once."`
	AnswerBytes  int64         `default:"16777216" help:"Of one answer of a subgraph."`
	Forward      []string      `placeholder:"HEADER" help:"Headers of the client that subgraphs get."`
	Return       []string      `placeholder:"HEADER" help:"Headers of subgraphs that the client gets."`
	Gzip         bool          `help:"Ask subgraphs for compressed answers, except those of this machine."`
	ShareCalls   bool          `help:"Equal calls of a subgraph that are under way together have one answer."`
	ShareQueries bool          `help:"Equal queries of clients without a token that are under way together have one answer."`
	ShowErrors   []string      `placeholder:"NAME" help:"Subgraphs whose error messages clients may read; * means all. The log has all of them."`

	AssertKey    string   `placeholder:"FILE" help:"Ed25519 key that signs for subgraphs who asks; made when it is not there. FILE.pub is for those who are to believe it."`
	AssertTo     []string `placeholder:"NAME" help:"Subgraphs that get the signed statement, as their bearer token. Its audience is their name."`
	AssertIssuer string   `default:"linhui-gateway" placeholder:"NAME" help:"Issuer of the signed statements."`
}

// supergraphFile is what the last good supergraph is kept as, in a state directory.
const supergraphFile = "supergraph.graphql"

// options are those of a gateway of the subgraphs. The last good supergraph is kept in stateDir,
// unless that is empty.
func (s *subgraphs) options(stateDir string, log *slog.Logger) (gateway.Options, error) {
	o := gateway.Options{Poll: s.Poll, URLs: s.Subgraph, Share: s.ShareQueries, Policies: make(map[string]execute.Policy), Log: log}
	o.Client = subgraph.Options{Timeout: s.Timeout, ResponseBytes: s.AnswerBytes, Concurrency: s.Concurrency,
		Forward: s.Forward, Return: s.Return, Share: s.ShareCalls, Log: log}
	if stateDir != "" {
		o.Keep = gateway.Keep(filepath.Join(stateDir, supergraphFile))
	}
	for _, name := range s.ShowErrors {
		o.Policies[name] = execute.Policy{Messages: true}
	}
	asserts, err := s.asserts()
	if err != nil {
		return o, err
	}
	o.Tune = func(o *subgraph.Options) {
		o.Assert = asserts[o.Name]
		o.StreamURL = s.Stream[o.Name]
		o.Gzip = s.Gzip && !subgraph.IsLocal(o.URL)
	}
	return o, nil
}

// asserts are what signs for the subgraphs that are told who asks.
func (s *subgraphs) asserts() (map[string]subgraph.Assert, error) {
	asserts := make(map[string]subgraph.Assert)
	if s.AssertKey == "" {
		if len(s.AssertTo) > 0 {
			return nil, usage("--assert-to needs --assert-key")
		}
		return asserts, nil
	}
	key, err := authn.LoadKey(s.AssertKey)
	if err != nil {
		return nil, usageError{err}
	}
	if err := authn.WritePublicKey(s.AssertKey+".pub", key); err != nil {
		return nil, usageError{err}
	}
	for _, name := range s.AssertTo {
		if asserts[name], err = subgraph.Assertions(key, s.AssertIssuer, name, nil); err != nil {
			return nil, err
		}
	}
	return asserts, nil
}

// join is the part of a gateway that brings other subgraphs beside its own graph; nil without any.
func (s *subgraphs) join(stateDir string, log *slog.Logger) (*gateway.Options, error) {
	if len(s.Subgraph) == 0 {
		return nil, nil
	}
	o, err := s.options(stateDir, log)
	return &o, err
}

// reloader is what takes a new supergraph over.
type reloader interface {
	Reload(context.Context) error
}

// onHangup reloads at every SIGHUP.
func onHangup(ctx context.Context, r reloader) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangups:
				if err := r.Reload(ctx); errors.Is(err, context.Canceled) {
					return
				} // anything else is in the log already
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(hangups); cancel(); <-done }
}
