package mobile

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/quota"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// Store is the part of the database that a Flow uses. What a method does stands in the Store that it is part of.
type Store interface {
	flow.MailStore
	flow.RequestStore
	flow.AnswerStore
	journal.Store

	// flow.Store:
	HoldPolicy(ctx context.Context) error
	SnapshotAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error)
	SnapshotByRequest(ctx context.Context, transactionID string) (flow.Snapshot, error)

	// activation.Store:
	ActivationByDigest(ctx context.Context, digest []byte) (activation.Activation, error)
	ActivationByID(ctx context.Context, id string) (activation.Activation, error)
	ClaimActivation(ctx context.Context, id, userID, phoneID, keyID, provedBy string, now time.Time) (bool, error)
	SupersedeActivations(ctx context.Context, loginID, sessionID, phoneID, except string, now time.Time) error

	// enrollment.Store:
	OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]enrollment.Link, error)
	UseEnrollments(ctx context.Context, userID string, now time.Time) error

	// login.Store:
	BumpLogin(ctx context.Context, id string) error
	EnrollLogin(ctx context.Context, id, userID, transactionID string) error
	RenewLogin(ctx context.Context, id string, proof, manage account.Proof) error
	LoginByID(ctx context.Context, id string) (login.Login, error)
	TakeManageProof(ctx context.Context, id string, since time.Time) (p account.Proof, ok bool, err error)

	// phone.Store:
	AnsweredSince(ctx context.Context, phoneID string, since time.Time) (bool, error)
	BindKey(ctx context.Context, p phone.Phone, k phone.Key) error
	ConfirmKey(ctx context.Context, keyID string, now time.Time) error
	CreatePhone(ctx context.Context, p phone.Phone) error
	DropSubscription(ctx context.Context, phoneID string, sealed []byte) error
	KeyByID(ctx context.Context, keyID string) (phone.Key, error)
	PhoneByID(ctx context.Context, id string) (phone.Phone, error)
	PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error)
	RenamePhone(ctx context.Context, id, name string) error
	SaveSubscription(ctx context.Context, phoneID, keyID string, sealed, endpoint []byte, alerts phone.Alerts) error
	TouchPhone(ctx context.Context, phoneID string, used bool, now time.Time) error
	UnbindKey(ctx context.Context, phoneID string, state phone.KeyState, now time.Time) error

	// quota.Store:
	QuotaLeft(ctx context.Context, q quota.Quota, holder string, now time.Time) (bool, error)
	TakeQuota(ctx context.Context, q quota.Quota, holder string, now time.Time) (bool, error)

	// remembered.Store:
	ForgetBrowsersOf(ctx context.Context, userID string) (int64, error)

	// session.Store:
	EndSessions(ctx context.Context, userID, except string) error
	SessionByID(ctx context.Context, id string) (session.Session, error)
	RenewSession(ctx context.Context, id string, p account.Proof) error
	SpendChange(ctx context.Context, id string, since time.Time) (bool, error)

	// transaction.Store:
	DecideTransaction(ctx context.Context, id string, to transaction.State, p account.Proof, now time.Time) error
	MarkDelivery(ctx context.Context, id string, delivered, fetched time.Time, unreachable bool) error
	OpenTransactionsOn(ctx context.Context, phoneID string, now time.Time) ([]transaction.Transaction, error)
	TransactionByID(ctx context.Context, id string) (transaction.Transaction, error)

	// user.Store:
	AccountByID(ctx context.Context, id account.ID) (user.User, error)
	CreateUser(ctx context.Context, u user.User) error
	HoldAccount(ctx context.Context, id account.ID) error
	LockAccount(ctx context.Context, id account.ID) (user.User, error)
	MarkEnrolled(ctx context.Context, id string, now time.Time) error
	UserByName(ctx context.Context, name string) (user.User, error)
}
