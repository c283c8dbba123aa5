// Package activation is the pairing of an app with a phone record: a code that is shown, mailed
// or typed, and claimed by one app once.
package activation

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Purpose is what claiming does.
type Purpose string

const (
	Enroll     Purpose = "enroll"     // first device of a person signing in
	Add        Purpose = "add"        // one more device, from the portal or as spare
	Reactivate Purpose = "reactivate" // a new handset for an existing phone record
	Issue      Purpose = "issue"      // first device of a person whom an application registered: no sign-in, no session
)

// Activation is one pairing code. Neither the link code nor the typed code rests here: both are
// derived from the ID and the master key, and found by digest.
type Activation struct {
	ID            string     // DV + 18
	Epoch         int64      // of the person when it was made: it binds nothing at a later one
	ApplicationID string     // Issue: the application on whose word it was made
	Origin        string     // the sign-in that led to its page; "" = none did
	UserID        account.ID // "" while the person has no account yet (first enrollment)
	PhoneID       string     // set for Reactivate; after the claim, the phone claimed
	LoginID       string     // the sign-in that shows the code; "" from the portal
	SessionID     string     // the portal session that shows the code; "" from a sign-in
	Purpose       Purpose
	KeyID         string // once claimed: the key that was bound
	ProvedBy      string // once claimed: the authenticator of the proof that opened its page; "" = none did
	Mailed        bool   // sent by mail: lives 24 h instead of 10 min (RULE-20)
	LinkDigest    []byte
	TypedDigest   []byte
	Created       time.Time
	Expires       time.Time
	Claimed       time.Time
	Superseded    time.Time // a newer code took its place, or the sign-in ended
	Number        string    // for a new phone record: its number (E.164), "" = none asked
	DeviceType    string    // for a new phone record: a phone.Type
}

// State is what a page shows about a code.
type State string

const (
	Waiting State = "waiting"
	Claimed State = "claimed"
	Dead    State = "dead" // expired or superseded
)

// State at a time.
func (a Activation) State(now time.Time) State {
	switch {
	case !a.Claimed.IsZero():
		return Claimed
	case !a.Superseded.IsZero() || !now.Before(a.Expires):
		return Dead
	}
	return Waiting
}

// Kinds of digest.
const (
	LinkPurpose  = "activation-link"
	TypedPurpose = "activation-typed"
)

var (
	// ErrExpired covers unknown, expired and superseded codes; ErrUsed a claimed one.
	ErrExpired = errs.New(errs.Gone, "activation.expired")
	ErrUsed    = errs.New(errs.Gone, "activation.used")
)

// Store keeps activations.
type Store interface {
	CreateActivation(ctx context.Context, a Activation) error
	// ActivationByID finds one, used or not. ErrExpired.
	ActivationByID(ctx context.Context, id string) (Activation, error)
	// ActivationByDigest finds by either digest. ErrExpired when unknown.
	ActivationByDigest(ctx context.Context, digest []byte) (Activation, error)
	// ClaimedFrom lists the codes of pages that a sign-in led to, by which a phone was paired. ClaimedBy lists those of pages that
	// an authenticator opened.
	ClaimedFrom(ctx context.Context, loginID string) ([]Activation, error)
	ClaimedBy(ctx context.Context, authenticator string) ([]Activation, error)
	// ActivationsOf lists the codes of a sign-in or session (one of the two is given) made since, newest first.
	ActivationsOf(ctx context.Context, loginID, sessionID string, since time.Time) ([]Activation, error)
	// ClaimActivation binds the code to a phone and user, once: one conditional UPDATE on unclaimed,
	// not superseded, not expired. False when another was first.
	ClaimActivation(ctx context.Context, id, userID, phoneID, keyID, provedBy string, now time.Time) (bool, error)
	// SupersedeActivations ends all waiting codes of a sign-in or session (each "" = not by it) or of a
	// phone, except the one with ID except.
	SupersedeActivations(ctx context.Context, loginID, sessionID, phoneID, except string, now time.Time) error
	// SupersedeUserActivations ends all waiting codes of a user, who may not sign in any more.
	SupersedeUserActivations(ctx context.Context, userID string, now time.Time) error
	// CountMailedActivations counts codes mailed for a sign-in or session since a time.
	CountMailedActivations(ctx context.Context, loginID, sessionID string, since time.Time) (int, error)
}
