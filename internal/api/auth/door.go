// Package auth is the door of the Auth API, version 2 (J-03, N-01): programs that show their
// own pages ask it who may come in, send requests to phones and try codes. Duo Unix from 2.2 uses it too, with
// a menu in place of a list of devices.
//
// A caller that fails open lets its people in on any 5xx, on 401 and on an answer that does not parse. So
// whatever goes wrong here is answered with deny or 429, and preauth in two seconds (AC-019, AC-020).
package auth

import (
	"context"
	"net/http"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/api/hosts"
	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/base/message"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow/enroll"
)

// At is where the door stands, QRAt where the picture of a pairing link is. Clients know them by heart.
const (
	At   = "/auth/v2/"
	QRAt = "/frame/qr"
)

// Types are the applications that may call.
var Types = []application.Type{application.TypeAuthAPI, application.TypeUnix}

// rules of the engine. A call that waits ends within 65 s (decision 0020): its client has no limit of its own. Duo Unix
// from 2.2 asks again for ever (decision 0021).
var rules = attempt.Rules{Call: 65 * time.Second, AsksAgain: true, NoPerson: unknown}

// Registrar registers people for programs.
type Registrar interface {
	Issue(ctx context.Context, app application.Application, username string, life time.Duration) (user.User, enroll.Pairing, error)
	Issued(ctx context.Context, userID, code string) (activation.State, error)
}

// Door serves the addresses. All fields are needed unless said otherwise.
type Door struct {
	attempt.Engine // runs the attempts; the door sets its Name and Rules

	Applications signed.Applications
	Registrar    Registrar
	Hosts        *hosts.Recorder // where the fail modes of hosts are noted; nil: nowhere

	// BypassCodes makes n codes for a person whom an application has just registered; nil: none are given.
	BypassCodes func(ctx context.Context, app application.Application, username string, n int) ([]string, error)

	PublicURL string // origin of pairing links
	Logo      []byte // PNG; nil: none
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

// call is a request whose sender is proved.
type call struct {
	signed.Request
	r     *http.Request
	words *message.Catalogue
	way   *attempt.Connection // back to the caller
}

// operation is a signed call.
type operation struct {
	Route
	run  func(d *Door, ctx context.Context, c call) (any, error)
	deny func(d *Door, c call) (any, error) // "no", because nothing can be decided now; nil: it asks about nobody
	slow bool                               // waits for a person, or makes codes
}

var operations = []operation{
	{Route{"GET", At + "check", "say whether the keys are right"}, (*Door).check, nil, false},
	{Route{"GET", At + "logo", "send the logo"}, (*Door).logo, nil, false},
	{Route{"POST", At + "enroll", "register a person"}, (*Door).enroll, nil, true}, // bypass codes are slow on purpose
	{Route{"POST", At + "enroll_status", "say whether a registered person has paired a phone"}, (*Door).enrollStatus, nil, false},
	{Route{"POST", At + "preauth", "say whether and how a person may prove to be one"}, (*Door).preauth, (*Door).denyPreauth, false},
	{Route{"POST", At + "auth", "send a request or try a code"}, (*Door).auth, (*Door).denyAuth, true},
	{Route{"GET", At + "auth_status", "say what became of a request"}, (*Door).authStatus, (*Door).denyStatus, true},
}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	list := []Route{{"GET", At + "ping", "say that the service is up"}}
	for _, o := range operations {
		list = append(list, o.Route)
	}
	return append(list, Route{"GET", QRAt, "draw a pairing link"})
}

// Handler serves all routes, and errors in the protocol's form for everything else below /auth/v2/.
func (d *Door) Handler() http.Handler {
	d.Name, d.Rules = "auth", rules
	caller := &signed.Reader{Applications: d.Applications, Keys: d.Keys, Now: d.Now, Types: Types, Within: d.Deadline * 3 / 4, Outage: d.Outage}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+At+"ping", func(w http.ResponseWriter, _ *http.Request) { reply.OK(w, d.time()) })
	mux.HandleFunc("GET "+QRAt, d.qr)
	methods := map[string]string{At + "ping": http.MethodGet}
	for _, o := range operations {
		methods[o.Pattern] = o.Method
		mux.HandleFunc(o.Method+" "+o.Pattern, func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, caller, o) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := methods[r.URL.Path]; allowed != "" {
			w.Header().Set("Allow", allowed)
			d.answer(w, r, "/", nil, reply.ErrMethod)
			return
		}
		d.answer(w, r, "/", nil, reply.ErrNotFound)
	})
	return mux
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request, caller *signed.Reader, o operation) {
	way := d.Connect(r.Context())
	body, err := d.Run(way, attempt.Operation{Route: o.Pattern, Slow: o.slow}, func(ctx context.Context) (*attempt.Call, error) {
		in, err := caller.Read(r.WithContext(ctx))
		return d.call(o, call{in, r, message.For(r.Header.Get("Accept-Language")), way}), err
	})
	d.answer(w, r, o.Pattern, body, err)
	if !reply.Sent(w) {
		way.Failed()
	}
}

// call is a call as the engine runs it.
func (d *Door) call(o operation, c call) *attempt.Call {
	made := &attempt.Call{
		Question: c.Application.ID + "\n" + c.Params.Get("username") + "\n" + c.Params.Get("user_id") + "\n" + c.Params.Get("txid"),
		Do:       func(ctx context.Context) (any, error) { return o.run(d, ctx, c) },
	}
	if o.deny != nil {
		made.Deny = func() (any, error) { return o.deny(d, c) }
	}
	return made
}

func (d *Door) answer(w http.ResponseWriter, r *http.Request, route string, body any, err error) {
	if err != nil {
		d.Note(r.Context(), route, err)
		reply.Fail(w, err)
		return
	}
	if picture, ok := body.(png); ok {
		picture.write(w)
		return
	}
	reply.OK(w, body)
}

type clock struct {
	Time int64 `json:"time"`
}

func (d *Door) time() clock { return clock{d.Now().Unix()} }

func (d *Door) check(context.Context, call) (any, error) { return d.time(), nil }
