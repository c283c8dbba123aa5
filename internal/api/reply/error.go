// Package reply spells the answers of the signed doors: the envelope of WIRE-9, and the errors with their numbers.
// It never answers 5xx by itself: callers that fail open would let everybody in.
package reply

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"countersign/internal/base/errs"
)

// Error is an answer of stat FAIL (WIRE-9). Message and Detail are the protocol's, read by programs and
// their developers; neither holds anything a caller without the key sent.
type Error struct {
	Status  int    // HTTP
	Code    int    // five digits, the first three usually Status
	Message string //
	Detail  string // "" = none
	Cause   error  // for the log only

	wait time.Duration // of Retry-After; 0 = RetryAfter
}

// RetryAfter is how long a caller who was turned away is asked to wait, unless the error says otherwise.
const RetryAfter = 2 * time.Second

// The errors of every signed door.
var (
	ErrMissing         = &Error{Status: 400, Code: 40001, Message: "Missing required request parameters"}
	ErrInvalid         = &Error{Status: 400, Code: 40002, Message: "Invalid request parameters"}
	ErrCredentials     = &Error{Status: 401, Code: 40101, Message: "Missing request credentials"}
	ErrIntegrationKey  = &Error{Status: 401, Code: 40102, Message: "Invalid integration key in request credentials"}
	ErrSignature       = &Error{Status: 401, Code: 40103, Message: "Invalid signature in request credentials"}
	ErrNoTimestamp     = &Error{Status: 401, Code: 40104, Message: "Missing request timestamp"}
	ErrTimestamp       = &Error{Status: 401, Code: 40105, Message: "Bad request timestamp"}
	ErrWrongType       = &Error{Status: 403, Code: 40301, Message: "Access forbidden", Detail: "Wrong integration type for this API."}
	ErrClosed          = &Error{Status: 403, Code: 40301, Message: "Access forbidden", Detail: "This application is turned off."}
	ErrRetired         = &Error{Status: 403, Code: 40301, Message: "Access forbidden", Detail: "This secret key was reset."}
	ErrStale           = &Error{Status: 403, Code: 40301, Message: "Access forbidden", Detail: "The request's date is not the present."}
	ErrNotFound        = &Error{Status: 404, Code: 40401, Message: "Resource not found"}
	ErrMethod          = &Error{Status: 405, Code: 40501, Message: "Method not allowed"}
	ErrTooLarge        = &Error{Status: 413, Code: 41301, Message: "Request too large"}
	ErrHost            = &Error{Status: 421, Code: 42101, Message: "This host name is not served here."}
	ErrTooManyRequests = &Error{Status: 429, Code: 42901, Message: "Too Many Requests"}
)

// Error is the text for logs.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", e.Code, e.Message)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is compares code and detail-less kinds, so that copies made by About and With still match.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Detail == "" || t.Detail == e.Detail)
}

// About returns a copy with a detail: a parameter's name, or a sentence.
func (e *Error) About(detail string) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// With returns a copy that carries the cause.
func (e *Error) With(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// After returns a copy that asks the caller to come back so much later.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.wait = wait
	return &c
}

// RetryAfter is the header of a 429 in whole seconds, "" for other answers.
func (e *Error) RetryAfter() string {
	if e.Status != http.StatusTooManyRequests {
		return ""
	}
	wait := e.wait
	if wait == 0 {
		wait = RetryAfter
	}
	return strconv.Itoa(int(wait / time.Second))
}

// Of finds what to answer to any error. A failure of ours is 429: a 5xx would switch the second factor
// off in callers that fail open (RULE-31).
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch errs.KindOf(err) {
	case errs.Invalid:
		return ErrInvalid.With(err)
	case errs.NotFound, errs.Gone:
		return ErrNotFound.With(err)
	}
	return ErrTooManyRequests.With(err)
}
