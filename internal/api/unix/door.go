// Package unix is the legacy API that Duo Unix up to 2.1 and the Authentication Proxy speak: /rest/v1/ in
// three spellings, .bson, .json and none (J-06). These clients let the person in without a
// second proof when preauth answers 401, 5xx or nothing they understand, so what this door never sends is as
// much its contract as what it sends (FAIL-1): a failure of ours is 429 with Retry-After, every body is
// whole, and every request ends before its client gives up on it.
package unix

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/api/hosts"
	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/domain/application"
	"countersign/internal/flow/signin"
)

// At is where the door stands. Clients know its addresses by heart.
const At = "/rest/v1/"

const (
	maxPolls = 12   // of one request; client 1.11.3 lets the person in after the 20th
	maxBusy  = 2048 // proved calls at once; more are turned away
)

// rules of the engine, by decision 0021 and, at a stop, 0026. Clients have no limit while a code is looked at.
var rules = attempt.Rules{Call: 68 * time.Second, Gate: 10 * time.Second, Block: 63 * time.Second, Polls: maxPolls, DenyAtStop: true}

// Door serves /rest/v1/. All fields are needed unless said otherwise.
type Door struct {
	attempt.Engine // runs the attempts; the door sets its Name, Rules and Places

	Applications signed.Applications
	Hosts        *hosts.Recorder // where the fail modes of hosts are noted; nil: nowhere
	Logo         []byte          // PNG; nil: none
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

// operation is one call, in all spellings.
type operation struct {
	method, name, words string
	run                 func(d *Door, ctx context.Context, c call) (any, error)
	deny                func(d *Door, c call) (any, error) // "no", because nothing can be decided now; nil: it asks about nobody
	slow                bool                               // waits for a person
}

var operations = []operation{
	{"GET", "ping", "say whether the service is up", nil, nil, false},
	{"GET", "check", "check an application's key", (*Door).check, nil, false},
	{"GET", "logo", "the application's picture", (*Door).logo, nil, false},
	{"POST", "preauth", "who may sign in, and how", (*Door).preauth, (*Door).deny, false},
	{"POST", "auth", "ask for a second proof", (*Door).auth, (*Door).denyAuth, true},
	{"GET", "status", "what became of a request", (*Door).status, (*Door).deny, true},
}

var suffixes = []string{"", ".json", ".bson"}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	var list []Route
	for _, o := range operations {
		for _, suffix := range suffixes {
			list = append(list, Route{o.method, At + o.name + suffix, o.words})
		}
	}
	return list
}

// Handler serves all routes, and errors in the caller's encoding for everything else below At.
func (d *Door) Handler() http.Handler {
	d.Name, d.Rules = "unix", rules
	if d.Places == nil {
		d.Places = make(chan struct{}, maxBusy)
	}
	caller := &signed.Reader{Applications: d.Applications, Keys: d.Keys, Now: d.Now,
		Types: []application.Type{application.TypeUnix, application.TypeAuthAPI}, Within: d.Deadline * 3 / 4, Outage: d.Outage}
	mux := http.NewServeMux()
	for _, o := range operations {
		for _, suffix := range suffixes {
			mux.HandleFunc(At+o.name+suffix, func(w http.ResponseWriter, r *http.Request) {
				defer d.catch(w, r)
				switch {
				case r.Method != o.method:
					w.Header().Set("Allow", o.method)
					d.fail(w, r, reply.ErrMethod)
				case o.run == nil: // ping is not signed; those who sign it get the same
					d.write(w, r, "pong")
				default:
					d.serve(w, r, caller, o)
				}
			})
		}
	}
	mux.HandleFunc(At, func(w http.ResponseWriter, r *http.Request) { d.fail(w, r, reply.ErrNotFound) })
	return mux
}

// call is one signed request.
type call struct {
	signed.Request
	params    map[string]string
	userAgent string
	bson      bool                // of the client that reads it, not JSON
	way       *attempt.Connection // back to the caller
}

func newCall(r *http.Request, in signed.Request, way *attempt.Connection) call {
	c := call{in, map[string]string{}, r.UserAgent(), inBSON(r), way}
	for name := range in.Params {
		c.params[name] = in.Params.Get(name)
	}
	return c
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request, caller *signed.Reader, o operation) {
	way := d.Connect(r.Context())
	body, err := d.Run(way, attempt.Operation{Route: r.Pattern, Slow: o.slow}, func(ctx context.Context) (*attempt.Call, error) {
		in, err := caller.Read(r.WithContext(ctx))
		return d.call(o, newCall(r, in, way)), err
	})
	if err != nil {
		d.fail(w, r, err)
	} else {
		d.write(w, r, body)
	}
	if !reply.Sent(w) {
		way.Failed()
	}
}

// call is a call as the engine runs it.
func (d *Door) call(o operation, c call) *attempt.Call {
	made := &attempt.Call{Do: func(ctx context.Context) (any, error) { return o.run(d, ctx, c) }}
	if o.deny != nil {
		made.Deny = func() (any, error) { return o.deny(d, c) }
	}
	return made
}

// catch answers 429 when we have a bug: a cut connection or a 5xx would open hosts (RULE-31).
func (d *Door) catch(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	d.fail(w, r, reply.ErrTooManyRequests.With(fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
}

func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.Note(r.Context(), r.Pattern, err)
	e := reply.Of(err)
	if wait := e.RetryAfter(); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	body := document{{"stat", "FAIL"}, {"code", int32(e.Code)}, {"message", e.Message}}
	if e.Detail != "" {
		body = append(body, field{"message_detail", e.Detail})
	}
	send(w, r, e.Status, body)
}

// write answers with the OK envelope around body, or with a picture.
func (d *Door) write(w http.ResponseWriter, r *http.Request, body any) {
	if logo, ok := body.(picture); ok {
		_ = reply.Whole(w, http.StatusOK, "image/png", logo) // Sent tells
		return
	}
	send(w, r, http.StatusOK, document{{"stat", "OK"}, {"response", body}})
}

// send writes a whole answer in the encoding of the address.
func send(w http.ResponseWriter, r *http.Request, status int, d document) {
	kind, body := "application/bson", []byte(nil)
	if inBSON(r) {
		body = d.bson()
	} else {
		kind, body = "application/json", d.json()
	}
	_ = reply.Whole(w, status, kind, body) // Sent tells; the client may be gone
}

func inBSON(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".bson") }

func (d *Door) check(context.Context, call) (any, error) { return "valid", nil }

// picture is an answer in no envelope.
type picture []byte

func (d *Door) logo(context.Context, call) (any, error) {
	if len(d.Logo) == 0 {
		return nil, reply.ErrNotFound
	}
	return picture(d.Logo), nil
}

// request is the person a call is about, and where from.
func (c call) request() (signin.Request, error) {
	name, ok := c.params["user"]
	if !ok {
		return signin.Request{}, reply.ErrMissing.About("user")
	}
	r := signin.Request{Door: "unix", Application: c.Application, Username: name, UserAgent: c.userAgent}
	if ip, err := netip.ParseAddr(strings.TrimSpace(c.params["ipaddr"])); err == nil && !ip.IsUnspecified() {
		r.IP = ip.Unmap().WithZone("") // anything else is an address that is not known
	}
	return r, nil
}
