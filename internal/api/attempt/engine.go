// Package attempt runs a program's attempt to sign somebody in. Its doors are codecs above it: they read a call in their
// protocol, call the engine, and spell what it says. One attempt goes through the files in this order:
//
//	serve.go     a call is answered within its limit, whatever hangs, and what is turned away for too long ends
//	preauth.go   who may sign in, and how
//	proof.go     a proof is begun (choice.go), waited for, and asked about by its txid (txid.go, polls.go)
//	retry.go     the retry of a call whose connection broke gets what that came to
//	status.go    where an attempt stands, in words
//
// The engine decides nothing about people: flow/signin does. What doors do differently on purpose is data, see Rules.
package attempt

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// SignIn is the part of the sign-in flow that attempts need.
type SignIn interface {
	Preauth(ctx context.Context, r signin.Request) (signin.Gate, error)
	Send(ctx context.Context, a signin.Attempt, wayID string) (transaction.Transaction, error)
	Prove(ctx context.Context, a signin.Attempt, code string) (transaction.Transaction, error)
	Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error)
	TimeOut(ctx context.Context, txID string) (transaction.Transaction, error)
	Cancel(ctx context.Context, txID string) (transaction.Transaction, error)
	Token(ctx context.Context, t transaction.Transaction) secret.Text
}

// Enroll opens the enrollment pages for those who must set up a first device.
type Enroll interface {
	// Portal gives their address for one person. enroll.ErrIssueNone when there is none.
	Portal(ctx context.Context, app application.Application, userID, username string) (address string, err error)
}

// Keys are what an engine has of the instance's keys.
type Keys interface {
	// Digest is the same for the same purpose and text, and tells nobody without the key what the text is.
	Digest(purpose, text string) []byte
	// Open gives what is sealed under a purpose and the ID of its row, here for the reader of calls that a door brings.
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Engine runs the attempts of one door, which embeds it. All fields are needed unless said otherwise.
type Engine struct {
	SignIn SignIn
	Enroll Enroll
	Keys   Keys
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger    // nil: slog.Default
	Outage *outage.Monitor // what is known of a lost database; nil: it is 429 for as long as it is lost

	Deadline time.Duration // of everything that waits for nobody; 0: QuickTime
	Hold     time.Duration // of one poll; 0: 25 s

	Name   string        // of the door, in the log
	Rules  Rules         // of the door
	Places chan struct{} // as many proved calls are under way at once as it has room for; nil: no bound

	once     sync.Once
	retries  Retries
	polls    polls
	refusals refusals
}

// Rules are what a door does differently on purpose, each by the document it obeys.
type Rules struct {
	// Call is when a call that waits for a person is answered, whatever hangs: later than a request lives.
	Call time.Duration
	// Gate is how long the gates may take when a proof begins; 0: as long as everything that waits for nobody.
	Gate time.Duration
	// Block is how long a call waits for a person; then its request is cancelled. 0: as long as the request lives.
	Block time.Duration
	// Polls is how often a caller may ask about one request; the last time ends it. 0: no bound.
	Polls int
	// DenyAtStop answers a call that waits for a person when the program stops "no", else 429.
	DenyAtStop bool
	// AsksAgain says that callers ask a question that is answered 429 again for ever. For them it ends, see refusals.
	AsksAgain bool
	// NoPerson makes the answer to a name or key that can be nobody's of the flow's error; it gives other errors back as they
	// are. nil: such a person is denied like any other.
	NoPerson func(err error) error
}

const (
	// QuickTime is when a call that waits for nobody is answered, so that the answer is there within 2 s (AC-019).
	QuickTime = 1800 * time.Millisecond

	pollTime  = 25 * time.Second
	proofTime = 10 * time.Second // to begin a proof: some digests are slow on purpose
	stopTime  = proofTime + 2*time.Second
)

func (e *Engine) deadline() time.Duration { return cmp.Or(e.Deadline, QuickTime) }

func (e *Engine) txids() TxIDs { return TxIDs{Keys: e.Keys, Now: e.Now, Rand: e.Rand} }

// Logger is Log, or the program's own.
func (e *Engine) Logger() *slog.Logger {
	if e.Log != nil {
		return e.Log
	}
	return slog.Default()
}
