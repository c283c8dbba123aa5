package mutate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/duosign"
)

var (
	now     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	dialect = &Dialect{Name: "test", Call: "preauth", Share: 1, Method: "POST", Path: "/auth/v2/preauth", Host: "api.example.edu:8443", Bare: true,
		Fixed: url.Values{"text_prompt": {"1"}}, Fields: []Field{{Name: "username", Good: []string{"ana"}}, {Name: "ipaddr", Good: []string{"192.0.2.7"}}},
		Senders: []Sender{{Key: "DIABCDEFGHIJ12345678", Secret: "secret", Signatures: []Signature{{duosign.V1, duosign.SHA1}, {duosign.V2, duosign.SHA512}, {duosign.V5, duosign.SHA512}}}}}
)

func TestTheSameSeedMakesTheSameRequests(t *testing.T) {
	one, two := New(7), New(7)
	for range 2000 {
		a, b := one.Raw(dialect, now).Wire(), two.Raw(dialect, now).Wire()
		if string(a) != string(b) {
			t.Fatalf("%q\n%q", a, b)
		}
	}
	if string(New(8).Params(dialect, now).Wire()) == string(New(7).Params(dialect, now).Wire()) {
		t.Error("another seed makes the same request")
	}
}

func TestEveryShapeComesUpAndGoesThroughNetHTTP(t *testing.T) {
	m, seen, refused := New(1), map[string]bool{}, 0
	for range 5000 {
		r := m.Raw(dialect, now)
		seen[r.Shape] = true
		if _, err := r.HTTP(); err != nil {
			refused++
		}
	}
	if len(seen) != len(shapes)+len(hugeShapes) || refused > 50 {
		t.Errorf("%d shapes of %d, net/http refused %d of 5000", len(seen), len(shapes)+len(hugeShapes), refused)
	}
}

func TestAnAnswerIsReadAsStrictlyAsByAClientInC(t *testing.T) {
	if o, err := Object([]byte(`{"stat":"OK","response":{"time":1,"list":["\u2028",null,true]}}`)); err != nil || o["stat"] != "OK" {
		t.Error(o, err)
	}
	for _, bad := range []string{"", " ", "[]", "null", `"a"`, `{"a":1} {}`, `{"a":1,"a":2}`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}",
		`{"a":1.5}`, `{"a":1`, `{"a":"b`, "{}\x00", strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)} {
		if o, err := Object([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, o)
		}
	}
	for status, bad := range map[int]string{200: `{"stat":"FAIL","code":40001,"message":"m"}`, 400: `{"stat":"OK","response":{}}`, 401: `{"stat":"FAIL","code":40001,"message":"m"}`,
		404: `{"stat":"FAIL","code":"40401","message":"m"}`, 405: `{"stat":"FAIL","code":40501}`, 413: `{}`} {
		if _, err := Envelope(status, []byte(bad)); err == nil {
			t.Errorf("%d %s passes", status, bad)
		}
	}
}

func TestWhatOpensAHostIsAnError(t *testing.T) {
	for _, status := range []int{200, 400, 401, 429, 500, 503} {
		d := NewDoor(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "{}")
		}))
		m := New(1)
		for range 300 { // enough that some go over a connection
			if _, err := d.Ask(m, m.Params(dialect, now)); (err != nil) != (status > 400) {
				t.Fatalf("%d: %v", status, err)
			}
		}
	}
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	if _, err := AskOver(cut.Listener.Addr().String(), New(1).Params(dialect, now)); err == nil {
		t.Error("a connection that breaks is no error")
	}
	if (Answer{Header: http.Header{"Content-Length": {"3"}}, Body: []byte("{}")}).Framed() == nil {
		t.Error("half an answer is no error")
	}
}
