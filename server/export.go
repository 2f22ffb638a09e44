package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"linhui/internal/fault"
	"linhui/internal/tabular"
)

// IsExport reports whether the operation of ctx is a page of an export, which may take longer
// than an answer that somebody waits for.
func IsExport(ctx context.Context) bool { return exchangeOf(ctx).class == classExport }

// serveExport answers an operation with a file of all its rows.
func (s *Server) serveExport(e *engine, format *tabular.Format, w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r.Context())
	if !s.room(classExport) {
		s.refuse(x, mediaGraphQL, busy())
		return
	}
	ctx, p, t, refused := s.receive(e, r)
	if refused != nil {
		s.refuse(x, mediaGraphQL, refused)
		return
	}
	file, refused := e.prepareExport(ctx, p, t, s.timing.ExportRetry)
	if refused == nil {
		refused = s.export(ctx, file, &exportWriter{w: w, control: http.NewResponseController(w), format: format, params: r.URL.Query()})
	}
	if refused != nil {
		s.refuse(x, mediaGraphQL, refused)
	}
}

// export writes the file, or returns why there is none.
func (s *Server) export(ctx context.Context, x *export, out *exportWriter) *answer {
	first, refused := x.first(ctx)
	if refused != nil {
		return refused
	}
	return x.write(ctx, first, out)
}

// exportWriter carries a file over HTTP. Its headers leave with its first byte: what is known by
// then are headers, what is known only at the end are trailers.
type exportWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	format  *tabular.Format
	params  url.Values // header=on, labels=on

	tag  string        // of a file that may be kept; empty: it may not
	held *bytes.Buffer // of a file with a tag, while it is small enough; nil: rows leave as they come

	head  tabular.Head
	end   *tabular.End
	begun bool
}

const (
	rowsHeader     = "Linhui-Rows"
	coverageHeader = "Linhui-Coverage"
)

// style reads the parameters that say how the file should look.
func (o *exportWriter) style() tabular.Style {
	on := func(name string) bool { return o.params.Get(name) == "on" }
	return tabular.Style{Preamble: on("header"), Labels: on("labels")}
}

// Write sends b, unless the file is still held.
func (o *exportWriter) Write(b []byte) (int, error) {
	if o.held != nil {
		if o.held.Len()+len(b) <= oneResult {
			return o.held.Write(b)
		}
		small := o.held.Bytes()
		o.held = nil
		if err := o.send(small); err != nil {
			return 0, err
		}
	}
	return len(b), o.send(b)
}

// send gives the client as long for b as for an event of a stream.
func (o *exportWriter) send(b []byte) error {
	if !o.begun {
		o.begun = true
		o.headers()
	}
	_ = o.control.SetWriteDeadline(time.Now().Add(writeWithin)) // as eventWriter
	_, err := o.w.Write(b)
	return err
}

// finish sends a file that was held to its end.
func (o *exportWriter) finish() error {
	if o.held == nil {
		return nil
	}
	return o.send(o.held.Bytes())
}

// Flush sends what Write was given.
func (o *exportWriter) Flush() error {
	if !o.begun {
		return nil
	}
	return o.control.Flush()
}

func (o *exportWriter) headers() {
	h := o.w.Header()
	h.Set("Content-Type", o.format.Media)
	if strings.HasPrefix(o.format.Media, "text/") {
		h.Set("Content-Type", o.format.Media+"; charset=utf-8")
	}
	name := o.head.Name
	if o.end != nil && !o.end.Complete() {
		name += "-INCOMPLETE"
	}
	h.Set("Content-Disposition", `attachment; filename="export`+o.format.Extension+`"; filename*=UTF-8''`+url.PathEscape(name+o.format.Extension))
	h["Cache-Control"] = noStore
	if o.tag != "" && o.end != nil && o.end.Complete() {
		o.tagged()
	}
	h["Vary"] = append(h["Vary"], varyAccept...)
	h.Set("Linhui-Query", asciiJSON(o.head.Name))
	h.Set("Linhui-Time", o.head.At.In(tabular.Shanghai).Format(time.RFC3339))
	for _, n := range o.head.Notes {
		if n.Name == filtersNote {
			h.Set("Linhui-Filters", asciiJSON(json.RawMessage(n.Text)))
		}
	}
	if o.end != nil {
		o.outcome()
		return
	}
	h.Set("Trailer", rowsHeader+", "+coverageHeader)
}

// tagged lets the client keep the file, and ask with its tag whether it is still good.
func (o *exportWriter) tagged() {
	o.w.Header().Set("ETag", o.tag)
	o.w.Header().Set("Cache-Control", "private, no-cache")
}

// outcome says how the export ended, in headers or trailers, whichever they still are.
func (o *exportWriter) outcome() {
	h := o.w.Header()
	h.Set(rowsHeader, strconv.Itoa(o.end.Rows))
	coverage := "complete"
	if !o.end.Complete() {
		coverage = "INCOMPLETE; missing=" + strings.Join(o.end.Missing, ",") + "; because=" + asciiJSON(o.end.Reasons)
	}
	h.Set(coverageHeader, coverage)
}

// asciiJSON is v as JSON that a header may hold.
func asciiJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			b.WriteString(`\u` + strconv.FormatInt(int64(0xd800+r>>10), 16) + `\u` + strconv.FormatInt(int64(0xdc00+r&0x3ff), 16))
		default:
			b.WriteString(`\u` + strconv.FormatInt(0x10000+int64(r), 16)[1:])
		}
	}
	return b.String()
}

// write reads page after page into the file, until there are no more or one cannot be had.
func (x *export) write(ctx context.Context, first *answer, out *exportWriter) *answer {
	out.head = x.head(ctx)
	out.head.Style = out.style()
	file, err := out.format.New(out, out.head)
	if err == nil {
		err = x.pages(ctx, first, func(cells []tabular.Cell) error { return file.Row(cells) }, func() error {
			if err := file.Flush(); err != nil {
				return err
			}
			return out.Flush()
		})
	}
	if err == nil {
		end := x.end()
		out.end = &end
		err = file.Close(end)
	}
	if err == nil {
		err = out.finish()
	}
	switch {
	case err == nil:
		out.outcome()
		if !out.end.Complete() {
			exchangeOf(ctx).note(fault.SourceUnavailable)
		}
		return nil
	case ctx.Err() != nil:
		return nil // the client is gone
	case !out.begun:
		return x.refusal(ctx, err)
	}
	// The file cannot be ended well: a broken connection keeps anybody from taking it for whole.
	_ = x.present(ctx, err) // which logs it
	panic(http.ErrAbortHandler)
}
