package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func configuration(dir string) config.Config {
	c := config.Default(dir)
	c.PublicURL, c.APIHosts, c.Push.Subject = "https://sign.example.edu", []string{"sign.example.edu", "api.example.edu:8443"}, "mailto:it@example.edu"
	return c
}

func open(t *testing.T, c config.Config) (*server.Server, error) {
	t.Helper()
	s, err := server.Open(t.Context(), c, server.Options{Deadline: time.Minute})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func TestAWrongMasterKeyRefusesTheStart(t *testing.T) {
	c := configuration(t.TempDir())
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	other := configuration(t.TempDir())
	o, err := open(t, other)
	if err != nil {
		t.Fatal(err)
	}
	o.Close()
	c.MasterKeyFile = other.MasterKeyFile
	if _, err := open(t, c); !errors.Is(err, server.ErrWrongKey) {
		t.Errorf("with another database's key: %v", err)
	}
}

func TestAMissingMasterKeyIsNeverReplaced(t *testing.T) {
	c := configuration(t.TempDir())
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Remove(c.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, c); !errors.Is(err, server.ErrKeyMissing) {
		t.Errorf("without the key file: %v", err)
	}
	if _, err := os.Stat(c.MasterKeyFile); !errors.Is(err, os.ErrNotExist) {
		t.Error("a new key was made for a database that has one")
	}
}

func TestOnlyTheConfiguredNamesAreAnswered(t *testing.T) { // AC-044
	s, err := open(t, configuration(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"sign.example.edu": 404, "sign.example.edu:443": 404, "SIGN.example.edu": 404, "api.example.edu:8443": 404, "api.example.edu": 404,
		"sign.example.edu:8443": 421, "evil.example": 421, "sign.example.edu.evil.example": 421, "127.0.0.1": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/nothing-here", nil)
		r.Host = host
		r.Header.Set("X-Forwarded-Host", "sign.example.edu")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: status %d, want %d", host, w.Code, want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "10.0.0.7:443"
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%s by address: %d", path, w.Code)
		}
	}
}

// A program gets an answer in its own format also when the host or the path does not exist here.
func TestProgramsAreRefusedInTheirOwnForm(t *testing.T) {
	s, err := open(t, configuration(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host, path string
		code       int
	}{
		{"api.example.edu", "//auth/v2/preauth", 40401}, {"api.example.edu", "/auth/v2/../v2/preauth", 40401}, {"api.example.edu", "/x/../rest/v1/preauth", 40401},
		{"api.example.edu", "/auth//v2/preauth", 40401}, {"api.example.edu", "//rest/v1/preauth.bson", 40401},
		{"evil.example", "/auth/v2/preauth", 42101}, {"evil.example", "//rest/v1/preauth", 42101},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Host, r.URL.Path, r.RequestURI = c.host, c.path, c.path
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if want := fmt.Sprintf(`"code":%d,`, c.code); w.Code != c.code/100 || !strings.Contains(w.Body.String(), want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s%s: %d %s %s", c.host, c.path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestBehindAProxyNobodyElseMaySpeakPlainHTTP(t *testing.T) { // AC-045
	c := configuration(t.TempDir())
	c.TLS.Mode = config.TLSProxy
	c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix("192.0.2.0/24"))
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	for peer, want := range map[string]int{"192.0.2.7:4711": 404, "198.51.100.9:4711": 403} {
		r := httptest.NewRequest("GET", "/nothing-here", nil)
		r.Host, r.RemoteAddr = "sign.example.edu", peer
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); w.Code != want {
			t.Errorf("peer %s: status %d, want %d", peer, w.Code, want)
		}
	}
}

func TestEveryPostOfAPageIsRefusedFromAnotherSite(t *testing.T) { // AC-046
	p := testkit.Start(t)
	browser := p.Browser()
	checked := 0
	for _, route := range p.Routes() {
		if route.Method != "POST" || !strings.HasPrefix(route.Package, "site/") {
			continue
		}
		path := strings.NewReplacer("{id}", "x", "{token}", "x", "{code}", "x").Replace(route.Pattern)
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			r, err := http.NewRequest("POST", p.URL+path, strings.NewReader("a=b"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set(header[0], header[1])
			answer, err := browser.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %s %s: %d", path, header[0], header[1], answer.StatusCode)
			}
			checked++
		}
	}
	if checked < 10 {
		t.Errorf("only %d requests were checked; the list of routes is short", checked)
	}
}

func TestEveryListedRouteIsServed(t *testing.T) {
	p := testkit.Start(t)
	client := p.Browser()
	for _, route := range p.Routes() {
		if strings.Contains(route.Pattern, "wait") || route.Method == "" {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{file}", "x.css", "{file...}", "x.js").Replace(route.Pattern)
		path = strings.NewReplacer("{id}", "x", "{token}", "x", "{code}", "x", "{phone}", "x").Replace(path)
		r, err := http.NewRequest(route.Method, p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode >= 500 || answer.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("%s %s (%s): %d", route.Method, path, route.Package, answer.StatusCode)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if answer.Header.Get(name) == "" {
				t.Errorf("%s %s has no %s", route.Method, path, name)
			}
		}
	}
}

func TestHugeHeadersAndBodiesAreRefusedWithoutServerError(t *testing.T) { // AC-077
	p := testkit.Start(t)
	client := p.Browser()
	r, _ := http.NewRequest("GET", p.URL+"/nothing-here", nil)
	r.Header.Set("X-Long", strings.Repeat("a", 80<<10))
	answer, err := client.Do(r)
	if err == nil {
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("80 KiB of headers: %d", answer.StatusCode)
		}
	}
	for _, path := range []string{"/oauth/v1/token", "/phone/v1/activations", "/prompt/x/code", "/enroll/x"} {
		answer, err := client.Post(p.URL+path, "application/x-www-form-urlencoded", io.LimitReader(zeros{}, 8<<20))
		if err != nil {
			continue // cut while it was still sending
		}
		answer.Body.Close()
		if answer.StatusCode < 400 || answer.StatusCode >= 500 {
			t.Errorf("8 MiB to %s: %d", path, answer.StatusCode)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	copy(b, bytes.Repeat([]byte("0"), len(b)))
	return len(b), nil
}

func TestStoppingEndsWaitingRequestsSoonAndIsNotReadyAtOnce(t *testing.T) { // AC-081
	entered := make(chan struct{})
	p := testkit.Start(t, testkit.WithOptions(func(o *server.Options) {
		o.Groups = func(*server.Server) ([]server.Group, error) {
			return []server.Group{{Name: "test", At: []string{"/wait"}, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(entered)
				<-r.Context().Done()
			})}}, nil
		}
	}))
	waited := make(chan error, 1)
	client := p.Client()
	go func() {
		answer, err := client.Get(p.URL + "/wait")
		if err == nil {
			answer.Body.Close()
		}
		waited <- err
	}()
	<-entered
	began := time.Now()
	p.Stop()
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("stopping took %s with one page waiting", took)
	}
	<-waited
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/readyz", nil)
	if p.Handler().ServeHTTP(w, r); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readiness while stopping: %d", w.Code)
	}
}

func TestTheProgramRunsOnBothDatabases(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		p := testkit.Start(t, database)
		answer, err := p.Client().Get(p.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
			t.Errorf("readiness: %d over %s", answer.StatusCode, answer.Proto)
		}
		u := p.User("ana")
		if d := p.Phone(u, "Ana's phone"); d.Account().Username != "ana" {
			t.Errorf("account %+v", d.Account())
		}
	})
}

func TestAReaderThatStallsDoesNotBlockOthers(t *testing.T) { // AC-077
	p := testkit.Start(t)
	idle, err := net.Dial("tcp", strings.TrimPrefix(p.Config.Listen, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	answer, err := p.Client().Get(p.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

func TestTheKeyFileIsReadableByItsOwnerOnly(t *testing.T) {
	c := configuration(t.TempDir())
	if _, err := open(t, c); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(c.DataDir, "master.key"))
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
