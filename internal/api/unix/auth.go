package unix

import (
	"context"
	"errors"
	"strings"
	"time"

	"countersign/internal/api"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// auth asks for a second proof: async=1 gives a txid to ask about, otherwise the answer is the decision. A retry of a
// call whose connection broke gets what that came to.
func (d *Door) auth(c call) (any, error) {
	b, err := c.way.Begin(api.Once{Call: c.signed,
		Start: func() (api.Beginning, error) { return d.begin(c) },
		Waits: func(t transaction.Transaction) bool { return d.waits(c.ctx, t) },
	})
	switch {
	case err != nil:
		return nil, err
	case b.TxID != "" && c.async():
		return document{{"txid", b.TxID}}, nil
	case b.Decided != nil:
		return resultOf(*b.Decided).document(), nil
	}
	out, err := d.block(c.ctx, b.Transaction)
	if err != nil {
		return nil, err
	}
	return out.document(), nil
}

// begin starts a sign-in, and goes on when the connection breaks.
func (d *Door) begin(c call) (api.Beginning, error) {
	none := api.Beginning{}
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(context.WithoutCancel(c.ctx), proveTime)
	defer cancel()
	r, g, err := d.gate(c, true)
	if err != nil {
		return none, err
	}
	if g.Outcome != signin.OutcomeChallenge { // it was another at preauth, or the client did not listen
		return d.final(c, api.StatusOfGate(words(), g))
	}
	choice, err := choose(c, g)
	if err != nil {
		return none, err
	}
	t, err := d.prove(c, signin.Attempt{Gate: g, Request: r, Info: api.Told(words(), "", c.params["hostname"], c.params["pushinfo"]), InCall: !c.async()}, choice)
	if s, ok := api.StatusOfError(words(), err); ok {
		return d.final(c, s)
	}
	return api.Beginning{TxID: t.ID, Transaction: t}, err
}

// waits reports whether a request still waits for its person.
func (d *Door) waits(ctx context.Context, t transaction.Transaction) bool {
	look, cancel := context.WithCancel(ctx)
	cancel() // Watch then says what is true now
	now, err := d.SignIn.Watch(look, t.ID, t.ApplicationID)
	return err == nil && now.State == transaction.Pending && d.Now().Before(now.Expires)
}

func (c call) async() bool { return c.params["async"] == "1" }

// choose reads what the person chose. auto is an option's value or a typed line; the other factors are named.
func choose(c call, g signin.Gate) (api.Choice, error) {
	switch f := c.params["factor"]; f {
	case "auto":
		return api.Choose(g, c.params["auto"], false), nil
	case api.FactorPush:
		device := strings.TrimLeft(c.params["phone"], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") // phone1, push1, 1
		return api.Choose(g, api.FactorPush+device, false), nil
	case api.FactorPasscode:
		code := strings.TrimSpace(c.params["code"])
		if code == "" {
			return api.Choice{}, api.ErrMissing.About("code")
		}
		return api.Choice{Factor: api.FactorPasscode, Code: code}, nil
	case api.FactorPhone, api.FactorSMS:
		return api.Choice{Factor: f}, nil
	case "":
		return api.Choice{}, api.ErrMissing.About("factor")
	}
	return api.Choice{}, api.ErrInvalid.About("factor")
}

// prove starts or makes the proof. A factor nobody can have yet is no way in.
func (d *Door) prove(c call, a signin.Attempt, choice api.Choice) (transaction.Transaction, error) {
	switch {
	case choice.Factor == api.FactorPush && choice.WayID != "":
		return d.SignIn.Send(c.ctx, a, choice.WayID)
	case choice.Factor == api.FactorPush && numberless(a):
		return d.SignIn.Send(c.ctx, a, api.PushWays(a.Gate, true)[0].ID) // refuses, and logs that somebody tried
	case choice.Factor == api.FactorPasscode:
		return d.SignIn.Prove(c.ctx, a, choice.Code)
	}
	return transaction.Transaction{}, api.NoWay(a.Gate, choice)
}

// numberless reports that requests could be sent but for the number that policy demands and this door cannot show
// (decision 14).
func numberless(a signin.Attempt) bool {
	return a.Policy.NumberRequired == "on" && len(api.PushWays(a.Gate, true)) > 0
}

// final is the beginning of a call that is decided already; a caller who asks later gets a ticket.
func (d *Door) final(c call, s api.Status) (api.Beginning, error) {
	b := api.Beginning{Decided: &s}
	var err error
	if c.async() {
		b.TxID, err = d.tickets().ForDecided(words(), s, c.application.ID)
	}
	return b, err
}

func (d *Door) tickets() api.Tickets { return api.Tickets{Keys: d.Keys, Now: d.Now, Rand: d.Rand} }

// block waits for the decision: the request's life at most. When the program stops or the client has gone, the
// answer is no, since nothing can be decided here any more; the request itself ends by its own time.
func (d *Door) block(waiting context.Context, t transaction.Transaction) (result, error) {
	if t.State == transaction.Pending {
		ctx, cancel := context.WithTimeout(waiting, min(blockTime, d.left(t)))
		defer cancel()
		var err error
		if t, err = d.SignIn.Watch(ctx, t.ID, t.ApplicationID); err != nil {
			return result{}, err
		}
	}
	if t.State == transaction.Pending && waiting.Err() == nil {
		var err error
		if t, err = d.end(waiting, t); err != nil {
			return result{}, err
		}
	}
	if t.State == transaction.Pending {
		return resultOf(api.StatusOfOutage(words())), nil
	}
	return resultOf(api.StatusOf(words(), t)), nil
}

// left is how long a request can still be answered, and a moment for the answer that comes last.
func (d *Door) left(t transaction.Transaction) time.Duration {
	return max(0, t.Expires.Sub(d.Now())) + 300*time.Millisecond
}

// end gives a pending request its final state now: timed out, or cancelled when its time is not over but its
// client's patience is.
func (d *Door) end(waiting context.Context, t transaction.Transaction) (transaction.Transaction, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(waiting), proveTime)
	defer cancel()
	t, err := d.SignIn.TimeOut(ctx, t.ID)
	if err != nil || t.State != transaction.Pending {
		return t, err
	}
	ended, err := d.SignIn.Answer(ctx, t.ID, transaction.Cancelled, nil)
	if errors.Is(err, transaction.ErrDecided) {
		now, stop := context.WithCancel(ctx)
		stop()
		return d.SignIn.Watch(now, t.ID, t.ApplicationID)
	}
	return ended, err
}
