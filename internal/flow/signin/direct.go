package signin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Attempt is one proof asked for through a door without a browser. Its Gate was asked in the same call, so
// status and policy are of this moment (AC-034).
type Attempt struct {
	Gate
	Request Request
	Keep    string              // what the person reads of the token that the caller may keep (N-01); "" = it keeps none
	Title   string              // what the request is, as the door says; "" = a sign-in
	Info    []transaction.Field // further lines of the door, unverified
	Number  string              // digits the door shows and the person types on the phone; "" = the door shows none
	TxID    string              // with Number: the txid the door gave with them, good for one request; "" = without a Number
	InCall  bool                // the caller learns in this call what became of a code: nothing is kept to ask about
}

// ErrNumber reports a plain request where policy demands a number that the door cannot show (RULE-14).
var ErrNumber = errs.New(errs.Denied, "push.number")

// ErrNumberSpent reports a number that a request has carried already, or that another open one carries: it would be
// asked for twice (RULE-13, AC-011).
var ErrNumberSpent = errs.New(errs.Conflict, "push.number_spent")

// CodeAgain is the reason of a transaction whose code is a step of a resynchronization: the person is asked for the
// next one (D-30). The log knows it as a wrong code.
const CodeAgain = "code_again"

// CodesOff is the same where the codes of the person's phones are off (RULE-43).
const CodesOff = "codes_off"

// numberLife is longer than any door takes a txid with a number.
const numberLife = time.Hour

// Preauth asks the gates and logs what they decided at once (allow, deny), and that nothing but a code of the help
// desk is left, as a prompt does when it opens. A call that brings a proof logs the latter no second time.
// An allow is decided by what its own change reads: when that is not what the gates were asked about, they are asked again.
func (f *Flow) Preauth(ctx context.Context, r Request) (g Gate, err error) {
	for range 3 {
		if g, err = f.preauth(ctx, r); !errors.Is(err, errOtherwise) {
			return g, err
		}
		if r.Application, err = f.db.Read().ApplicationByID(ctx, r.Application.ID); err != nil {
			return g, err
		}
	}
	g.Outcome, g.Reason = OutcomeDeny, audit.DeniedByPolicy // it changes all the time
	return g, nil
}

func (f *Flow) preauth(ctx context.Context, r Request) (Gate, error) {
	g, err := f.Gate(ctx, r)
	if err == nil && !r.Proving && !r.Remembered.Empty() {
		if g, err = f.recall(ctx, r, g); g.Reason == audit.RememberedDevice {
			return g, err
		}
	}
	if err != nil || g.Reason == "" || g.Outcome == OutcomeChallenge && r.Proving {
		return g, err
	}
	result := audit.Denied
	if g.Outcome == OutcomeAllow {
		result = audit.Success
	}
	txID := id.UUID(f.rand)
	s := Attempt{Gate: g, Request: r}.session(txID)
	return g, f.db.Write(ctx, func(st Store) error {
		if g.Outcome == OutcomeAllow {
			if _, err := f.still(ctx, st, r, g); err != nil {
				return err
			}
		}
		return f.record(ctx, st, s, entry{Result: result, Reason: g.Reason, Factor: audit.FactorNone, TxID: txID})
	})
}

// session is the attempt as the rest of the flow knows one: a login that is no row.
func (a Attempt) session(txID string) Session {
	return Session{Read: a.Read, Application: a.Application, Settings: a.Settings, Policy: a.Policy, User: a.User, Ways: a.Ways, Phones: a.Phones, DeskCodes: a.DeskCodes, Codeless: a.Codeless,
		Login: login.Login{Username: a.Username, IP: ipText(a.Request), UserAgent: clip(a.Request.UserAgent, 512), TxID: txID}}
}

func ipText(r Request) string {
	if !r.IP.IsValid() {
		return ""
	}
	return r.IP.String()
}

// Numbers is how many digits the request of this attempt must carry, 0 for a plain one.
func (g Gate) Numbers() int { return max(0, g.Policy.NumberEntry) }

// Send sends a request to the phone of a push way: each call its own. ErrNoWay, ErrPushLimit, ErrPushStorm, ErrNumber,
// ErrNumberSpent, user.ErrLocked.
func (f *Flow) Send(ctx context.Context, a Attempt, wayID string) (transaction.Transaction, error) {
	s := a.session("")
	way, ok := s.Way(wayID)
	if !ok || !way.Factor().Rings() || a.Outcome != OutcomeChallenge {
		return transaction.Transaction{}, ErrNoWay
	}
	var t transaction.Transaction
	err := f.refusals(ctx, func(st Store) (err error) {
		t, err = f.sendDirect(ctx, st, a, s, way)
		return err
	})
	if errors.Is(err, application.ErrSpent) {
		err = ErrNumberSpent
	}
	if err == nil {
		f.ring(s, t)
	}
	return t, err
}

func (f *Flow) sendDirect(ctx context.Context, st Store, a Attempt, s Session, way Way) (t transaction.Transaction, err error) {
	if s, err = f.hold(ctx, st, s); err != nil {
		return t, err
	}
	if a.Number == "" && s.Policy.NumberRequired == "on" && way.Factor().Request.Digits(s.Policy) > 0 {
		return t, cmp.Or(f.noteRefused(ctx, st, s, way.Factor(), audit.FactorRestricted), error(ErrNumber))
	}
	p, err := f.ready(ctx, st, s, way)
	if err != nil {
		return t, err
	}
	if err := f.spendNumber(ctx, st, a); err != nil {
		return t, err
	}
	t = f.directRequest(a, s, way.Factor(), p)
	return t, st.CreateTransaction(ctx, t)
}

// spendNumber uses an attempt's number up. The person's row is locked.
func (f *Flow) spendNumber(ctx context.Context, st Store, a Attempt) error {
	if a.Number == "" {
		return nil
	}
	if err := st.SpendAssertion(ctx, a.Application.ID, f.keys.Digest("number-spent", a.TxID), f.now().Add(numberLife)); err != nil {
		return err
	}
	others, err := st.OpenTransactionsOf(ctx, a.User.ID, "", "")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(others, func(o transaction.Transaction) bool { return o.Number == a.Number }) {
		return ErrNumberSpent
	}
	return nil
}

func (f *Flow) directRequest(a Attempt, s Session, by *factor.Factor, p phone.Phone) transaction.Transaction {
	now := f.now()
	return transaction.Transaction{
		ID: id.UUID(f.rand), UserID: p.UserID, Username: s.Login.Username, ApplicationID: a.Application.ID, Application: a.Application.Name,
		PhoneID: p.ID, Purpose: transaction.SignIn, State: transaction.Pending, Number: a.Number, IP: s.Login.IP, Title: a.Title, Info: a.Info,
		Created: now, Expires: now.Add(transaction.Life), Unreachable: !by.Request.Awake(p), RememberAs: a.Keep,
		Factor: by.LogName(a.Number),
	}
}

// Prove tries a code of any kind and returns the decided transaction: Approved, or Denied with its reason. The
// code is counted and spent exactly as in the prompt. The transaction is kept unless the attempt is InCall.
// user.ErrLocked when no attempt is left.
func (f *Flow) Prove(ctx context.Context, a Attempt, code string) (transaction.Transaction, error) {
	now := f.now()
	t := transaction.Transaction{ID: id.UUID(f.rand), UserID: a.User.ID, Username: a.Username, ApplicationID: a.Application.ID,
		Application: a.Application.Name, Purpose: transaction.SignIn, IP: ipText(a.Request), Created: now, Expires: now, Decided: now}
	if a.Outcome != OutcomeChallenge {
		return t, ErrNoWay
	}
	_, outcome, err := f.weigh(ctx, a.session(t.ID), code, transaction.SignIn, func(st Store, s Session, m factor.Match, outcome error) (err error) {
		t.State, t.Factor, t.Reason, t.PhoneID, t.RememberAs, t.Proof = transaction.Denied, factor.Unmatched, audit.InvalidPasscode, "", "", account.Proof{}
		switch {
		case outcome == nil:
			t.State, t.Factor, t.Reason, t.PhoneID = transaction.Approved, m.Log, audit.ValidPasscode, m.PhoneID
			t.Proof = decision(s, m).Proof
			t.RememberAs, err = f.keepToken(ctx, st, s, t.ID, t.Proof, a.Keep)
		case errors.Is(outcome, ErrPolicy):
			t.Factor, t.Reason = audit.FactorNone, audit.DeniedByPolicy
		case m.Again:
			t.Reason = CodeAgain
		case errors.Is(outcome, ErrCodesOff):
			t.Reason = CodesOff
		}
		if err != nil || a.InCall {
			return err
		}
		return st.CreateTransaction(ctx, t)
	})
	if err == nil && errors.Is(outcome, user.ErrLocked) {
		err = outcome // nothing was looked at
	}
	if err != nil { // t may be of a change that was not written
		return transaction.Transaction{}, err
	}
	return t, nil
}

// Watch returns the transaction of an application when it is final, or when ctx ends.
// transaction.ErrUnknown for another application's.
func (f *Flow) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	var wake <-chan struct{}
	for {
		t, err := f.db.Read().TransactionByID(context.WithoutCancel(ctx), txID)
		if err != nil {
			return t, err
		}
		if t.ApplicationID != applicationID || t.LoginID != "" {
			return t, transaction.ErrUnknown
		}
		if t.State != transaction.Pending || ctx.Err() != nil {
			return f.present(context.WithoutCancel(ctx), t)
		}
		if wake == nil {
			var stop func()
			wake, stop = f.bell.Listen(flow.PhoneTopic(t.PhoneID))
			defer stop()
			continue // it may have been answered before we listened
		}
		flow.Await(ctx, wake, safetyPoll)
	}
}

// present is a request as its caller may use it now. An approval is good only while what it proved is (RULE-42): after that it
// is a denial, whoever asks again.
func (f *Flow) present(ctx context.Context, t transaction.Transaction) (transaction.Transaction, error) {
	if t.State != transaction.Approved {
		return t, nil
	}
	v, err := f.db.Read().SnapshotByRequest(ctx, t.ID)
	if err != nil {
		return t, err
	}
	s, _ := sessionOf(v)
	switch {
	case s.closed():
		t.State, t.Reason = transaction.Denied, audit.DeniedByPolicy
	case s.User.Closed():
		t.State, t.Reason = transaction.Denied, audit.UserDisabled
	case s.User.Status == user.LockedOut:
		t.State, t.Reason = transaction.Denied, audit.LockedOut
	case !factor.Holds(s.Person(), t.Proof):
		t.State, t.Reason = transaction.Denied, audit.FactorRestricted
	}
	return t, nil
}

// TimeOut settles a request whose time is over now, so that its caller gets a final answer without waiting
// for the sweeper.
func (f *Flow) TimeOut(ctx context.Context, txID string) (transaction.Transaction, error) {
	return f.over(ctx, txID, transaction.TimedOut)
}

// Cancel ends a request whose caller waits no longer, though its time is not over.
func (f *Flow) Cancel(ctx context.Context, txID string) (transaction.Transaction, error) {
	return f.over(ctx, txID, transaction.Cancelled)
}

// over ends a request. What was decided meanwhile stays, and so does a request whose time is not over when it is to time out.
func (f *Flow) over(ctx context.Context, txID string, to transaction.State) (transaction.Transaction, error) {
	t, err := f.Answer(ctx, txID, to, nil)
	if errors.Is(err, transaction.ErrDecided) {
		return f.db.Read().TransactionByID(ctx, txID)
	}
	return t, err
}
