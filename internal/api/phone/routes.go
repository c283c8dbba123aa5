package phone

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
)

// Door serves the phone protocol. Mobile and Now must be set.
type Door struct {
	Mobile Mobile
	Now    func() time.Time
	// From tells the client's address behind trusted proxies; nil takes the connection's.
	From func(*http.Request) netip.Addr
	// Log gets one line for each failure that is ours; nil: slog.Default.
	Log *slog.Logger
	// Hold is how long requests/wait waits for news; 0: 25 s.
	Hold time.Duration

	nonces nonces
	waits  waits
}

// Route is one address of the door.
type Route struct {
	Method  string
	Pattern string // of net/http.ServeMux, without the method
	Name    string // the operation, for the list of routes
}

// action is a signed call: the caller is known when it runs. It returns the body of the answer;
// nil means 204.
type action func(d *Door, ctx context.Context, c caller, r *http.Request) (any, error)

type caller struct {
	phoneID string
	keyID   string
	spki    []byte
	body    []byte
	ended   error // the key is good no more: "phone.replaced", "phone.removed"
}

// answerAt is the one address that also hears an app whose key is good no more: "not me" is never dropped.
const answerAt = "/phone/v1/requests/{id}/answer"

var signed = []struct {
	Route
	run action
}{
	{Route{"GET", "/phone/v1/requests", "list open requests"}, (*Door).requests},
	{Route{"GET", "/phone/v1/requests/wait", "wait for a change of the list"}, (*Door).wait},
	{Route{"GET", "/phone/v1/requests/{id}", "show one request"}, (*Door).request},
	{Route{"POST", answerAt, "answer a request"}, (*Door).answer},
	{Route{"PUT", "/phone/v1/subscription", "say where alerts go"}, (*Door).subscribe},
	{Route{"POST", "/phone/v1/test-alert", "ask for an alert now"}, (*Door).testAlert},
	{Route{"GET", "/phone/v1/account", "show what the server knows"}, (*Door).status},
	{Route{"PATCH", "/phone/v1/account", "rename the phone"}, (*Door).rename},
	{Route{"POST", "/phone/v1/account/report", "a change of a device was not the person's own"}, (*Door).report},
	{Route{"DELETE", "/phone/v1/account", "leave: the account was deleted in the app"}, (*Door).leave},
}

// Routes lists the addresses of the door.
func (d *Door) Routes() []Route {
	list := []Route{{"POST", "/phone/v1/activations", "pair a phone"}}
	for _, s := range signed {
		list = append(list, s.Route)
	}
	return list
}

// Handler serves all routes, and JSON for any other address below /phone/v1/.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /phone/v1/activations", d.activate)
	for _, s := range signed {
		mux.HandleFunc(s.Method+" "+s.Pattern, func(w http.ResponseWriter, r *http.Request) {
			c, err := d.prove(w, r)
			if err == nil && c.ended != nil && s.Pattern != answerAt {
				err = c.ended
			}
			if err != nil {
				d.fail(w, r, err)
				return
			}
			answer, err := s.run(d, r.Context(), c, r)
			if err != nil {
				d.fail(w, r, err)
				return
			}
			d.write(w, answer)
		})
	}
	mux.HandleFunc("/phone/v1/", func(w http.ResponseWriter, r *http.Request) { d.fail(w, r, errNoRoute) })
	return mux
}

func (d *Door) catalogue(r *http.Request) *message.Catalogue {
	return message.For(r.Header.Get("Accept-Language"))
}

func (d *Door) serverTime() int64 { return d.Now().UnixMilli() }

func (d *Door) remote(r *http.Request) netip.Addr {
	if d.From != nil {
		return d.From(r)
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// activate is the one call without a key on record: the new key proves itself in the body.
func (d *Door) activate(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	var a phonewire.Activation
	if err := decode(body, &a); err != nil {
		d.fail(w, r, err)
		return
	}
	if err := a.Check(r.Host); err != nil {
		d.fail(w, r, refusal(err))
		return
	}
	a.Code = phonewire.NormalizeCode(a.Code)
	account, err := d.Mobile.Activate(r.Context(), a, d.remote(r), r.UserAgent())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	account.ServerTime = d.serverTime()
	d.write(w, account)
}
