// Package settings is what the organization sets for everybody.
package settings

import (
	"context"
	"time"

	"countersign/internal/domain/policy"
)

// Settings of the organization. The zero value of a field means its default, see WithDefaults.
type Settings struct {
	Organization string        `json:"organization,omitempty"`
	Help         string        `json:"help,omitempty"` // contact line of the help desk, at most 200 characters
	Policy       policy.Policy `json:"policy"`

	LockoutThreshold int           `json:"lockout_threshold,omitempty"` // consecutive failures, default 10 (RULE-12)
	LockoutMinutes   int           `json:"lockout_minutes,omitempty"`   // automatic unlock, default 30; -1 = never
	DormantDays      int           `json:"dormant_days,omitempty"`      // default 90 (RULE-11)
	PairingLife      time.Duration `json:"pairing_life,omitempty"`      // on-screen pairing code, default 10 min (RULE-20)
	NoChangeMail     bool          `json:"no_change_mail,omitempty"`    // RULE-25
	EnrollmentStyle  string        `json:"enrollment_style,omitempty"`  // enrollment links open "universal" (default) or "traditional" (C-10)
	FraudEmail       string        `json:"fraud_email,omitempty"`       // where fraud and lock-out reports go (F-64)
}

// Values of EnrollmentStyle; "" is Universal.
const (
	Universal   = "universal"
	Traditional = "traditional"
)

// WithDefaults fills what is not set.
func (s Settings) WithDefaults() Settings {
	if s.Organization == "" {
		s.Organization = "countersign"
	}
	if s.LockoutThreshold == 0 {
		s.LockoutThreshold = 10
	}
	if s.LockoutMinutes == 0 {
		s.LockoutMinutes = 30
	}
	if s.DormantDays == 0 {
		s.DormantDays = 90
	}
	if s.PairingLife == 0 {
		s.PairingLife = 10 * time.Minute
	}
	return s
}

// Names of instance secrets.
const (
	SecretSentinel = "sentinel" // a known text sealed once: a wrong master key is found at start
	SecretVAPID    = "vapid"    // Web Push key pair, JSON
)

// SecretPurpose is the sealing purpose of instance secrets; the row is the secret's name.
const SecretPurpose = "instance-secret"

// Store keeps the settings and the instance's own secrets.
type Store interface {
	// LoadSettings gives the stored settings with defaults filled.
	LoadSettings(ctx context.Context) (Settings, error)
	// LockSettings is LoadSettings for a change of them, which comes first: see application.Store.LockApplication.
	LockSettings(ctx context.Context) (Settings, error)
	// SaveSettings writes every field, so what it writes was read by LockSettings.
	SaveSettings(ctx context.Context, s Settings) error
	// KeepSecret stores sealed under name unless there is one already, and returns what is stored:
	// several nodes starting at once agree.
	KeepSecret(ctx context.Context, name string, sealed []byte) (stored []byte, err error)
}
