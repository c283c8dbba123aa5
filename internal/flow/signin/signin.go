package signin

import (
	"io"
	"log/slog"
	"net/netip"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Needs are what a Flow is built of. Who builds one keeps them: a Flow shows none of it.
type Needs struct {
	DB        flow.Part[Store]
	Keys      *secret.Keyring
	Bell      flow.Bell
	Doorbell  flow.Doorbell // may be nil: no alerts, phones poll
	Notices   flow.Notices
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	PublicURL string // scheme and host of the pages and the phone app
}

// Flow is the one sign-in flow. Every door calls it; no door decides anything itself.
type Flow struct {
	db        flow.Part[Store]
	keys      *secret.Keyring
	bell      flow.Bell
	doorbell  flow.Doorbell
	notices   flow.Notices
	now       func() time.Time
	rand      io.Reader
	logger    *slog.Logger
	publicURL string
	turns     turns
}

// New builds a Flow.
func New(n Needs) *Flow {
	return &Flow{db: n.DB, keys: n.Keys, bell: n.Bell, doorbell: n.Doorbell, notices: n.Notices, now: n.Now,
		rand: n.Rand, logger: n.Log, publicURL: n.PublicURL}
}

// Request is what a door knows about a sign-in before any second proof: its own check of the
// caller is done.
type Request struct {
	Door        string                  // name under which the door takes the login back
	DoorState   []byte                  // the door's JSON, at most 8 KiB
	Application application.Application // already verified by the door
	Username    string                  // as presented
	UserID      account.ID              // instead of Username, for doors that know the account (enrollment links)
	Kind        account.Kind            // with UserID: whose account it must be; a person's, unless said otherwise
	Invitation  string                  // ID of the enrollment link that the door holds: enrolling is its purpose (C-09)
	Proving     bool                    // doors without a browser: the call brings a proof, an earlier one opened the sign-in
	Remembered  secret.Text             // what this browser keeps for the application since it was remembered; empty = nothing
	IP          netip.Addr
	UserAgent   string
}

// Opening is a login just begun.
type Opening struct {
	Login  login.Login
	Cookie secret.Text // the browser keeps it; its digest is in the login
}

// Session is a login with everything a page or decision needs, read afresh for each request.
type Session struct {
	Login       login.Login
	Application application.Application
	Settings    settings.Settings
	Policy      policy.Policy           // effective
	User        user.User               // zero value while the person has no user row
	Ways        []Way                   // usable now, strongest first
	Phones      []phone.Phone           // of the user, oldest first
	DeskCodes   []string                // IDs of the help desk's codes for them
	Weak        bool                    // the person has ways in, and none is strong enough for the device pages
	Codeless    bool                    // no bypass code of the user has a use left
	Transaction transaction.Transaction // the one on show; zero when none
	Read        time.Time               // when that was read
}

// as gives the session under what a snapshot says of application, settings and person; the login and its request stay.
func (s Session) as(v flow.Snapshot) Session {
	s.Application, s.Settings, s.User, s.Phones, s.DeskCodes, s.Codeless = v.Application, v.Settings, v.User, v.Phones, v.DeskCodes, v.Codeless
	s.Policy = policy.Effective(s.Settings.Policy, s.Application.Policy)
	s.Ways = factor.Ways(s.owner())
	return s
}

// Person is whose sign-in it is.
func (s Session) Person() flow.Person {
	return flow.Person{User: s.User, Phones: s.Phones, DeskCodes: s.DeskCodes, Application: s.Application, Policy: s.Policy, Settings: s.Settings}
}

// Result is what an application learns when it collects a finished login.
type Result struct {
	Login       login.Login
	Application application.Application
	User        user.User // zero value for an unenrolled person let through
	Event       string    // audit event type
	Device      string    // name of the second device, "" when none
	Time        time.Time // when it was decided
}

// Progress is what a waiting page shows.
type Progress struct {
	Version     int64
	Stage       login.Stage
	Transaction transaction.Transaction // zero when none
	Proof       account.Proof           // by which it was allowed
	Manage      account.Proof           // that for device management
	ManageProof time.Time               // when a proof for device management succeeded; zero when none waits to be taken
}
