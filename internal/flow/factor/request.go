package factor

import (
	"context"
	"io"
	"log/slog"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
)

// Request is how a factor asks a device. The flow writes the transaction, keeps the limits and waits; this says what is
// special to the factor.
type Request interface {
	// Ready reports whether a phone can answer a request now.
	Ready(p phone.Phone) bool
	// Awake reports whether the phone can be woken for one.
	Awake(p phone.Phone) bool
	// Digits is how many digits its number has, 0 for a request without one.
	Digits(p policy.Policy) int
	// Wake alerts the phone that a request waits, after that is on disk. tried is false when no alert could be sent. An error
	// means that the phone was not reached; of kind Gone: its address is dead.
	Wake(ctx context.Context, t Tools, p phone.Phone, r transaction.Transaction) (tried bool, err error)
}

// never is the Request of a factor that asks nobody.
type never struct{}

// Ready implements Request.
func (never) Ready(phone.Phone) bool { return false }

// Awake implements Request.
func (never) Awake(phone.Phone) bool { return false }

// Digits implements Request.
func (never) Digits(policy.Policy) int { return 0 }

// Wake implements Request.
func (never) Wake(context.Context, Tools, phone.Phone, transaction.Transaction) (bool, error) {
	return false, nil
}

// Tools are what starting a request or trying a code needs of the outside.
type Tools struct {
	Keys      *secret.Keyring
	Doorbell  Doorbell // nil: phones find out by themselves
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	PublicURL string // scheme and host of the pages and the phone app
}

// Doorbell sends an alert to a phone. An error of kind Gone means the subscription is dead.
type Doorbell interface {
	Knock(ctx context.Context, s phone.Subscription, payload []byte, ttl time.Duration) error
}
