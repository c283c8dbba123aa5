// Package errs holds the one error type of the program: a Kind for programs, a Code that
// names the sentence a person reads (internal/base/message, key "error."+Code), and a Cause
// for the log. A person never sees the Cause.
package errs

import (
	"errors"
	"fmt"
)

// Kind says what a program may do about an error. The zero value is Internal.
type Kind uint8

const (
	Internal    Kind = iota // a bug, or a part of the server is broken; the caller cannot help it
	Invalid                 // the input is malformed or out of range
	Denied                  // the caller offered a proof that is wrong
	Forbidden               // the caller is known, but is not allowed to do this
	Unproved                // a (fresh) proof is missing: sign in or step up first
	NotFound                // there is no such thing, or it is not visible to this caller
	Conflict                // the state has changed meanwhile; read it again
	Gone                    // it existed, and is used up, expired or replaced
	Limited                 // a rate limit was reached; try later
	Unavailable             // a service outside the program is down; the same call may work later
)

var kindNames = [...]string{"internal", "invalid", "denied", "forbidden", "unproved", "not_found", "conflict", "gone", "limited", "unavailable"}

// String gives the stable lower-case name used in JSON answers and logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error is an error with a meaning.
type Error struct {
	Kind  Kind
	Code  string         // dotted lower-case name, e.g. "code.wrong"; catalogue key "error.code.wrong"
	Args  map[string]any // values for the sentence's {placeholders}; nothing secret
	Cause error          // for the log only
}

// New makes an error value, usually kept as a package variable and compared with errors.Is.
func New(kind Kind, code string) *Error { return &Error{Kind: kind, Code: code} }

// With returns a copy that carries the cause.
func (e *Error) With(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Arg returns a copy that carries one more value for the sentence.
func (e *Error) Arg(name string, value any) *Error {
	c := *e
	c.Args = make(map[string]any, len(e.Args)+1)
	for k, v := range e.Args {
		c.Args[k] = v
	}
	c.Args[name] = value
	return &c
}

// Error is the text for logs: kind, code and cause. A code that equals the name of its kind is printed once.
func (e *Error) Error() string {
	text := e.Kind.String()
	if text != e.Code {
		text += ": " + e.Code
	}
	if e.Cause != nil {
		text += fmt.Sprintf(": %v", e.Cause)
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare kind and code, so copies made by With and Arg still match.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// Of finds the Error inside err. Any other error becomes an Internal one with err as its cause.
// Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Cause: err}
}

// KindOf is Of(err).Kind; it must not be called with nil.
func KindOf(err error) Kind { return Of(err).Kind }
