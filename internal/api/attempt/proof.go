package attempt

import (
	"cmp"
	"context"
	"time"

	"countersign/internal/api/reply"
	"countersign/internal/base/message"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// Proof is a call that asks for a second proof.
type Proof struct {
	Identity string // two calls with the same one are the same, letter by letter
	Dated    bool   // the call says when it was made
	Request  signin.Request
	Words    *message.Catalogue
	Async    bool // the caller wants a txid now, and to ask about it
	// Choose reads what the person chose, and adds to the attempt what the caller says about it.
	Choose func(a *signin.Attempt) (Choice, error)
}

// Answer is where an attempt stands.
type Answer struct {
	TxID   string // to be asked about with Poll; then there is nothing else yet
	Status Status
	Token  string // with allow: what the caller may keep, so that the next preauth asks for no proof; "" = nothing
	Polls  int    // how often was asked about the request so far; 0 for what is decided
}

// Prove asks the gates again, sends a request or tries a code, and waits for the decision unless the caller asks later.
// What preauth said may be old, and callers come here without it, too (AC-034). A retry of a call whose connection broke
// gets what that came to.
func (e *Engine) Prove(ctx context.Context, c *Connection, p Proof) (Answer, error) {
	own := false
	b, err := c.Begin(Once{Identity: p.Identity, Dated: p.Dated,
		Start: func() (Beginning, error) { own = true; return e.begin(ctx, p) },
		Waits: func(t transaction.Transaction) bool { return e.waits(ctx, t) },
	})
	if err != nil {
		return Answer{}, err
	}
	if !own && b.allows() { // a retry: who was let in a moment ago may not be any more
		again := p.Request
		again.Proving = true
		if g, err := e.gate(ctx, again); err != nil || g.Outcome == signin.OutcomeDeny {
			return Answer{Status: StatusOfGate(p.Words, g)}, err
		}
	}
	switch {
	case b.TxID != "" && p.Async:
		return Answer{TxID: b.TxID}, nil
	case b.Decided != nil:
		return Answer{Status: *b.Decided}, nil
	}
	t, err := e.wait(ctx, b.Transaction, cmp.Or(e.Rules.Block, e.Rules.Call), e.Rules.Block > 0)
	switch {
	case err != nil:
		return Answer{}, err
	case t.State != transaction.Pending:
		return e.answer(ctx, p.Words, t), nil
	case e.Rules.DenyAtStop: // or the caller left: nothing can be decided here any more
		return Answer{Status: StatusOfOutage(p.Words)}, nil
	}
	return Answer{}, reply.ErrTooManyRequests.With(errLate)
}

// begin starts a sign-in, and goes on when the connection breaks.
func (e *Engine) begin(ctx context.Context, p Proof) (Beginning, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofTime)
	defer cancel()
	asking, asked := context.WithTimeout(ctx, cmp.Or(e.Rules.Gate, e.deadline()))
	defer asked()
	p.Request.Proving = true
	g, err := e.gate(asking, p.Request)
	if err != nil {
		return Beginning{}, err
	}
	if g.Outcome != signin.OutcomeChallenge {
		return e.decided(p.Words, p.Request.Application.ID, p.Async, StatusOfGate(p.Words, g))
	}
	a := signin.Attempt{Gate: g, Request: p.Request, InCall: !p.Async}
	choice, err := p.Choose(&a)
	if err != nil {
		return Beginning{}, err
	}
	t, err := e.prove(ctx, a, choice)
	if s, about := StatusOfError(p.Words, err); about {
		return e.decided(p.Words, p.Request.Application.ID, p.Async, s)
	}
	return Beginning{TxID: t.ID, Transaction: t}, err
}

// decided is the beginning of a call that is decided already; a caller who asks later gets a txid that says so.
func (e *Engine) decided(words *message.Catalogue, applicationID string, async bool, s Status) (Beginning, error) {
	b := Beginning{Decided: &s}
	var err error
	if async {
		b.TxID, err = e.txids().ForDecided(words, s, applicationID)
	}
	return b, err
}

// Denied is the "no" to a proof while nothing can be decided.
func (e *Engine) Denied(words *message.Catalogue, applicationID string, async bool) (Answer, error) {
	b, err := e.decided(words, applicationID, async, StatusOfOutage(words))
	return Answer{TxID: b.TxID, Status: *b.Decided}, err
}

// Poll says what became of a request. The first time its caller asks, the answer comes at once, so that it can be shown
// that something was sent; then each poll waits for a change. Where there is a bound, the last poll ends the request:
// clients let the person in after their twentieth without a decision (WIRE-2). transaction.ErrUnknown for a txid of
// another application, or of none.
func (e *Engine) Poll(ctx context.Context, words *message.Catalogue, applicationID, txid string) (Answer, error) {
	if s, ok := e.txids().Decided(words, txid, applicationID); ok {
		return Answer{Status: s}, nil
	}
	t, err := e.now(ctx, txid, applicationID)
	if err != nil {
		return Answer{}, err
	}
	n, request := 0, applicationID+"/"+txid
	if t.State == transaction.Pending {
		n = e.polls.next(request, e.Now(), e.Rules.Polls)
	}
	if n > 1 || n == 1 && e.due(t) {
		if t, err = e.wait(ctx, t, cmp.Or(e.Hold, pollTime), false); err != nil {
			return Answer{}, err
		}
	}
	if t.State == transaction.Pending && e.Rules.Polls > 0 && n >= e.Rules.Polls { // also when this poll was cut, or the program stops
		if t, err = e.end(ctx, t); err != nil {
			return Answer{}, err
		}
	}
	a := e.answer(ctx, words, t)
	if a.Polls = n; t.State != transaction.Pending {
		e.polls.done(request)
	}
	return a, nil
}

func (e *Engine) answer(ctx context.Context, words *message.Catalogue, t transaction.Transaction) Answer {
	a := Answer{Status: StatusOf(words, t)}
	if t.RememberAs != "" {
		a.Token = e.SignIn.Token(ctx, t).Reveal()
	}
	return a
}

// now is a transaction as it is.
func (e *Engine) now(ctx context.Context, txid, applicationID string) (transaction.Transaction, error) {
	look, cancel := context.WithCancel(ctx)
	cancel() // Watch then waits for nothing
	return e.SignIn.Watch(look, txid, applicationID)
}

// waits reports whether a request still waits for its person.
func (e *Engine) waits(ctx context.Context, t transaction.Transaction) bool {
	now, err := e.now(ctx, t.ID, t.ApplicationID)
	return err == nil && now.State == transaction.Pending && !e.due(now)
}

// due reports that a request's time is over.
func (e *Engine) due(t transaction.Transaction) bool { return !e.Now().Before(t.Expires) }

// wait gives a transaction when it is final, or after hold. A request whose time is over is ended here, and one that has
// its last wait is ended then. When the program stops or the caller has gone it is still pending, and ends by its own time.
func (e *Engine) wait(ctx context.Context, t transaction.Transaction, hold time.Duration, last bool) (transaction.Transaction, error) {
	if t.State != transaction.Pending {
		return t, nil
	}
	left := max(0, t.Expires.Sub(e.Now())) + 300*time.Millisecond // a moment for the answer that comes last
	until, cancel := context.WithTimeout(ctx, min(hold, left))
	defer cancel()
	t, err := e.SignIn.Watch(until, t.ID, t.ApplicationID)
	if err != nil || t.State != transaction.Pending || !e.due(t) && (!last || ctx.Err() != nil) {
		return t, err
	}
	return e.end(ctx, t)
}

// end gives a pending request its final state now: timed out, or cancelled when its time is not over but its caller's is.
// An answer of the last moment may have come first: then that is said.
func (e *Engine) end(ctx context.Context, t transaction.Transaction) (transaction.Transaction, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofTime)
	defer cancel()
	t, err := e.SignIn.TimeOut(ctx, t.ID)
	if err != nil || t.State != transaction.Pending {
		return t, err
	}
	return e.SignIn.Cancel(ctx, t.ID)
}
