package unix

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
	"countersign/internal/base/duosign"
	"countersign/internal/base/id"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

const apiHost = "api.example.edu:8443"

// world is the door over the real flows.
type world struct {
	*flowkit.Kit
	door *Door
	h    http.Handler
	app  application.Application
	skey string
}

func newWorld(t testing.TB) *world { return newWorldOn(flowkit.New(t, dbtest.SQLite(t))) }

func newWorldOn(k *flowkit.Kit) *world {
	w := &world{Kit: k}
	w.skey = id.ApplicationSecret(w.Rand)
	w.app = w.application("SSH")
	w.door = &Door{Engine: attempt.Engine{SignIn: w.SignIn, Enroll: w.Enroll, Keys: w.Keys, Now: w.Clock.Now, Rand: w.Rand,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hold: 20 * time.Millisecond,
		Deadline: time.Minute}, // tests ask what is answered; those that ask when say so
		Applications: w.DB.Read()}
	w.h = w.door.Handler()
	return w
}

// application adds one with the world's secret.
func (w *world) application(name string, change ...func(*application.Application)) application.Application {
	w.Helper()
	return w.Application(name, append([]func(*application.Application){func(a *application.Application) {
		a.Type, a.Policy.NewUser = application.TypeUnix, policy.NewUserEnroll
		a.Secret = w.Keys.Seal(application.SecretPurpose, a.ID, []byte(w.skey))
	}}, change...)...)
}

// request is signed as login_duo 1.11.3 signs: v1, SHA-1, the host without its port.
func (w *world) request(method, path, skey string, params url.Values) *http.Request {
	host, _, _ := strings.Cut(apiHost, ":")
	s := duosign.Request{Method: method, Host: host, Path: path}
	target, body := path, io.Reader(nil)
	if method == "GET" {
		s.Query, target = params, path+"?"+params.Encode()
	} else {
		s.Form, body = params, strings.NewReader(params.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	r.Host = apiHost
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: w.app.ID, Signature: duosign.Sign(s, duosign.V1, duosign.SHA1, skey)}.Header())
	return r
}

func pairs(list ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(list); i += 2 {
		v.Set(list[i], list[i+1])
	}
	return v
}

// do serves a request and reads its answer as the client does.
func (w *world) do(r *http.Request) (int, outcome) {
	w.Helper()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	call, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, At), ".")
	out, err := understand(rec.Body.Bytes(), call)
	if err != nil {
		w.Fatalf("%s answered %d with a body the client cannot read: %q", r.URL.Path, rec.Code, rec.Body)
	}
	if out.ok != (rec.Code == 200) || !out.ok && int(out.code)/100 != rec.Code {
		w.Errorf("%s: status %d and %+v do not fit", r.URL.Path, rec.Code, out)
	}
	if (rec.Header().Get("Retry-After") != "") != (rec.Code == 429) {
		w.Errorf("%s: %d with Retry-After %q", r.URL.Path, rec.Code, rec.Header().Get("Retry-After"))
	}
	return rec.Code, out
}

func (w *world) preauth(name string, more ...string) outcome {
	w.Helper()
	_, out := w.do(w.request("POST", At+"preauth.bson", w.skey, pairs(append([]string{"user", name, "ipaddr", "192.0.2.7", "hostname", "web1", "failmode", "open"}, more...)...)))
	return out
}

func (w *world) auth(name, auto, async string) outcome {
	w.Helper()
	_, out := w.do(w.request("POST", At+"auth.bson", w.skey, pairs("user", name, "factor", "auto", "auto", auto, "async", async, "ipaddr", "192.0.2.7",
		"hostname", "web1", "pushinfo", "Server+IP=10.0.0.5&Command=rsync+%2Da%0A%1b[2J")))
	return out
}

func (w *world) status(txID string) outcome {
	w.Helper()
	_, out := w.do(w.request("GET", At+"status.bson", w.skey, pairs("txid", txID)))
	return out
}

// get is a signed request in JSON.
func (w *world) get(r *http.Request) (int, map[string]any) {
	w.Helper()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	var doc map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		w.Fatalf("%s: %q", r.URL.Path, rec.Body)
	}
	return rec.Code, doc
}

var ctx = context.Background()
