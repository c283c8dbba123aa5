package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"countersign/internal/base/errs"
)

// FormLimit is the largest body a form may have, in bytes.
const FormLimit = 64 << 10

// Handler answers a request or returns an error. It returns an error only when it has not written anything.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Site is the funnel of a set of pages: it turns errors into status, page and log line.
type Site struct {
	Pages *Renderer
	Log   *slog.Logger
	Frame func(r *http.Request) Frame // organization and help for message pages; nil: none
}

// Handle runs h with a limit for the body (FormLimit). Its error or panic becomes a log line and a message page, or JSON
// for a script that accepts JSON. A person never sees a cause.
func (s *Site) Handle(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recordOf(r.Context()).pattern = r.Pattern
		cw := &countingWriter{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				s.Fail(cw, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		if r.Body != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			r.Body = http.MaxBytesReader(cw, r.Body, FormLimit)
		}
		if err := h(cw, r); err != nil {
			s.Fail(cw, r, err)
		}
	})
}

// Refuse returns a handler that always fails with err, for unknown addresses and the like.
func (s *Site) Refuse(err error) http.Handler {
	return s.Handle(func(http.ResponseWriter, *http.Request) error { return err })
}

// Fail logs err and shows its message page, unless something was already sent.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	s.FailAs(w, r, err, func(e *errs.Error, reference string) Page {
		return Message{Around: s.Around(r), Err: e, Reference: reference}
	})
}

// Around is what stands around a page that belongs to no sign-in: organization and help.
func (s *Site) Around(r *http.Request) Frame {
	if s.Frame == nil {
		return Frame{}
	}
	return s.Frame(r)
}

// FailAs is Fail with a page that the caller makes. reference is RequestID.
func (s *Site) FailAs(w http.ResponseWriter, r *http.Request, err error, page func(e *errs.Error, reference string) Page) {
	e := meaning(err)
	s.logFailure(r, e)
	if cw, ok := w.(*countingWriter); ok && cw.code != 0 {
		return
	}
	status := Status(e)
	after, given := e.Args["retry"].(time.Duration)
	if !given {
		after = retryAfter
	}
	if given || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	words := s.Pages.Words(r)
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		s.failJSON(w, words, e, status)
		return
	}
	if err := s.Pages.Write(w, r, status, page(e, RequestID(r.Context()))); err != nil {
		s.Log.ErrorContext(r.Context(), "message page", "error", err)
		http.Error(w, http.StatusText(status), status)
	}
}

// retryAfter is the value of Retry-After when the error does not name one.
const retryAfter = 2 * time.Second

// meaning is errs.Of, but a body over the limit and a deadline that passed have meanings of their own.
func meaning(err error) *errs.Error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return errs.New(errs.Invalid, "request.large").With(err)
	}
	e := errs.Of(err)
	if e.Kind == errs.Internal && errors.Is(err, context.DeadlineExceeded) {
		return errs.New(errs.Unavailable, "unavailable").With(err)
	}
	return e
}

func (s *Site) logFailure(r *http.Request, e *errs.Error) {
	level := slog.LevelInfo
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("kind", e.Kind.String()), slog.String("code", e.Code),
		slog.String("method", r.Method), slog.String("route", r.Pattern), slog.String("id", RequestID(r.Context()))}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	s.Log.LogAttrs(r.Context(), level, "refused", attrs...)
}

func (s *Site) failJSON(w http.ResponseWriter, words Words, e *errs.Error, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The browser may have gone, and then nobody can be informed.
	_ = json.NewEncoder(w).Encode(map[string]string{"code": e.Code, "message": words.Error(e)})
}

// statuses maps kinds of error to HTTP statuses. A service that is down is 429, as at every door, because a 5xx would mean
// a bug in this program (FAIL-1).
var statuses = map[errs.Kind]int{
	errs.Internal: http.StatusInternalServerError, errs.Invalid: http.StatusBadRequest,
	errs.Denied: http.StatusForbidden, errs.Forbidden: http.StatusForbidden, errs.Unproved: http.StatusForbidden,
	errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict, errs.Gone: http.StatusGone,
	errs.Limited: http.StatusTooManyRequests, errs.Unavailable: http.StatusTooManyRequests,
}

// Status returns the HTTP status for an error.
func Status(e *errs.Error) int {
	switch e.Code {
	case "request.large":
		return http.StatusRequestEntityTooLarge
	case "method":
		return http.StatusMethodNotAllowed
	}
	if s, ok := statuses[e.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}
