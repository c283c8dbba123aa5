package signed_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/base/duosign"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
)

const (
	skey = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5kL7n"
	host = "api.example.edu"
)

var at = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// book is the applications there are; down stands for a lost database.
type book struct {
	apps map[string]application.Application
	down bool
}

func (b book) ApplicationByID(_ context.Context, id string) (application.Application, error) {
	if b.down {
		return application.Application{}, errors.New("connection refused")
	}
	if a, ok := b.apps[id]; ok {
		return a, nil
	}
	return application.Application{}, application.ErrUnknown
}

func newCaller(keys *secret.Keyring) (*signed.Reader, *book) {
	b := &book{apps: map[string]application.Application{}}
	for name, change := range map[string]func(*application.Application){
		"DIGOOD": nil, "DIOFF": func(a *application.Application) { a.Disabled = true },
		"DIGONE":     func(a *application.Application) { a.Disabled, a.Deleted, a.Secret = true, at, nil },
		"DIUNIX":     func(a *application.Application) { a.Type = application.TypeUnix },
		"DIUNIXOFF":  func(a *application.Application) { a.Type, a.Options.Dateless = application.TypeUnix, "off" },
		"DIWEB":      func(a *application.Application) { a.Type = application.TypeWebSDK },
		"DIDATELESS": func(a *application.Application) { a.Options.Dateless = "on" },
		"DIBROKEN":   func(a *application.Application) { a.Secret = []byte("x") },
		"DIRETIRED":  func(a *application.Application) { retire(keys, a, 3) },
		"DIMANY":     func(a *application.Application) { retire(keys, a, application.MaxRetired+5) },
		"DIPORTAL":   func(a *application.Application) { a.Type = application.TypePortal },
	} {
		a := application.Application{ID: key(name), Name: name, Type: application.TypeAuthAPI}
		a.Secret = keys.Seal(application.SecretPurpose, a.ID, []byte(skey))
		if change != nil {
			change(&a)
		}
		b.apps[a.ID] = a
	}
	return &signed.Reader{Applications: b, Keys: keys, Now: func() time.Time { return at },
		Types: []application.Type{application.TypeAuthAPI, application.TypeUnix}, Lists: []string{"list"}}, b
}

func retired(n int) string { return strings.Repeat(string(rune('a'+n)), 40) }

// retire gives an application so many secrets from before, of which the last one still works.
func retire(keys *secret.Keyring, a *application.Application, n int) {
	for i := range n {
		until := at
		if i == n-1 {
			until = at.Add(time.Second)
		}
		a.Replace(a.Secret, keys.Seal(application.SecretPurpose, application.RetiredRow(a.ID, i), []byte(retired(i))), until)
	}
}

func key(name string) string { return name + strings.Repeat("0", 20-len(name)) }

// call is a request in the making.
type call struct {
	key, method, path, query, body, kind, date string
	version                                    duosign.Version
	skey                                       string
	after                                      func(*http.Request) // changes what was signed
}

func (c call) request() *http.Request {
	target := "https://" + host + c.path
	if c.query != "" {
		target += "?" + c.query
	}
	r := httptest.NewRequest(c.method, target, strings.NewReader(c.body))
	r.Header.Set("Content-Type", c.kind)
	if c.date != "" {
		r.Header.Set("Date", c.date)
	}
	in := duosign.Request{Method: c.method, Host: host, Path: c.path, Date: c.date, Body: []byte(c.body), Header: r.Header}
	in.Query, _ = url.ParseQuery(c.query)
	if c.kind != "application/json" {
		in.Form, _ = url.ParseQuery(c.body)
	}
	r.Header.Set("Authorization", duosign.Credentials{Key: c.key, Signature: duosign.Sign(in, c.version, duosign.SHA512, c.skey)}.Header())
	if c.after != nil {
		c.after(r)
	}
	return r
}

func form(name string) call {
	return call{key: key(name), method: "POST", path: "/auth/v2/preauth", body: "username=alice&ipaddr=", kind: "application/x-www-form-urlencoded",
		date: "Tue, 03 Mar 2026 12:00:00 -0000", version: duosign.V2, skey: skey}
}

func TestWhoSignedIsToldFromWhoDidNot(t *testing.T) {
	caller, b := newCaller(secret.Generate())
	with := func(c call, change func(*call)) call { change(&c); return c }
	set := func(name, value string) func(*call) {
		return func(c *call) { c.after = func(r *http.Request) { r.Header.Set(name, value) } }
	}
	tests := []struct {
		name string
		call call
		code int // 0 = let in
	}{
		{"a right signature", form("DIGOOD"), 0},
		{"none", with(form("DIGOOD"), func(c *call) { c.after = func(r *http.Request) { r.Header.Del("Authorization") } }), 40101},
		{"two", with(form("DIGOOD"), func(c *call) {
			c.after = func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }
		}), 40101},
		{"no Basic", with(form("DIGOOD"), set("Authorization", "Bearer x")), 40101},
		{"an unknown key", form("DINOBODY"), 40102},
		{"a key of another shape", with(form("DIGOOD"), func(c *call) { c.key = "di\x00'; --" }), 40102},
		{"the portal's key", form("DIPORTAL"), 40102},
		{"another secret", with(form("DIGOOD"), func(c *call) { c.skey = strings.Repeat("x", 40) }), 40103},
		{"an empty secret", with(form("DIGOOD"), func(c *call) { c.skey = "" }), 40103},
		{"another path", with(form("DIGOOD"), func(c *call) { c.after = func(r *http.Request) { r.URL.Path = "/auth/v2/auth" } }), 40103},
		{"another host", with(form("DIGOOD"), func(c *call) { c.after = func(r *http.Request) { r.Host = "evil.example" } }), 40103},
		{"another body", with(form("DIGOOD"), func(c *call) {
			c.after = func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("username=mallory&ipaddr=")) }
		}), 40103},
		{"one more parameter in the query", with(form("DIGOOD"), func(c *call) { c.after = func(r *http.Request) { r.URL.RawQuery = "user_id=x" } }), 40103},
		{"no date", with(form("DIGOOD"), func(c *call) { c.date, c.version = "", duosign.V1 }), 40104},
		{"two dates", with(form("DIGOOD"), func(c *call) { c.after = func(r *http.Request) { r.Header.Add("Date", c.date) } }), 40104},
		{"no date, signed as if it could be", with(form("DIGOOD"), func(c *call) { c.date = "" }), 40104},
		{"no date beside JSON", with(form("DIGOOD"), func(c *call) {
			c.date, c.kind, c.version, c.body = "", "application/json", duosign.V5, `{"username":"alice"}`
		}), 40104},
		{"a date 6 minutes old", with(form("DIGOOD"), func(c *call) { c.date = "Tue, 03 Mar 2026 11:54:00 -0000" }), 40105},
		{"a date 6 minutes ahead", with(form("DIGOOD"), func(c *call) { c.date = "Tue, 03 Mar 2026 12:06:00 -0000" }), 40105},
		{"no date where that is allowed", with(form("DIDATELESS"), func(c *call) { c.date, c.version = "", duosign.V1 }), 0},
		{"no date, from unix that must send one", with(form("DIUNIXOFF"), func(c *call) { c.date, c.version = "", duosign.V1 }), 40301},
		{"an old date, from unix", with(form("DIUNIX"), func(c *call) { c.date = "Tue, 03 Mar 2026 11:54:00 -0000" }), 40301},
		{"an old date and another secret, from unix", with(form("DIUNIX"), func(c *call) { c.date, c.skey = "Tue, 03 Mar 2026 11:54:00 -0000", "x" }), 40103},
		{"a disabled application", form("DIOFF"), 40301},
		{"a disabled application and another secret", with(form("DIOFF"), func(c *call) { c.skey = "x" }), 40103},
		{"a deleted application", form("DIGONE"), 40301},
		{"an application of another type", form("DIWEB"), 40301},
		{"a secret that does not open", form("DIBROKEN"), 42901},
		{"the present secret after resets", form("DIRETIRED"), 0},
		{"one that was reset and still works", with(form("DIRETIRED"), func(c *call) { c.skey = retired(2) }), 0},
		{"one that was reset", with(form("DIRETIRED"), func(c *call) { c.skey = retired(0) }), 40301},
		{"one that was reset, in a stale request", with(form("DIRETIRED"), func(c *call) { c.skey, c.date = retired(0), "Tue, 03 Mar 2026 11:54:00 -0000" }), 40301},
		{"one that was reset, without a date", with(form("DIRETIRED"), func(c *call) { c.skey, c.date, c.version = retired(0), "", duosign.V1 }), 40301},
		{"another secret after resets", with(form("DIRETIRED"), func(c *call) { c.skey = "x" }), 40103},
		{"the present secret after many resets", form("DIMANY"), 0},
		{"one that is not known any more", with(form("DIMANY"), func(c *call) { c.skey = retired(0) }), 40301},
		{"a body of 65 KiB", with(form("DIGOOD"), func(c *call) { c.body = "username=" + strings.Repeat("a", 65<<10) }), 41301},
		{"a duplicate", with(form("DIGOOD"), func(c *call) { c.body = "username=alice&username=bob" }), 40002},
		{"a duplicate over query and body", with(form("DIGOOD"), func(c *call) { c.query = "username=bob" }), 40002},
		{"a list", with(form("DIGOOD"), func(c *call) { c.body = "list=a&list=b" }), 0},
		{"letters that are none", with(form("DIGOOD"), func(c *call) { c.body = "username=%ff%fe" }), 40002},
		{"too many", with(form("DIGOOD"), func(c *call) { c.body = many(300) }), 40002},
		{"a packed body", with(form("DIGOOD"), set("Content-Encoding", "gzip")), 40002},
		{"a GET with a body", with(form("DIGOOD"), func(c *call) {
			c.method, c.query, c.body = "GET", "txid=1", ""
			c.after = func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("txid=2")) }
		}), 40002},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, err := caller.Read(test.call.request())
			app, params := in.Application, in.Params
			want(t, err, test.code)
			if err == nil && (app.ID != test.call.key || params == nil) {
				t.Errorf("%s, %v", app.ID, params)
			}
			if err != nil && (app.ID != "" || params != nil) {
				t.Errorf("an error comes with %s, %v", app.ID, params)
			}
		})
	}
	b.down = true
	_, err := caller.Read(form("DIGOOD").request())
	want(t, err, 42901)
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d=1&", i)
	}
	return b.String()
}

func want(t *testing.T, err error, code int) {
	t.Helper()
	if code == 0 {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	e := reply.Of(errors.Join(err, reply.ErrNotFound)) // never panics on nil
	if err == nil || e.Code != code || e.Status != code/100 {
		t.Fatalf("error %v, want %d", err, code)
	}
}

func TestAJSONBodyIsReadAsAFormWouldBe(t *testing.T) {
	caller, _ := newCaller(secret.Generate())
	send := func(body, query string) (url.Values, error) {
		c := form("DIGOOD")
		c.kind, c.version, c.body, c.query = "application/json", duosign.V5, body, query
		in, err := caller.Read(c.request())
		params := in.Params
		return params, err
	}
	params, err := send(`{"s":"é","t":true,"f":false,"n":12.50,"z":null,"list":["a",1]}`, "")
	if err != nil || params.Encode() != "f=0&list=a&list=1&n=12.50&s=%C3%A9&t=1" {
		t.Errorf("%s, %v", params.Encode(), err)
	}
	if params, err := send(`{"username":"alice"}`, "username=mallory&user_id=x"); err != nil || params.Encode() != "username=alice" {
		t.Errorf("the query beside a signed body, which nothing signs, is read: %v, %v", params, err)
	}
	for _, nothing := range []string{"null", " {} "} {
		if params, err := send(nothing, ""); err != nil || len(params) != 0 {
			t.Errorf("%s: %v, %v", nothing, params, err)
		}
	}
	for _, bad := range []string{`{"a":{"k":1}}`, `{"list":[{"k":1}]}`, "[]", `"x"`, "{", `{"a":1}x`, `{"a":1}{"b":2}`, `{"a":1,"a":2}`, `{"a":[1,2]}`, `{"list":[[1]]}`, `{"a":}`, `{"a" 1}`, "\x00"} {
		if params, err := send(bad, ""); !errors.Is(err, reply.ErrInvalid) {
			t.Errorf("%s: %v, %v", bad, params, err)
		}
	}
}

// A false 401 opens hosts that fail open: the signature is right, whatever the body is said to be.
func TestASignatureOverTheBodyIsRightForAnyTypeAndOnlyJSONIsRead(t *testing.T) {
	caller, _ := newCaller(secret.Generate())
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"} {
		c := form("DIGOOD")
		c.kind, c.version, c.body, c.query = kind, duosign.V5, `username=alice`, ""
		if in, err := caller.Read(c.request()); !errors.Is(err, reply.ErrInvalid.About("Content-Type")) {
			t.Errorf("%q: %v, %v", kind, in.Params, err)
		}
		c.body, c.query = "", "username=mallory"
		if in, err := caller.Read(c.request()); err != nil || len(in.Params) != 0 {
			t.Errorf("%q: the query, which nothing signs, is read: %v, %v", kind, in.Params, err)
		}
	}
}
