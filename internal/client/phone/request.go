package phone

import (
	"context"
	"errors"
	"net/url"
	"time"

	"countersign/internal/base/phonewire"
)

// ErrNotOpen reports a transaction that is not among the open requests.
var ErrNotOpen = errors.New("no such open request")

// Requests lists the open requests, oldest first.
func (d *Device) Requests(ctx context.Context) ([]phonewire.Request, error) {
	var list phonewire.RequestList
	err := d.call(ctx, "GET", "/phone/v1/requests", nil, &list)
	return list.Requests, err
}

// Wait is a long poll: it returns as soon as the list differs from the one that after came with, and after about
// 25 s in any case. With an empty after it returns at once.
func (d *Device) Wait(ctx context.Context, after string) (phonewire.RequestList, error) {
	var list phonewire.RequestList
	err := d.call(ctx, "GET", "/phone/v1/requests/wait?after="+url.QueryEscape(after), nil, &list)
	return list, err
}

// Watch calls show once for each request as it arrives. It ends when ctx ends, when show returns an error, or when
// the server no longer accepts the phone's key (Gone), and returns that error. Every other failure goes to trouble,
// which may be nil, and Watch tries again after 1 s, later up to 30 s.
func (d *Device) Watch(ctx context.Context, show func(phonewire.Request) error, trouble func(error)) error {
	after, shown := "", map[string]bool{}
	for pause := time.Second; ; {
		list, err := d.Wait(ctx, after)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case Gone(err):
			return err
		case err != nil:
			if trouble != nil {
				trouble(err)
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
			pause = min(2*pause, 30*time.Second)
			continue
		}
		pause, after = time.Second, list.After
		for _, r := range list.Requests {
			if shown[r.Transaction] {
				continue
			}
			shown[r.Transaction] = true
			if err := show(r); err != nil {
				return err
			}
		}
	}
}

// Find returns one open request by its transaction. With an empty id it returns the only open one. The error is
// ErrNotOpen when there is no such request, or when several are open and id is empty.
func (d *Device) Find(ctx context.Context, id string) (phonewire.Request, error) {
	open, err := d.Requests(ctx)
	if err != nil {
		return phonewire.Request{}, err
	}
	if id == "" && len(open) == 1 {
		return open[0], nil
	}
	for _, r := range open {
		if r.Transaction == id {
			return r, nil
		}
	}
	return phonewire.Request{}, ErrNotOpen
}

// Approve approves an open request. number is what the screen of the sign-in shows, empty when it shows none.
// Errors are those of Find and Answer.
func (d *Device) Approve(ctx context.Context, id, number string) (phonewire.Outcome, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return d.Answer(ctx, r, phonewire.Approve, phonewire.NoReason, number)
}

// Deny denies an open request. Errors are those of Find and Answer.
func (d *Device) Deny(ctx context.Context, id string, reason phonewire.Reason) (phonewire.Outcome, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return d.Answer(ctx, r, phonewire.Deny, reason, "")
}

// Answer signs and sends a decision about a request and returns what came of it. The counter is saved before it is
// sent, because the server accepts each value once.
func (d *Device) Answer(ctx context.Context, r phonewire.Request, decision phonewire.Decision, reason phonewire.Reason, number string) (phonewire.Outcome, error) {
	d.mu.Lock()
	d.state.Counter++
	a := phonewire.Answer{Transaction: r.Transaction, Application: r.ApplicationID, User: r.UserID,
		Phone: d.state.Account.AccountID, Decision: decision, Reason: reason, Number: number, Expires: r.Expires, Counter: d.state.Counter}
	err := d.save()
	d.mu.Unlock()
	if err != nil {
		return phonewire.Outcome{}, err
	}
	if a.Signature, err = phonewire.Sign(d.rand, d.key, a.Text()); err != nil {
		return phonewire.Outcome{}, err
	}
	var out phonewire.Outcome
	err = d.call(ctx, "POST", "/phone/v1/requests/"+url.PathEscape(r.Transaction)+"/answer", a, &out)
	return out, err
}
