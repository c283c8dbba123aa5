package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"testing"

	"countersign/internal/base/phonewire"
	"countersign/internal/testkit"
)

// X-33, through the door: the same body is answered once more until its key signed a call.
func TestACodeIsNotAnsweredAgainAfterTheFirstSignedCall(t *testing.T) {
	p := testkit.Start(t)
	at, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	a := phonewire.Activation{Code: path.Base(p.PairingCode(p.User("ana"))), PublicKey: base64.RawURLEncoding.EncodeToString(spki), Platform: "Test",
		AppVersion: "1", Instance: phonewire.Instance(at.Host, "pocket")}
	if a.Signature, err = phonewire.Sign(rand.Reader, key, a.Text(at.Host)); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, target string, body []byte, sign bool) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, p.URL+target, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if sign {
			auth, err := phonewire.Authorize(rand.Reader, key, method, at.Host, target, p.Clock.Now(), body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", auth.String())
		}
		res, err := p.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer phonewire.Failure
		_ = json.NewDecoder(res.Body).Decode(&answer) // an account has no code
		return res.StatusCode, answer.Code
	}
	for range 2 {
		if status, code := send("POST", "/phone/v1/activations", body, false); status != http.StatusOK {
			t.Fatalf("%d %s", status, code)
		}
	}
	unsigned := bytes.Replace(body, []byte(`"signature":"`), []byte(`"signature":"A`), 1)
	if status, code := send("POST", "/phone/v1/activations", unsigned, false); status != http.StatusUnauthorized {
		t.Errorf("without a signature it is answered %d %s", status, code)
	}
	if status, code := send("GET", "/phone/v1/requests", nil, true); status != http.StatusOK {
		t.Fatalf("%d %s", status, code)
	}
	if status, code := send("POST", "/phone/v1/activations", body, false); status != http.StatusGone || code != "activation.used" {
		t.Errorf("after its first call it is answered %d %s", status, code)
	}
}
