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

// Wait answers as soon as the list differs from the one that gave after, at the latest after
// about 25 s. An empty after answers at once.
func (d *Device) Wait(ctx context.Context, after string) (phonewire.RequestList, error) {
	var list phonewire.RequestList
	err := d.call(ctx, "GET", "/phone/v1/requests/wait?after="+url.QueryEscape(after), nil, &list)
	return list, err
}

// Watch calls show for each request once, as it arrives, until ctx ends, show fails, or the
// phone's key is dead. Other failures are passed to trouble (may be nil) and tried again.
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

// Find gives one open request. With an empty id it is the only open one. ErrNotOpen otherwise.
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

// Approve says yes; number is what the other screen shows, empty for plain requests.
func (d *Device) Approve(ctx context.Context, id, number string) (phonewire.Outcome, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return d.Answer(ctx, r, phonewire.Approve, phonewire.NoReason, number)
}

// Deny says no.
func (d *Device) Deny(ctx context.Context, id string, reason phonewire.Reason) (phonewire.Outcome, error) {
	r, err := d.Find(ctx, id)
	if err != nil {
		return phonewire.Outcome{}, err
	}
	return d.Answer(ctx, r, phonewire.Deny, reason, "")
}

// Answer signs and sends a decision about a request. The counter is saved before it is sent, so
// that it never goes back.
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
