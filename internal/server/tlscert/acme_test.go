package tlscert_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/server/tlscert"
)

// authority is a minimal ACME server (RFC 8555): every order is ready at once.
type authority struct {
	url string
	key *ecdsa.PrivateKey
	ca  *x509.Certificate

	mu     sync.Mutex
	asked  []string
	issued []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ACME test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * day),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	if a.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	var envelope struct{ Payload string }
	if r.Method == http.MethodPost {
		json.NewDecoder(r.Body).Decode(&envelope)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(envelope.Payload)
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
	order := map[string]any{"status": "ready", "finalize": a.url + "/finalize", "authorizations": []string{}}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]string{"newNonce": a.url + "/nonce", "newAccount": a.url + "/account", "newOrder": a.url + "/order"})
	case "/account":
		w.Header().Set("Location", a.url+"/account/1")
		answer(201, map[string]string{"status": "valid"})
	case "/order":
		var wanted struct{ Identifiers []struct{ Value string } }
		json.Unmarshal(payload, &wanted)
		for _, identifier := range wanted.Identifiers {
			a.asked = append(a.asked, identifier.Value)
		}
		w.Header().Set("Location", a.url+"/order/1")
		answer(201, order)
	case "/finalize":
		var request struct{ CSR string }
		json.Unmarshal(payload, &request)
		a.sign(request.CSR)
		w.Header().Set("Location", a.url+"/order/1")
		order["status"], order["certificate"] = "valid", a.url+"/certificate"
		answer(200, order)
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: a.issued})
	}
}

func (a *authority) sign(csr string) {
	raw, _ := base64.RawURLEncoding.DecodeString(csr)
	request, err := x509.ParseCertificateRequest(raw)
	if err != nil {
		return
	}
	a.issued, _ = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: request.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * day),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.ca, request.PublicKey, a.key)
}

func TestACertificateIsFetchedForListedNamesOnlyAndKept(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	options := tlscert.ACMEOptions{Hosts: []string{"mfa.example.edu"}, CacheDir: dir, Email: "help@example.edu", DirectoryURL: a.url + "/directory"}
	roots := x509.NewCertPool()
	roots.AddCert(a.ca)
	for range 2 { // the second round is a restart and reads the cache
		s, err := tlscert.ACME(options)
		if err != nil {
			t.Fatal(err)
		}
		port := serve(t, s)
		if _, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "evil.test"}); err == nil {
			t.Error("a name nobody listed got a certificate")
		}
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "mfa.example.edu", NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if conn.ConnectionState().NegotiatedProtocol != "h2" {
			t.Errorf("protocol %q", conn.ConnectionState().NegotiatedProtocol)
		}
		conn.Close()
		if s.CAFile != "" || s.Config().MinVersion != tls.VersionTLS12 {
			t.Errorf("%q, %x", s.CAFile, s.Config().MinVersion)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.asked, []string{"mfa.example.edu"}) {
		t.Errorf("asked for %v", a.asked)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		t.Errorf("nothing kept: %v", err)
	}
}

func TestPort80AnswersChallengesAndPassesTheRestOn(t *testing.T) {
	fallback := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "rest") })
	withACME, err := tlscert.ACME(tlscert.ACMEOptions{Hosts: []string{"mfa.example.edu"}, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": "rest", "/.well-known/acme-challenge/x": "acme"} {
		answer := httptest.NewRecorder()
		request := httptest.NewRequest("GET", path, nil)
		request.Host = "mfa.example.edu"
		withACME.HTTPHandler(fallback).ServeHTTP(answer, request)
		if got := answer.Body.String(); (want == "rest") != (got == "rest") {
			t.Errorf("%s: %q", path, got)
		}
	}
	answer := httptest.NewRecorder()
	local(t, demo(t.TempDir(), newClock())).HTTPHandler(fallback).ServeHTTP(answer, httptest.NewRequest("GET", "/.well-known/acme-challenge/x", nil))
	if answer.Body.String() != "rest" {
		t.Error("a source without ACME answers challenges")
	}
}

func TestACMEForAddressesOrNothingIsAnError(t *testing.T) {
	for _, hosts := range [][]string{nil, {"192.0.2.1"}, {"mfa.example.edu", "::1"}} {
		if _, err := tlscert.ACME(tlscert.ACMEOptions{Hosts: hosts, CacheDir: t.TempDir()}); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%v: %v", hosts, err)
		}
	}
}
