package unix

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/id"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// errPanicked is what the retries of a request get that met a bug.
var errPanicked = errors.New("the first run of this request did not end")

// auth asks for a second proof: async=1 gives a txid to ask about, otherwise the answer is the decision.
func (d *Door) auth(c call) (any, error) {
	waiting := c.ctx
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(context.WithoutCancel(waiting), proveTime)
	defer cancel()
	r, g, err := d.gate(c, true)
	if err != nil {
		return nil, err
	}
	if g.Outcome != signin.OutcomeChallenge { // it was another at preauth, or the client did not listen
		return d.final(c, resultOf(api.StatusOfGate(words(), g))), nil
	}
	choice, err := choose(c, g)
	if err != nil {
		return nil, err
	}
	t, err := d.prove(c, signin.Attempt{Gate: g, Request: r, Info: told(c), Told: !c.async()}, choice)
	if err != nil {
		if s, ok := api.StatusOfError(words(), err); ok {
			return d.final(c, resultOf(s)), nil
		}
		return nil, err
	}
	if c.async() {
		return document{{"txid", t.ID}}, nil
	}
	out, err := d.block(waiting, t)
	if err != nil {
		return nil, err
	}
	return out.document(), nil
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
		return d.decided.take(c.digest, d.Now(), func() (transaction.Transaction, error) {
			return d.SignIn.Prove(c.ctx, a, choice.Code)
		})
	}
	return transaction.Transaction{}, signin.ErrNoWay
}

// numberless reports that requests could be sent but for the number that policy demands and this door cannot show
// (decision 14).
func numberless(a signin.Attempt) bool {
	return a.Policy.NumberRequired == "on" && len(api.PushWays(a.Gate, true)) > 0
}

// final answers with a decision that no transaction stands for.
func (d *Door) final(c call, r result) document {
	if !c.async() {
		return r.document()
	}
	txID := id.UUID(d.Rand)
	d.outcomes.put(txID, c.application.ID, r, d.Now())
	return document{{"txid", txID}}
}

// block waits for the decision: the request's life at most. When the program stops or the client has gone, the
// answer is no; the request itself ends by its own time.
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
		t.State, t.Reason = transaction.TimedOut, ""
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

// told is what the host says about the sign-in. The phone shows it apart from what is known.
func told(c call) []transaction.Field {
	var info []transaction.Field
	add := func(label, value string) {
		if len(info) < 10 && strings.TrimSpace(value) != "" {
			info = append(info, transaction.Field{Label: clip(label, 200), Value: clip(value, 2000)})
		}
	}
	add(words().Text("unix.info.host"), c.params["hostname"])
	for _, pair := range strings.Split(clip(c.params["pushinfo"], 20_000), "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || strings.TrimSpace(name) == "" {
			continue
		}
		switch name {
		case "Server IP":
			name = words().Text("unix.info.server_ip")
		case "Command":
			name = words().Text("unix.info.command")
		}
		add(name, value)
	}
	return info
}
