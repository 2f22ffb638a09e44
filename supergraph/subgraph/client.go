// Package subgraph is the gateway's client of one subgraph over HTTP: what is sent along, how
// long is waited, what is tried again, and what an answer may be.
package subgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sony/gobreaker/v2"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/supergraph"
)

// Options describe a subgraph. Name and URL are required.
type Options struct {
	Name string
	URL  string // http or https

	Timeout       time.Duration // of one call, waiting for room included; 0: 5 s
	ResponseBytes int64         // of one answer; 0: 16 MiB
	Concurrency   int           // calls at once; 0: 128. As many again may wait
	Forward       []string      // names of the client's headers that are sent along
	Return        []string      // names of the subgraph's headers that the client gets
	Gzip          bool          // ask for compressed answers
	// Share lets calls that are equal in every byte sent, and are no mutations, have one answer
	// while it is on its way.
	Share bool
	// Assert returns the signed statement of who asks, for subgraphs that trust ours; it is sent
	// as the bearer token. Nil: none. Nothing is sent of viewers without a principal.
	Assert Assert
	// StreamURL is where subscriptions go: ws and wss speak graphql-transport-ws, http and https
	// server-sent events. Empty: events at URL.
	StreamURL string

	// Inject adds to the headers of a call as it is sent, such as its trace. Calls that differ only
	// in these are shared. Nil: nothing.
	Inject func(context.Context, http.Header)

	Transport http.RoundTripper // nil: one of its own, with keep-alive
	Log       *slog.Logger      // nil: slog.Default
}

// Assert returns the bearer token by which a subgraph knows who asks; see Assertions.
type Assert func(*authz.Viewer) (string, error)

// IsLocal reports whether an address is this machine's, where compressing costs more than it saves.
func IsLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// The defaults were chosen; those of the breaker are quality.md's.
const (
	defaultTimeout     = 5 * time.Second
	defaultBytes       = 16 << 20
	defaultConcurrency = 128
	breakerWindow      = 10 * time.Second
	breakerCalls       = 10
	breakerOpen        = 5 * time.Second
	connectTimeout     = time.Second
	keepIdle           = 90 * time.Second
)

// Client calls one subgraph. It is safe for concurrent use.
type Client struct {
	o       Options
	url     *url.URL
	header  http.Header // of every call
	again   http.Header // of every call that may be sent twice
	http    http.RoundTripper
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	room    chan struct{} // calls under way
	queue   chan struct{} // calls under way or waiting
	flights flights
}

// New makes a client; it connects to nobody.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fault.Newf(fault.BadUserInput, "the subgraph %s needs an http or https address, not %q", o.Name, o.URL)
	}
	if o.StreamURL == "" {
		o.StreamURL = o.URL
	}
	if _, err := url.Parse(o.StreamURL); err != nil {
		return nil, fault.Newf(fault.BadUserInput, "the address of subscriptions of %s cannot be read", o.Name)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.ResponseBytes == 0 {
		o.ResponseBytes = defaultBytes
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
			MaxIdleConnsPerHost: o.Concurrency, IdleConnTimeout: keepIdle, DisableCompression: !o.Gzip,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 2 * connectTimeout,
		}
	}
	c := &Client{o: o, url: u, http: o.Transport, room: make(chan struct{}, o.Concurrency), queue: make(chan struct{}, 2*o.Concurrency)}
	c.header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"linhui"},
		"Accept": {"application/graphql-response+json, application/json"}}
	// A key without a value is not sent. It tells the transport that a connection which the subgraph
	// closed while it was idle is no reason to give up.
	c.again = maps.Clone(c.header)
	c.again["Idempotency-Key"] = []string{}
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: o.Name, Interval: breakerWindow, Timeout: breakerOpen, MaxRequests: 1,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.Requests >= breakerCalls && 2*n.TotalFailures >= n.Requests },
		OnStateChange: func(name string, from, to gobreaker.State) {
			o.Log.Warn("breaker", "subgraph", name, "from", from.String(), "to", to.String())
		},
	})
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() {
	if t, ok := c.http.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// SDL asks the subgraph's _service for its schema.
func (c *Client) SDL(ctx context.Context) (string, error) {
	raw, _, err := c.Post(ctx, []byte(`{"query":"{_service{sdl}}"}`), false, nil)
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Service struct {
				SDL string `json:"sdl"`
			} `json:"_service"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Data.Service.SDL == "" {
		return "", fault.Newf(fault.SourceUnavailable, "the subgraph %s does not tell its schema: is it one of a federation?", c.o.Name).Because(err)
	}
	return answer.Data.Service.SDL, nil
}

// Do implements supergraph.Subgraph.
func (c *Client) Do(ctx context.Context, r *supergraph.Request) (*supergraph.Response, error) {
	request, err := r.Body()
	if err != nil {
		return nil, err
	}
	// What is not known to be a query is not shared.
	raw, _, err := c.Post(ctx, request, true, nil)
	if err != nil {
		return nil, err
	}
	answer, err := supergraph.ReadResponse(raw)
	if err != nil {
		return nil, c.wrong(err)
	}
	return answer, nil
}

// Post sends a request, the bytes of its body, and returns the answer's. It uses buffer when the
// answer is the caller's alone. Its errors are SOURCE_UNAVAILABLE and SOURCE_TIMEOUT.
func (c *Client) Post(ctx context.Context, request []byte, mutation bool, buffer []byte) (answer []byte, alone bool, err error) {
	header, err := c.headers(ctx, mutation)
	if err != nil {
		return nil, false, err
	}
	if c.o.Share && !mutation {
		request = bytes.Clone(request) // the call may outlive its first asker
		answer, err = c.flights.share(ctx, flightKey(request, header), func(ctx context.Context) ([]byte, error) {
			return c.bounded(ctx, request, header, nil)
		})
		return answer, false, err
	}
	answer, err = c.bounded(ctx, request, header, buffer)
	return answer, true, err
}

// bounded makes a call when there is room and the breaker lets it.
func (c *Client) bounded(ctx context.Context, request []byte, header http.Header, buffer []byte) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	done, err := c.breaker.Allow()
	if err != nil {
		return nil, fault.Newf(fault.SourceUnavailable, "the subgraph %s failed too often lately and is left alone for a while", c.o.Name).Because(err)
	}
	defer func() {
		if v := recover(); v != nil {
			done(errors.New("panic"))
			panic(v)
		}
		if errors.Is(err, context.Canceled) {
			done(nil) // the client went away; that says nothing of the subgraph
		} else {
			done(err)
		}
	}()
	answer, err = c.exchange(ctx, request, header, buffer)
	if unsent(err) && ctx.Err() == nil {
		answer, err = c.exchange(ctx, request, header, buffer)
	}
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return answer, nil
}

func (c *Client) enter(ctx context.Context) error {
	select {
	case c.queue <- struct{}{}:
	default:
		return fault.Newf(fault.SourceUnavailable, "too many requests wait for the subgraph %s", c.o.Name)
	}
	select {
	case c.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-c.queue
		return c.explain(ctx, ctx.Err())
	}
}

func (c *Client) leave() {
	<-c.room
	<-c.queue
}

// unsent reports whether a call failed before anything of it can have reached the subgraph.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func (c *Client) explain(ctx context.Context, err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.Newf(fault.SourceTimeout, "the subgraph %s did not answer in time", c.o.Name).Because(err)
	}
	return fault.Newf(fault.SourceUnavailable, "the subgraph %s cannot be reached", c.o.Name).Because(err)
}

func (c *Client) wrong(cause error) error {
	return fault.Newf(fault.SourceUnavailable, "the subgraph %s did not answer as it should", c.o.Name).Because(cause)
}

// exchange sends the request once and reads the answer.
func (c *Client) exchange(ctx context.Context, request []byte, header http.Header, buffer []byte) ([]byte, error) {
	if c.o.Inject != nil {
		header = maps.Clone(header)
		c.o.Inject(ctx, header)
	}
	r := (&http.Request{Method: http.MethodPost, URL: c.url, Host: c.url.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: newBody(request), ContentLength: int64(len(request)),
		GetBody: func() (io.ReadCloser, error) { return newBody(request), nil },
	}).WithContext(ctx)
	resp, err := c.http.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if len(c.o.Return) > 0 {
		returned(ctx, c.o.Return, resp.Header)
	}
	if resp.ContentLength > c.o.ResponseBytes {
		return nil, c.tooLarge()
	}
	answer, err := readAll(resp.Body, resp.ContentLength, c.o.ResponseBytes, buffer)
	switch {
	case err != nil:
		return nil, err
	case int64(len(answer)) > c.o.ResponseBytes:
		return nil, c.tooLarge()
	case resp.StatusCode >= 300 && !looksLikeAnswer(answer):
		return nil, c.wrong(fmt.Errorf("HTTP status %d: %.200q", resp.StatusCode, answer))
	}
	return answer, nil
}

func (c *Client) tooLarge() error {
	return fault.Newf(fault.SourceUnavailable, "the subgraph %s answered more than %d bytes", c.o.Name, c.o.ResponseBytes)
}

// looksLikeAnswer reports whether a body of an unhappy status may be a GraphQL answer.
func looksLikeAnswer(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{' && (bytes.Contains(b, []byte(`"errors"`)) || bytes.Contains(b, []byte(`"data"`)))
}

// readAll reads at most one byte more than most.
func readAll(r io.Reader, known, most int64, buffer []byte) ([]byte, error) {
	b := buffer[:0]
	if known >= 0 {
		if int64(cap(b)) < known {
			b = make([]byte, known)
		}
		b = b[:known]
		_, err := io.ReadFull(r, b)
		return b, err
	}
	r = io.LimitReader(r, most+1)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch err {
		case nil:
		case io.EOF:
			return b, nil
		default:
			return nil, err
		}
	}
}
