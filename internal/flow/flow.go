// Package flow holds what people do, one sub-package a task: sign in, enroll, manage devices,
// answer on a phone. A flow combines nouns and owns the database transactions that span them.
// This file says what a flow may ask of the outside.
package flow

import (
	"context"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/login"
	"countersign/internal/domain/outbox"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/quota"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
)

// Store is every noun's store, bound to one database transaction (or to none, for reading). A database implements it;
// a flow declares a Store of its own with the methods it uses.
type Store interface {
	account.GuessStore
	activation.Store
	application.Store
	audit.Store
	bypass.Store
	enrollment.Store
	login.Store
	outbox.Store
	phone.Store
	quota.Store
	remembered.Store
	session.Store
	settings.Store
	transaction.Store
	user.Store

	// SnapshotByLogin reads a login with all that belongs to it in one statement: every page of a sign-in
	// begins with it. login.ErrStale when there is no such login, or its application is gone.
	SnapshotByLogin(ctx context.Context, loginID string) (Snapshot, error)
	// SnapshotByGrant reads the same of the login that a grant was made for. login.ErrStale.
	SnapshotByGrant(ctx context.Context, grant []byte) (Snapshot, error)
	// SnapshotByRequest reads the same of the account that a request asks, at the request's application. Its Login has a
	// name and an address only where there is no row of it (any more). transaction.ErrUnknown, user.ErrUnknown,
	// application.ErrUnknown.
	SnapshotByRequest(ctx context.Context, transactionID string) (Snapshot, error)
	// HoldPolicy keeps applications and settings as they are until the end of the database transaction, once those who
	// change them are done. It comes first in a change that lets somebody in by what it then reads: such a change is
	// wholly before a change of policy or sees it. It is awaited with the next statement that is. LockRequest, LockAt and
	// CollectGrant do it themselves.
	HoldPolicy(ctx context.Context) error
	// LockRequest is SnapshotByRequest once the account's row is locked: both take one round trip.
	LockRequest(ctx context.Context, transactionID string) (Snapshot, error)
	// SnapshotAt reads the same of an account at an application. LockAt does so once the account's row is locked: both take
	// one round trip. user.ErrUnknown when there is no row of one of them.
	SnapshotAt(ctx context.Context, id account.ID, applicationID string) (Snapshot, error)
	LockAt(ctx context.Context, id account.ID, applicationID string) (Snapshot, error)
	// RulesAt reads of that only what a change looks at again that has all the rest from before. user.ErrUnknown as well.
	RulesAt(ctx context.Context, id account.ID, applicationID string) (Rules, error)
	// SnapshotByName reads the same of a person who has no login here, SnapshotByAccount of an account of any kind.
	// user.ErrUnknown.
	SnapshotByName(ctx context.Context, name string) (Snapshot, error)
	SnapshotByAccount(ctx context.Context, id account.ID) (Snapshot, error)
}

// Rules is what somebody is let in by, beside what they proved.
type Rules struct {
	Epoch       int64 // of the account
	Application application.Application
	Settings    settings.Settings
}

// Snapshot is what a decision about a person needs to know, read at one moment. Person answers the questions about it.
type Snapshot struct {
	Login       login.Login             // zero value without one
	Application application.Application // the login's, or the one that asks
	User        user.User               // zero value while there is none
	Phones      []phone.Phone           // oldest first
	DeskCodes   []string                // IDs of the help desk's codes for them, used up or not
	Codeless    bool                    // none of those has a use left
	Settings    settings.Settings
	Request     transaction.Transaction // zero value without one
}

// Phone finds one of the person's phones.
func (s Snapshot) Phone(id string) (phone.Phone, bool) {
	for _, p := range s.Phones {
		if p.ID == id {
			return p, true
		}
	}
	return phone.Phone{ID: id}, false
}

// Part is a database as one flow has it: S holds the methods of the store that this flow uses and no others.
// A closure may run more than once (a serialization failure is retried), so it must not touch anything outside
// but its result variables.
type Part[S any] interface {
	// Read gives a store for reading; each statement sees its own moment.
	Read() S
	// Write runs change in one durable database transaction. When change returns an error nothing
	// of it remains. On return without error it is on disk.
	Write(ctx context.Context, change func(S) error) error
}

// DB is the whole database. It is for those who wire: a flow gets its part of it from PartOf.
type DB = Part[Store]

// PartOf narrows a database to what S names. S names methods of Store only: whoever wires says so to the compiler.
func PartOf[S any](db DB) Part[S] { return part[S]{db} }

type part[S any] struct{ whole DB }

func (p part[S]) Read() S { return narrow[S](p.whole.Read()) }

func (p part[S]) Write(ctx context.Context, change func(S) error) error {
	return p.whole.Write(ctx, func(st Store) error { return change(narrow[S](st)) })
}

func narrow[S any](st Store) S { return any(st).(S) }

// MailStore is what queues a mail inside the database transaction of a change.
type MailStore interface {
	EnqueueMail(ctx context.Context, m outbox.Mail) error
	LoadSettings(ctx context.Context) (settings.Settings, error)
}

// RequestStore is what writes a request to a phone inside another flow's database transaction.
type RequestStore interface {
	ApplicationByID(ctx context.Context, id string) (application.Application, error)
	CreateTransaction(ctx context.Context, t transaction.Transaction) error
	LoadSettings(ctx context.Context) (settings.Settings, error)
	PoliciesInUse(ctx context.Context) ([]policy.Policy, error)
	OpenTransactionsOf(ctx context.Context, userID, loginID, phoneID string) ([]transaction.Transaction, error)
}

// AnswerStore is what the phone's own checks of an answer read and write, inside the transaction that decides it.
type AnswerStore interface {
	// phone.Store:
	AdvanceAnswerCounter(ctx context.Context, keyID string, counter int64) error
}

// Bell wakes those who wait. It carries names only; what happened is read from the database.
type Bell interface {
	Ring(topics ...string)
	// Listen gives a channel that gets a value after a Ring of the topic, and a function to stop.
	Listen(topic string) (wake <-chan struct{}, stop func())
}

// Await returns when the bell has rung, after a while for the case that a ring was lost, or when ctx ends.
func Await(ctx context.Context, wake <-chan struct{}, while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Through gives a context in which what counts is carried through: its caller may leave, and what was tried stays counted.
func Through(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}

// Topics of the Bell.
func LoginTopic(id string) string   { return "login:" + id }
func PhoneTopic(id string) string   { return "phone:" + id }
func SessionTopic(id string) string { return "session:" + id }

// OutboxTopic is rung when mail was queued.
const OutboxTopic = "outbox"

// Subscription is where a phone is alerted.
type Subscription = phone.Subscription

// Doorbell sends an alert to a phone. An error of kind Gone means the subscription is dead.
type Doorbell interface {
	Knock(ctx context.Context, s Subscription, payload []byte, ttl time.Duration) error
	// CheckEndpoint refuses addresses no alert may be sent to (AC-043).
	CheckEndpoint(endpoint string) error
}

// Alerts rings phones about what is no request.
type Alerts interface {
	// Changed tells every phone of a user but one that a device of theirs changed. Call it when the change is on
	// disk; it waits for no push service, and an alert that does not arrive changes nothing.
	Changed(userID, exceptPhoneID string)
}

// Notice is a mail about a change, written in the database transaction of that change.
type Notice struct {
	Kind string // catalogue keys mail.<kind>.subject, .text, .button
	To   string // one address; "" queues nothing
	Args []any  // name, value pairs for the placeholders
	Link string // address behind the button, "" = no button
}

// Notices composes and queues mails. A bad address never fails the change.
type Notices interface {
	Queue(ctx context.Context, st MailStore, n Notice) error
}
