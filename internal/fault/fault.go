// Package fault is the small set of errors that people and programs meet.
//
// Every error that leaves the process is a *fault.Error with a fixed Code; what has no
// code is INTERNAL, logged in full and shown as one plain sentence. A Message is written
// for the person who reads the answer: it never holds SQL, a stack, a host or a value the
// caller sent.
package fault

import (
	"errors"
	"fmt"
)

// Code is the value of extensions.code. The set is closed: clients switch on it.
type Code string

const (
	Unauthenticated   Code = "UNAUTHENTICATED"
	Forbidden         Code = "FORBIDDEN"
	BadUserInput      Code = "BAD_USER_INPUT"
	NotFound          Code = "NOT_FOUND"
	Conflict          Code = "CONFLICT"
	InvalidTransition Code = "INVALID_TRANSITION"
	SourceUnavailable Code = "SOURCE_UNAVAILABLE"
	SourceTimeout     Code = "SOURCE_TIMEOUT"
	CostExceeded      Code = "COST_EXCEEDED"
	RateLimited       Code = "RATE_LIMITED"
	Internal          Code = "INTERNAL"
)

// Error is an error with a code and a message for people. Extensions are published beside
// the code; Cause is logged and never published.
type Error struct {
	Code       Code
	Message    string
	Path       []string       // the input path at fault, for a userErrors entry; nil when there is none
	Extensions map[string]any // published; must not hold a value the caller sent
	Cause      error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }

// Newf returns an error of the given code; the message is published as it stands.
func Newf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because attaches the cause that is logged but never published.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// With attaches one published extension.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Extensions = make(map[string]any, len(e.Extensions)+1)
	for k, v := range e.Extensions {
		c.Extensions[k] = v
	}
	c.Extensions[key] = value
	return &c
}

// At names the input that was at fault, outermost first.
func (e *Error) At(path ...string) *Error {
	c := *e
	c.Path = path
	return &c
}

// Of returns the first *Error in err's chain, or an INTERNAL one that wraps err.
// Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: "something went wrong on our side; the request id identifies it in the log", Cause: err}
}

// CodeOf is the code of Of(err), empty for nil.
func CodeOf(err error) Code {
	if f := Of(err); f != nil {
		return f.Code
	}
	return ""
}

// Is reports whether err carries the given code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Retryable reports whether the same request may succeed if it is sent again unchanged.
func (c Code) Retryable() bool {
	switch c {
	case SourceUnavailable, SourceTimeout, RateLimited:
		return true
	}
	return false
}
