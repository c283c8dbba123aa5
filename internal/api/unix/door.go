// Package unix is the legacy API that Duo Unix up to 2.1 and the Authentication Proxy speak: /rest/v1/ in
// three spellings, .bson, .json and none (protocols 5.1, 5.2, 8). These clients let the person in without a
// second proof when preauth answers 401, 5xx or nothing they understand, so what this door never sends is as
// much its contract as what it sends (security 0): a failure of ours is 429 with Retry-After, every body is
// whole, and every request ends before its client gives up on it.
package unix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
)

// At is where the door stands. Clients know its addresses by heart.
const At = "/rest/v1/"

// Times of the door.
const (
	PreauthTime = 1800 * time.Millisecond // after that preauth answers 429, so that it is there within 2 s (AC-019)
	proveTime   = 10 * time.Second        // for a code; clients have no limit there
	blockTime   = 63 * time.Second        // for a blocking auth: a request's life, and a little
	callTime    = 68 * time.Second        // for auth and status, whatever hangs
	pollTime    = 25 * time.Second        // how long a status poll is held
	maxPolls    = 12                      // of one request; client 1.11.3 lets the person in after the 20th
	maxBusy     = 2048                    // preauth and auth at once; more are turned away
)

// SignIn is the part of the sign-in flow this door calls.
type SignIn interface {
	Preauth(ctx context.Context, r signin.Request) (signin.Gate, error)
	Send(ctx context.Context, a signin.Attempt, wayID string) (transaction.Transaction, error)
	Prove(ctx context.Context, a signin.Attempt, code string) (transaction.Transaction, error)
	Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error)
	TimeOut(ctx context.Context, txID string) (transaction.Transaction, error)
	Answer(ctx context.Context, txID string, to transaction.State, with func(context.Context, flow.Store) error) (transaction.Transaction, error)
}

// Enroll opens the enrolment pages for those who must set up a first device.
type Enroll interface {
	// Portal gives their address for one person. enroll.ErrIssueNone when there is none.
	Portal(ctx context.Context, app application.Application, userID, username string) (address string, err error)
}

// Door serves /rest/v1/. All fields are needed unless said otherwise.
type Door struct {
	SignIn       SignIn
	Enroll       Enroll
	Applications api.Applications
	Keys         *secret.Keyring
	Now          func() time.Time
	Rand         io.Reader
	Log          *slog.Logger // nil: slog.Default
	Logo         []byte       // PNG; nil: none

	Outage *api.Outage   // what is known of a lost database; nil: it is 429 for as long as it is lost
	Hosts  *api.Hosts    // where the fail modes of hosts are noted; nil: nowhere
	Hold   time.Duration // of a status poll; 0 = pollTime

	Deadline time.Duration // of everything that does not wait for a person; 0 = PreauthTime

	caller  api.Caller
	once    sync.Once
	busy    chan struct{}
	retries *api.Retries
	polls   polls
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

// operation answers a call; an error is an *api.Error or becomes one.
type operation func(d *Door, c call) (any, error)

var routes = []struct {
	method, name, words string
	serve               operation
	quick               bool // answered within Deadline
}{
	{"GET", "ping", "say whether the service is up", nil, true},
	{"GET", "check", "check an application's key", (*Door).check, true},
	{"GET", "logo", "the application's picture", (*Door).logo, true},
	{"POST", "preauth", "who may sign in, and how", (*Door).preauth, true},
	{"POST", "auth", "ask for a second proof", (*Door).auth, false},
	{"GET", "status", "what became of a request", (*Door).status, false},
}

var suffixes = []string{"", ".json", ".bson"}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	var list []Route
	for _, r := range routes {
		for _, suffix := range suffixes {
			list = append(list, Route{r.method, At + r.name + suffix, r.words})
		}
	}
	return list
}

// Handler serves all routes, and errors in the caller's encoding for everything else below At.
func (d *Door) Handler() http.Handler {
	d.once.Do(func() {
		d.caller = api.Caller{Applications: d.Applications, Keys: d.Keys, Now: d.Now,
			Types: []application.Type{application.TypeUnix, application.TypeAuthAPI}, Within: d.Deadline * 3 / 4, Outage: d.Outage}
		d.busy = make(chan struct{}, maxBusy)
		d.retries = &api.Retries{Now: d.Now}
	})
	mux := http.NewServeMux()
	for _, route := range routes {
		for _, suffix := range suffixes {
			mux.HandleFunc(At+route.name+suffix, func(w http.ResponseWriter, r *http.Request) {
				defer d.catch(w, r)
				if r.Method != route.method {
					w.Header().Set("Allow", route.method)
					d.fail(w, r, api.ErrMethod)
					return
				}
				d.serve(w, r, route.serve, route.quick)
			})
		}
	}
	mux.HandleFunc(At, func(w http.ResponseWriter, r *http.Request) { d.fail(w, r, api.ErrNotFound) })
	return mux
}

// call is one signed request.
type call struct {
	ctx         context.Context // ends with the connection, or when the program stops
	application application.Application
	params      map[string]string
	userAgent   string
	bson        bool            // of the client that reads it, not JSON
	signed      api.Signed      // what makes it the same call
	way         *api.Connection // back to the caller
}

func newCall(r *http.Request, app application.Application, params url.Values) call {
	c := call{ctx: r.Context(), application: app, params: map[string]string{}, userAgent: r.UserAgent(), bson: inBSON(r)}
	for name := range params {
		c.params[name] = params.Get(name)
	}
	return c
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request, op operation, quick bool) {
	if op == nil { // ping is not signed; those who sign it get the same
		_ = write(w, r, http.StatusOK, document{{"stat", "OK"}, {"response", "pong"}}) // the client may be gone
		return
	}
	limit, ctx := callTime, r.Context()
	if quick { // finished even while the program stops: a preauth that breaks off opens the host (security 0 e)
		limit, ctx = cmp.Or(d.Deadline, PreauthTime), context.WithoutCancel(ctx)
	}
	way := d.retries.Connect(r.Context())
	body, err := d.within(ctx, limit, r, way, op)
	if !way.Answer() {
		err = api.ErrTooManyRequests.With(context.Canceled) // the answer is the retry's
	}
	if logo, ok := body.(picture); ok && err == nil {
		_ = send(w, http.StatusOK, "image/png", logo) // the client may be gone
	} else if err != nil {
		d.fail(w, r, err)
	} else {
		_ = write(w, r, http.StatusOK, document{{"stat", "OK"}, {"response", body}}) // Sent tells
	}
	if !api.Sent(w) {
		way.Failed()
	}
}

// run proves who calls and does what is asked. Only proved calls take one of the places, so strangers cannot
// keep the others out; a place is free again when its call is really over.
func (d *Door) run(r *http.Request, way *api.Connection, op operation) (any, error) {
	in, err := d.caller.Read(r)
	if lost := (*api.Lost)(nil); errors.As(err, &lost) {
		return d.without(newCall(r, lost.Application, lost.Params), r.URL.Path, err)
	}
	if err != nil {
		return nil, err
	}
	c := newCall(r, in.Application, in.Params)
	c.signed, c.way = in, way
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	default:
		return nil, api.ErrTooManyRequests.With(fmt.Errorf("%d requests are under way", maxBusy))
	}
	return op(d, c)
}

// within runs a call that must be answered in time whatever hangs.
func (d *Door) within(ctx context.Context, limit time.Duration, r *http.Request, way *api.Connection, op operation) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	type answer struct {
		body any
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer cancel()
		var a answer
		defer func() {
			if v := recover(); v != nil {
				a.err = api.ErrTooManyRequests.With(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
			done <- a
		}()
		a.body, a.err = d.run(r.WithContext(ctx), way, op)
	}()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case a := <-done:
		return a.body, a.err
	case <-late.C:
		return nil, api.ErrTooManyRequests.With(fmt.Errorf("not answered within %s", limit))
	}
}

// catch answers 429 when we have a bug: a cut connection or a 5xx would open hosts (decision 31).
func (d *Door) catch(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	d.fail(w, r, api.ErrTooManyRequests.With(fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
}

func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := api.ErrorOf(err)
	level := slog.LevelInfo
	if wait := e.RetryAfter(); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	if e.Status >= http.StatusTooManyRequests && !errors.Is(err, context.Canceled) {
		level = slog.LevelError
	}
	d.log().Log(r.Context(), level, "legacy API refused", "route", r.Pattern, "error", err)
	body := document{{"stat", "FAIL"}, {"code", int32(e.Code)}, {"message", e.Message}}
	if e.Detail != "" {
		body = append(body, field{"message_detail", e.Detail})
	}
	_ = write(w, r, e.Status, body) // the client may be gone
}

func (d *Door) log() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.Default()
}

// write sends a whole answer at once, with its length, in the encoding of the address.
func write(w http.ResponseWriter, r *http.Request, status int, d document) error {
	kind, body := "application/bson", []byte(nil)
	if inBSON(r) {
		body = d.bson()
	} else {
		kind, body = "application/json", d.json()
	}
	return send(w, status, kind, body)
}

func inBSON(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".bson") }

func send(w http.ResponseWriter, status int, kind string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

func (d *Door) check(call) (any, error) { return "valid", nil }

// picture is an answer in no envelope.
type picture []byte

func (d *Door) logo(call) (any, error) {
	if len(d.Logo) == 0 {
		return nil, api.ErrNotFound
	}
	return picture(d.Logo), nil
}

// person is who a call is about.
func (c call) person() (signin.Request, error) {
	name, ok := c.params["user"]
	if !ok {
		return signin.Request{}, api.ErrMissing.About("user")
	}
	r := signin.Request{Door: "unix", Application: c.application, Username: name, UserAgent: c.userAgent}
	if ip, err := netip.ParseAddr(strings.TrimSpace(c.params["ipaddr"])); err == nil && !ip.IsUnspecified() {
		r.IP = ip.Unmap().WithZone("") // anything else is an address that is not known
	}
	return r, nil
}
