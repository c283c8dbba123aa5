// Package audit is the record: who tried to sign in and what came of it (L-01), and who changed what (L-06).
// Results, reasons and factors carry the API's names (RULE-35), because clients read them.
package audit

import (
	"context"
	"time"
)

// Result of an authentication.
type Result string

const (
	Success Result = "success"
	Denied  Result = "denied"
	Fraud   Result = "fraud"
	Error   Result = "error"
)

// Reasons this release gives (L-03, L-04).
const (
	UserApproved        = "user_approved"
	ValidPasscode       = "valid_passcode"
	AllowUnenrolledUser = "allow_unenrolled_user"
	AllowedByPolicy     = "allowed_by_policy"
	BypassUser          = "bypass_user"
	RememberedDevice    = "remembered_device"

	DeniedByPolicy     = "denied_by_policy"
	DenyUnenrolledUser = "deny_unenrolled_user"
	FactorRestricted   = "factor_restricted"
	FrequentAttempts   = "frequent_attempts"
	InvalidPasscode    = "invalid_passcode"
	InvalidReferrer    = "invalid_referring_hostname_provided" // the framing page is not on the application's list
	NoReferrer         = "no_referring_hostname_provided"
	LockedOut          = "locked_out"
	NoActivatedAccount = "no_activated_duo_mobile_account"
	NoResponse         = "no_response"
	UserCancelled      = "user_cancelled"
	UserDisabled       = "user_disabled"
	UserMistake        = "user_mistake"
	VerificationWrong  = "verification_code_incorrect"
	UserMarkedFraud    = "user_marked_fraud"
)

// Factors this release logs (L-05).
const (
	FactorPush         = "duo_push"
	FactorVerifiedPush = "verified_duo_push"
	FactorAppPasscode  = "duo_mobile_passcode"
	FactorBypassCode   = "bypass_code"
	FactorPasscode     = "passcode" // a code that matched nothing
	FactorRemembered   = "remembered_device"
	FactorNone         = "not_available"
)

// Event types.
const (
	EventAuthentication = "authentication"
	EventEnrollment     = "enrollment"
)

// Authentication is one row of the authentication log.
type Authentication struct {
	ID          string // DL + 18
	TxID        string
	Time        time.Time
	EventType   string
	Result      Result
	Reason      string
	Factor      string
	UserID      string // "" for a person who is not a user
	Username    string
	Email       string
	Application struct{ ID, Name string }
	IP          string
	UserAgent   string // as sent, at most 512 bytes
	Device      struct{ ID, Name string }
}

// Action is one row of the administrator action log.
type Action struct {
	ID          string
	Time        time.Time
	Actor       Actor
	Action      string // user_create, bypass_create, phone_update …
	Object      string
	Description map[string]any // never a secret
}

// Query selects log rows, newest first.
type Query struct {
	User        string // username
	Application string // application ID
	Result      Result
	Reason      string
	Since       time.Time
	Until       time.Time
	BeforeID    string // continue a page: the last row's time and ID
	BeforeTime  time.Time
	Limit       int
}

// Store keeps the record. It only grows.
type Store interface {
	LogAuthentication(ctx context.Context, a Authentication) error
	LogAction(ctx context.Context, a Action) error
	// Authentications lists those of a query, newest first.
	Authentications(ctx context.Context, q Query) ([]Authentication, error)
	// Actions lists those of a query, newest first; User is the name of the actor, or the object, Application the object.
	Actions(ctx context.Context, q Query) ([]Action, error)
}
