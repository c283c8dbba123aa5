package phone

import (
	"context"

	"countersign/internal/base/phonewire"
)

// Subscribe registers where alerts go. An empty endpoint turns them off. Like every method here that talks to the
// server, it returns a *Refusal when the server refuses and a network error otherwise.
func (d *Device) Subscribe(ctx context.Context, s phonewire.Subscription) error {
	return d.call(ctx, "PUT", "/phone/v1/subscription", s, nil)
}

// TestAlert asks the server to send an alert to this phone now.
func (d *Device) TestAlert(ctx context.Context) error {
	return d.call(ctx, "POST", "/phone/v1/test-alert", nil, nil)
}

// Status returns what the server knows about this phone.
func (d *Device) Status(ctx context.Context) (phonewire.Status, error) {
	var s phonewire.Status
	err := d.call(ctx, "GET", "/phone/v1/account", nil, &s)
	return s, err
}

// Rename changes the name of the phone, on the server and in the device file.
func (d *Device) Rename(ctx context.Context, name string) error {
	if err := d.call(ctx, "PATCH", "/phone/v1/account", phonewire.Rename{Name: name}, nil); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Account.PhoneName = name
	return d.save()
}

// Leave removes the phone's key from the server. The caller removes the device file, if there is one.
func (d *Device) Leave(ctx context.Context) error {
	return d.call(ctx, "DELETE", "/phone/v1/account", nil, nil)
}
