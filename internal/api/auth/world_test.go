package auth

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/api/outage"
	"countersign/internal/api/signed"
	"countersign/internal/base/duosign"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

const apiHost = "api.example.edu"

// world is the door over the real flows.
type world struct {
	*flowkit.Kit
	door *Door
	h    http.Handler
	app  application.Application
	skey string
}

func newWorld(t testing.TB, change ...func(*application.Application)) *world {
	return newWorldOn(flowkit.New(t, dbtest.SQLite(t)), change...)
}

func newWorldOn(k *flowkit.Kit, change ...func(*application.Application)) *world {
	w := &world{Kit: k, skey: id.ApplicationSecret(k.Rand)}
	w.app = k.Application("VPN", append([]func(*application.Application){func(a *application.Application) {
		a.Type, a.Secret = application.TypeAuthAPI, k.Keys.Seal(application.SecretPurpose, a.ID, []byte(w.skey))
	}}, change...)...)
	w.door = &Door{Engine: attempt.Engine{SignIn: k.SignIn, Enroll: k.Enroll, Keys: k.Keys, Now: k.Clock.Now, Rand: k.Rand,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hold: 100 * time.Millisecond, Outage: &outage.Monitor{Now: k.Clock.Now},
		Deadline: time.Minute}, // tests ask what is answered; those that ask when say so
		Applications: k.DB.Read(), Registrar: k.Enroll, PublicURL: flowkit.Origin, Logo: []byte("\x89PNG logo")}
	w.h = w.door.Handler()
	return w
}

// received is an answer as a client reads it.
type received struct {
	status int
	header http.Header
	raw    string
	Stat   string
	Code   int
	Detail string `json:"message_detail"`
	Body   json.RawMessage
}

// answer is every field a response can have.
type answer struct {
	Result    string
	Status    string
	Message   string `json:"status_msg"`
	TxID      string
	Number    string `json:"verification_code"`
	PortalURL string `json:"enroll_portal_url"`
	Devices   []device
	Prompt    *prompt
	Delayed   *bool  `json:"auth_delayed"`
	Token     string `json:"trusted_device_token"`
	Time      int64

	Barcode  string `json:"activation_barcode"`
	Code     string `json:"activation_code"`
	URL      string `json:"activation_url"`
	Expires  int64  `json:"expiration"`
	UserID   string `json:"user_id"`
	Username string
	Codes    []string `json:"bypass_codes"`
}

// send signs a call as the application; values are name, value pairs.
func (w *world) send(method, path string, pairs ...string) received {
	w.Helper()
	params := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		params.Add(pairs[i], pairs[i+1])
	}
	return w.do(w.sign(method, path, params))
}

func (w *world) sign(method, path string, params url.Values) *http.Request {
	in := duosign.Request{Method: method, Host: apiHost, Path: "/auth/v2/" + path, Date: w.Clock.Now().Format(time.RFC1123Z)}
	target, body := "https://"+apiHost+in.Path, ""
	if method == http.MethodGet {
		in.Query, target = params, target+"?"+params.Encode()
	} else {
		in.Form, body = params, params.Encode()
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Date", in.Date)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: w.app.ID, Signature: duosign.Sign(in, duosign.V2, duosign.SHA512, w.skey)}.Header())
	return r
}

func (w *world) do(r *http.Request) received {
	w.Helper()
	return do(w.TB, w.h, r)
}

func do(t testing.TB, h http.Handler, r *http.Request) received {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	out := received{status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		var envelope struct {
			Stat     string
			Code     int
			Detail   string `json:"message_detail"`
			Response json.RawMessage
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &envelope); err != nil {
			t.Fatalf("%s does not parse: %v", out.raw, err)
		}
		out.Stat, out.Code, out.Detail, out.Body = envelope.Stat, envelope.Code, envelope.Detail, envelope.Response
	}
	return out
}

// ok sends and wants an answer of stat OK.
func (w *world) ok(method, path string, pairs ...string) answer {
	w.Helper()
	r := w.send(method, path, pairs...)
	if r.status != 200 || r.Stat != "OK" {
		w.Fatalf("%s %v: %d %s", path, pairs, r.status, r.raw)
	}
	var a answer
	if err := json.Unmarshal(r.Body, &a); err != nil {
		w.Fatalf("%s: %v", r.raw, err)
	}
	return a
}

// fails sends and wants an error.
func (w *world) fails(code int, detail, method, path string, pairs ...string) {
	w.Helper()
	if r := w.send(method, path, pairs...); r.status != code/100 || r.Stat != "FAIL" || r.Code != code || r.Detail != detail {
		w.Errorf("%s %v: %d %s, want %d %q", path, pairs, r.status, r.raw, code, detail)
	}
}

// person has one phone, and requests without a number unless policy says otherwise.
func (w *world) person(name string) *flowkit.Phone {
	w.Helper()
	web := w.Application("Wiki", func(a *application.Application) { a.Policy.NumberEntry = policy.NumberEntryOff })
	p := w.Enrolled(web, name)
	w.Clock.Advance(time.Hour)
	return p
}

func (w *world) policy(change func(*policy.Policy)) {
	w.Helper()
	change(&w.app.Policy)
	w.Save(w.app)
}

// pending is the one request that waits on a phone.
func (w *world) pending(p *flowkit.Phone) transaction.Transaction {
	w.Helper()
	open, err := w.DB.Read().OpenTransactionsOn(context.Background(), p.ID, w.Clock.Now())
	w.OK(err)
	if len(open) != 1 {
		w.Fatalf("%d requests wait, want one", len(open))
	}
	return open[0]
}

// lost is a database that cannot be reached.
type lost struct {
	signed.Applications
	hangs <-chan struct{} // nil: it fails at once
}

func (l lost) ApplicationByID(context.Context, string) (application.Application, error) {
	if l.hangs != nil {
		<-l.hangs // a driver that does not listen to its context
	}
	return application.Application{}, io.ErrClosedPipe
}

// openLink looks an enrollment link up.
func (w *world) openLink(token string) (enroll.Invitation, error) {
	return w.Enroll.Open(context.Background(), secret.NewText(token))
}

// invited follows an enrollment link up to the pairing code on show.
func (w *world) invited(token string) string {
	w.Helper()
	in, err := w.openLink(token)
	w.OK(err)
	portal, err := w.DB.Read().ApplicationByID(context.Background(), application.PortalID)
	w.OK(err)
	l := w.Begin(portal, "", func(r *signin.Request) { r.UserID, r.Invitation = in.User.ID, in.Link.ID })
	return l.Pair().Link
}
