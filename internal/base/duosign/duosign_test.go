package duosign

import (
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	duoapi "github.com/duosecurity/duo_api_golang"
)

const (
	ikey    = "DIABCDEFGHIJ12345678"
	skey    = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5kL7n"
	hostile = "al'ice (x)!*~ é+&=/"
	now     = "Tue, 03 Mar 2026 12:00:00 -0000"
)

func request(method string) Request {
	r := Request{Method: method, Host: "api.example.edu:8443", Path: "/auth/v2/preauth", Date: now, Header: http.Header{}}
	switch method {
	case "GET", "DELETE":
		r.Query = url.Values{"username": {hostile}, hostile: {"b", "a"}}
	default:
		r.Form = url.Values{"username": {hostile}, hostile: {"b", "a"}}
		r.Body = []byte(r.Form.Encode())
	}
	return r
}

// sendable runs test for every combination that a client can sign (WIRE-9).
func sendable(t *testing.T, test func(t *testing.T, r Request, v Version, d Digest, host string)) {
	for _, method := range []string{"GET", "DELETE", "POST", "PUT"} {
		for _, v := range []Version{V1, V2, V4, V5} {
			for name, d := range map[string]Digest{"SHA1": SHA1, "SHA512": SHA512} {
				if v >= V4 && name == "SHA1" {
					continue
				}
				for _, host := range []string{"api.example.edu:8443", "api.example.edu", "API.Example.edu"} {
					t.Run(fmt.Sprintf("%s v%d %s %s", method, v, name, host), func(t *testing.T) {
						r := request(method)
						if v >= V4 && r.Form != nil {
							r.Form, r.Body = nil, []byte(`{"username":"`+hostile+`"}`)
						}
						if v == V1 {
							r.Date = ""
						}
						test(t, r, v, d, host)
					})
				}
			}
		}
	}
}

func TestWhatOneSideSignsTheOtherVerifies(t *testing.T) {
	sendable(t, func(t *testing.T, r Request, v Version, d Digest, host string) {
		signed := r
		signed.Host = host
		if got, err := Verify(r, Sign(signed, v, d, skey), skey); err != nil || got != v {
			t.Errorf("version %d, %v", got, err)
		}
	})
}

func TestAChangeToAnySignedPartIsRefused(t *testing.T) {
	changes := map[string]func(*Request){
		"method": func(r *Request) {
			r.Method = map[string]string{"GET": "DELETE", "DELETE": "GET", "POST": "PUT", "PUT": "POST"}[r.Method]
		},
		"host":    func(r *Request) { r.Host = "api2.example.edu:8443" },
		"path":    func(r *Request) { r.Path += "x" },
		"escaped": func(r *Request) { r.Path = strings.Replace(r.Path, "p", "%70", 1) },
		"date":    func(r *Request) { r.Date = "Tue, 03 Mar 2026 12:00:01 -0000" },
		"value": func(r *Request) {
			if r.Form != nil {
				r.Form.Set("username", "mallory")
			} else {
				r.Query.Set("username", "mallory")
			}
		},
		"one more": func(r *Request) {
			if r.Form != nil {
				r.Form.Add("username", "mallory")
			} else {
				r.Query.Add("username", "mallory")
			}
		},
		"body": func(r *Request) { r.Body = append([]byte(" "), r.Body...) },
	}
	sendable(t, func(t *testing.T, r Request, v Version, d Digest, host string) {
		signed := r
		signed.Host = host
		signature := Sign(signed, v, d, skey)
		json := r.Form == nil && len(r.Body) > 0
		for name, change := range changes {
			if json && (name == "value" || name == "one more") || !json && name == "body" || v == V1 && name == "date" {
				continue // not a part of this request, or not signed in this version
			}
			changed := r
			changed.Query, changed.Form = clone(r.Query), clone(r.Form)
			change(&changed)
			if _, err := Verify(changed, signature, skey); err == nil {
				t.Errorf("a changed %s passes", name)
			}
		}
		for name, bad := range map[string][2]string{
			"signature": {flip(signature), skey}, "upper case": {strings.ToUpper(signature), skey}, "other key": {signature, skey[1:] + "x"},
			"no key": {Sign(signed, v, d, ""), ""}, "short": {signature[:len(signature)-1], skey}, "empty": {"", skey},
		} {
			if _, err := Verify(r, bad[0], bad[1]); err == nil {
				t.Errorf("%s passes", name)
			}
		}
	})
}

func clone(v url.Values) url.Values {
	if v == nil {
		return nil
	}
	c := url.Values{}
	for k, vs := range v {
		c[k] = append([]string(nil), vs...)
	}
	return c
}

func flip(signature string) string {
	if signature[0] == '0' {
		return "1" + signature[1:]
	}
	return "0" + signature[1:]
}

func TestABodyIsNeverTakenUnderAVersionThatDoesNotSignIt(t *testing.T) {
	r := Request{Method: "POST", Host: "h", Path: "/p", Date: now, Body: []byte(`{"a":"b"}`)}
	for _, v := range []Version{V1, V2} {
		for _, d := range []Digest{SHA1, SHA512} {
			if _, err := Verify(r, Sign(r, v, d, skey), skey); err == nil {
				t.Errorf("v%d passes with a body of %s", v, r.Body)
			}
		}
	}
}

func TestADatelessSignatureIsKnownAsSuchEvenBesideADate(t *testing.T) {
	r := request("POST")
	if v, err := Verify(r, Sign(r, V1, SHA1, skey), skey); err != nil || v.Dated() {
		t.Errorf("version %d, %v", v, err)
	}
}

func TestXDuoHeadersAreSignedInV5(t *testing.T) {
	r := Request{Method: "POST", Host: "h", Path: "/p", Date: now, Body: []byte("{}"), Header: http.Header{"X-Duo-B": {"2"}, "X-Duo-A": {"1"}, "Other": {"x"}}}
	signature := Sign(r, V5, SHA512, skey)
	if _, err := Verify(r, signature, skey); err != nil {
		t.Error(err)
	}
	r.Header.Set("Other", "y")
	if _, err := Verify(r, signature, skey); err != nil {
		t.Error("another header counts:", err)
	}
	r.Header.Set("X-Duo-A", "3")
	if _, err := Verify(r, signature, skey); err == nil {
		t.Error("a changed X-Duo header passes")
	}
	r.Header = http.Header{"X-Duo-Date": {now}}
	for _, with := range []bool{false, true} {
		r.dateHeader = with
		signature := Sign(r, V5, SHA512, skey)
		r.dateHeader = false
		if _, err := Verify(r, signature, skey); err != nil {
			t.Errorf("X-Duo-Date among the headers %v: %v", with, err)
		}
	}
}

// The vendor's Go client signs, and its requests are read off the wire, chunked bodies included.
func TestTheVendorsClientIsVerified(t *testing.T) {
	params := url.Values{"username": {hostile}, "factor": {"push"}, hostile: {"z", "a"}}
	json := duoapi.JSONParams{"username": hostile, "async": "1"}
	for name, one := range map[string]struct {
		want Version
		call func(*duoapi.DuoApi) error
	}{
		"SignedCall GET":      {V2, func(c *duoapi.DuoApi) error { _, _, err := c.SignedCall("GET", "/auth/v2/check", params); return err }},
		"SignedCall POST":     {V2, func(c *duoapi.DuoApi) error { _, _, err := c.SignedCall("POST", "/auth/v2/auth", params); return err }},
		"SignedCall DELETE":   {V2, func(c *duoapi.DuoApi) error { _, _, err := c.SignedCall("DELETE", "/auth/v2/auth", nil); return err }},
		"JSONSignedCall GET":  {V5, func(c *duoapi.DuoApi) error { _, _, err := c.JSONSignedCall("GET", "/auth/v2/check", json); return err }},
		"JSONSignedCall POST": {V5, func(c *duoapi.DuoApi) error { _, _, err := c.JSONSignedCall("POST", "/auth/v2/auth", json); return err }},
		"JSONSignedCall nil":  {V5, func(c *duoapi.DuoApi) error { _, _, err := c.JSONSignedCall("POST", "/auth/v2/auth", nil); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			var got Version
			var failed error
			server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				in := Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Date: r.Header.Get("Date"), Query: r.URL.Query(), Body: body, Header: r.Header}
				if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
					if len(r.TransferEncoding) == 0 {
						t.Error("the body is not chunked: this test shows less than it did")
					}
					if in.Form, err = url.ParseQuery(string(body)); err != nil {
						t.Error(err)
					}
				}
				c, err := Parse(r.Header.Get("Authorization"))
				if err != nil || c.Key != ikey || c.Header() != r.Header.Get("Authorization") {
					t.Errorf("credentials %v, %v", c, err)
				}
				got, failed = Verify(in, c.Signature, skey)
				if err := CheckDate(in.Date, time.Now()); err != nil {
					t.Errorf("date %q: %v", in.Date, err)
				}
			}))
			defer server.Close()
			host := strings.TrimPrefix(server.URL, "https://")
			if err := one.call(duoapi.NewDuoApi(ikey, skey, host, "", duoapi.SetInsecure())); err != nil {
				t.Fatal(err)
			}
			if failed != nil || got != one.want {
				t.Errorf("version %d, %v; want %d", got, failed, one.want)
			}
		})
	}
}

// The one signature that the vendor publishes for its scheme.
func TestTheDocumentedExampleIsReproduced(t *testing.T) {
	r := Request{Method: "POST", Host: "api-XXXXXXXX.duosecurity.com", Path: "/accounts/v1/account/list", Date: "Tue, 21 Aug 2012 17:29:18 -0000",
		Form: url.Values{"realname": {"First Last"}, "username": {"root"}}}
	if got := r.canon(V2, r.Host); got != "Tue, 21 Aug 2012 17:29:18 -0000\nPOST\napi-xxxxxxxx.duosecurity.com\n/accounts/v1/account/list\nrealname=First%20Last&username=root" {
		t.Errorf("signed text\n%s", got)
	}
	const want = "2d97d6166319781b5a3a07af39d366f491234edc"
	if got := Sign(r, V2, SHA1, "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep"); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestDatesAreTakenInEveryFormSeenAndFiveMinutesEitherWay(t *testing.T) {
	at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	for _, date := range []string{
		"Tue, 03 Mar 2026 12:00:00 -0000", "Tue, 03 Mar 2026 12:00:00 +0000", "Tue, 03 Mar 2026 12:00:00 GMT", "Tue, 03 Mar 2026 12:00:00 UTC",
		"Tue, 3 Mar 2026 12:00:00 GMT", "Tue, 03 Mar 2026 14:00:00 +0200", "3 Mar 2026 04:00:00 -0800", "Tuesday, 03-Mar-26 12:00:00 GMT", "Tue Mar  3 12:00:00 2026",
		"Tue, 03 Mar 2026 12:05:00 GMT", "Tue, 03 Mar 2026 11:55:00 GMT",
		"Tue, 03 Mar 2026 12:00:00 UT", "Tue, 03 Mar 2026 12:01 +0000", "3 Mar 2026 12:01 GMT", "3 Mar 2026 12:01 UT", // RFC 2822 3.3, 4.3
	} {
		if err := CheckDate(date, at); err != nil {
			t.Errorf("%s: %v", date, err)
		}
	}
	for _, date := range []string{
		"Tue, 03 Mar 2026 12:05:01 GMT", "Tue, 03 Mar 2026 11:54:59 GMT", "Tue, 03 Mar 2026 12:00:00 EST", "Tue, 03 Mar 2026 12:00:00 WET", "Tue, 03 Mar 2026 12:06 GMT", "Tue, 03 Mar 2026 12:00:00 UTUT", "Tue, 03 Mar 2026 12:00:00 +0100 UT", "Tue, 03 Mar 2026 12:00:00",
		"2026-03-03T12:00:00Z", "1772539200", "now", " ", "Tue, 03 Mar 12026 12:00:00 GMT",
	} {
		if err := CheckDate(date, at); err == nil {
			t.Errorf("%q passes", date)
		}
	}
	if err := CheckDate("", at); err == nil || err.Error() != ErrNoDate.Error() {
		t.Error("no date:", err)
	}
}

func TestCredentialsAreParsedStrictly(t *testing.T) {
	good := Credentials{Key: ikey, Signature: strings.Repeat("a", 2*sha1.Size)}
	if got, err := Parse(good.Header()); err != nil || got != good {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Parse("basic " + strings.TrimPrefix(good.Header(), "Basic ")); err != nil || got != good {
		t.Errorf("lower-case scheme: %v, %v", got, err)
	}
	for _, bad := range []string{"", "Basic", "Basic ", "Bearer abc", "Basic !!!", "Basic YWJj", "Basic Og==", "Basic YTo=", "Basic OmE=", "Basic " + strings.Repeat("QQ==", 400)} {
		if c, err := Parse(bad); err == nil {
			t.Errorf("%q gives %v", bad, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Basic YTpi")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := Parse(s); err == nil && (c.Key == "" || c.Signature == "" || strings.Contains(c.Key, ":")) {
			t.Errorf("%q gives %q", s, c)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("POST", "h:1", "/p", now, "k", "v", "body", "00")
	f.Fuzz(func(t *testing.T, method, host, path, date, key, value, body, signature string) {
		r := Request{Method: method, Host: host, Path: path, Date: date, Query: url.Values{key: {value}}, Body: []byte(body)}
		if _, err := Verify(r, signature, skey); err == nil {
			t.Error("a made-up signature passes")
		}
		for _, v := range r.candidates(SHA512) {
			if got, err := Verify(r, Sign(r, v, SHA512, skey), skey); err != nil {
				t.Errorf("v%d as %d: %v", v, got, err)
			}
		}
	})
}

func FuzzCheckDate(f *testing.F) {
	f.Add(now)
	at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, date string) {
		if CheckDate(date, at) == nil && CheckDate(date, at.Add(24*time.Hour)) == nil {
			t.Errorf("%q is of two days", date)
		}
	})
}
