package directory

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/journal"
)

// Store is the part of the database that a Flow uses. What a method does stands in the Store that it is part of.
type Store interface {
	flow.MailStore
	journal.Store

	// activation.Store:
	SupersedeUserActivations(ctx context.Context, userID string, now time.Time) error

	// application.Store:
	ApplicationByID(ctx context.Context, id string) (application.Application, error)
	Applications(ctx context.Context) ([]application.Application, error)
	CreateApplication(ctx context.Context, a application.Application) error
	ForgetHosts(ctx context.Context, applicationID string, keep int) (int64, error)
	Hosts(ctx context.Context, applicationID string) ([]application.Host, error)
	LockApplication(ctx context.Context, id string) (application.Application, error)
	SaveApplication(ctx context.Context, a application.Application) error
	SeeHost(ctx context.Context, h application.Host) error

	// audit.Store:
	Actions(ctx context.Context, q audit.Query) ([]audit.Action, error)
	Authentications(ctx context.Context, q audit.Query) ([]audit.Authentication, error)

	// bypass.Store:
	CreateBypassCode(ctx context.Context, c bypass.Code) error
	DeleteBypassCodes(ctx context.Context, userID string, now time.Time) (int64, error)
	LiveBypassCodes(ctx context.Context, userID string, now time.Time) ([]bypass.Code, error)

	// enrollment.Store:
	CreateEnrollment(ctx context.Context, l enrollment.Link) error
	OpenEnrollments(ctx context.Context, userID string, now time.Time) ([]enrollment.Link, error)
	RevokeEnrollments(ctx context.Context, userID string, now time.Time) (int64, error)

	// flow.Store:
	SnapshotByAccount(ctx context.Context, id account.ID) (flow.Snapshot, error)

	// login.Store:
	BumpLogin(ctx context.Context, id string) error

	// account.GuessStore:
	ForgetGuesses(ctx context.Context, on account.Source, id string) error

	// phone.Store:
	PhoneByID(ctx context.Context, id string) (phone.Phone, error)
	PhonesOf(ctx context.Context, userID string) ([]phone.Phone, error)

	// remembered.Store:
	ForgetBrowsersFor(ctx context.Context, applicationID string, before time.Time) (int64, error)
	ForgetBrowsersOf(ctx context.Context, userID string) (int64, error)

	// session.Store:
	EndSessions(ctx context.Context, userID, except string) error

	// settings.Store:
	LockSettings(ctx context.Context) (settings.Settings, error)
	SaveSettings(ctx context.Context, s settings.Settings) error

	// transaction.Store:
	DecideTransaction(ctx context.Context, id string, to transaction.State, p account.Proof, now time.Time) error
	ExplainTransaction(ctx context.Context, id, factor, reason string) error
	OpenTransactionsOf(ctx context.Context, userID, loginID, phoneID string) ([]transaction.Transaction, error)

	// user.Store:
	CreateUser(ctx context.Context, u user.User) error
	LockAccount(ctx context.Context, id account.ID) (user.User, error)
	RaiseEpoch(ctx context.Context, id account.ID) error
	SaveUser(ctx context.Context, u user.User) error
	Unlock(ctx context.Context, id string, lockedBefore time.Time) (bool, error)
	UserByID(ctx context.Context, id string) (user.User, error)
	UserByName(ctx context.Context, name string) (user.User, error)
	Users(ctx context.Context, q user.Query) ([]user.User, error)
}
