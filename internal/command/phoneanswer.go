package command

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// outcomeDoc is the outcome of an answer in a JSON document.
type outcomeDoc struct {
	Transaction string `json:"transaction"` // of the request
	State       string `json:"state"`       // a State constant of phonewire
	AccountID   string `json:"account_id"`
}

// phoneApprove is `countersign phone approve`: it signs an approval of an open request and sends it to the server. It
// increments the counter in the state file. The exit code is 1 when the server does not count it as an approval.
type phoneApprove struct {
	Transaction string `arg:"" optional:"" help:"Which request; without it, the only open one."`
	Number      string `help:"Number shown where the sign-in waits." placeholder:"N"`
	phoneFlags
}

func (c *phoneApprove) Run(r *run) error {
	d, q, err := c.find(r, c.Transaction)
	if err != nil {
		return err
	}
	if q.NumberDigits > 0 && !digits(c.Number, q.NumberDigits) {
		return errs.New(errs.Invalid, "phone.number").Arg("digits", q.NumberDigits)
	}
	return r.answer(d, q, phonewire.Approve, phonewire.NoReason, c.Number, phonewire.StateApproved)
}

// digits reports whether s is n digits. Anything else cannot be the number of a request and is not sent, because a
// wrong number ends the request.
func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

// phoneDeny is `countersign phone deny`: it signs a denial of an open request and sends it to the server. With the
// reason fraud the server reports it to the organization. It increments the counter in the state file.
type phoneDeny struct {
	Transaction string `arg:"" optional:"" help:"Which request; without it, the only open one."`
	Reason      string `enum:"mistake,fraud" required:"" placeholder:"mistake|fraud" help:"mistake: it was you; fraud: it was not you."`
	phoneFlags
}

func (c *phoneDeny) Run(r *run) error {
	d, q, err := c.find(r, c.Transaction)
	if err != nil {
		return err
	}
	return r.answer(d, q, phonewire.Deny, phonewire.Reason(c.Reason), "", phonewire.StateDenied, phonewire.StateReported)
}

// answer sends a decision and prints its outcome. Every outcome that is not in wanted is an error
// phone.outcome.<state>.
func (r *run) answer(d device, q phonewire.Request, decision phonewire.Decision, reason phonewire.Reason, number string, wanted ...string) error {
	out, err := d.Answer(r.ctx, q, decision, reason, number)
	if err != nil {
		return phoneError(err)
	}
	doc := outcomeDoc{q.Transaction, out.State, d.Account().AccountID}
	for _, state := range wanted {
		if out.State == state {
			return r.show(doc, func(p *page) {
				p.line("phone."+state, "application", cell(q.ApplicationName), "username", cell(q.Username))
			})
		}
	}
	return errs.New(errs.Conflict, "phone.outcome."+out.State)
}

// find returns an open request by its transaction, or the only open one of all accounts when transaction is empty.
// Errors: a usageError when several are open, errNoRequest, and those of phoneError.
func (f phoneFlags) find(r *run, transaction string) (device, phonewire.Request, error) {
	devices, err := f.devices(r)
	if err != nil {
		return device{}, phonewire.Request{}, err
	}
	var from []device
	var found []phonewire.Request
	var failed error
	for _, d := range devices {
		open, err := d.Requests(r.ctx)
		if err != nil {
			failed = err
			continue
		}
		for _, q := range open {
			if transaction == "" || transaction == q.Transaction {
				from, found = append(from, d), append(found, q)
			}
		}
	}
	switch {
	case len(found) == 1:
		return from[0], found[0], nil
	case len(found) > 1:
		return device{}, phonewire.Request{}, usagef("%d requests are open; say which of those that countersign phone list shows", len(found))
	case failed != nil:
		return device{}, phonewire.Request{}, phoneError(failed)
	}
	return device{}, phonewire.Request{}, errNoRequest
}

// phoneError turns an error of the client into one with a code of the catalogue.
func phoneError(err error) error {
	var refused *phone.Refusal
	var unreachable *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refused):
		kind := errs.Denied
		if phone.Gone(err) {
			kind = errs.Gone
		}
		return &errs.Error{Kind: kind, Code: refused.Code, Args: map[string]any{"message": refused.Message}}
	case errors.Is(err, phone.ErrNoOrigin):
		return usagef("a typed code needs --origin, the address of the server")
	case errors.Is(err, phone.ErrLink):
		return errLink
	case errors.Is(err, phone.ErrNotOpen):
		return errNoRequest
	case errors.As(err, &unreachable):
		return errs.New(errs.Unavailable, "phone.unreachable").With(unreachable.Err)
	}
	return err
}
