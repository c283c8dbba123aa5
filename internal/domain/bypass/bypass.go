// Package bypass is the one-time code the help desk gives to someone without a phone.
package bypass

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// Code is one bypass code; the code itself is kept only as a slow digest.
type Code struct {
	ID       string // DB + 18
	UserID   account.ID
	Digest   []byte    // Argon2id with the user's salt, purpose DigestPurpose
	UsesLeft int       // Unlimited = no limit
	Expires  time.Time // zero = never
	Created  time.Time
	Creator  string // who made it, for the list
	Digits   int    // of the code; 0 = of a version that did not note it
	Guesses  account.Guesses
}

// Unlimited as UsesLeft never runs out (API: reuse_count 0).
const Unlimited = -1

// DigestPurpose separates these digests from others.
const DigestPurpose = "bypass-code"

// Defaults of RULE-21.
const (
	Digits      = 9
	DefaultUses = 1
	DefaultLife = 60 * time.Minute
	MaxLive     = 100 // per user (F-33, X-42)
)

// ErrTooMany reports a user with MaxLive live codes.
var ErrTooMany = errs.New(errs.Conflict, "bypass.too_many")

// Store keeps bypass codes.
type Store interface {
	CreateBypassCode(ctx context.Context, c Code) error
	// LiveBypassCodes lists a user's codes that have uses left, are not expired and not off.
	LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]Code, error)
	// SpendBypassCode takes one use: check and change are one statement. False when the code is
	// unknown, expired, used up or off; they are one answer on purpose. It clears Guesses.InARow.
	SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (id string, ok bool, err error)
	// DeleteBypassCodes removes all codes of a user and returns how many were live.
	DeleteBypassCodes(ctx context.Context, userID string, now time.Time) (int64, error)
}
