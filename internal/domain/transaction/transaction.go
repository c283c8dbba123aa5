// Package transaction is one request sent to a phone and its one answer.
//
//	pending ──approve──▶ approved
//	   ├──deny: my mistake──▶ denied          (user_mistake)
//	   ├──deny: not me──────▶ fraud           (user_marked_fraud)
//	   ├──wrong number──────▶ wrong_number    (verification_code_incorrect)
//	   ├──60 s──────────────▶ timed_out       (no_response)
//	   └──another way, again▶ cancelled
//
// Every arrow is one conditional UPDATE from pending; a final state never changes (AC-012).
package transaction

import (
	"context"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/account"
)

// State of a transaction.
type State string

const (
	Pending     State = "pending"
	Approved    State = "approved"
	Denied      State = "denied"
	Fraud       State = "fraud"
	WrongNumber State = "wrong_number"
	TimedOut    State = "timed_out"
	Cancelled   State = "cancelled"
)

// Purpose is what an approval does.
type Purpose string

const (
	SignIn  Purpose = "signin"
	Manage  Purpose = "manage"  // open device management (RULE-5)
	Pairing Purpose = "pairing" // the first request to a new phone, which is also the sign-in (RULE-9)
)

// Field is one line a door tells about a request.
type Field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Life of a request (RULE-21).
const Life = 60 * time.Second

// Transaction is one request.
type Transaction struct {
	ID            string // UUIDv4, the API's txid
	UserID        account.ID
	Username      string
	ApplicationID string
	Application   string // its name, shown on the phone
	PhoneID       string
	LoginID       string // "" for doors without a browser
	Purpose       Purpose
	State         State
	Number        string // digits to be typed on the phone; "" = plain request
	IP            string
	Client        string  // browser and system in words, shown on the phone
	Title         string  // what the request is, when the door says so; "" = a sign-in
	Info          []Field // what the door tells besides: unverified, shown apart from the facts
	Factor        string  // audit factor and reason of the decision, for doors that report them later
	Reason        string
	Proof         account.Proof // once it is approved
	RememberAs    string        // what its person reads of the token that the caller keeps once it is approved; "" = none is made
	Created       time.Time
	Expires       time.Time
	Decided       time.Time
	Reported      time.Time // when its person said, after it was decided, that it was not theirs; zero = never
	Delivered     time.Time // the push service took the alert
	Fetched       time.Time // the app has it
	Unreachable   bool      // no alert could be sent (alerts off, or the push service refused)
}

// ErrUnknown reports a transaction that does not exist or is not the caller's; ErrDecided one that is final.
var (
	ErrUnknown = errs.New(errs.NotFound, "transaction.unknown")
	ErrDecided = errs.New(errs.Conflict, "transaction.decided")
)

// Store keeps transactions.
type Store interface {
	CreateTransaction(ctx context.Context, t Transaction) error
	// TransactionByID finds one in any state. ErrUnknown.
	TransactionByID(ctx context.Context, id string) (Transaction, error)
	// OpenTransactionsOn lists the pending, unexpired ones of a phone, oldest first.
	OpenTransactionsOn(ctx context.Context, phoneID string, now time.Time) ([]Transaction, error)
	// DecideTransaction moves a pending one to state: one conditional UPDATE. Approvals and denials need
	// it unexpired; TimedOut needs it expired; Cancelled takes either. Otherwise the change ends with ErrDecided. p is the proof
	// of an approval, else zero.
	DecideTransaction(ctx context.Context, id string, to State, p account.Proof, now time.Time) error
	// ReportTransaction notes that its person says it was not theirs, once. Otherwise the change ends with ErrDecided.
	ReportTransaction(ctx context.Context, id string, now time.Time) error
	// ExplainTransaction writes Factor and Reason of a decision just made.
	ExplainTransaction(ctx context.Context, id, factor, reason string) error
	// CountTransactions counts a user's pending ones and the requests not approved since a time. A wrong code is
	// no request: it has no phone.
	CountTransactions(ctx context.Context, userID string, since time.Time) (open, missed int, err error)
	// AnsweredSince reports whether an answer of a phone decided any request after a time. A code is no answer.
	AnsweredSince(ctx context.Context, phoneID string, since time.Time) (bool, error)
	// OverdueTransactions lists pending ones that expired before now; userID "" = of everybody.
	OverdueTransactions(ctx context.Context, userID string, now time.Time, limit int) ([]Transaction, error)
	// OpenTransactionsOf lists all pending ones of a user, a sign-in or a phone (empty = not by it).
	OpenTransactionsOf(ctx context.Context, userID, loginID, phoneID string) ([]Transaction, error)
	// MarkDelivery writes Delivered (when not zero), Fetched (when not zero) and Unreachable.
	MarkDelivery(ctx context.Context, id string, delivered, fetched time.Time, unreachable bool) error
	// ForgetTransactions deletes final ones older than before and returns how many.
	ForgetTransactions(ctx context.Context, before time.Time) (int64, error)
}
