// Package phone is the HTTP door that phones call: /phone/v1/. It proves who calls (a
// signature by the phone's key over the whole request, fresh and used once) and hands on to
// Mobile, which decides everything. docs/protocol/phone.md is the contract.
package phone

import (
	"context"
	"net/netip"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/phone"
)

// Mobile is what the door needs of the product; the flow implements it. Errors are of package
// errs; the codes named here are those phones act upon.
type Mobile interface {
	// Activate binds the key in a, whose proof of possession was checked. Gone
	// "activation.expired" or "activation.used", Conflict "phone.twice", Limited "rate.limit".
	Activate(ctx context.Context, a phonewire.Activation, from netip.Addr, userAgent string) (phonewire.Account, error)
	// Key finds the key of a phone by key id (phonewire.KeyID). Gone "phone.replaced" or
	// "phone.removed", each with the key that is good no more; NotFound "phone.unknown".
	Key(ctx context.Context, keyID string) (phone.Key, error)
	// Confirm notes that a key signed a call for the first time.
	Confirm(ctx context.Context, keyID string) error
	// Requests lists the open ones, oldest first, and notes that the phone has them.
	Requests(ctx context.Context, phoneID string) ([]phonewire.Request, error)
	// Wait returns nil when something may have changed for the phone, or when ctx ends.
	Wait(ctx context.Context, phoneID string) error
	// Answer decides a request. The signature was checked against the key that signed the HTTP
	// request; that the answer fits its transaction and that Counter goes up is checked here.
	Answer(ctx context.Context, phoneID string, a phonewire.Answer) (phonewire.Outcome, error)
	// NotMe takes "not me" from an app whose key is good no more, about a request of the time when it was: whoever takes a phone
	// over must not silence it so.
	NotMe(ctx context.Context, keyID string, a phonewire.Answer) (phonewire.Outcome, error)
	// Subscribe stores where alerts go; an empty endpoint turns them off. It is refused, as Rename and Leave, when the key that
	// signed the HTTP request is not the phone's any more: Gone "phone.replaced" or "phone.removed".
	Subscribe(ctx context.Context, phoneID, keyID string, s phonewire.Subscription) error
	// TestAlert sends an alert now. Limited "rate.limit"; Conflict when alerts are off.
	TestAlert(ctx context.Context, phoneID string) error
	// Rename changes what the phone is called.
	Rename(ctx context.Context, phoneID, keyID, name string) error
	// Report says that a change of a device was not the person's own. Limited "rate.limit".
	Report(ctx context.Context, phoneID, device string) error
	// Leave ends the phone's key: the account was deleted in the app.
	Leave(ctx context.Context, phoneID, keyID string) error
	// Status tells what the server knows of the phone.
	Status(ctx context.Context, phoneID string) (phonewire.Status, error)
}
