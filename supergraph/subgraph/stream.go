package subgraph

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"linhui/internal/fault"
)

// ackWait is how long a subgraph may take to accept a socket; chosen.
const ackWait = 3 * time.Second

// Subscribe opens a stream for a request, the bytes of its body. next returns the answers one by
// one, io.EOF after the last. The stream ends with ctx.
func (c *Client) Subscribe(ctx context.Context, request []byte) (func() ([]byte, error), error) {
	header, err := c.headers(ctx, true)
	if err != nil {
		return nil, err
	}
	if c.o.Inject != nil {
		header = maps.Clone(header)
		c.o.Inject(ctx, header)
	}
	var next func() ([]byte, error)
	if strings.HasPrefix(c.o.StreamURL, "ws") {
		next, err = c.socket(ctx, request, header)
	} else {
		next, err = c.events(ctx, request, header)
	}
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	return func() ([]byte, error) {
		answer, err := next()
		if err != nil && err != io.EOF {
			err = c.explain(ctx, err)
		}
		return answer, err
	}, nil
}

// events speaks GraphQL over server-sent events, distinct connections.
func (c *Client) events(ctx context.Context, request []byte, header http.Header) (func() ([]byte, error), error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.StreamURL, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	r.Header = header.Clone()
	r.Header.Set("Accept", "text/event-stream")
	resp, err := c.http.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind := resp.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "application/") && strings.Contains(kind, "json") {
		// The subgraph refused the operation, which it may say in one answer.
		defer resp.Body.Close()
		answer, err := readAll(resp.Body, -1, c.o.ResponseBytes, nil)
		if err != nil || int64(len(answer)) > c.o.ResponseBytes {
			return nil, c.wrong(err)
		}
		return once(answer), nil
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		resp.Body.Close()
		return nil, c.wrong(fmt.Errorf("HTTP status %d, %q", resp.StatusCode, kind))
	}
	context.AfterFunc(ctx, func() { resp.Body.Close() })
	lines := bufio.NewReader(resp.Body)
	return func() ([]byte, error) {
		event, data, err := c.event(lines)
		if err != nil || event == "complete" {
			resp.Body.Close()
			if err == nil || ctx.Err() != nil {
				err = io.EOF
			}
			return nil, err
		}
		return data, nil
	}, nil
}

func once(answer []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		if answer == nil {
			return nil, io.EOF
		}
		a := answer
		answer = nil
		return a, nil
	}
}

// event reads one server-sent event that has data or is the last.
func (c *Client) event(lines *bufio.Reader) (name string, data []byte, err error) {
	for {
		line, err := c.line(lines)
		switch {
		case errors.Is(err, io.EOF):
			return "", nil, errors.New("the stream ended without saying so")
		case err != nil:
			return "", nil, err
		case len(line) == 0 && (data != nil || name == "complete"):
			return name, data, nil
		case len(line) == 0:
			name = ""
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			if name == "complete" && len(value) == 0 {
				continue
			}
			if data != nil {
				data = append(data, '\n')
			}
			if data = append(data, value...); int64(len(data)) > c.o.ResponseBytes {
				return "", nil, c.tooLarge()
			}
		}
	}
}

// line reads a line without its end, of at most the size of an answer.
func (c *Client) line(lines *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part...)
		if int64(len(line)) > c.o.ResponseBytes {
			return nil, c.tooLarge()
		}
		if err == nil {
			return bytes.TrimRight(line, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// message is one of graphql-transport-ws.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket speaks graphql-transport-ws, one operation a socket.
func (c *Client) socket(ctx context.Context, request []byte, header http.Header) (func() ([]byte, error), error) {
	h := header.Clone()
	h.Del("Content-Type")
	h.Del("Accept")
	opening, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	conn, _, err := websocket.Dial(opening, c.o.StreamURL, &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{"graphql-transport-ws"},
		HTTPClient: &http.Client{Transport: c.http}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(c.o.ResponseBytes)
	s := &socket{conn: conn}
	if err := s.begin(opening, request, h.Get("Authorization")); err != nil {
		conn.CloseNow()
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close(websocket.StatusNormalClosure, "") })
	return func() ([]byte, error) {
		answer, err := s.next(ctx)
		if err != nil {
			conn.CloseNow()
			if ctx.Err() != nil {
				err = io.EOF
			}
		}
		return answer, err
	}, nil
}

type socket struct{ conn *websocket.Conn }

func (s *socket) send(ctx context.Context, m message) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, raw)
}

func (s *socket) begin(ctx context.Context, request []byte, authorization string) error {
	init := message{Type: "connection_init"}
	if authorization != "" {
		payload, err := json.Marshal(map[string]string{"Authorization": authorization})
		if err != nil {
			return err
		}
		init.Payload = payload
	}
	if err := s.send(ctx, init); err != nil {
		return err
	}
	for {
		m, err := s.receive(ctx)
		if err != nil {
			return err
		}
		if m.Type == "connection_ack" {
			return s.send(ctx, message{ID: "1", Type: "subscribe", Payload: request})
		}
	}
}

// receive returns the next message that is no ping or pong.
func (s *socket) receive(ctx context.Context) (m message, err error) {
	for {
		_, raw, err := s.conn.Read(ctx)
		if err != nil {
			return m, err
		}
		m = message{}
		if err := json.Unmarshal(raw, &m); err != nil {
			return m, err
		}
		switch m.Type {
		case "ping":
			if err := s.send(ctx, message{Type: "pong"}); err != nil {
				return m, err
			}
		case "pong":
		default:
			return m, nil
		}
	}
}

func (s *socket) next(ctx context.Context) ([]byte, error) {
	for {
		m, err := s.receive(ctx)
		if err != nil {
			return nil, err
		}
		switch m.Type {
		case "next":
			return m.Payload, nil
		case "error":
			return append(append([]byte(`{"data":null,"errors":`), m.Payload...), '}'), nil
		case "complete":
			return nil, io.EOF
		case "connection_ack":
		default:
			return nil, fault.Newf(fault.SourceUnavailable, "the subgraph sent a message that graphql-transport-ws does not know")
		}
	}
}
