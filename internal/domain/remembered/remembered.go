// Package remembered is a browser that may skip the second proof for a while: one user's, for one
// application (RULE-15). Its cookie, or the token that a program keeps for a device, holds a secret of which only a
// digest rests here.
//
//	made ──▶ good ──expired, policy shorter, factors or status changed, told to──▶ forgotten
package remembered

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// ErrForgotten reports a browser that was forgotten a moment ago.
var ErrForgotten = errs.New(errs.Conflict, "internal")

const (
	// DigestPurpose is the kind of digest of a cookie's value.
	DigestPurpose = "remembered-browser"
	// TokenPurpose is the kind of digest of what a program keeps instead of a cookie: neither is good for the other.
	TokenPurpose = "remembered-token"
	// Skew is how far the clocks of two nodes may differ. A clock further back than the last use is a clock that was
	// set back, and nothing is good under it (AC-036).
	Skew = time.Minute
	// Day is the unit of a policy's days.
	Day = 24 * time.Hour
)

// Browser is one browser remembered.
type Browser struct {
	ID            string // DR…; names it, opens nothing
	UserID        account.ID
	ApplicationID string
	Digest        []byte        // of the cookie's value
	Proof         account.Proof // by which it was remembered
	Name          string        // e.g. "Firefox on Linux", for the person it belongs to; "" = not known
	Created       time.Time
	Used          time.Time // last sign-in it opened, at first Created
	Expires       time.Time
}

// Of reports whether the browser was remembered for this user and application.
func (b Browser) Of(userID, applicationID string) bool {
	return b.UserID != "" && b.UserID == userID && b.ApplicationID == applicationID
}

// Over reports whether its time is over under a policy of so many days, which may be fewer than when it was made.
func (b Browser) Over(days int, now time.Time) bool {
	return days <= 0 || !now.Before(b.Expires) || !now.Before(b.Created.Add(time.Duration(days)*Day))
}

// Good reports whether it opens a sign-in now.
func (b Browser) Good(days int, now time.Time) bool {
	return !b.Over(days, now) && !now.Before(b.Used.Add(-Skew))
}

// Store keeps remembered browsers.
type Store interface {
	// CreateBrowser does nothing when the digest is there already.
	CreateBrowser(ctx context.Context, b Browser) error
	// BrowserByDigest finds one by its cookie's digest, whatever its age.
	BrowserByDigest(ctx context.Context, digest []byte) (b Browser, found bool, err error)
	// BrowsersOf lists those of a user, newest first.
	BrowsersOf(ctx context.Context, userID string) ([]Browser, error)
	// UseBrowser moves Used forward: one conditional UPDATE on a browser not expired and not forgotten. Otherwise the change
	// ends with ErrForgotten.
	UseBrowser(ctx context.Context, id string, now time.Time) error
	// ForgetBrowser deletes one; one that is gone is no error.
	ForgetBrowser(ctx context.Context, id string) error
	// ForgetBrowsersOf forgets all of a user.
	ForgetBrowsersOf(ctx context.Context, userID string) (int64, error)
	// ForgetBrowsersFor forgets those of an application that were made before; the zero time means all.
	ForgetBrowsersFor(ctx context.Context, applicationID string, before time.Time) (int64, error)
	// SweepBrowsers deletes the expired.
	SweepBrowsers(ctx context.Context, now time.Time) (int64, error)
}
