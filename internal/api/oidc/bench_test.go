package oidc

import (
	"encoding/json"
	"net/url"
	"testing"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
)

func BenchmarkVerifyRequest(b *testing.B) {
	w := newWorld(b)
	p := &params{values: map[string]string{"client_id": clientID, "request": signedBy(b, w.requestClaims())}}
	b.ReportAllocs()
	for b.Loop() {
		c, _, f := w.door.verifyRequest(b.Context(), p)
		if f != nil {
			b.Fatal(f)
		}
		if _, k := remember(&c, p); k != nil {
			b.Fatal(k)
		}
	}
}

func BenchmarkAssertion(b *testing.B) {
	w := newWorld(b)
	p := &params{values: map[string]string{"client_id": clientID, "client_assertion": signedBy(b, w.assertionClaims(tokenPath))}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.spent)
		if _, f := w.door.prove(b.Context(), p, tokenPath); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkSignIDToken(b *testing.B) {
	w := newWorld(b)
	client := prover{app: w.apps[clientID], key: []byte(appSecret), host: apiHost}
	result := signin.Result{Login: login.Login{ApplicationID: clientID, Username: "alice", Factor: audit.FactorVerifiedPush, Reason: audit.UserApproved,
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
		Application: w.apps[clientID], Event: audit.EventAuthentication, Device: "phone", Time: w.now}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.door.sign(client, result, doorState{Username: "Alice", Nonce: "0123456789abcdef"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDoor is one whole sign-in at this door, without network, database and proof.
func BenchmarkDoor(b *testing.B) {
	w := newWorld(b)
	request := signedBy(b, w.requestClaims())
	b.ReportAllocs()
	for b.Loop() {
		w.begun = w.begun[:0]
		clear(w.spent)
		w.get(url.Values{"client_id": {clientID}, "response_type": {"code"}, "request": {request}})
		_, code := w.finish(0)
		rec := w.post(tokenPath, w.tokenForm(code)) // the client's own signing is in here, too
		if rec.Code != 200 || !json.Valid(rec.Body.Bytes()) {
			b.Fatal(rec.Code, rec.Body)
		}
	}
}
