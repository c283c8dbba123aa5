package phone

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
)

// list reads the open requests with the mark that names this state of the list.
func (d *Door) list(ctx context.Context, phoneID string) (phonewire.RequestList, error) {
	open, err := d.Mobile.Requests(ctx, phoneID)
	if err != nil {
		return phonewire.RequestList{}, err
	}
	if open == nil {
		open = []phonewire.Request{}
	}
	h := sha256.New()
	for _, r := range open {
		fmt.Fprintf(h, "%d:%s", len(r.Transaction), r.Transaction)
	}
	after := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
	return phonewire.RequestList{Requests: open, After: after, ServerTime: d.serverTime()}, nil
}

// listStill is list for a call that was held: the key that signed it may have been replaced or removed meanwhile,
// and its app learns that instead of what waits for the new one (D-10).
func (d *Door) listStill(ctx context.Context, c caller) (phonewire.RequestList, error) {
	if _, err := d.Mobile.Key(ctx, c.keyID); err != nil {
		return phonewire.RequestList{}, err
	}
	return d.list(ctx, c.phoneID)
}

func (d *Door) requests(ctx context.Context, c caller, _ *http.Request) (any, error) {
	return d.list(ctx, c.phoneID)
}

// wait answers as soon as the list differs from the one the phone has, or after Hold.
func (d *Door) wait(ctx context.Context, c caller, r *http.Request) (any, error) {
	leave, ok := d.waits.enter(c.keyID)
	if !ok {
		return nil, errBusy
	}
	defer leave()
	hold := d.Hold
	if hold <= 0 {
		hold = 25 * time.Second
	}
	until, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	after := r.URL.Query().Get("after")
	for {
		// Listen before looking, so that a change in between is heard.
		heard := make(chan error, 1)
		go func() { heard <- d.Mobile.Wait(until, c.phoneID) }()
		list, err := d.listStill(ctx, c)
		if err != nil || list.After != after {
			return list, err
		}
		// The listener may have started a moment after the look: look once more soon.
		again := time.NewTimer(250 * time.Millisecond)
		select {
		case err := <-heard:
			again.Stop()
			if err != nil && until.Err() == nil {
				return nil, err
			}
		case <-again.C:
			if list, err = d.listStill(ctx, c); err != nil || list.After != after {
				return list, err
			}
			if err := <-heard; err != nil && until.Err() == nil {
				return nil, err
			}
		}
		if until.Err() != nil {
			return d.listStill(ctx, c)
		}
	}
}

func (d *Door) request(ctx context.Context, c caller, r *http.Request) (any, error) {
	list, err := d.list(ctx, c.phoneID)
	if err != nil {
		return nil, err
	}
	for _, open := range list.Requests {
		if open.Transaction == r.PathValue("id") {
			return open, nil
		}
	}
	return nil, errNoRequest
}

// answer checks the answer's own signature by the same key that signed the call (AC-010).
func (d *Door) answer(ctx context.Context, c caller, r *http.Request) (any, error) {
	var a phonewire.Answer
	if err := decode(c.body, &a); err != nil {
		return nil, err
	}
	if err := a.Check(c.spki); err != nil {
		return nil, refusal(err)
	}
	if a.Transaction != r.PathValue("id") || a.Phone != c.phoneID {
		return nil, errBody
	}
	notMe := a.Decision == phonewire.Deny && a.Reason == phonewire.Fraud
	if c.ended != nil && !notMe {
		return nil, c.ended
	}
	outcome, err := phonewire.Outcome{}, c.ended
	if err == nil {
		outcome, err = d.Mobile.Answer(ctx, c.phoneID, a)
	}
	if notMe && err != nil && (errs.KindOf(err) == errs.Gone || errs.KindOf(err) == errs.Denied) { // also when the key ended while this was on its way
		outcome, err = d.Mobile.NotMe(ctx, c.keyID, a)
	}
	outcome.ServerTime = d.serverTime()
	return outcome, err
}
