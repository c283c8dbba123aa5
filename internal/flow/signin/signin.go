package signin

import (
	"io"
	"log/slog"
	"net/netip"
	"time"

	"countersign/internal/base/secret"
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
	UserID      string                  // instead of Username, for doors that know the user (enrollment links)
	Invited     bool                    // the door holds an enrollment link: enrolling is its purpose (C-09)
	Proving     bool                    // doors without a browser: the call brings a proof, an earlier one opened the sign-in
	Remembered  secret.Text             // what this browser keeps for the application since it was remembered; empty = nothing
	IP          netip.Addr
	UserAgent   string
	Seen        *Seen // the person, when the door read them along with the application; nil: not yet
}

// Seen is a person as a door read them in the very call that asks about them.
type Seen struct {
	flow.Visit           // without a user when nobody has the name
	Name       string    // by which they were looked up
	At         time.Time // when that began
}

// seenFor is how long what was seen is of this moment: more than a call needs from there to the gates, and less than one
// may wait for another on the way (decision 0026).
const seenFor = 100 * time.Millisecond

// of gives what was seen of a name, if that is still good.
func (s *Seen) of(name string, now time.Time) (flow.Visit, bool) {
	if s == nil || s.Name != name || now.Before(s.At) || now.Sub(s.At) >= seenFor {
		return flow.Visit{}, false
	}
	if s.User.ID == "" {
		return flow.Visit{Settings: s.Settings}, true
	}
	return s.Visit, true
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
	ManageProof time.Time               // when a proof for device management succeeded; zero when none waits to be taken
}
