package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

const (
	clientID  = "DIABCDEFGHIJ12345678"
	otherID   = "DIZZZZZZZZZZ12345678"
	closedID  = "DICCCCCCCCCC12345678"
	deletedID = "DIDDDDDDDDDD12345678"
	unixID    = "DIUUUUUUUUUU12345678"
	listedID  = "DILLLLLLLLLL12345678"
	appSecret = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5kL7n" // the same for all, so that only the row differs
	apiHost   = "api-1234.example.com"
	callback  = "https://app.example/cb?keep=1&x=a%20b"
	state     = "0123456789abcdefSTATE+/&="
)

// world is a door with everything behind it faked: the flow, the database, the clock.
type world struct {
	t    testing.TB
	door *Door
	h    http.Handler

	mu                          sync.Mutex
	now                         time.Time
	apps                        map[string]application.Application
	spent                       map[string]bool
	logins                      map[string]login.Login // by grant
	begun                       []signin.Request
	beginErr, collectErr, dbErr error
	hang                        chan struct{} // changes wait for it; nil: they do not
	pages                       int
	log                         strings.Builder
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Unix(1_800_000_000, 123_456_000).UTC(), apps: map[string]application.Application{},
		spent: map[string]bool{}, logins: map[string]login.Login{}}
	keys := secret.Generate()
	for _, id := range []string{clientID, otherID, closedID, deletedID, unixID, listedID} {
		w.apps[id] = application.Application{ID: id, Name: "Wiki", Type: application.TypeWebSDK,
			Secret: keys.Seal(application.SecretPurpose, id, []byte(appSecret))}
	}
	change := func(id string, f func(*application.Application)) { a := w.apps[id]; f(&a); w.apps[id] = a }
	change(closedID, func(a *application.Application) { a.Disabled = true })
	change(deletedID, func(a *application.Application) {
		a.Deleted = w.now
		a.Replace(keys.Seal(application.SecretPurpose, a.ID, []byte("nobody's")),
			keys.Seal(application.SecretPurpose, application.RetiredRow(a.ID, 0), []byte(appSecret)), w.now)
	})
	change(unixID, func(a *application.Application) { a.Type = "unix" })
	change(listedID, func(a *application.Application) {
		a.RedirectURIs = []string{"https://app.example/cb", "https://app.example/cb2?a=1"}
	})
	w.door = &Door{SignIn: w, Applications: w, Keys: keys, PublicURL: "https://" + apiHost, APIHosts: []string{apiHost, "localhost:8443"},
		Now: func() time.Time { return w.now }, Rand: rand.Reader, Deadline: time.Minute,
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Page: func(rw http.ResponseWriter, r *http.Request, err error) {
			w.pages++
			status := map[errs.Kind]int{errs.Invalid: 400, errs.Forbidden: 403, errs.Limited: 429}[errs.KindOf(err)]
			rw.Header().Set("Content-Type", "text/html")
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, "<h1>"+errs.Of(err).Code+"</h1>")
		},
		SetLoginCookie: func(rw http.ResponseWriter, _ *http.Request, l login.Login, c secret.Text) {
			http.SetCookie(rw, &http.Cookie{Name: "prompt", Value: c.Reveal()})
		},
		PromptURL: func(l login.Login) string { return "/prompt/" + l.ID },
		ClientIP:  func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") },
	}
	w.h = w.door.Handler()
	return w
}

// The flow.

func (w *world) Begin(_ context.Context, r signin.Request) (signin.Opening, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.beginErr != nil {
		return signin.Opening{}, w.beginErr
	}
	w.begun = append(w.begun, r)
	return signin.Opening{Login: login.Login{ID: "LOGIN", Door: r.Door, DoorState: r.DoorState, ApplicationID: r.Application.ID,
		UserID: "DU123456789012345678", Username: "alice", Factor: audit.FactorVerifiedPush, Reason: audit.UserApproved, PhoneID: "DP123456789012345678",
		TxID: "6a3b8f6e-6a4c-4c39-9a5c-0a5a3c3f3a3f", IP: r.IP.String(), UserAgent: r.UserAgent, DecidedAt: w.now}, Cookie: secret.NewText("cookie")}, nil
}

func (w *world) CollectFor(ctx context.Context, grant secret.Text, a application.Application, spend func(context.Context, signin.Spender) error) (signin.Result, error) {
	if err := spend(ctx, w); err != nil {
		return signin.Result{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.collectErr != nil {
		return signin.Result{}, w.collectErr
	}
	l, ok := w.logins[grant.Reveal()]
	if !ok || l.ApplicationID != a.ID {
		return signin.Result{}, login.ErrGrant
	}
	delete(w.logins, grant.Reveal())
	return signin.Result{Login: l, Application: w.apps[l.ApplicationID], User: user.User{ID: l.UserID, Username: "alice", Email: "alice@example.com"},
		Event: audit.EventAuthentication, Device: "Alice's phone", Time: l.DecidedAt}, nil
}

// finish is what the prompt does after the proof: a grant and the way back.
func (w *world) finish(i int) (back *url.URL, grant string) {
	w.t.Helper()
	r := w.begun[i]
	opening := login.Login{ID: "LOGIN", Door: r.Door, DoorState: r.DoorState, ApplicationID: r.Application.ID, UserID: "DU123456789012345678",
		Username: "alice", Factor: audit.FactorVerifiedPush, Reason: audit.UserApproved, PhoneID: "DP123456789012345678",
		TxID: "6a3b8f6e-6a4c-4c39-9a5c-0a5a3c3f3a3f", IP: r.IP.String(), UserAgent: r.UserAgent, DecidedAt: w.now}
	grant = "grant-" + rand.Text()
	w.logins[grant] = opening
	address, err := w.door.Return(context.Background(), opening, secret.NewText(grant))
	if err != nil {
		w.t.Fatal(err)
	}
	back, err = url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return back, grant
}

// The database.

func (w *world) ApplicationByID(_ context.Context, id string) (application.Application, error) {
	if w.dbErr != nil {
		return application.Application{}, w.dbErr
	}
	a, ok := w.apps[id]
	if !ok {
		return a, application.ErrUnknown
	}
	return a, nil
}

func (w *world) Spend(ctx context.Context, id string, digest []byte, expires time.Time) error {
	return w.SpendAssertion(ctx, id, digest, expires)
}

// SpendAssertion is a change.
func (w *world) SpendAssertion(_ context.Context, id string, digest []byte, expires time.Time) error {
	if w.hang != nil {
		<-w.hang
	}
	if w.dbErr != nil {
		return w.dbErr
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !expires.After(w.now) {
		return errors.New("expired before it was spent")
	}
	key := id + string(digest)
	if w.spent[key] {
		return application.ErrSpent
	}
	w.spent[key] = true
	return nil
}

// Requests.

type claims = map[string]any

// with copies claims and changes some; nil deletes.
func with(base claims, changes claims) claims {
	out := claims{}
	for k, v := range base {
		out[k] = v
	}
	for k, v := range changes {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

func (w *world) requestClaims() claims {
	return claims{"scope": "openid", "redirect_uri": callback, "client_id": clientID, "iss": clientID, "aud": "https://" + apiHost,
		"exp": w.now.Unix() + 300, "state": state, "response_type": "code", "duo_uname": "Alice@Example.com", "use_duo_code_attribute": true}
}

func (w *world) assertionClaims(path string) claims {
	return claims{"iss": clientID, "sub": clientID, "aud": "https://" + apiHost + path, "exp": w.now.Unix() + 300, "jti": rand.Text() + "0123456789"}
}

func signedBy(t testing.TB, c claims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims(c)).SignedString([]byte(appSecret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec
}

func (w *world) get(query url.Values) *httptest.ResponseRecorder {
	return w.do(httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?"+query.Encode(), nil))
}

func (w *world) authorize(c claims) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.get(url.Values{"client_id": {clientID}, "response_type": {"code"}, "request": {signedBy(w.t, c)}})
}

func (w *world) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "https://"+apiHost+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r)
}

func (w *world) tokenForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {clientID},
		"client_assertion_type": {jwtBearer}, "client_assertion": {signedBy(w.t, w.assertionClaims(tokenPath))}}
}

func decode(t testing.TB, rec *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil {
		t.Fatalf("answer %d %q is not JSON: %v", rec.Code, rec.Body, err)
	}
	if rec.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("answer may be cached")
	}
	return m
}

// begins asserts that a sign-in was opened.
func (w *world) begins(rec *httptest.ResponseRecorder) signin.Request {
	w.t.Helper()
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/prompt/LOGIN" {
		w.t.Fatalf("no sign-in opened: %d %s %s", rec.Code, rec.Header().Get("Location"), rec.Body)
	}
	return w.begun[len(w.begun)-1]
}

// refusedByPage asserts our own error page: no redirect, no code, no user data.
func (w *world) refusedByPage(rec *httptest.ResponseRecorder, what string) {
	w.t.Helper()
	if rec.Code != 400 || rec.Header().Get("Location") != "" || len(rec.Result().Cookies()) != 0 {
		w.t.Errorf("%s: got %d, Location %q", what, rec.Code, rec.Header().Get("Location"))
	}
	if body := rec.Body.String(); strings.Contains(strings.ToLower(body), "alice") || strings.Contains(body, "app.example") {
		w.t.Errorf("%s: the page tells about the request: %s", what, body)
	}
	if len(w.begun) > 0 {
		w.t.Errorf("%s: a sign-in was opened", what)
		w.begun = nil
	}
}

// H-10: what the browser keeps for this application goes to the flow, unless the application wants a proof of now.
func TestARememberedBrowserIsHandedOver(t *testing.T) {
	w := newWorld(t)
	w.door.Remembered = func(r *http.Request, applicationID string) secret.Text {
		k, err := r.Cookie("kept-" + applicationID)
		if err != nil {
			return secret.Text{}
		}
		return secret.NewText(k.Value)
	}
	for what, c := range map[string]struct {
		more   claims
		cookie string
		want   string
	}{
		"kept":                       {claims{}, "kept-" + clientID, "token"},
		"kept, empty wishes":         {claims{"prompt": "", "max_age": nil}, "kept-" + clientID, "token"},
		"another application's":      {claims{}, "kept-" + otherID, ""},
		"a proof of now":             {claims{"prompt": "login"}, "kept-" + clientID, ""},
		"a proof no older than":      {claims{"max_age": 0}, "kept-" + clientID, ""},
		"a wish that cannot be read": {claims{"prompt": 7}, "kept-" + clientID, ""},
	} {
		r := httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?"+url.Values{"client_id": {clientID},
			"response_type": {"code"}, "request": {signedBy(w.t, with(w.requestClaims(), c.more))}}.Encode(), nil)
		r.AddCookie(&http.Cookie{Name: c.cookie, Value: "token"})
		w.begun = nil
		w.do(r)
		if len(w.begun) != 1 || w.begun[0].Remembered.Reveal() != c.want {
			t.Errorf("%s: %+v", what, w.begun)
		}
	}
}
