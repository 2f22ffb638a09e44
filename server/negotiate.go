package server

import (
	"net/http"
	"strconv"
	"strings"

	"linhui/internal/tabular"
)

// accepts is what a client wants to read.
type accepts struct {
	media  *media          // nil: nothing that this server writes
	export *tabular.Format // a file of rows, wanted more than media
	stream bool            // text/event-stream
	html   bool            // a person's browser
}

// negotiate reads the Accept header. A client that does not say, or takes anything, gets
// application/json, as clients older than application/graphql-response+json expect.
func negotiate(r *http.Request) accepts {
	values := r.Header["Accept"]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return accepts{media: mediaJSON}
	}
	var a accepts
	best := 0.0
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			kind, attrs, _ := strings.Cut(part, ";")
			q := quality(attrs)
			if q == 0 {
				continue
			}
			var m *media
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "application/graphql-response+json":
				m = mediaGraphQL
			case "application/json", "application/*", "*/*":
				m = mediaJSON
			case "text/event-stream":
				a.stream = true
			case "text/html":
				a.html = true
			}
			f := tabular.ByMedia(strings.TrimSpace(kind))
			if (m != nil || f != nil) && q > best {
				a.media, a.export, best = m, f, q
			}
		}
	}
	return a
}

func quality(attrs string) float64 {
	for attr := range strings.SplitSeq(attrs, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(attr), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
