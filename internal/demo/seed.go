package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	duo "github.com/duosecurity/duo_universal_golang/duouniversal"

	"countersign/internal/adapter/mail"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/server"
	"countersign/internal/site/web"
)

// password is the password of every sample person at the sample applications.
const password = "demo"

// Names of sample applications that are used in more than one place.
const (
	payrollName = "Payroll of Northfield University"
	serversName = "Servers of Northfield University"
)

// seeds are the applications that the demo starts with: one of each type for which there is a client.
var seeds = []struct {
	name string
	kind application.Type
}{
	{payrollName, application.TypeWebSDK},
	{"Benefits of Northfield University", application.TypeWebSDK2},
	{"VPN of Northfield University", application.TypeAuthAPI},
	{serversName, application.TypeUnix},
}

// samples are the people that the demo starts with.
var samples = []struct {
	name, realName string
	known          bool   // exists in the directory from the start
	phone          string // name of the phone that is paired at the start; "": none
	disabled       bool
	locked         bool
}{
	{name: "ana", realName: "Ana Ruiz", known: true, phone: "Ana's phone"},
	{name: "ben", realName: "Ben Okafor", known: true, phone: "Ben's phone"},
	{name: "cy"},
	{name: "dora", realName: "Dora Lindqvist", known: true},
	{name: "eve", realName: "Eve Marsh", known: true, disabled: true},
	{name: "finn", realName: "Finn Oduya", known: true, locked: true},
}

// stage holds everything of the demo that is not the product itself.
type stage struct {
	place  *place
	CAFile string      // of the local authority, for the client library
	Inbox  *mail.Inbox // gets the mail instead of a mail server
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger

	server *server.Server // set by groups
	app    Application    // the first: Payroll
	apps   []Application  // all, in the order of seeds
	phones *virtual
}

// groups creates the sample data and returns the demo's own pages and applications for the server's router. The server
// calls it once, when everything else is wired.
func (st *stage) groups(s *server.Server) ([]server.Group, error) {
	st.server = s
	ctx := context.Background() // only a few rows are written
	if err := st.seedApplications(ctx); err != nil {
		return nil, err
	}
	if err := st.seedPeople(ctx); err != nil {
		return nil, err
	}
	origin, err := url.Parse(st.place.Config.PublicURL)
	if err != nil {
		return nil, err
	}
	trusting, err := trust(st.CAFile)
	if err != nil {
		return nil, err
	}
	client, err := duo.NewClient(st.app.ClientID, st.app.ClientSecret, st.app.APIHost, origin.String()+"/sample/callback", duo.WithHTTPClient(trusting))
	if err != nil {
		return nil, err
	}
	st.phones = &virtual{Dir: filepath.Join(st.place.Dir, "phones"), Origin: origin.String(), Client: &http.Client{Timeout: time.Minute}, Now: st.Now}
	if err := st.phones.open(); err != nil {
		return nil, err
	}
	everybody := func() []Person { return st.people(context.Background()) }
	sample := &payroll{Client: client, Origin: origin, People: everybody, Cookies: web.Cookies{Plain: true},
		Style: func() (string, error) { return s.Assets.Path("sample.css") }, Rand: st.Rand, Now: st.Now, Log: st.Log}
	benefits := &benefits{App: st.apps[1], Origin: origin.String(), People: everybody, Assets: s.Assets, Now: st.Now, Log: st.Log}
	own := &pages{Site: s.Site, Inbox: st.Inbox, Phones: st.phones, People: everybody, Now: st.Now}
	mux := http.NewServeMux()
	sample.routes(mux)
	benefits.routes(mux)
	own.routes(mux)
	return []server.Group{
		{At: []string{"/{$}"}, Name: "demo", Handler: mux, Browser: true, Routes: []server.Route{{Method: "GET", Pattern: "/", Name: "what this is"}}},
		{At: []string{"/demo/"}, Name: "demo", Handler: mux, Browser: true, Routes: []server.Route{{Pattern: "/demo/", Name: "inbox and virtual phones"}}},
		{At: []string{"/sample/"}, Name: "demo", Handler: mux, Browser: true, Routes: []server.Route{{Pattern: "/sample/", Name: "the sample application"}}},
	}, nil
}

// seedApplications finds or creates the sample applications. On the first run it also sets who gets reports.
func (st *stage) seedApplications(ctx context.Context) error {
	all, err := st.server.Directory.Applications(ctx)
	if err != nil {
		return err
	}
	for _, seed := range seeds {
		a, err := st.seedApplication(ctx, seed.name, seed.kind, all)
		if err != nil {
			return fmt.Errorf("sample application %s: %w", seed.name, err)
		}
		st.apps = append(st.apps, a)
	}
	st.app = st.apps[0]
	if len(all) > 0 {
		return nil // not the first run: an operator may have changed the settings
	}
	reports := "security@northfield.example"
	_, err = st.server.Directory.SetSettings(ctx, actor, directory.SettingsChange{FraudEmail: &reports})
	return err
}

// seedApplication finds the application in all by its name, or creates it.
func (st *stage) seedApplication(ctx context.Context, name string, kind application.Type, all []application.Application) (Application, error) {
	found := Application{Name: name, Type: string(kind), APIHost: st.place.Config.APIHosts[0]}
	for _, a := range all {
		if a.Name != name {
			continue
		}
		plain, err := st.server.Keys.Open(application.SecretPurpose, a.ID, a.Secret)
		found.ClientID, found.ClientSecret = a.ID, string(plain)
		found.AKEY = st.akey(kind, a.ID)
		return found, err
	}
	yes, enroll := kind != application.TypeAuthAPI && kind != application.TypeUnix, policy.NewUserEnroll
	a, plain, err := st.server.Directory.AddApplication(ctx, actor, kind, directory.ApplicationChange{
		Name: &name, SelfService: &yes, Policy: directory.PolicyChange{NewUser: &enroll}})
	found.ClientID, found.ClientSecret = a.ID, plain.Reveal()
	found.AKEY = st.akey(kind, a.ID)
	return found, err
}

// akey is the key that an application with Web SDK v2 makes for itself and tells nobody; "" for other applications. The
// demo derives it, so that it is the same in every run.
func (st *stage) akey(kind application.Type, clientID string) string {
	if kind != application.TypeWebSDK2 {
		return ""
	}
	return hex.EncodeToString(st.server.Keys.Digest("demo-akey", clientID))
}

// actor stands in the log of administrator actions.
var actor = audit.Actor{Kind: audit.KindCommandLine, Name: "demo"}

// seedPeople creates the sample people who do not exist. It does not change those who do.
func (st *stage) seedPeople(ctx context.Context) error {
	for _, s := range samples {
		if !s.known {
			continue
		}
		email := s.name + "@northfield.example"
		change := directory.UserChange{RealName: &s.realName, Email: &email}
		if s.disabled {
			status := user.Disabled
			change.Status = &status
		}
		u, err := st.server.Directory.AddUser(ctx, actor, s.name, change)
		if errors.Is(err, user.ErrNameTaken) {
			continue
		}
		if err == nil && s.locked {
			err = st.server.DB.Write(ctx, func(db flow.Store) error {
				_, err := db.LockOut(ctx, u.ID, st.Now())
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("sample person %s: %w", s.name, err)
		}
	}
	return nil
}

// enrollSamples pairs the virtual phones of the sample people who start with one, over the network.
func (st *stage) enrollSamples(ctx context.Context, s *server.Server) error {
	for _, p := range samples {
		if p.phone == "" {
			continue
		}
		u, err := s.DB.Read().UserByName(ctx, p.name)
		if err != nil {
			return err
		}
		if !u.FirstEnrolled.IsZero() {
			continue // an earlier run has done it, and the phone may be gone since then
		}
		if err := st.enroll(ctx, u, p.phone); err != nil {
			return fmt.Errorf("sample phone of %s: %w", p.name, err)
		}
	}
	return nil
}

// enroll does what a person does at the first sign-in: the sign-in shows a pairing code, a phone claims it, and the
// first request on the phone is approved with the number on the sign-in page.
func (st *stage) enroll(ctx context.Context, u user.User, phoneName string) error {
	app, err := st.server.Directory.Application(ctx, st.app.ClientID)
	if err != nil {
		return err
	}
	begun, err := st.server.SignIn.Begin(ctx, signin.Request{Door: actor.Name, Application: app, Username: u.Username, IP: netip.IPv6Loopback(), UserAgent: "demo"})
	if err != nil {
		return err
	}
	shown, err := st.server.Enroll.Pair(ctx, enroll.Owner{LoginID: begun.Login.ID}, enroll.Subject{Purpose: activation.Enroll, UserID: u.ID})
	if err != nil {
		return err
	}
	d, err := st.phones.pair(ctx, shown.Link, phoneName)
	if err != nil {
		return err
	}
	first, err := d.Find(ctx, "")
	if err != nil {
		return err
	}
	on, err := st.server.DB.Read().TransactionByID(ctx, first.Transaction) // for the number that the sign-in page shows
	if err != nil {
		return err
	}
	if _, err = d.Approve(ctx, first.Transaction, on.Number); err != nil {
		return err
	}
	// The sign-in asks for a spare phone next. The sample person answers "Later".
	now, err := st.server.SignIn.Resume(ctx, begun.Login.ID, begun.Cookie)
	if err != nil {
		return err
	}
	return st.server.SignIn.LaterSpare(ctx, now)
}

// people lists the sample people with their present state.
func (st *stage) people(ctx context.Context) []Person {
	list := make([]Person, 0, len(samples))
	for _, s := range samples {
		p := Person{Username: s.name, Password: password, Note: "demo.person.new"}
		detail, err := st.server.Directory.User(ctx, s.name)
		switch {
		case err != nil: // not known yet
		case detail.User.Status == user.Disabled:
			p.Note = "demo.person.disabled"
		case detail.User.Status == user.LockedOut:
			p.Note = "demo.person.locked"
		case len(detail.Phones) > 0:
			p.Note = "demo.person.enrolled"
		}
		p.Enrolled = len(detail.Phones) > 0
		list = append(list, p)
	}
	return list
}

// trust makes an HTTP client that trusts the demo's own authority, whose certificate is in caFile.
func trust(caFile string) (*http.Client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}}, nil
}
