package signin

import (
	"context"
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
)

// Flow is the one sign-in flow. Every door calls it; no door decides anything itself.
type Flow struct {
	DB        flow.DB
	Keys      *secret.Keyring
	Bell      flow.Bell
	Doorbell  flow.Doorbell // may be nil: no alerts, phones poll
	Notices   flow.Notices
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	PublicURL string // scheme and host of the pages and the phone app
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
	Invited     bool                    // the door holds an enrollment link: enrolling is its purpose (C-09)
	Proving     bool                    // doors without a browser: the call brings a proof, an earlier one opened the sign-in
	Remembered  secret.Text             // what this browser keeps for the application since it was remembered; empty = nothing
	IP          netip.Addr
	UserAgent   string
	Seen        *Seen // the person, when the door read them along with the application; nil: not yet
}

// Seen is a person as a door read them in the very call that asks about them.
type Seen struct {
	flow.Snapshot           // without a user when nobody has the name
	Name          string    // by which they were looked up
	At            time.Time // when that began
}

// seenFor is how long what was seen is of this moment: more than a call needs from there to the gates, and less than one
// may wait for another on the way (decision 0026).
const seenFor = 100 * time.Millisecond

// of gives what was seen of a name, if that is still good.
func (s *Seen) of(name string, now time.Time) (flow.Snapshot, bool) {
	if s == nil || s.Name != name || now.Before(s.At) || now.Sub(s.At) >= seenFor {
		return flow.Snapshot{}, false
	}
	if s.User.ID == "" {
		return flow.Snapshot{Settings: s.Settings}, true
	}
	return s.Snapshot, true
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
	Codeless    bool                    // no bypass code of the user has a use left
	Transaction transaction.Transaction // the one on show; zero when none
}

// Person is whose sign-in it is.
func (s Session) Person() flow.Person {
	return flow.Person{User: s.User, Phones: s.Phones, Application: s.Application, Policy: s.Policy, Settings: s.Settings}
}

// Way is one way in: a method on one device.
type Way struct {
	ID       string // "push:DP…", "code:DP…"; "bypass"
	Method   string // a policy method name, or MethodBypass
	PhoneID  string
	Device   string // name of the device, "" when none
	AlertsOn bool   // push: the phone can be woken
}

// MethodBypass is the method name of bypass codes, which no policy blocks (decision 16).
const MethodBypass = "bypass"

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
	ManageReady bool                    // a proof for device management waits to be taken
}

// Interface is the flow as its callers see it; Flow implements it. It stands here so that the
// contract can be read in one piece.
type Interface interface {
	// Begin opens a login: user and policy are looked up, the gates passed or refused,
	// and the first method is started when it starts by itself (A-03 … A-05). It never fails because of
	// who the person is: a refusal is a login at stage Refused with its reason logged. Errors:
	// user.ErrNameInvalid, or the database's.
	Begin(ctx context.Context, r Request) (Opening, error)

	// Resume finds the login of an address and a cookie. login.ErrStale, login.ErrCookie.
	Resume(ctx context.Context, id string, cookie secret.Text) (Session, error)

	// Push sends a request to the phone of a way (push method), replacing the login's request on show.
	// purpose is SignIn or Manage. Errors: "push.limit" (two are open), "push.storm" (stopped until
	// another way succeeds), "way.none", user.ErrLocked, login.ErrStale.
	Push(ctx context.Context, s Session, wayID string, purpose transaction.Purpose) (transaction.Transaction, error)

	// Code tries a code of any kind. nil: the login is allowed (SignIn) or the manage proof is set (Manage;
	// the login is allowed too when policy lets that factor sign in, decision 5). Errors: "code.wrong" for
	// every wrong, used or expired code (X-14 … X-16); "code.resync" after a far-ahead code that may be a
	// resynchronisation; user.ErrLocked, also for the wrong code that locks; login.ErrStale.
	Code(ctx context.Context, s Session, code string, purpose transaction.Purpose) error

	// Wait returns when the login's version is above since, or ctx ends, with what is true then.
	Wait(ctx context.Context, s Session, since int64) (Progress, error)

	// Finish makes the ticket for an allowed login. Called again before the application collected, it gives the
	// same one. login.ErrStale when the login is not allowed (any more) or was collected.
	Finish(ctx context.Context, s Session) (ticket secret.Text, err error)

	// Collect takes the ticket: once, by the application it was made for, while the user may still
	// sign in. login.ErrTicket.
	Collect(ctx context.Context, ticket secret.Text, applicationID string) (Result, error)
}

var _ Interface = (*Flow)(nil)
