// Package testkit starts the whole program for tests, on a free port. The database and TLS are real, with a local
// certificate authority. The test can set the clock forward, mail goes to an inbox, phones speak the phone protocol,
// and a browser without a screen reads the pages.
package testkit

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/client/phone"
	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
	"countersign/internal/testkit/dbtest"
)

// Program is one running instance on loopback.
type Program struct {
	*server.Server
	URL     string // origin of the pages and API: https://localhost:PORT
	APIHost string // localhost:PORT
	CAFile  string // certificate of the local authority, PEM
	Clock   *Clock
	Inbox   *mail.Inbox
	Log     *Log

	t    testing.TB
	pool *x509.CertPool
	stop func()
}

// Option changes how a program starts.
type Option func(*setup)

// setup is what options change.
type setup struct {
	dir       string
	postgres  string
	configure []func(*config.Config)
	options   server.Options
	clock     *Clock
}

// OnPostgreSQL uses a new PostgreSQL database instead of SQLite. It is dropped when the test ends.
func OnPostgreSQL(t testing.TB) Option {
	url := dbtest.PostgreSQLAddress(t)
	return func(s *setup) { s.postgres = url }
}

// InFolder keeps the data in dir, for tests that start a second program on the same data.
func InFolder(dir string) Option { return func(s *setup) { s.dir = dir } }

// WithClock uses a given clock, for programs that share one.
func WithClock(c *Clock) Option { return func(s *setup) { s.clock = c } }

// Configure changes the configuration before the program starts.
func Configure(change func(*config.Config)) Option {
	return func(s *setup) { s.configure = append(s.configure, change) }
}

// WithOptions changes the server's options. Start overwrites Now and Log, and sets Deadline and Sender if they are
// zero.
func WithOptions(change func(*server.Options)) Option {
	return func(s *setup) { change(&s.options) }
}

// EachDatabase runs a test on SQLite and on PostgreSQL, as subtests.
func EachDatabase(t *testing.T, test func(t *testing.T, database Option)) {
	t.Run("sqlite", func(t *testing.T) { test(t, func(*setup) {}) })
	t.Run("postgres", func(t *testing.T) { test(t, OnPostgreSQL(t)) })
}

// Start starts a program with a new database, default settings and a SQLite file in a temporary folder, unless the
// options say otherwise. It is stopped and closed when the test ends.
func Start(t testing.TB, opts ...Option) *Program {
	t.Helper()
	s := &setup{clock: &Clock{}}
	for _, o := range opts {
		o(s)
	}
	fresh := s.dir == ""
	if fresh {
		s.dir = t.TempDir()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := &Program{t: t, Clock: s.clock, Inbox: &mail.Inbox{Now: s.clock.Now}, Log: &Log{}, APIHost: "localhost:" + port, URL: "https://localhost:" + port}

	c := config.Default(s.dir)
	c.Listen, c.PublicURL = l.Addr().String(), p.URL
	c.APIHosts = []string{p.APIHost, "127.0.0.1:" + port}
	c.Database.URL = secret.NewText(s.postgres)
	c.Push.Subject = "mailto:it@example.edu"
	for _, change := range s.configure {
		change(&c)
	}
	if fresh && c.Database.URL.Empty() {
		dbtest.SQLiteFile(t, c.SQLiteFile()) // migrated already: that takes longer than most tests
	}
	cert, err := tlscert.Local(tlscert.LocalOptions{Dir: filepath.Join(s.dir, "tls"), Names: tlscert.DemoNames, IPs: tlscert.DemoIPs, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	p.CAFile = cert.CAFile
	p.pool = pool(t, cert.CAFile)

	o := s.options
	o.Now, o.Log = s.clock.Now, slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Deadline == 0 {
		o.Deadline = time.Minute
	}
	if o.Sender == nil {
		o.Sender = server.InboxSender("countersign <noreply@example.edu>", p.Inbox)
	}
	if p.Server, err = server.Open(t.Context(), c, o); err != nil {
		l.Close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, server.Listen{Listener: l, TLS: cert.Config()}) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

// Stop stops and closes the program before the test ends. Further calls do nothing.
func (p *Program) Stop() { p.stop() }

// pool returns a pool of the certificates in a PEM file.
func pool(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", file)
	}
	return pool
}

// Client returns an HTTP client that trusts the program's certificate.
func (p *Program) Client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// Browser returns a client with a cookie jar that returns redirects instead of following them.
func (p *Program) Browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c := p.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// App adds a Web SDK application and returns it with its secret in plain text. Self-service is on and new users are
// enrolled. change may alter that before.
func (p *Program) App(name string, change ...func(*directory.ApplicationChange)) (application.Application, string) {
	p.t.Helper()
	yes, enroll := true, policy.NewUserEnroll
	c := directory.ApplicationChange{Name: &name, SelfService: &yes, Policy: directory.PolicyChange{NewUser: &enroll}}
	for _, f := range change {
		f(&c)
	}
	a, plain, err := p.Directory.AddApplication(p.t.Context(), directory.CommandLine, application.TypeWebSDK, c)
	if err != nil {
		p.t.Fatal(err)
	}
	return a, plain.Reveal()
}

// User adds a user with the mail address name@example.edu.
func (p *Program) User(name string) user.User {
	p.t.Helper()
	email := name + "@example.edu"
	u, err := p.Directory.AddUser(p.t.Context(), directory.CommandLine, name, directory.UserChange{Email: &email})
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// Phone pairs one more phone with a user, through the phone protocol.
func (p *Program) Phone(u user.User, name string) *phone.Device {
	p.t.Helper()
	d, err := phone.Pair(p.t.Context(), p.PairingCode(u), phone.Options{HTTPClient: p.Client(), Name: name, Platform: "Test", Now: p.Clock.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// PairingCode returns a link that adds one phone to a user, as the device portal shows it. The portal session it
// belongs to is written straight to the database, with the proof of a used code of the help desk.
func (p *Program) PairingCode(u user.User) string {
	p.t.Helper()
	now := p.Clock.Now()
	used := bypass.Code{ID: id.Key(rand.Reader, id.BypassCode), UserID: u.ID, Digest: []byte(id.Token(rand.Reader, 32)), Created: now}
	s := session.Session{ID: id.Key(rand.Reader, "DS"), Digest: []byte(id.Token(rand.Reader, 32)), UserID: u.ID,
		ApplicationID: application.PortalID, Proved: now, Proof: account.Proof{Factor: audit.FactorBypassCode, Authenticator: used.ID, Epoch: u.Epoch}, ChangesLeft: session.Unlimited, Created: now, Seen: now, Expires: now.Add(session.Life)}
	if err := p.DB.Write(p.t.Context(), func(st flow.Store) error {
		return errors.Join(st.CreateBypassCode(p.t.Context(), used), st.CreateSession(p.t.Context(), s))
	}); err != nil {
		p.t.Fatal(err)
	}
	shown, err := p.Enroll.Pair(p.t.Context(), enroll.Owner{SessionID: s.ID}, enroll.Subject{Purpose: activation.Add, UserID: u.ID})
	if err != nil {
		p.t.Fatal(err)
	}
	return shown.Link
}

// Callback serves the redirect address of an application until the test ends. arrived receives the requests; it
// holds 16, and more are dropped.
func (p *Program) Callback() (url string, arrived <-chan *http.Request) {
	p.t.Helper()
	ch := make(chan *http.Request, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case ch <- r:
		default:
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	p.t.Cleanup(s.Close)
	return s.URL + "/callback", ch
}
