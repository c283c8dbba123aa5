package phone

import (
	"context"
	"net/http"

	"countersign/internal/base/phonewire"
)

func (d *Door) subscribe(ctx context.Context, c caller, _ *http.Request) (any, error) {
	var s phonewire.Subscription
	if err := decode(c.body, &s); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, refusal(err)
	}
	return nil, d.Mobile.Subscribe(ctx, c.phoneID, c.keyID, s)
}

func (d *Door) testAlert(ctx context.Context, c caller, _ *http.Request) (any, error) {
	return nil, d.Mobile.TestAlert(ctx, c.phoneID)
}

func (d *Door) rename(ctx context.Context, c caller, _ *http.Request) (any, error) {
	var n phonewire.Rename
	if err := decode(c.body, &n); err != nil {
		return nil, err
	}
	if err := n.Check(); err != nil {
		return nil, refusal(err)
	}
	return nil, d.Mobile.Rename(ctx, c.phoneID, c.keyID, n.Name)
}

func (d *Door) report(ctx context.Context, c caller, _ *http.Request) (any, error) {
	var r phonewire.Report
	if err := decode(c.body, &r); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, refusal(err)
	}
	return nil, d.Mobile.Report(ctx, c.phoneID, r.Device)
}

func (d *Door) leave(ctx context.Context, c caller, _ *http.Request) (any, error) {
	return nil, d.Mobile.Leave(ctx, c.phoneID, c.keyID)
}

func (d *Door) status(ctx context.Context, c caller, _ *http.Request) (any, error) {
	s, err := d.Mobile.Status(ctx, c.phoneID)
	s.ServerTime = d.serverTime()
	return s, err
}
