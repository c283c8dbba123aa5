package tlscert_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/server/tlscert"
)

// issued makes a certificate for name in a folder of its own.
func issued(t *testing.T, name string, c *clock) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	local(t, tlscert.LocalOptions{Dir: dir, Names: []string{name, "localhost"}, Now: c.now})
	return filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tls-key.pem")
}

func install(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

func TestNewFilesAreServedWithoutDroppingConnections(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	cert, key := filepath.Join(dir, "site.pem"), filepath.Join(dir, "site.key")
	oldCert, oldKey := issued(t, "old.example.edu", c)
	newCert, newKey := issued(t, "new.example.edu", c)
	install(t, oldCert, cert)
	install(t, oldKey, key)
	s, err := tlscert.Files(tlscert.FileOptions{CertFile: cert, KeyFile: key, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+serve(t, s), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	names := func() string { return leafOf(t, s).DNSNames[0] }

	install(t, newCert, cert) // the key still is the old one
	c.add(2 * time.Second)
	if names() != "old.example.edu" {
		t.Error("half a pair was taken")
	}
	install(t, newKey, key)
	if names() != "old.example.edu" {
		t.Error("the files are read at every handshake")
	}
	c.add(2 * time.Second)
	if names() != "new.example.edu" {
		t.Error("the new pair was not taken")
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	c.add(2 * time.Second)
	if names() != "new.example.edu" {
		t.Error("a missing file took the certificate away")
	}
	install(t, oldCert, cert)
	install(t, oldKey, key)
	c.add(2 * time.Second)
	if names() != "old.example.edu" {
		t.Error("the pair that came back was not taken")
	}

	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the old connection: %v", err)
	}
}

// A certificate that clients refuse is served all the same, and the log reports it: the next one may replace it any time.
func TestACertificateThatClientsWillNotTakeIsNamedInTheLog(t *testing.T) {
	c, log := newClock(), &strings.Builder{}
	cert, key := issued(t, "a.example.edu", c)
	files := func(names ...string) string {
		t.Helper()
		log.Reset()
		o := tlscert.FileOptions{CertFile: cert, KeyFile: key, Names: names, Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil))}
		if _, err := tlscert.Files(o); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	if text := files("a.example.edu", "localhost"); text != "" {
		t.Errorf("a good one: %s", text)
	}
	if text := files("a.example.edu", "b.example.edu"); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "name=b.example.edu") || strings.Count(text, "\n") != 1 {
		t.Errorf("another name: %s", text)
	}
	c.add(10 * 365 * 24 * time.Hour)
	if text := files("a.example.edu"); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "not_after=") || strings.Count(text, "\n") != 1 {
		t.Errorf("one that ended: %s", text)
	}
}

func TestFilesThatCannotBeUsedAtTheStartAreNamed(t *testing.T) {
	c := newClock()
	cert, _ := issued(t, "a.example.edu", c)
	_, other := issued(t, "b.example.edu", c)
	for _, key := range []string{other, "/does/not/exist.key"} {
		_, err := tlscert.Files(tlscert.FileOptions{CertFile: cert, KeyFile: key, Now: c.now})
		if err == nil || !strings.Contains(err.Error(), cert) || !strings.Contains(err.Error(), key) {
			t.Error(err)
		}
	}
}
