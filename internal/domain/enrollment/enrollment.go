// Package enrollment is the link by which an administrator, or an application, invites one user to set up a first way in (C-08).
package enrollment

import (
	"context"
	"time"

	"countersign/internal/base/errs"
)

// Link is one invitation.
type Link struct {
	ID            string // DE + 18
	UserID        string
	ApplicationID string // that got it for somebody who must enroll first; "" = an administrator's
	Epoch         int64  // of the person when it was made: it opens nothing at a later one
	Digest        []byte // of the token in the address, purpose DigestPurpose
	Created       time.Time
	Expires       time.Time // zero = never (API 0)
	Used          time.Time
	Revoked       time.Time
}

// DigestPurpose separates these tokens from all others.
const DigestPurpose = "enrollment-link"

// DefaultLife is 30 days from first sending (RULE-20).
const DefaultLife = 30 * 24 * time.Hour

// PortalLife is how long the link lives that an application gets for somebody who must enroll first.
const PortalLife = 5 * time.Minute

var (
	// ErrExpired is X-26; ErrInvalid is X-27: revoked and malformed are one answer, as are used by somebody who has no
	// way in any more, and one whose reason is gone (flow.Person.MayFollow). ErrUsed is for whom the link has served: there is nothing to ask the help desk for.
	ErrExpired = errs.New(errs.Gone, "enrollment.expired")
	ErrInvalid = errs.New(errs.Gone, "enrollment.invalid")
	ErrUsed    = errs.New(errs.Gone, "enrollment.used")
)

// Store keeps enrollment links.
type Store interface {
	CreateEnrollment(ctx context.Context, l Link) error
	// EnrollmentByDigest: ErrInvalid when unknown.
	EnrollmentByDigest(ctx context.Context, digest []byte) (Link, error)
	// OpenEnrollments lists a user's links that are neither used, revoked nor expired, oldest first: sending
	// again does not extend (C-08).
	OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]Link, error)
	// UseEnrollments marks every open link of a user as used: the user is enrolled now.
	UseEnrollments(ctx context.Context, userID string, now time.Time) error
	// RevokeEnrollments ends a user's open links and returns how many.
	RevokeEnrollments(ctx context.Context, userID string, now time.Time) (int64, error)
	// SweepEnrollments forgets a user's links of applications that expired before; an administrator's stay.
	SweepEnrollments(ctx context.Context, userID string, before time.Time) (int64, error)
}
