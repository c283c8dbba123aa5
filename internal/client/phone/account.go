package phone

import (
	"context"

	"countersign/internal/base/phonewire"
)

// Subscribe tells where alerts go; an empty endpoint turns them off.
func (d *Device) Subscribe(ctx context.Context, s phonewire.Subscription) error {
	return d.call(ctx, "PUT", "/phone/v1/subscription", s, nil)
}

// TestAlert asks the server for an alert now.
func (d *Device) TestAlert(ctx context.Context) error {
	return d.call(ctx, "POST", "/phone/v1/test-alert", nil, nil)
}

// Status tells what the server knows of this phone.
func (d *Device) Status(ctx context.Context) (phonewire.Status, error) {
	var s phonewire.Status
	err := d.call(ctx, "GET", "/phone/v1/account", nil, &s)
	return s, err
}

// Rename changes what the phone is called, on the server and here.
func (d *Device) Rename(ctx context.Context, name string) error {
	if err := d.call(ctx, "PATCH", "/phone/v1/account", phonewire.Rename{Name: name}, nil); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Account.PhoneName = name
	return d.save()
}

// Leave ends the key on the server. The device file, if any, is the caller's to remove.
func (d *Device) Leave(ctx context.Context) error {
	return d.call(ctx, "DELETE", "/phone/v1/account", nil, nil)
}
