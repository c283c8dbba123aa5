package signin

import (
	"context"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/domain/audit"
)

// Spender takes what is good once inside somebody else's change; a Store is one.
type Spender interface {
	// SpendAssertion ends the change with application.ErrSpent unless this is the first use.
	SpendAssertion(ctx context.Context, applicationID string, digest []byte, until time.Time) error
}

// Spend takes what is good once for an application until a time, such as a client's assertion, in a change of its own.
// application.ErrSpent when it was spent before.
func (f *Flow) Spend(ctx context.Context, applicationID string, digest []byte, until time.Time) error {
	return f.db.Write(ctx, func(st Store) error { return st.SpendAssertion(ctx, applicationID, digest, until) })
}

// LogRefused logs a sign-in that its door refused before it began, such as one from a page that may not frame the prompt
// . The request's Username stands in the log as it is.
func (f *Flow) LogRefused(ctx context.Context, r Request, reason string) error {
	txID := id.UUID(f.rand)
	s := Attempt{Gate: Gate{Application: r.Application, Username: r.Username}, Request: r}.session(txID)
	return f.db.Write(ctx, func(st Store) error {
		return f.record(ctx, st, s, entry{Result: audit.Denied, Reason: reason, Factor: audit.FactorNone, TxID: txID})
	})
}
