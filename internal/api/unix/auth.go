package unix

import (
	"context"
	"strings"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/api/reply"
	"countersign/internal/flow/signin"
)

// auth asks for a second proof: async=1 gives a txid to ask about, otherwise the answer is the decision.
func (d *Door) auth(ctx context.Context, c call) (any, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	a, err := d.Prove(ctx, c.way, attempt.Proof{Identity: c.Identity, Dated: c.Dated, Request: r, Words: words(), Async: c.async(),
		Choose: func(a *signin.Attempt) (attempt.Choice, error) {
			a.Info = attempt.Reported(words(), "", c.params["hostname"], c.params["pushinfo"])
			return c.choice(a.Gate)
		}})
	if err != nil {
		return nil, err
	}
	return spelled(a), nil
}

func (d *Door) denyAuth(c call) (any, error) {
	a, err := d.Denied(words(), c.Application.ID, c.async())
	return spelled(a), err
}

// spelled is what an attempt came to, as auth answers it.
func spelled(a attempt.Answer) document {
	if a.TxID != "" {
		return document{{"txid", a.TxID}}
	}
	return decision(a.Status)
}

func (c call) async() bool { return c.params["async"] == "1" }

// choice reads what the person chose. auto is an option's value or a typed line; the other factors are named. Numbers cannot
// be shown here (decision 0021).
func (c call) choice(g signin.Gate) (attempt.Choice, error) {
	switch f := c.params["factor"]; f {
	case "auto":
		return attempt.Typed(g, c.params["auto"], false), nil
	case menu.Push:
		device := strings.TrimLeft(c.params["phone"], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") // phone1, push1, 1
		return attempt.Typed(g, menu.Push+device, false), nil
	case menu.Passcode:
		code := strings.TrimSpace(c.params["code"])
		if code == "" {
			return attempt.Choice{}, reply.ErrMissing.About("code")
		}
		return attempt.Choice{Factor: menu.Passcode, Code: code}, nil
	case menu.Phone, menu.SMS:
		return attempt.Choice{Factor: f}, nil
	case "":
		return attempt.Choice{}, reply.ErrMissing.About("factor")
	}
	return attempt.Choice{}, reply.ErrInvalid.About("factor")
}
