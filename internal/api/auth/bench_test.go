package auth

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// BenchmarkCalls is what a call costs without the network: signed by the client, read, decided and answered.
func BenchmarkCalls(b *testing.B) {
	for _, database := range []struct {
		name string
		open func(testing.TB) flow.DB
	}{{"SQLite", dbtest.SQLite}, {"PostgreSQL", dbtest.PostgreSQL}} {
		b.Run("preauth/"+database.name, func(b *testing.B) {
			benchmarkCall(b, database.open(b), func(*flowkit.Phone) (string, url.Values) {
				return "preauth", url.Values{"username": {"alice"}, "ipaddr": {"192.0.2.7"}}
			})
		})
		b.Run("auth/"+database.name, func(b *testing.B) {
			benchmarkCall(b, database.open(b), func(p *flowkit.Phone) (string, url.Values) {
				return "auth", url.Values{"username": {"alice"}, "ipaddr": {"192.0.2.7"}, "factor": {"passcode"}, "passcode": {p.Code()}}
			})
		})
	}
}

func benchmarkCall(b *testing.B, db flow.DB, call func(*flowkit.Phone) (string, url.Values)) {
	w := newWorldOn(flowkit.New(b, db), func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
	p := w.Enrolled(w.Application("Wiki"), "alice")
	w.ok("GET", "check")
	b.ReportAllocs()
	for b.Loop() {
		path, params := call(p)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, w.sign("POST", path, params))
		if rec.Code != 200 {
			b.Fatal(rec.Code, rec.Body)
		}
	}
}
