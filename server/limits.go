package server

import "time"

// Limits bounds what one request may cost before anything is executed. The numbers come from
// attacks that were measured against a default gqlgen server: 30 KB of one response key took
// 0.9 GB, 61 KB of it more than 15 seconds.
type Limits struct {
	AnonymousBody int64 // bytes of a POST body or a GET query string
	SignedInBody  int64 // the same for a viewer with a token

	Tokens             int // of the document, comments included
	Depth              int // fields inside fields; fragments do not count
	IntrospectionDepth int // fields below __schema or __type; the usual introspection query needs 14
	Aliases            int // fields that carry an alias, in the whole document
	RootFields         int // of one operation, after fragment expansion
	SameKey            int // fields under one response path, after fragment expansion
	Directives         int // on one node
	ListDepth          int // list and object literals inside one another
	ExpandedFields     int // fields of the document after fragment expansion
	Fragments          int // fragment definitions; validation is quadratic in them
	Operations         int // operations of one document; operationName picks one
	Errors             int // validation errors reported
	ResponseErrors     int // execution errors reported
	MessageBytes       int // of one parse or validation error, which quotes the document

	ResponseBytes int64 // of the data of one response
	Cost          int   // points of one request and community; see Price
	PerMinute     int   // points of one principal, or of one address when anonymous
	InFlight      int   // requests being answered at once, sockets and streams apart
	Streams       int   // sockets and event streams open at once
	Subscriptions int   // operations running at once on one socket
}

// DefaultLimits returns the limits of a public listener.
func DefaultLimits() Limits {
	return Limits{
		AnonymousBody:      64 << 10,
		SignedInBody:       256 << 10,
		Tokens:             4000,
		Depth:              12,
		IntrospectionDepth: 20,
		Aliases:            50,
		RootFields:         20,
		SameKey:            16,
		Directives:         5,
		ListDepth:          8,
		ExpandedFields:     2000,
		Fragments:          100,
		Operations:         10,
		Errors:             10,
		ResponseErrors:     100,
		MessageBytes:       300,
		ResponseBytes:      8 << 20,
		Cost:               5000,
		PerMinute:          50_000,
		InFlight:           256,
		Streams:            4096,
		Subscriptions:      32,
	}
}

// Timing holds the durations of sockets, streams and shutdown.
type Timing struct {
	InitTimeout  time.Duration // a socket must send connection_init within this
	Ping         time.Duration // between pings of a socket and keep-alives of an event stream
	DrainDelay   time.Duration // between not-ready and the last accepted connection
	DrainTimeout time.Duration // for requests already accepted to finish
	ExportRetry  time.Duration // before a page of an export that lacks a source is asked for again
}

// DefaultTiming returns the durations of production.
func DefaultTiming() Timing {
	return Timing{InitTimeout: 3 * time.Second, Ping: 12 * time.Second,
		DrainDelay: 5 * time.Second, DrainTimeout: 25 * time.Second, ExportRetry: 2 * time.Second}
}
