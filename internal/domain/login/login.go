// Package login is one attempt of one person to get into one application through a browser:
// opened by a door, moved only forward, collected once by the application.
//
//	open ──a way in succeeds──▶ allowed ──return to the application──▶ finished
//	  └──refused, expired──▶ (stays open until Expires; nothing can finish it)
package login

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Stage of a login.
type Stage string

const (
	Open     Stage = "open"
	Allowed  Stage = "allowed"
	Finished Stage = "finished"
	Refused  Stage = "refused" // a gate said no; the page explains Reason
)

// The doors that show the traditional prompt: in an application's frame, and for an enrollment link (C-10).
const (
	DoorFrame  = "frame"
	DoorWizard = "enrollment-frame"
)

// Asked reports a sign-in through a door that sends a phone nothing it was not asked for: the traditional
// prompt, where only the person's own preference starts a request (B-07, D-13).
func Asked(door string) bool { return door == DoorFrame || door == DoorWizard }

// Life of a prompt, and of one in which a device is set up (RULE-21).
const (
	Life       = 10 * time.Minute
	EnrollLife = 30 * time.Minute
	GrantLife  = 5 * time.Minute // RULE-26

	// Extensions is how often a person may ask for the same time again: as often as WCAG 2.2.1 wants it at least.
	Extensions = 10
	// FramedLife bounds a sign-in in an application's frame: the application's own half of the signed request is good
	// for an hour, and an answer that comes later is worth nothing to it.
	FramedLife = time.Hour

	// CookieDoubt is how long after its beginning a sign-in without a cookie means that the browser keeps none.
	CookieDoubt = time.Minute
)

// Login is one attempt.
type Login struct {
	ID            string // in the address, unguessable; useless without the browser's cookie
	CookieDigest  []byte // digest of the browser's cookie, purpose CookiePurpose
	Door          string // which door opened it and will take it back: "oidc", "enrollment" …
	DoorState     []byte // the door's own JSON; nobody else reads it
	ApplicationID string
	UserID        account.ID // "" while the person has no account
	Username      string     // normalized
	Stage         Stage
	Enrolling     bool   // the person must set up a first device
	EnrollmentID  string // the enrollment link that opened it; "" without one
	TransactionID string // the request now on show, "" = none
	Version       int64  // grows with every change a waiting page must see

	Factor  string // how it was allowed or refused: the log's factor, reason and second device
	Reason  string
	PhoneID string

	Proof         account.Proof // by which it was allowed; zero before
	ManageProof   time.Time     // when a proof for device management succeeded; zero when none or taken
	Manage        account.Proof // that proof
	SpareAsked    bool          // the spare-way page was answered or is not needed
	RecoveryAsked bool          // the new-phone offer after a bypass code was answered
	Remember      bool          // the person chose to have this browser remembered (RULE-15)

	IP        string
	UserAgent string
	Created   time.Time
	Expires   time.Time
	TxID      string // names this sign-in in log and id_token
	DecidedAt time.Time
	Collected time.Time // when its grant was taken; zero before
}

// Later is the end the login gets when the person asks for more time now: its life once more, from now. It is
// Expires when that is no later, or when there is no more to give.
func (l Login) Later(now time.Time) time.Time {
	life := Life
	if l.Enrolling {
		life = EnrollLife
	}
	last := l.Created.Add((1 + Extensions) * life)
	if l.Door == DoorFrame {
		last = l.Created.Add(FramedLife)
	}
	if until := now.Add(life); until.Before(last) {
		last = until
	}
	if last.Before(l.Expires) {
		return l.Expires
	}
	return last
}

// Kinds of digest.
const (
	CookiePurpose = "login-cookie"
	GrantPurpose  = "login-ticket"
)

var (
	// ErrStale reports a login that is unknown, expired or finished, or not this browser's.
	ErrStale = errs.New(errs.Gone, "login.stale")
	// ErrCookie reports a sign-in just begun whose browser did not bring the cookie.
	ErrCookie = errs.New(errs.Unproved, "login.cookie")
	// ErrGrant reports a grant, the one-time value that a finished sign-in hands to its door, that is unknown, used, expired or another application's.
	ErrGrant = errs.New(errs.Denied, "login.ticket")
)

// Decision is how a login was allowed.
type Decision struct {
	Proof   account.Proof
	Reason  string
	PhoneID string // the phone that proved it, "" = none did
}

// Store keeps logins.
type Store interface {
	CreateLogin(ctx context.Context, l Login) error
	// LoginByID: ErrStale when unknown.
	LoginByID(ctx context.Context, id string) (Login, error)
	// AllowLogin moves open to allowed: one conditional UPDATE on open and unexpired. Otherwise the change ends with ErrStale.
	AllowLogin(ctx context.Context, id string, d Decision, now time.Time) error
	// ShowTransaction puts a request on show, on a login that is open or, for the device pages, allowed. Otherwise the change
	// ends with ErrStale.
	ShowTransaction(ctx context.Context, id, transactionID string, manage bool) error
	// BumpLogin only raises Version.
	BumpLogin(ctx context.Context, id string) error
	// EnrollLogin binds the user just enrolled, ends Enrolling and puts the first request on show.
	EnrollLogin(ctx context.Context, id, userID, transactionID string) error
	// ProveManage records a proof for device management on an unexpired, unfinished login; an open one is allowed by it too.
	// Otherwise the change ends with ErrStale.
	ProveManage(ctx context.Context, id string, d Decision, now time.Time) error
	// TakeManageProof takes that proof, once, if it is younger than since. False when there is none.
	TakeManageProof(ctx context.Context, id string, since time.Time) (p account.Proof, ok bool, err error)
	// RenewLogin writes the proofs that it is good by now. ErrStale.
	RenewLogin(ctx context.Context, id string, proof, manage account.Proof) error
	// AnswerSpare and AnswerRecovery record that the page was answered.
	AnswerSpare(ctx context.Context, id string) error
	AnswerRecovery(ctx context.Context, id string) error
	// ChooseRemember notes whether the browser shall be remembered, on an unexpired, unfinished login. Otherwise
	// the change ends with ErrStale.
	ChooseRemember(ctx context.Context, id string, remember bool, now time.Time) error
	// ExtendLogin moves the end of an unexpired, unfinished login later, to until. False when it is over or ends no earlier.
	ExtendLogin(ctx context.Context, id string, until, now time.Time) (bool, error)
	// FinishLogin moves allowed to finished and stores the grant's digest. Until a grant is collected it
	// may be called again, so a browser or server that died on the way to the application loses nothing;
	// one grant is good at a time, and its life counts from the first call. Otherwise the change ends with
	// ErrStale.
	FinishLogin(ctx context.Context, id string, grant []byte, grantExpires, now time.Time) error
	// CollectGrant takes the grant for an application: one conditional UPDATE. Otherwise the change ends with ErrGrant.
	CollectGrant(ctx context.Context, grant []byte, applicationID string, now time.Time) error
	// ForgetLogins deletes those that expired before.
	ForgetLogins(ctx context.Context, before time.Time) (int64, error)
}
