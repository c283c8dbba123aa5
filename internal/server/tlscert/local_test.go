package tlscert_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/server/tlscert"
)

const day = 24 * time.Hour

// clock is a clock that moves only when a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func demo(dir string, c *clock) tlscert.LocalOptions {
	return tlscert.LocalOptions{Dir: dir, Names: tlscert.DemoNames, IPs: tlscert.DemoIPs, Now: c.now}
}

func local(t *testing.T, o tlscert.LocalOptions) *tlscert.Source {
	t.Helper()
	s, err := tlscert.Local(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leafOf(t *testing.T, s *tlscert.Source) *x509.Certificate {
	t.Helper()
	cert, err := s.Config().GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf
}

func pool(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(raw) {
		t.Fatal("no certificate in", path)
	}
	return p
}

// serve runs an HTTPS server with s on loopback and returns its port.
func serve(t *testing.T, s *tlscert.Source) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	server.Listener.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", s.Config())
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestTheFirstStartMakesAnAuthorityThatClientsCanTrust(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "tls"), newClock()
	s := local(t, demo(dir, c))
	port := serve(t, s)
	roots := pool(t, s.CAFile)
	for _, name := range []string{"localhost", "app.localhost", "127.0.0.1", "::1"} {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"h2"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if state := conn.ConnectionState(); state.NegotiatedProtocol != "h2" {
			t.Errorf("%s: protocol %q", name, state.NegotiatedProtocol)
		}
		conn.Close()
	}
	if _, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "evil.test"}); err == nil {
		t.Error("the certificate is good for any name")
	}
	if _, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	for name, mode := range map[string]os.FileMode{"ca.pem": 0o644, "ca-key.pem": 0o400, "tls.pem": 0o644, "tls-key.pem": 0o400} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 4 {
		t.Errorf("%d files, want 4", len(entries))
	}
}

func TestTheCertificateIsWhatStrictClientsAskFor(t *testing.T) {
	c := newClock()
	leaf := leafOf(t, local(t, demo(t.TempDir(), c)))
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("key %T", leaf.PublicKey)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life != 397*day {
		t.Errorf("life %v", life)
	}
	if len(leaf.AuthorityKeyId) == 0 || leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("leaf %+v", leaf.KeyUsage)
	}
	if len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("usage %v", leaf.ExtKeyUsage)
	}
}

func TestARestartKeepsAuthorityAndCertificate(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	first := local(t, demo(dir, c))
	before := read(t, first.CAFile)
	c.add(300 * day)
	second := local(t, demo(dir, c))
	if leafOf(t, first).SerialNumber.Cmp(leafOf(t, second).SerialNumber) != 0 || before != read(t, second.CAFile) {
		t.Error("something was made anew")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTheCertificateIsRenewedWhileRunningWhenThirtyDaysAreLeft(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := local(t, demo(dir, c))
	old, ca := leafOf(t, s), read(t, s.CAFile)
	c.add(366 * day)
	if leafOf(t, s).SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Error("renewed too early")
	}
	c.add(2 * day)
	renewed := leafOf(t, s)
	if renewed.SerialNumber.Cmp(old.SerialNumber) == 0 || renewed.NotAfter.Sub(c.now()) < 390*day {
		t.Errorf("not renewed: ends %v", renewed.NotAfter)
	}
	if ca != read(t, s.CAFile) {
		t.Error("the authority changed")
	}
	if leafOf(t, local(t, demo(dir, c))).SerialNumber.Cmp(renewed.SerialNumber) != 0 {
		t.Error("the renewed certificate is not on disk")
	}
}

func TestOtherNamesMakeAnotherCertificateOfTheSameAuthority(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	old := local(t, demo(dir, c))
	o := demo(dir, c)
	o.Names = []string{"mfa.example.edu", "localhost"}
	fresh := leafOf(t, local(t, o))
	if fresh.VerifyHostname("mfa.example.edu") != nil || fresh.SerialNumber.Cmp(leafOf(t, old).SerialNumber) == 0 {
		t.Errorf("names %v", fresh.DNSNames)
	}
	if _, err := fresh.Verify(x509.VerifyOptions{Roots: pool(t, old.CAFile), DNSName: "mfa.example.edu"}); err != nil {
		t.Error(err)
	}
	o.Names = []string{"localhost", "mfa.example.edu", "localhost"}
	if leafOf(t, local(t, o)).SerialNumber.Cmp(fresh.SerialNumber) != 0 {
		t.Error("the same names in another order made another certificate")
	}
}

func TestDamagedLeafFilesAreMadeAnew(t *testing.T) {
	for _, name := range []string{"tls.pem", "tls-key.pem"} {
		for what, spoil := range map[string]func(string) error{
			"missing":   os.Remove,
			"truncated": func(path string) error { os.Chmod(path, 0o600); return os.Truncate(path, 20) },
		} {
			dir, c := t.TempDir(), newClock()
			old := leafOf(t, local(t, demo(dir, c)))
			if err := spoil(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if leafOf(t, local(t, demo(dir, c))).SerialNumber.Cmp(old.SerialNumber) == 0 {
				t.Errorf("%s %s: nothing was made", name, what)
			}
		}
	}
}

func TestTheAuthorityIsNeverReplacedSilently(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := local(t, demo(dir, c))
	key := filepath.Join(dir, "ca-key.pem")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if leafOf(t, local(t, demo(dir, c))).SerialNumber.Cmp(leafOf(t, s).SerialNumber) != 0 {
		t.Error("a missing key matters before it is needed")
	}
	old := leafOf(t, s)
	c.add(380 * day)
	if leafOf(t, s).SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Error("renewed without a key")
	}
	_, err := tlscert.Local(demo(dir, c))
	if err == nil || !strings.Contains(err.Error(), "ca-key.pem") || !strings.Contains(err.Error(), "restore") {
		t.Error(err)
	}
	if err := os.WriteFile(s.CAFile, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tlscert.Local(demo(dir, c)); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Error(err)
	}
}

func TestACrashAtTheVeryFirstStartIsForgotten(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	if err := os.WriteFile(filepath.Join(dir, "ca-key.pem"), []byte("half a k"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := leafOf(t, local(t, demo(dir, c))).VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
}

func TestNearTheEndOfTheAuthorityCertificatesEndWithItAndAfterwardsTheErrorSaysWhatToDo(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := local(t, demo(dir, c))
	c.add(3640 * day)
	last := leafOf(t, s)
	if left := last.NotAfter.Sub(c.now()); left <= 0 || left > 30*day {
		t.Errorf("ends in %v", left)
	}
	if leafOf(t, s).SerialNumber.Cmp(last.SerialNumber) != 0 {
		t.Error("every handshake makes a certificate")
	}
	c.add(40 * day)
	if _, err := tlscert.Local(demo(dir, c)); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Error(err)
	}
}

func TestACertificateForNothingIsAnError(t *testing.T) {
	if _, err := tlscert.Local(tlscert.LocalOptions{Dir: t.TempDir(), Now: newClock().now}); err == nil {
		t.Error("no error")
	}
}
