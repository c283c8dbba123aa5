// Package application is what people sign in to: one integration with its keys and settings.
package application

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"countersign/internal/base/errs"
	"countersign/internal/domain/policy"
)

// Type is the kind of integration; it decides which door it may use (J-01 …).
type Type string

const (
	// TypeWebSDK is Web SDK v4: the OIDC redirect with the Universal Prompt (J-01).
	TypeWebSDK Type = "websdk"
	// TypeWebSDK2 is Web SDK v2 and older: signed requests and the traditional prompt in a frame (J-02).
	TypeWebSDK2 Type = "websdk2"
	// TypeAuthAPI is a program that asks by the Auth API (J-03).
	TypeAuthAPI Type = "authapi"
	// TypeUnix is login_duo and pam_duo (J-06).
	TypeUnix Type = "unix"
	// TypePortal is the product's own page for setting up and managing devices: what an enrollment
	// link signs in to. There is one, PortalID, made at first start.
	TypePortal Type = "portal"
)

// PortalID is the key of the one application of TypePortal.
const PortalID = "DIPORTAL000000000000"

// Types lists the types an administrator can add.
var Types = []Type{TypeWebSDK, TypeWebSDK2, TypeAuthAPI, TypeUnix}

// Normalization is how a presented name becomes a user's name (C-24, RULE-32).
type Normalization string

const (
	NormalizationNone   Normalization = "none"
	NormalizationSimple Normalization = "simple" // DOMAIN\name and name@domain are name
)

// Application is one integration.
type Application struct {
	ID            string // integration key / client_id, DI + 18
	Name          string
	Type          Type
	Secret        []byte    // sealed, purpose SecretPurpose, row ID; 40 characters when opened
	Retired       []Retired // secrets from before, the oldest first
	SelfService   bool      // people may manage their devices from its prompt (D-01)
	Normalization Normalization
	RedirectURIs  []string // exact addresses; empty = any https or loopback address in the signed request (RULE-27)
	Policy        policy.Policy
	Options       Options
	Disabled      bool
	Created       time.Time
	Deleted       time.Time // zero while it exists; the row stays as a tombstone
}

// Usable reports whether anybody may sign in to it: it is neither disabled nor deleted.
func (a Application) Usable() bool { return !a.Disabled && a.Deleted.IsZero() }

// Options are settings of some types only.
type Options struct {
	// Hosts lists the host names whose pages may frame the traditional prompt (RULE-28); nil = the
	// page that the client names.
	Hosts []string `json:"hosts,omitempty"`
	// Dateless lets requests signed without a date in: "on" or "off"; "" = on for unix only (RULE-30).
	Dateless string `json:"dateless,omitempty"`
	// Outage is what signed requests are answered while the database is lost for longer: OutageDeny, or OutageClient.
	Outage string `json:"outage,omitempty"`
}

// Values of Options.Outage.
const (
	OutageDeny   = ""       // nobody is let in
	OutageClient = "client" // 503, so that the client's own fail mode decides
)

// ClientDecides reports that a total outage is left to the client's own fail mode. Its owner chose that one to survive outages.
func (a Application) ClientDecides() bool {
	return a.Options.Outage == OutageClient && (a.Type == TypeUnix || a.Type == TypeAuthAPI)
}

// TakesDateless reports whether requests signed without a date are accepted.
func (a Application) TakesDateless() bool {
	return a.Options.Dateless == "on" || a.Options.Dateless == "" && a.Type == TypeUnix
}

var (
	// ErrUnknown reports a key no application has.
	ErrUnknown = errs.New(errs.NotFound, "application.unknown")
	// ErrNameInvalid reports an empty or overlong name.
	ErrNameInvalid = errs.New(errs.Invalid, "application.name")
	// ErrSpent reports that what is good once was used before.
	ErrSpent = errs.New(errs.Denied, "login.spent")
)

// CleanName trims and checks an application's name: 1 to 100 characters, none that steers what is around it or that
// nobody sees. The joiners stay: Persian, Hindi and some emoji are written with them.
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := 0
	for _, r := range name {
		if r != 0x200c && r != 0x200d && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
			unicode.Other_Default_Ignorable_Code_Point) || r == utf8.RuneError) {
			return "", ErrNameInvalid
		}
		n++
	}
	if n < 1 || n > 100 {
		return "", ErrNameInvalid
	}
	return name, nil
}

// Store keeps applications.
type Store interface {
	CreateApplication(ctx context.Context, a Application) error
	// ApplicationByID finds a live or disabled application, also a deleted one (its tombstone). ErrUnknown.
	ApplicationByID(ctx context.Context, id string) (Application, error)
	// LockApplication is ApplicationByID for a change of it, which comes first: until the end of the database transaction
	// nobody else changes an application or the settings, and nobody is let in by them (flow.Store.HoldPolicy). ErrUnknown.
	LockApplication(ctx context.Context, id string) (Application, error)
	// Applications lists those not deleted, by name.
	Applications(ctx context.Context) ([]Application, error)
	// SaveApplication writes every field but ID, Type, Created and the secrets, so what it writes was read by LockApplication.
	// ErrUnknown.
	SaveApplication(ctx context.Context, a Application) error
	// ReplaceSecret writes an application's secrets in the place of the present one, old as it is sealed. The change ends with
	// ErrSecretChanged when that is not the present one any more. One statement.
	ReplaceSecret(ctx context.Context, a Application, old []byte) error
	// PoliciesInUse lists the different policies of the applications that are not deleted; one that is off may be on tomorrow.
	PoliciesInUse(ctx context.Context) ([]policy.Policy, error)
	// SpendAssertion records the digest of a client assertion's jti until expires (RULE-26). One statement.
	// The change ends with ErrSpent when this was not its first use.
	SpendAssertion(ctx context.Context, applicationID string, digest []byte, expires time.Time) error
	// SweepAssertions forgets those that expired before now and returns how many.
	SweepAssertions(ctx context.Context, now time.Time) (int64, error)
	// SeeHost notes a host with its fail mode, in the place of what was noted of it before that time.
	SeeHost(ctx context.Context, h Host) error
	// Hosts lists an application's hosts, by name.
	Hosts(ctx context.Context, applicationID string) ([]Host, error)
	// ForgetHosts leaves an application the keep hosts seen last and returns how many went.
	ForgetHosts(ctx context.Context, applicationID string, keep int) (int64, error)
}
