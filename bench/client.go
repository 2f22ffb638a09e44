package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// client is one connection that asks and waits, again and again. It shares the machine with
// what it measures, and every server pays for it alike: net/http's client and a new buffer for
// each answer took longer than the gateway did on a Redis hit. An answer is valid until the
// next is asked for.
type client struct {
	target *target
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	answer bytes.Buffer
	stop   func() bool
}

// dial connects to a server until ctx ends.
func dial(ctx context.Context, t *target) (*client, error) {
	u, err := url.Parse(t.url)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	c := &client{target: t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return c, nil
}

func (c *client) close() {
	c.stop()
	c.conn.Close() // again, when ctx has ended: that is no news
}

// errRefused is an answer that lacks something, or none.
var errRefused = errors.New("the answer is not whole")

// ask sends one request of a workload. Anything but a whole answer without errors is errRefused.
func (c *client) ask(w *workload, vars map[string]any) ([]byte, error) {
	path, body := c.target.request(w, vars)
	b := append(c.out[:0], "POST "+path+" HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	if w.token && c.target.token != "" {
		b = append(append(b, "\r\nAuthorization: Bearer "...), c.target.token...)
	}
	c.out = append(append(b, "\r\n\r\n"...), body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	c.answer.Reset()
	if _, err := io.Copy(&c.answer, resp.Body); err != nil {
		return nil, err
	}
	raw := c.answer.Bytes()
	if resp.StatusCode != http.StatusOK || bytes.Contains(raw, []byte(`"errors":[`)) {
		return nil, fmt.Errorf("%s, workload %s: %w: %s: %.400s", c.target.name, w.name, errRefused, resp.Status, raw)
	}
	return raw, nil
}
