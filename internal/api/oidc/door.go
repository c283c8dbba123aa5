package oidc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"countersign/internal/api/signed"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
)

// Name is the Door of the logins opened here.
const Name = "oidc"

// At is where the door stands. Clients know its addresses by heart.
const At = "/oauth/v1/"

// HealthPath is where SDKs ask before they send somebody here.
const HealthPath = At + "health_check"

const (
	authorizePath = At + "authorize"
	tokenPath     = At + "token"
)

// SignIn is the part of the sign-in flow this door calls.
type SignIn interface {
	Begin(ctx context.Context, r signin.Request) (signin.Opening, error)
	// Spend takes what is good once for an application, in a change of its own. application.ErrSpent.
	Spend(ctx context.Context, applicationID string, digest []byte, until time.Time) error
	CollectFor(ctx context.Context, grant secret.Text, a application.Application, spend func(context.Context, signin.Spender) error) (signin.Result, error)
}

// Keys are what the door has of the instance's keys.
type Keys interface {
	signed.Keys
	// Digest is the same for the same purpose and text, and tells nobody without the key what the text is.
	Digest(purpose, text string) []byte
}

// Door serves the three addresses. All fields are needed unless said otherwise.
type Door struct {
	SignIn       SignIn
	Applications signed.Applications
	Keys         Keys

	// PublicURL is the origin of the prompt, e.g. "https://login.example.com". A browser that
	// arrives at /authorize on another origin is sent there first (RULE-41).
	PublicURL string
	// APIHosts are the names, each with its port unless that is 443, under which clients call.
	// Tokens are accepted for and issued in these names only.
	APIHosts []string

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger // nil: slog.Default

	// Page shows an error to a person: the message page of the site.
	Page func(w http.ResponseWriter, r *http.Request, err error)
	// SetLoginCookie gives the browser the cookie of a login just begun.
	SetLoginCookie func(w http.ResponseWriter, r *http.Request, l login.Login, cookie secret.Text)
	// Remembered is what the browser keeps for an application since it was remembered, empty when nothing; nil: never.
	Remembered func(r *http.Request, applicationID string) secret.Text
	// PromptURL is where the browser goes next, absolute or a path at PublicURL.
	PromptURL func(l login.Login) string
	// ClientIP is the address of the person; nil: the connection's.
	ClientIP func(r *http.Request) netip.Addr

	Deadline time.Duration // of a health check; 0: 1.8 s
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

var routes = []struct {
	Route
	serve func(d *Door, w http.ResponseWriter, r *http.Request)
}{
	{Route{"POST", HealthPath, "say whether the service is up"}, (*Door).health},
	{Route{"GET", authorizePath, "open a sign-in"}, (*Door).authorize},
	{Route{"POST", authorizePath, "open a sign-in"}, (*Door).authorize},
	{Route{"POST", tokenPath, "trade a code for an id_token"}, (*Door).token},
}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	list := make([]Route, 0, len(routes))
	for _, r := range routes {
		list = append(list, r.Route)
	}
	return list
}

// Handler serves all routes, and JSON errors for everything else below /oauth/v1/.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.Method+" "+route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Pragma", "no-cache") // RFC 6749 5.1
			defer d.catch(w, r)
			route.serve(d, w, r)
		})
	}
	mux.HandleFunc(At, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		answer := d.json
		if r.URL.Path == HealthPath {
			answer = d.fail // the envelope of that address
		}
		answer(w, r, d.unknownAddress(w, r))
	})
	return mux
}

// catch sheds a request that ran into a bug of ours: a broken connection or a 5xx would switch
// the second factor off in applications that fail open (RULE-31).
func (d *Door) catch(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	d.json(w, r, shed(fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
}

// unknownAddress tells a wrong method from a wrong path.
func (d *Door) unknownAddress(w http.ResponseWriter, r *http.Request) *refusal {
	var allowed []string
	for _, route := range routes {
		if route.Pattern == r.URL.Path {
			allowed = append(allowed, route.Method)
		}
	}
	if allowed == nil {
		return refuse(noAddress, "no such address")
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return refuse(wrongMethod, "method "+r.Method)
}

func (d *Door) log() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.Default()
}

func (d *Door) remote(r *http.Request) netip.Addr {
	if d.ClientIP != nil {
		return d.ClientIP(r)
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// misplaced reports whether the browser stands on another origin than the prompt's. A proxy in
// front may have taken the TLS off, so plain http below an https PublicURL is not another origin.
func (d *Door) misplaced(r *http.Request) bool {
	public, err := url.Parse(d.PublicURL)
	if err != nil || public.Host == "" {
		return false
	}
	return !sameHost(public.Host, r.Host) || r.TLS != nil && public.Scheme == "http"
}
