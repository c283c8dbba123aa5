// Package auth is the door of the Auth API, version 2 (protocols 3, J-03, N-01): programs that show their
// own pages ask it who may come in, send requests to phones and try codes. Duo Unix from 2.2 uses it too, with
// a menu in place of a list of devices.
//
// A caller that fails open lets its people in on any 5xx, on 401 and on an answer that does not parse. So
// whatever goes wrong here is answered with deny or 429, and preauth in two seconds (AC-019, AC-020).
package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/message"
	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
)

// At is where the door stands, QRAt where the picture of a pairing link is. Clients know them by heart.
const (
	At   = "/auth/v2/"
	QRAt = "/frame/qr"
)

// Types are the applications that may knock.
var Types = []application.Type{application.TypeAuthAPI, application.TypeUnix}

// SignIn is the part of the sign-in flow this door calls.
type SignIn interface {
	Preauth(ctx context.Context, r signin.Request) (signin.Gate, error)
	Send(ctx context.Context, a signin.Attempt, wayID string) (transaction.Transaction, error)
	Prove(ctx context.Context, a signin.Attempt, code string) (transaction.Transaction, error)
	Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error)
	TimeOut(ctx context.Context, txID string) (transaction.Transaction, error)
	Token(ctx context.Context, t transaction.Transaction) secret.Text
}

// Enroll is the part of enrolling this door calls.
type Enroll interface {
	Issue(ctx context.Context, app application.Application, username string, life time.Duration) (user.User, enroll.Pairing, error)
	Issued(ctx context.Context, userID, code string) (activation.State, error)
	Portal(ctx context.Context, app application.Application, userID, username string) (string, error)
}

// Door serves the addresses. All fields are needed unless said otherwise.
type Door struct {
	SignIn SignIn
	Enroll Enroll
	DB     flow.DB // applications and phones, for reading
	Keys   *secret.Keyring

	// BypassCodes makes n codes for a person whom an application has just registered; nil: none are given.
	BypassCodes func(ctx context.Context, app application.Application, username string, n int) ([]string, error)

	PublicURL string // origin of pairing links
	Logo      []byte // PNG; nil: none

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger // nil: slog.Default

	Outage   *api.Outage   // what is known of a lost database; nil: it is 429 for as long as it is lost
	Hosts    *api.Hosts    // where the fail modes of hosts are noted; nil: nowhere
	Hold     time.Duration // of one auth_status; 0: 25 s
	Deadline time.Duration // of everything that does not wait for a person; 0: 1.8 s

	told     told
	patience patience
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

// call is a request whose sender is proved.
type call struct {
	app    application.Application
	params url.Values
	r      *http.Request
	words  *message.Catalogue
	signed api.Signed      // app and params again, and what makes it the same call
	way    *api.Connection // back to the caller
}

var signed = []struct {
	Route
	run  func(d *Door, ctx context.Context, c call) (any, error)
	slow bool // waits for a person, or makes codes
}{
	{Route{"GET", At + "check", "say whether the keys are right"}, (*Door).check, false},
	{Route{"GET", At + "logo", "send the logo"}, (*Door).logo, false},
	{Route{"POST", At + "enroll", "register a person"}, (*Door).enroll, true}, // bypass codes are slow on purpose
	{Route{"POST", At + "enroll_status", "say whether a registered person has paired a phone"}, (*Door).enrollStatus, false},
	{Route{"POST", At + "preauth", "say whether and how a person may prove to be one"}, (*Door).preauth, false},
	{Route{"POST", At + "auth", "send a request or try a code"}, (*Door).auth, true},
	{Route{"GET", At + "auth_status", "say what became of a request"}, (*Door).authStatus, true},
}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	list := []Route{{"GET", At + "ping", "say that the service is up"}}
	for _, s := range signed {
		list = append(list, s.Route)
	}
	return append(list, Route{"GET", QRAt, "draw a pairing link"})
}

// Handler serves all routes, and errors in the protocol's form for everything else below /auth/v2/.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+At+"ping", func(w http.ResponseWriter, _ *http.Request) { api.WriteOK(w, d.time()) })
	mux.HandleFunc("GET "+QRAt, d.qr)
	caller := &api.Caller{Applications: d.DB.Read(), People: d.DB.Read(), Keys: d.Keys, Now: d.Now, Types: Types, Within: d.Deadline * 3 / 4, Outage: d.Outage}
	retries := &api.Retries{Now: d.Now}
	methods := map[string]string{At + "ping": http.MethodGet}
	for _, s := range signed {
		methods[s.Pattern] = s.Method
		mux.HandleFunc(s.Method+" "+s.Pattern, func(w http.ResponseWriter, r *http.Request) {
			limit, running := d.deadline(), context.WithoutCancel(r.Context()) // quick ones are finished also at a stop (security 0 e)
			if s.slow {
				limit, running = waitLimit, r.Context()
			}
			var known atomic.Pointer[call]
			way := retries.Connect(r.Context())
			body, err := within(running, limit, func(ctx context.Context) (any, error) {
				asked := r
				if !s.slow {
					asked = r.WithContext(ctx)
				}
				in, err := caller.Read(asked)
				c := call{in.Application, in.Params, r, message.For(r.Header.Get("Accept-Language")), in, way}
				if err != nil {
					return d.without(s.Pattern, c, err)
				}
				known.Store(&c)
				return s.run(d, ctx, c)
			})
			body, err = d.tired(r, s.Pattern, known.Load(), body, err)
			if !way.Answer() {
				body, err = nil, api.ErrTooManyRequests.With(context.Canceled) // the answer is the retry's
			}
			d.answer(w, r, body, err)
			if !api.Sent(w) {
				way.Failed()
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := methods[r.URL.Path]; allowed != "" {
			w.Header().Set("Allow", allowed)
			d.answer(w, r, nil, api.ErrMethod)
			return
		}
		d.answer(w, r, nil, api.ErrNotFound)
	})
	return mux
}

// waitLimit ends a call that waits for a person, whatever happened: the client has no limit of its own.
const waitLimit = 65 * time.Second

// stopTime is what a call gets to end when the program stops: more than a proof takes, less than the program waits.
const stopTime = proofTime + 2*time.Second

func (d *Door) deadline() time.Duration {
	if d.Deadline > 0 {
		return d.Deadline
	}
	return 1800 * time.Millisecond // so that the answer is there within 2 s (AC-019)
}

var errLate = errors.New("no answer in time")

// within runs f and answers for it when it is late or ran into a bug.
func within(ctx context.Context, limit time.Duration, f func(context.Context) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type result struct {
		body any
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- result{nil, api.ErrTooManyRequests.With(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))}
			}
		}()
		body, err := f(ctx)
		done <- result{body, err}
	}()
	select {
	case r := <-done:
		return r.body, r.err
	case <-ctx.Done():
	}
	if errors.Is(context.Cause(ctx), http.ErrServerClosed) {
		late := time.NewTimer(stopTime) // who waits for a person hears of the stop; a proof that was begun may have spent its code
		defer late.Stop()
		select {
		case r := <-done:
			return r.body, r.err
		case <-late.C:
		}
	}
	select {
	case r := <-done: // in the same moment
		return r.body, r.err
	default:
		return nil, api.ErrTooManyRequests.With(errLate)
	}
}

func (d *Door) answer(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err != nil {
		d.note(r, api.ErrorOf(err))
		api.WriteError(w, err)
		return
	}
	if picture, ok := body.(png); ok {
		picture.write(w)
		return
	}
	api.WriteOK(w, body)
}

// note logs a refusal: number and route, nothing that was sent (AC-055).
func (d *Door) note(r *http.Request, e *api.Error) {
	log := d.Log
	if log == nil {
		log = slog.Default()
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("door", "auth"), slog.String("route", strings.TrimPrefix(r.Pattern, r.Method+" ")), slog.Int("code", e.Code)}
	if e.Cause != nil && e.Status >= http.StatusTooManyRequests && !errors.Is(e.Cause, context.Canceled) {
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	log.LogAttrs(r.Context(), level, "refused", attrs...)
}

type clock struct {
	Time int64 `json:"time"`
}

func (d *Door) time() clock { return clock{d.Now().Unix()} }

func (d *Door) check(context.Context, call) (any, error) { return d.time(), nil }
