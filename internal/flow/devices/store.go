package devices

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/journal"
)

// Store is the part of the database that a Flow uses. What a method does stands in the Store that it is part of.
type Store interface {
	flow.MailStore
	journal.Store
	factor.Policies

	// activation.Store:
	ActivationsOf(ctx context.Context, loginID, sessionID string, since time.Time) ([]activation.Activation, error)
	SupersedeActivations(ctx context.Context, loginID, sessionID, phoneID, except string, now time.Time) error

	// application.Store:
	ApplicationByID(ctx context.Context, id string) (application.Application, error)

	// flow.Store:
	LockAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error)
	SnapshotAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error)
	SnapshotByLogin(ctx context.Context, loginID string) (flow.Snapshot, error)

	// login.Store:
	BumpLogin(ctx context.Context, id string) error
	ExtendLogin(ctx context.Context, id string, until, now time.Time) (bool, error)
	LoginByID(ctx context.Context, id string) (login.Login, error)
	TakeManageProof(ctx context.Context, id string, since time.Time) (p account.Proof, ok bool, err error)

	// phone.Store:
	DeletePhone(ctx context.Context, id, userID string, now time.Time) (bool, error)
	PhoneByID(ctx context.Context, id string) (phone.Phone, error)
	PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error)
	RenamePhone(ctx context.Context, id, name string) error

	// remembered.Store:
	BrowsersOf(ctx context.Context, userID string) ([]remembered.Browser, error)
	ForgetBrowser(ctx context.Context, id string) error
	ForgetBrowsersOf(ctx context.Context, userID string) (int64, error)

	// session.Store:
	CreateSession(ctx context.Context, s session.Session) error
	EndSessions(ctx context.Context, userID, except string) error
	SessionByID(ctx context.Context, id string) (session.Session, error)
	TouchSession(ctx context.Context, digest []byte, now time.Time) (session.Session, error)

	// transaction.Store:
	DecideTransaction(ctx context.Context, id string, to transaction.State, p account.Proof, now time.Time) error
	OpenTransactionsOf(ctx context.Context, userID, loginID, phoneID string) ([]transaction.Transaction, error)

	// user.Store:
	LockAccount(ctx context.Context, id account.ID) (user.User, error)
	SavePreferences(ctx context.Context, id, defaultPhone, autoAction string) error
}
