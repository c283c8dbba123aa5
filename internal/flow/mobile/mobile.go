// Package mobile is the phone's side: an app claims a pairing code, fetches the requests that wait for
// it, and answers them. internal/api/phone is its door; docs/protocol/phone.md tells the protocol.
package mobile

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// SignIn is what the phone's side needs of the sign-in flow.
type SignIn interface {
	// Answer decides a transaction; with runs first in the same database transaction, on what was read there.
	Answer(ctx context.Context, txID string, to transaction.State, with func(context.Context, flow.AnswerStore, flow.Snapshot) error) (transaction.Transaction, error)
	// Report takes the word of a person that a request was not theirs, whatever became of it; with is as that of Answer.
	Report(ctx context.Context, txID, keyID string, with func(flow.Snapshot) error) (transaction.Transaction, error)
	// FirstRequest writes the request that proves a new phone's path (RULE-9), in the caller's transaction.
	FirstRequest(ctx context.Context, st flow.RequestStore, l login.Login, u user.User, p phone.Phone) (transaction.Transaction, error)
}

// Needs are what a Flow is built of. Who builds one keeps them: a Flow shows none of it.
type Needs struct {
	DB        flow.Part[Store]
	Keys      *secret.Keyring
	Bell      flow.Bell
	Doorbell  flow.Doorbell // may be nil
	Notices   flow.Notices
	SignIn    SignIn
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	PublicURL string
	VAPIDKey  string // base64url public key, "" = no Web Push
}

// Flow is the phone's side. It implements the Mobile interface of internal/api/phone.
type Flow struct {
	db        flow.Part[Store]
	keys      *secret.Keyring
	bell      flow.Bell
	doorbell  flow.Doorbell
	notices   flow.Notices
	signIn    SignIn
	now       func() time.Time
	rand      io.Reader
	logger    *slog.Logger
	publicURL string
	vapidKey  string
}

// New builds a Flow.
func New(n Needs) *Flow {
	return &Flow{db: n.DB, keys: n.Keys, bell: n.Bell, doorbell: n.Doorbell, notices: n.Notices, signIn: n.SignIn,
		now: n.Now, rand: n.Rand, logger: n.Log, publicURL: n.PublicURL, vapidKey: n.VAPIDKey}
}

// Key implements Mobile: an app learns here that it was replaced or removed (D-10, E-20). The key is given with that, too.
func (f *Flow) Key(ctx context.Context, keyID string) (phone.Key, error) {
	k, err := f.db.Read().KeyByID(ctx, keyID)
	if err != nil {
		return k, err
	}
	switch k.State {
	case phone.KeyActive:
		return k, nil
	case phone.KeyReplaced, phone.KeyCopied:
		return k, phone.ErrReplaced
	}
	return k, phone.ErrRemoved
}

// Confirm implements Mobile: whoever signs with the key has the answer to its pairing, which is not given again.
func (f *Flow) Confirm(ctx context.Context, keyID string) error {
	return f.db.Write(ctx, func(st Store) error { return st.ConfirmKey(ctx, keyID, f.now()) })
}

func (f *Flow) journal() journal.Journal { return journal.Journal{Now: f.now, Rand: f.rand} }

// source of an activation attempt, for the guess limit.
func source(from netip.Addr) string {
	from = from.Unmap()
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			return p.String()
		}
	}
	return from.String()
}

func effective(set settings.Settings, a application.Application) policy.Policy {
	return policy.Effective(set.Policy, a.Policy)
}
