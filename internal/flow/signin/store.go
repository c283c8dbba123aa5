package signin

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/journal"
)

// Store is the part of the database that a Flow uses. What a method does stands in the Store that it is part of.
type Store interface {
	flow.MailStore
	flow.RequestStore
	flow.AnswerStore
	journal.Store
	factor.Store

	// account.GuessStore:
	CountGuess(ctx context.Context, g account.Guess) (account.Guesses, bool, error)
	ForgiveGuesses(ctx context.Context, on account.Source, loginID string) error
	ReturnGuess(ctx context.Context, g account.Guess) error
	TurnCodesOff(ctx context.Context, g account.Guess) (account.Guesses, bool, error)
	WarnOfGuesses(ctx context.Context, g account.Guess) (bool, error)

	// application.Store:
	SpendAssertion(ctx context.Context, applicationID string, digest []byte, expires time.Time) error

	// activation.Store:
	ClaimedFrom(ctx context.Context, loginID string) ([]activation.Activation, error)
	ClaimedBy(ctx context.Context, authenticator string) ([]activation.Activation, error)

	// audit.Store:
	Authentications(ctx context.Context, q audit.Query) ([]audit.Authentication, error)

	// flow.Store:
	HoldPolicy(ctx context.Context) error
	LockAt(ctx context.Context, id account.ID, applicationID string) (flow.Snapshot, error)
	RulesAt(ctx context.Context, id account.ID, applicationID string) (flow.Rules, error)
	SnapshotByAccount(ctx context.Context, id account.ID) (flow.Snapshot, error)
	SnapshotByGrant(ctx context.Context, grant []byte) (flow.Snapshot, error)
	SnapshotByLogin(ctx context.Context, loginID string) (flow.Snapshot, error)
	SnapshotByName(ctx context.Context, name string) (flow.Snapshot, error)
	SnapshotByRequest(ctx context.Context, transactionID string) (flow.Snapshot, error)
	LockRequest(ctx context.Context, transactionID string) (flow.Snapshot, error)

	// login.Store:
	AllowLogin(ctx context.Context, id string, d login.Decision, now time.Time) error
	AnswerRecovery(ctx context.Context, id string) error
	AnswerSpare(ctx context.Context, id string) error
	BumpLogin(ctx context.Context, id string) error
	ChooseRemember(ctx context.Context, id string, remember bool, now time.Time) error
	CollectGrant(ctx context.Context, grant []byte, applicationID string, now time.Time) error
	CreateLogin(ctx context.Context, l login.Login) error
	ExtendLogin(ctx context.Context, id string, until, now time.Time) (bool, error)
	FinishLogin(ctx context.Context, id string, grant []byte, grantExpires, now time.Time) error
	LoginByID(ctx context.Context, id string) (login.Login, error)
	ProveManage(ctx context.Context, id string, d login.Decision, now time.Time) error
	ShowTransaction(ctx context.Context, id, transactionID string, manage bool) error

	// phone.Store:
	PhoneByID(ctx context.Context, id string) (phone.Phone, error)
	UnbindKey(ctx context.Context, phoneID string, state phone.KeyState, now time.Time) error
	DropSubscription(ctx context.Context, phoneID string, sealed []byte) error
	TouchPhone(ctx context.Context, phoneID string, used bool, now time.Time) error

	// remembered.Store:
	BrowserByDigest(ctx context.Context, digest []byte) (b remembered.Browser, found bool, err error)
	BrowsersOf(ctx context.Context, userID string) ([]remembered.Browser, error)
	CreateBrowser(ctx context.Context, b remembered.Browser) error
	ForgetBrowser(ctx context.Context, id string) error
	ForgetBrowsersOf(ctx context.Context, userID string) (int64, error)
	UseBrowser(ctx context.Context, id string, now time.Time) error

	// transaction.Store:
	CountTransactions(ctx context.Context, userID string, since time.Time) (open, missed int, err error)
	DecideTransaction(ctx context.Context, id string, to transaction.State, p account.Proof, now time.Time) error
	ExplainTransaction(ctx context.Context, id, factor, reason string) error
	MarkDelivery(ctx context.Context, id string, delivered, fetched time.Time, unreachable bool) error
	OverdueTransactions(ctx context.Context, userID string, now time.Time, limit int) ([]transaction.Transaction, error)
	ReportTransaction(ctx context.Context, id string, now time.Time) error
	TransactionByID(ctx context.Context, id string) (transaction.Transaction, error)

	// user.Store:
	AccountByID(ctx context.Context, id account.ID) (user.User, error)
	HoldAccount(ctx context.Context, id account.ID) error
	LockAccount(ctx context.Context, id account.ID) (user.User, error)
	LockOut(ctx context.Context, id string, now time.Time) (bool, error)
	MissPush(ctx context.Context, id string, n int, stop bool, now time.Time) (user.User, error)
	ProveAttempt(ctx context.Context, id string, limit int, method string, now time.Time) error
	Proved(ctx context.Context, id, method string, now time.Time) error
	RaiseEpoch(ctx context.Context, id account.ID) error
	RemindSpare(ctx context.Context, id string, now time.Time) error
	ReserveAttempt(ctx context.Context, id string, limit int) (user.User, error)
	Unlock(ctx context.Context, id string, lockedBefore time.Time) (bool, error)
	UserByName(ctx context.Context, name string) (user.User, error)
}
