package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/internal/base/errs"
)

// kind is one answer a client may get. The descriptions are the protocol's, read by developers
// in the application's log; people see the site's message page.
type kind struct {
	status      int
	code        string // RFC 6749 5.2, OpenID Connect Core 3.1.2.6
	description string
	number      int // of the FAIL envelope, health_check only
}

var (
	badAssertion  = &kind{400, "invalid_client", "The provided client_assertion was invalid.", 40002}
	badRequestJWT = &kind{400, "invalid_client", "The provided request was invalid or not signed by this client.", 40002}
	badRedirect   = &kind{400, "invalid_request", "The redirect_uri is not one this client may use.", 40002}
	usedRequest   = &kind{400, "invalid_request", "The provided request was used before.", 40002}
	closedClient  = &kind{403, "unauthorized_client", "This client may not use this service.", 40301}
	malformed     = &kind{400, "invalid_request", "The request is malformed.", 40001}
	missing       = &kind{400, "invalid_request", "A required parameter is missing.", 40001}
	duplicate     = &kind{400, "invalid_request", "A parameter was sent more than once.", 40001}
	tooLarge      = &kind{413, "invalid_request", "The request is too large.", 41301}
	wrongHost     = &kind{421, "invalid_request", "This host name is not served here.", 42101}
	wrongMethod   = &kind{405, "invalid_request", "Method not allowed.", 40501}
	noAddress     = &kind{404, "invalid_request", "Resource not found.", 40401}
	wrongGrant    = &kind{400, "unsupported_grant_type", "Only authorization_code is supported.", 40002}
	badCode       = &kind{400, "invalid_grant", "The code is invalid, expired, used, or for another redirect_uri.", 40002}
	busy          = &kind{429, "temporarily_unavailable", "The service is busy. Try again shortly.", 42901}

	// These are told to the application through the browser, once the redirect is trusted.
	wrongResponseType = &kind{400, "unsupported_response_type", "Only the response type code is supported.", 0}
	wrongScope        = &kind{400, "invalid_scope", "The scope must include openid.", 0}
	badState          = &kind{400, "invalid_request", "The state must be 16 to 1024 characters.", 0}
	badNonce          = &kind{400, "invalid_request", "The nonce must be 16 to 1024 characters.", 0}
	badName           = &kind{400, "invalid_request", "The duo_uname is not a valid user name.", 0}
	badChallenge      = &kind{400, "invalid_request", "The code_challenge must be an S256 challenge.", 0}
)

// refusal is a kind with the reason the log gets; a client never sees the reason.
type refusal struct {
	*kind
	why string
	err error // a part of ours that failed, nil otherwise
}

func refuse(k *kind, why string) *refusal { return &refusal{kind: k, why: why} }

// shed is the answer while the database cannot be reached: never a 5xx, which would switch the
// second factor off in applications that fail open (RULE-31).
func shed(err error) *refusal { return &refusal{kind: busy, why: "unavailable", err: err} }

// retryAfter is what a shed client is told to wait.
const retryAfter = 2 * time.Second

// Error implements error, for logs.
func (f *refusal) Error() string {
	if f.err != nil {
		return f.code + ": " + f.why + ": " + f.err.Error()
	}
	return f.code + ": " + f.why
}

// json answers with {"error", "error_description"}.
func (d *Door) json(w http.ResponseWriter, r *http.Request, f *refusal) {
	d.note(r.Context(), r, f)
	d.write(w, f, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{f.code, f.description})
}

// fail answers with the FAIL envelope. Node and PHP print message and message_detail, Go and C#
// read code and timestamp as integers (WIRE-6).
func (d *Door) fail(w http.ResponseWriter, r *http.Request, f *refusal) {
	d.note(r.Context(), r, f)
	d.write(w, f, struct {
		Stat      string `json:"stat"`
		Code      int    `json:"code"`
		Message   string `json:"message"`
		Detail    string `json:"message_detail"`
		Timestamp int64  `json:"timestamp"`
	}{"FAIL", f.number, f.code, f.description, d.Now().Unix()})
}

func (d *Door) write(w http.ResponseWriter, f *refusal, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and integers always encode
	}
	if f.kind == busy {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_, _ = w.Write(raw) // the client may be gone
}

// page shows a refusal to a person whose browser cannot be sent back: X-50, without a word about
// the user. Programs that ask for JSON get that, because SDK authors probe the address with theirs.
func (d *Door) page(w http.ResponseWriter, r *http.Request, f *refusal) {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		d.json(w, r, f)
		return
	}
	d.Page(w, r, sentence(f).With(f))
}

// sentence is what the message page says; texts in locales/en/oidc.json.
func sentence(f *refusal) *errs.Error {
	switch f.kind {
	case closedClient:
		return errs.New(errs.Forbidden, "oidc.application")
	case usedRequest:
		return errs.New(errs.Invalid, "oidc.used")
	case busy:
		return errs.New(errs.Limited, "oidc.busy").Arg("retry", retryAfter)
	}
	return errs.New(errs.Invalid, "oidc.request")
}

// note logs a refusal: reason and route, nothing that was sent (AC-055).
func (d *Door) note(ctx context.Context, r *http.Request, f *refusal) {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("door", Name), slog.String("route", r.Pattern),
		slog.String("error", f.code), slog.String("why", f.why)}
	if f.err != nil && !errors.Is(f.err, context.Canceled) {
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", f.err.Error()))
	}
	d.log().LogAttrs(ctx, level, "refused", attrs...)
}
