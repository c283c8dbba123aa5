package auth

import (
	"context"
	"errors"
	"time"

	"countersign/internal/api"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// authAnswer is a result, of auth and of auth_status.
type authAnswer struct {
	Result  string `json:"result"` // allow, deny; waiting in auth_status
	Status  string `json:"status"`
	Message string `json:"status_msg"`
}

type txAnswer struct {
	TxID string `json:"txid"`
}

type statusAnswer struct {
	authAnswer
	Delayed bool `json:"auth_delayed"`
}

func answerOf(s api.Status) authAnswer { return authAnswer{s.Result, s.Status, s.Text} }

// errNoDevice is the answer to a factor nobody can serve: no such phone, no app on it, no texts, no calls.
var errNoDevice = api.ErrInvalid.About("no capable device")

// auth sends a request or tries a code. The gates are asked again: what preauth said may be old, and callers
// come here without it too (AC-034).
func (d *Door) auth(ctx context.Context, c call) (any, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	r.Proving = true
	asking, cancel := context.WithTimeout(ctx, d.deadline())
	defer cancel()
	g, err := d.SignIn.Preauth(asking, r)
	if err != nil {
		return nil, unknown(err)
	}
	if g.Outcome != signin.OutcomeChallenge {
		return d.settled(c, api.StatusOfGate(c.words, g))
	}
	a := signin.Attempt{Gate: g, Request: r, Told: !flag(c.params, "async")}
	if err := d.describe(c, &a); err != nil {
		return nil, err
	}
	choice, err := c.choice(a)
	if err != nil {
		return nil, err
	}
	t, err := d.attempt(ctx, a, choice)
	if errors.Is(err, errNoDevice) && c.params.Get("factor") == "prompt" {
		err = signin.ErrNoWay // a terminal asks again
	}
	if s, about := api.StatusOfError(c.words, err); about {
		return d.settled(c, s)
	}
	if err != nil {
		return nil, err
	}
	if flag(c.params, "async") {
		return txAnswer{t.ID}, nil
	}
	if t, err = d.wait(ctx, t); err != nil {
		return nil, err
	}
	return answerOf(api.StatusOf(c.words, t)), nil
}

// describe adds what the caller says about the attempt.
func (d *Door) describe(c call, a *signin.Attempt) error {
	if title := clean(c.params.Get("type")); title != "Login request" { // the default's words
		a.Title = title
	}
	var err error
	if a.Info, err = c.told(); err != nil {
		return err
	}
	txid := c.params.Get("txid")
	if txid == "" {
		return nil
	}
	t, ok := d.open(txid, whose(a.Gate))
	if !ok || t.kind < 3 || t.kind > 6 {
		return api.ErrInvalid.About("txid")
	}
	a.Number = d.number(txid, int(t.kind))
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

// settled are the outcomes that a ticket can carry, each by its sentence. Tickets of other nodes count on the
// order: add at the end. The first of a result and status stands for those that are not here.
var settled = []struct{ result, status, sentence string }{
	{api.ResultAllow, "allow", "api.allow"},
	{api.ResultAllow, "bypass", "api.allow.bypass_user"},
	{api.ResultDeny, "deny", "api.deny"},
	{api.ResultDeny, "locked_out", "api.deny.locked_out"},
	{api.ResultAllow, "allow", "api.allow.allowed_by_policy"},
	{api.ResultAllow, "allow", "api.allow.allow_unenrolled_user"},
	{api.ResultDeny, "deny", "api.deny.no_way"},
	{api.ResultDeny, "deny", "api.deny.push_number"},
	{api.ResultDeny, "deny", "api.deny.push_limit"},
	{api.ResultDeny, "deny", "api.deny.push_storm"},
	{api.ResultDeny, "deny", "api.deny.user_disabled"},
	{api.ResultDeny, "deny", "api.deny.denied_by_policy"},
	{api.ResultDeny, "deny", "api.deny.deny_unenrolled_user"},
	{api.ResultDeny, "deny", "api.deny.factor_restricted"},
	{api.ResultDeny, "deny", "api.deny.no_activated_duo_mobile_account"},
	{api.ResultDeny, "deny", "api.deny.outage"},
	{api.ResultDeny, "deny", "api.enroll.first"},
}

// settled answers with what is decided already; a caller who asked to be told later gets a ticket.
func (d *Door) settled(c call, s api.Status) (any, error) {
	if !flag(c.params, "async") {
		return answerOf(s), nil
	}
	kind := -1
	for i, one := range settled {
		if one.result != s.Result || one.status != s.Status {
			continue
		}
		if kind < 0 || c.words.Text(one.sentence) == s.Text {
			kind = i
		}
	}
	if kind < 0 {
		return answerOf(s), nil
	}
	txid, err := d.ticket(byte(firstSettled+kind), c.app.ID)
	return txAnswer{txid}, err
}

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
	if t, ok := d.open(txid, c.app.ID); ok && int(t.kind) >= firstSettled && int(t.kind) < firstSettled+len(settled) {
		one := settled[t.kind-firstSettled]
		return statusAnswer{authAnswer: authAnswer{one.result, one.status, c.words.Text(one.sentence)}}, nil
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
	return statusAnswer{authAnswer: answerOf(api.StatusOf(c.words, t))}, nil
}

func (d *Door) hold() time.Duration {
	if d.Hold > 0 {
		return d.Hold
	}
	return 25 * time.Second
}
