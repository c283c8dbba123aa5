// Package session is a browser's right to manage one user's devices: given by a proof made for
// that purpose, ended by idleness (15 min), age (1 h) or the end of the changes it may make.
package session

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Limits of RULE-5.
const (
	Idle       = 15 * time.Minute
	Life       = time.Hour
	ProofLife  = 10 * time.Minute // changes need a proof no older than this
	Unlimited  = -1
	CookieName = "devices"
	DigestKind = "portal-session"
)

// Session is one portal session.
type Session struct {
	ID            string // DS…; names it in other rows
	Digest        []byte // of the cookie
	UserID        account.ID
	ApplicationID string
	LoginID       string // the sign-in to go back to
	Proved        time.Time
	Proof         account.Proof
	ChangesLeft   int // Unlimited, or 1 after a bypass code
	Created       time.Time
	Seen          time.Time
	Expires       time.Time
}

var (
	// ErrIdle reports a session that is unknown, idle or over.
	ErrIdle = errs.New(errs.Unproved, "portal.idle")
	// ErrProof reports a change whose proof is too old or used up.
	ErrProof = errs.New(errs.Unproved, "portal.proof")
)

// Store keeps sessions.
type Store interface {
	CreateSession(ctx context.Context, s Session) error
	// TouchSession finds a live session by digest and moves Seen: one conditional UPDATE. ErrIdle.
	TouchSession(ctx context.Context, digest []byte, now time.Time) (Session, error)
	// SessionByID finds one, live or not. ErrIdle.
	SessionByID(ctx context.Context, id string) (Session, error)
	// SpendChange takes one change if the proof is younger than since and changes are left. False otherwise.
	SpendChange(ctx context.Context, id string, since time.Time) (bool, error)
	// RenewSession writes the proof that it is good by now. ErrIdle.
	RenewSession(ctx context.Context, id string, p account.Proof) error
	// EndSessions ends a user's sessions except one.
	EndSessions(ctx context.Context, userID, except string) error
	// ForgetSessions deletes those that were over before and returns how many.
	ForgetSessions(ctx context.Context, before time.Time) (int64, error)
}
