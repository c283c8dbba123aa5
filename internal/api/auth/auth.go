package auth

import (
	"context"
	"errors"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// authAnswer is a result, of auth and of auth_status.
type authAnswer struct {
	Result  string `json:"result"` // allow, deny; waiting in auth_status
	Status  string `json:"status"`
	Message string `json:"status_msg"`
	Token   string `json:"trusted_device_token,omitempty"` // with allow: to be sent with the next preauth
}

type txAnswer struct {
	TxID string `json:"txid"`
}

type statusAnswer struct {
	authAnswer
	Delayed bool `json:"auth_delayed"`
}

func answerOf(s api.Status) authAnswer {
	return authAnswer{Result: s.Result, Status: s.Status, Message: s.Text}
}

// errNoDevice is the answer to a factor nobody can serve: no such phone, no app on it, no texts, no calls.
var errNoDevice = api.ErrInvalid.About("no capable device")

// auth sends a request or tries a code; a retry of a call whose connection broke gets what that came to.
func (d *Door) auth(ctx context.Context, c call) (any, error) {
	b, err := c.way.Begin(api.Once{Call: c.signed,
		Start: func() (api.Beginning, error) { return d.begin(context.WithoutCancel(ctx), c) },
		Waits: func(t transaction.Transaction) bool { return d.waits(ctx, t) },
	})
	switch {
	case err != nil:
		return nil, err
	case b.TxID != "" && flag(c.params, "async"):
		return txAnswer{b.TxID}, nil
	case b.Decided != nil:
		return answerOf(*b.Decided), nil
	}
	t, err := d.wait(ctx, b.Transaction)
	if err == nil && t.State == transaction.Pending { // the program stops, or the caller left: no decision is heard here
		err = api.ErrTooManyRequests.With(errLate)
	}
	if err != nil {
		return nil, err
	}
	return d.answerTo(ctx, c, t), nil
}

// begin starts a sign-in. The gates are asked again: what preauth said may be old, and callers come here without it
// too (AC-034).
func (d *Door) begin(ctx context.Context, c call) (api.Beginning, error) {
	none := api.Beginning{}
	r, err := c.request()
	if err != nil {
		return none, err
	}
	r.Proving = true
	asking, cancel := context.WithTimeout(ctx, d.deadline())
	defer cancel()
	g, err := d.SignIn.Preauth(asking, r)
	if err != nil {
		return none, unknown(err)
	}
	if g.Outcome != signin.OutcomeChallenge {
		return d.decided(c, api.StatusOfGate(c.words, g))
	}
	a := signin.Attempt{Gate: g, Request: r, InCall: !flag(c.params, "async")}
	if err := d.describe(c, &a); err != nil {
		return none, err
	}
	choice, err := c.choice(a)
	if err != nil {
		return none, err
	}
	if c.params.Get("txid") != "" && a.Number == "" && choice.Factor != api.FactorPasscode { // a code needs no number
		return none, api.ErrInvalid.About("txid")
	}
	t, err := d.attempt(ctx, a, choice)
	if errors.Is(err, errNoDevice) && c.params.Get("factor") == "prompt" {
		err = api.NoWay(a.Gate, choice) // a terminal asks again
	}
	if s, about := api.StatusOfError(c.words, err); about {
		return d.decided(c, s)
	}
	if errors.Is(err, signin.ErrNumberSpent) {
		return none, api.ErrInvalid.About("txid").With(err)
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

// describe adds what the caller says about the attempt, and the number of a txid that is good.
func (d *Door) describe(c call, a *signin.Attempt) error {
	if title := phonewire.OneLine(c.params.Get("type"), phonewire.MaxTitle); title != "Login request" { // the default's words
		a.Title = title
	}
	a.Keep = c.keptAs()
	var err error
	if a.Info, err = c.told(); err != nil {
		return err
	}
	txid := c.params.Get("txid")
	if number, ok := d.tickets().Number(txid, a.Numbers(), whose(a.Gate)); ok {
		a.Number, a.TxID = number, txid
	}
	return nil
}

// choice reads factor and device. Factor prompt is a terminal's: what was typed at the menu.
func (c call) choice(a signin.Attempt) (api.Choice, error) {
	factor, device := c.params.Get("factor"), c.params.Get("device")
	switch factor {
	case "":
		return api.Choice{}, api.ErrMissing.About("factor")
	case api.FactorPasscode:
		code := c.params.Get("passcode")
		if code == "" {
			return api.Choice{}, api.ErrMissing.About("passcode")
		}
		return api.Choice{Factor: api.FactorPasscode, Code: code}, nil
	case "prompt":
		return api.Choose(a.Gate, c.params.Get("prompt"), a.Number != ""), nil
	case "auto", api.FactorPush, api.FactorPhone, api.FactorSMS:
	default:
		return api.Choice{}, api.ErrInvalid.About("factor")
	}
	if device == "" {
		return api.Choice{}, api.ErrMissing.About("device")
	}
	if factor == api.FactorPhone || factor == api.FactorSMS {
		return api.Choice{Factor: factor}, nil
	}
	for _, w := range api.PushWays(a.Gate, true) { // Send refuses where a number is missing
		if device == "auto" || device == w.PhoneID {
			return api.Choice{Factor: api.FactorPush, WayID: w.ID}, nil
		}
	}
	return api.Choice{Factor: api.FactorPush}, nil
}

// proofTime is how long a proof may take to be weighed: some digests are slow on purpose.
const proofTime = 10 * time.Second

// attempt does what was chosen.
func (d *Door) attempt(ctx context.Context, a signin.Attempt, choice api.Choice) (transaction.Transaction, error) {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	switch {
	case choice.Factor == "":
		return transaction.Transaction{}, signin.ErrNoWay // an option that is not there
	case choice.Factor == api.FactorPasscode:
		return d.SignIn.Prove(ctx, a, choice.Code)
	case choice.Factor != api.FactorPush || choice.WayID == "":
		if ways := api.PushWays(a.Gate, true); a.Number == "" && a.Policy.NumberRequired == "on" && choice.Factor == api.FactorPush && len(ways) > 0 {
			return d.SignIn.Send(ctx, a, ways[0].ID) // refuses, and logs that somebody tried
		}
		return transaction.Transaction{}, errNoDevice
	}
	return d.SignIn.Send(ctx, a, choice.WayID)
}

// decided is the beginning of a call that is decided already; a caller who asked to be told later gets a ticket.
func (d *Door) decided(c call, s api.Status) (api.Beginning, error) {
	b := api.Beginning{Decided: &s}
	var err error
	if flag(c.params, "async") {
		b.TxID, err = d.tickets().ForDecided(c.words, s, c.app.ID)
	}
	return b, err
}

func (d *Door) tickets() api.Tickets { return api.Tickets{Keys: d.Keys, Now: d.Now, Rand: d.Rand} }

// wait returns the transaction when it is final. A request whose time is over is ended here.
func (d *Door) wait(ctx context.Context, t transaction.Transaction) (transaction.Transaction, error) {
	if t.State != transaction.Pending {
		return t, nil
	}
	until, cancel := context.WithTimeout(ctx, t.Expires.Sub(d.Now()))
	defer cancel()
	now, err := d.SignIn.Watch(until, t.ID, t.ApplicationID)
	if err != nil || now.State != transaction.Pending || d.Now().Before(now.Expires) {
		return now, err
	}
	// An answer of the last moment may have come first: then that is told.
	return d.SignIn.TimeOut(context.WithoutCancel(ctx), t.ID)
}

// authStatus tells what became of a request. The first time a caller asks about one on its way the answer comes
// at once, so that it can be shown; then each question waits for a change. Unix clients ask 20 times at most.
func (d *Door) authStatus(ctx context.Context, c call) (any, error) {
	txid := c.params.Get("txid")
	switch {
	case txid == "":
		return nil, api.ErrMissing.About("txid")
	case !uuidShaped(txid):
		return nil, api.ErrInvalid.About("txid")
	}
	if s, ok := d.tickets().Decided(c.words, txid, c.app.ID); ok {
		return statusAnswer{authAnswer: answerOf(s)}, nil
	}
	look, cancel := context.WithCancel(ctx)
	cancel() // Watch then says what is true now
	t, err := d.SignIn.Watch(look, txid, c.app.ID)
	if errors.Is(err, transaction.ErrUnknown) {
		return nil, api.ErrInvalid.About("txid").With(err)
	}
	if err != nil {
		return nil, err
	}
	if t.State == transaction.Pending && !d.told.first(txid, d.Now(), t.Expires.Add(time.Minute)) {
		hold, cancel := context.WithTimeout(ctx, d.hold())
		defer cancel()
		if t, err = d.wait(hold, t); err != nil {
			return nil, err
		}
	}
	return statusAnswer{authAnswer: d.answerTo(ctx, c, t)}, nil
}

func (d *Door) hold() time.Duration {
	if d.Hold > 0 {
		return d.Hold
	}
	return 25 * time.Second
}
