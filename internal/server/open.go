package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"countersign/internal/adapter/webpush"
	"countersign/internal/api/hosts"
	"countersign/internal/api/outage"
	"countersign/internal/base/id"
	"countersign/internal/base/message"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/mobile"
	"countersign/internal/flow/notice"
	"countersign/internal/flow/signin"
	"countersign/internal/server/config"
	"countersign/internal/server/listener"
	"countersign/internal/site/web"
)

// Options are the settings that do not come from the configuration. The zero value is right for a real server.
type Options struct {
	Now    func() time.Time // nil: the machine's clock
	Rand   io.Reader        // nil: the system's randomness
	Log    *slog.Logger     // nil: slog.Default
	Sender notice.Sender    // nil: the configured mail server
	HSTS   bool             // send Strict-Transport-Security (RFC 6797)

	// MustExist refuses an empty database: no file, schema or key is created. Run sets it.
	MustExist bool

	// Deadline is how long signed calls may take that wait for nobody; 0: two seconds, which is what clients that fail open
	// wait for. Tests that do not ask for it give more, so that they do not measure the machine.
	Deadline time.Duration

	// Farewell is how long callers on kept connections are told to go before those are closed; 0: a second.
	Farewell time.Duration

	// Connections is how many connections the server holds, and how many streams; 0: as many as the limit of open files allows.
	Connections int
	limiter     *listener.Limiter // shared with another Server of the process; nil: one of its own

	// Elsewhere are other host:port names of the pages; visitors are sent on to the public address.
	Elsewhere []string

	// Files are folders of further templates and static files, and Groups further addresses:
	// the demo's.
	Files  []fs.FS
	Groups func(*Server) ([]Group, error)
}

// Server is one instance with everything wired. It does not listen before Serve.
type Server struct {
	Config    config.Config
	Log       *slog.Logger
	DB        flow.DB
	Keys      *secret.Keyring
	Bell      flow.Bell
	Desk      *notice.Desk
	SignIn    *signin.Flow
	Enroll    *enroll.Flow
	Devices   *devices.Flow
	Mobile    *mobile.Flow
	Directory *directory.Flow
	Push      *webpush.Doorbell
	Assets    *web.Assets
	Site      *web.Site // the funnel of pages: messages and their looks

	now        func() time.Time
	rand       io.Reader
	hsts       bool
	deadline   time.Duration
	farewell   time.Duration
	limiter    *listener.Limiter
	hosts      *hostNames
	health     health
	outage     *outage.Monitor
	failModes  *hosts.Recorder
	requestLog web.RequestLog
	cookies    web.Cookies
	mux        *http.ServeMux
	groups     []Group
	closers    []func() error
}

// Open builds an instance in this order: database and bell, keys, mail, flows, doors and pages. A master key that does
// not belong to the database is refused: ErrWrongKey or ErrKeyMissing, with MustExist also ErrOtherDatabase and
// ErrNotSetUp. Other errors are those of Validate, ErrOccupied and those of the database. The caller closes the
// instance after Serve has returned.
func Open(ctx context.Context, c config.Config, o Options) (_ *Server, err error) {
	o = o.withDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Server{Config: c, Log: o.Log, now: o.Now, rand: o.Rand, hsts: o.HSTS, deadline: o.Deadline, farewell: o.Farewell,
		limiter: cmp.Or(o.limiter, newLimiter(c, o)), hosts: newHostNames(c.PublicURL, c.APIHosts, o.Elsewhere)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.openDatabase(ctx, o.MustExist); err != nil {
		return nil, err
	}
	keys := MakeKeys
	if o.MustExist {
		keys = OpenKeys
	}
	if s.Keys, err = keys(ctx, s.DB, c.MasterKeyFile); err != nil {
		return nil, err
	}
	if err := s.openPush(ctx); err != nil {
		return nil, err
	}
	if err := s.nameOrganization(ctx); err != nil {
		return nil, err
	}
	if err := s.keepPortal(ctx); err != nil {
		return nil, err
	}
	s.health.DB, s.health.Deadline = flow.PartOf[probe](s.DB), s.deadline
	s.outage = &outage.Monitor{Now: s.now, All: s.DB.Read().Applications}
	s.requestLog = web.RequestLog{Log: s.Log, Now: s.now, Rand: s.rand, Trusted: c.TrustedProxies}
	s.openFlows(o.Sender)
	return s, s.mount(o)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// The store of a database has every method that a flow names.
var (
	_ notice.Store    = flow.Store(nil)
	_ signin.Store    = flow.Store(nil)
	_ enroll.Store    = flow.Store(nil)
	_ mobile.Store    = flow.Store(nil)
	_ devices.Store   = flow.Store(nil)
	_ directory.Store = flow.Store(nil)
	_ probe           = flow.Store(nil)
)

// openFlows builds the flows. A nil sender means the configured mail server.
func (s *Server) openFlows(sender notice.Sender) {
	if sender == nil {
		sender = smtp(s.Config.Mail, s.now)
	}
	s.Desk = notice.New(notice.Needs{DB: flow.PartOf[notice.Store](s.DB), Keys: s.Keys, Bell: s.Bell, Rand: s.rand, Now: s.now, Log: s.Log,
		PublicURL: s.Config.PublicURL, Zone: s.Config.Organization.Zone(), Sender: sender})
	s.SignIn = signin.New(signin.Needs{DB: flow.PartOf[signin.Store](s.DB), Keys: s.Keys, Bell: s.Bell, Doorbell: s.doorbell(), Notices: s.Desk,
		Now: s.now, Rand: s.rand, Log: s.Log, PublicURL: s.Config.PublicURL})
	s.Enroll = enroll.New(enroll.Needs{DB: flow.PartOf[enroll.Store](s.DB), Keys: s.Keys, Bell: s.Bell, Notices: s.Desk,
		Now: s.now, Rand: s.rand, PublicURL: s.Config.PublicURL, Mails: enroll.MailQuota(), Newcomers: enroll.NewcomerQuota()})
	s.Mobile = mobile.New(mobile.Needs{DB: flow.PartOf[mobile.Store](s.DB), Keys: s.Keys, Bell: s.Bell, Doorbell: s.doorbell(), Notices: s.Desk, SignIn: s.SignIn,
		Guesses: mobile.GuessQuota(), Tests: mobile.TestQuota(),
		Now: s.now, Rand: s.rand, Log: s.Log, PublicURL: s.Config.PublicURL, VAPIDKey: s.Push.PublicKey})
	s.Devices = devices.New(devices.Needs{DB: flow.PartOf[devices.Store](s.DB), Keys: s.Keys, Bell: s.Bell, Notices: s.Desk, Alerts: s.Mobile,
		Now: s.now, Rand: s.rand})
	s.Directory = directory.New(directory.Needs{DB: flow.PartOf[directory.Store](s.DB), Keys: s.Keys, Now: s.now, Rand: s.rand, Bell: s.Bell,
		PublicURL: s.Config.PublicURL, Notices: s.Desk})
	s.failModes = &hosts.Recorder{Store: s.Directory, Now: s.now, Log: s.Log}
}

// vapidPair is the secret that settings.SecretVAPID names: the key pair by which push services know this instance (RFC
// 8292), as webpush.GenerateVAPID makes it. It is never replaced, because alerts to every phone would fail.
type vapidPair struct {
	Public  string `json:"public"`
	Private string `json:"private"`
}

// openPush loads the key pair, or makes it once, and builds the sender of alerts.
func (s *Server) openPush(ctx context.Context) error {
	plain, err := instanceSecret(ctx, s.DB, s.Keys, settings.SecretVAPID, func() ([]byte, error) {
		var p vapidPair
		p.Public, p.Private = webpush.GenerateVAPID(s.rand)
		return json.Marshal(p)
	})
	var pair vapidPair
	if err == nil {
		err = json.Unmarshal(plain, &pair)
	}
	if err != nil {
		return fmt.Errorf("the key pair for phone alerts: %w", err)
	}
	s.Push = &webpush.Doorbell{Subject: s.Config.Push.Subject, PublicKey: pair.Public, PrivateKey: secret.NewText(pair.Private),
		AllowHosts: s.Config.Push.AllowHosts, OwnHosts: s.Config.Hostnames()}
	return nil
}

// nameOrganization stores the configured name and help line in the settings. Values that an operator has set with a
// command stay.
func (s *Server) nameOrganization(ctx context.Context) error {
	now, err := s.DB.Read().LoadSettings(ctx)
	if err != nil || !s.name(&now) {
		return err
	}
	return s.DB.Write(ctx, func(st flow.Store) error {
		now, err := st.LockSettings(ctx) // an operator may have set them meanwhile
		if err != nil || !s.name(&now) {
			return err
		}
		return st.SaveSettings(ctx, now)
	})
}

// name fills in what the configuration says and nobody has set. It reports whether that changed anything.
func (s *Server) name(now *settings.Settings) bool {
	want, before := s.Config.Organization, *now
	if now.Organization == (settings.Settings{}).WithDefaults().Organization && want.Name != "" {
		now.Organization = want.Name
	}
	if now.Help == "" {
		now.Help = want.Help
	}
	return now.Organization != before.Organization || now.Help != before.Help
}

// keepPortal creates the application that stands for the product's own pages, unless it exists.
func (s *Server) keepPortal(ctx context.Context) error {
	_, err := s.DB.Read().ApplicationByID(ctx, application.PortalID)
	if !errors.Is(err, application.ErrUnknown) {
		return err
	}
	err = s.DB.Write(ctx, func(st flow.Store) error {
		if _, err := st.ApplicationByID(ctx, application.PortalID); !errors.Is(err, application.ErrUnknown) {
			return err // another node has created it
		}
		return st.CreateApplication(ctx, application.Application{
			ID: application.PortalID, Name: message.English().Text("portal.application"), Type: application.TypePortal, SelfService: true,
			Normalization: application.NormalizationNone, Created: s.now(),
			Secret: s.Keys.Seal(application.SecretPurpose, application.PortalID, []byte(id.ApplicationSecret(s.rand))),
		})
	})
	if err == nil {
		return nil
	}
	if _, now := s.DB.Read().ApplicationByID(ctx, application.PortalID); now == nil {
		return nil // two nodes started at the same time
	}
	return err
}

// Close closes the bell and the database and releases the data folder. A second call does nothing.
func (s *Server) Close() error {
	var all []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		all = append(all, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(all...)
}
