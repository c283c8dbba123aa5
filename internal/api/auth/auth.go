package auth

import (
	"context"
	"errors"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/api/reply"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
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

// spelled is what an attempt came to, as auth answers it.
func spelled(a attempt.Answer) any {
	if a.TxID != "" {
		return txAnswer{a.TxID}
	}
	return answerOf(a)
}

func answerOf(a attempt.Answer) authAnswer {
	return authAnswer{Result: a.Status.Result, Status: a.Status.Status, Message: a.Status.Text, Token: a.Token}
}

// errNoDevice is the answer to a factor nobody can serve: no such phone, no app on it, no texts, no calls.
var errNoDevice = reply.ErrInvalid.About("no capable device")

// auth sends a request or tries a code.
func (d *Door) auth(ctx context.Context, c call) (any, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	a, err := d.Prove(ctx, c.way, attempt.Proof{Identity: c.Identity, Dated: c.Dated, Request: r, Words: c.words, Async: flag(c.Params, "async"),
		Choose: func(a *signin.Attempt) (attempt.Choice, error) { return d.choose(c, a) }})
	if errors.Is(err, signin.ErrNumberSpent) {
		err = reply.ErrInvalid.About("txid").With(err)
	}
	if err != nil {
		return nil, err
	}
	return spelled(a), nil
}

func (d *Door) denyAuth(c call) (any, error) {
	a, err := d.Denied(c.words, c.Application.ID, flag(c.Params, "async"))
	return spelled(a), err
}

// choose adds what the caller says about the attempt, with the number of a txid that is good, and reads what was chosen.
func (d *Door) choose(c call, a *signin.Attempt) (attempt.Choice, error) {
	if title := phonewire.OneLine(c.Params.Get("type"), phonewire.MaxTitle); title != "Login request" { // the default's words
		a.Title = title
	}
	a.Keep = c.keptAs()
	var err error
	if a.Info, err = c.reported(); err != nil {
		return attempt.Choice{}, err
	}
	txid := c.Params.Get("txid")
	if digits, ok := d.DigitsOf(txid, a.Gate); ok {
		a.Number, a.TxID = digits, txid
	}
	choice, err := c.choice(a)
	if err == nil && txid != "" && a.Number == "" && choice.Factor != menu.Passcode { // a code needs no number
		err = reply.ErrInvalid.About("txid")
	}
	return choice, err
}

// choice reads factor and device. Factor prompt is a terminal's: what was typed at the menu. It asks again where the choice
// cannot be had.
func (c call) choice(a *signin.Attempt) (attempt.Choice, error) {
	factor, device := c.Params.Get("factor"), c.Params.Get("device")
	switch factor {
	case "":
		return attempt.Choice{}, reply.ErrMissing.About("factor")
	case menu.Passcode:
		code := c.Params.Get("passcode")
		if code == "" {
			return attempt.Choice{}, reply.ErrMissing.About("passcode")
		}
		return attempt.Choice{Factor: menu.Passcode, Code: code}, nil
	case "prompt":
		return attempt.Typed(a.Gate, c.Params.Get("prompt"), a.Number != ""), nil
	case "auto", menu.Push, menu.Phone, menu.SMS:
	default:
		return attempt.Choice{}, reply.ErrInvalid.About("factor")
	}
	if device == "" {
		return attempt.Choice{}, reply.ErrMissing.About("device")
	}
	if factor == menu.Phone || factor == menu.SMS {
		return attempt.Choice{Factor: factor, NoWay: errNoDevice}, nil
	}
	choice := attempt.Choice{Factor: menu.Push, NoWay: errNoDevice}
	for _, w := range attempt.PushWays(a.Gate, true) { // Send refuses where a number is missing
		if device == "auto" || device == w.PhoneID {
			choice.WayID = w.ID
			break
		}
	}
	return choice, nil
}

// keptAs is what the person reads of a token that the caller may keep: where the person sat, as far as the caller says
// it. "" for terminals, which keep none.
func (c call) keptAs() string {
	if c.Application.Type != application.TypeAuthAPI || c.Params.Get("factor") == "prompt" {
		return ""
	}
	if host := phonewire.OneLine(c.Params.Get("hostname"), phonewire.MaxTitle); host != "" {
		return host
	}
	if ip := address(c.Params.Get("ipaddr")); ip.IsValid() {
		return c.words.Text("api.kept.at", "ip", ip.String())
	}
	return c.words.Text("api.kept")
}

// authStatus tells what became of a request.
func (d *Door) authStatus(ctx context.Context, c call) (any, error) {
	txid := c.Params.Get("txid")
	switch {
	case txid == "":
		return nil, reply.ErrMissing.About("txid")
	case !uuidShaped(txid):
		return nil, reply.ErrInvalid.About("txid")
	}
	a, err := d.Poll(ctx, c.words, c.Application.ID, txid)
	if errors.Is(err, transaction.ErrUnknown) {
		err = reply.ErrInvalid.About("txid").With(err)
	}
	if err != nil {
		return nil, err
	}
	return statusAnswer{authAnswer: answerOf(a)}, nil
}

func (d *Door) denyStatus(c call) (any, error) {
	return statusAnswer{authAnswer: answerOf(attempt.Answer{Status: attempt.StatusOfOutage(c.words)})}, nil
}
