package control

import (
	"time"

	"countersign/internal/domain/transaction"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/signin"
)

// This file is what the prompts know of the ways in. They know kinds of page and no factor: those stand in flow/factor.

// Rings reports whether a way asks on a device, by a request.
func Rings(w signin.Way) bool { return w.Factor().Rings() }

// requestTo is the ID of the way that asks on a device; "" when there is none.
func (v *View) requestTo(phoneID string) string {
	for _, w := range v.Targets() {
		if w.PhoneID == phoneID {
			return w.ID
		}
	}
	return ""
}

// Targets are the ways by which a request can be sent, strongest first.
func (v *View) Targets() []signin.Way { return v.by(Rings) }

// Codes are the ways by which the person can type a code of a device.
func (v *View) Codes() []signin.Way { return v.by(typed) }

func typed(w signin.Way) bool { return w.Factor().Takes() }

func (v *View) by(is func(signin.Way) bool) []signin.Way {
	var list []signin.Way
	for _, w := range v.Ways {
		if is(w) {
			list = append(list, w)
		}
	}
	return list
}

// Kinds names where the codes come from that the person may hold, strongest first (factor.Page.Source).
func (v *View) Kinds() []string {
	var kinds []string
	for _, f := range factor.Codes(v.Ways) {
		kinds = append(kinds, f.Page.Source)
	}
	return kinds
}

// RequestState is where a request to a phone stands, as pages tell it. The names are parts of keys of the catalogue.
type RequestState string

// The states; the first three are open, the others final.
const (
	Sent        RequestState = "sent"
	Delivered   RequestState = "delivered"   // the app has fetched it
	Unreachable RequestState = "unreachable" // no alert could be sent; it waits inside the app
	Approved    RequestState = "approved"
	Denied      RequestState = "denied"   // "my mistake"
	Reported    RequestState = "reported" // "not me"
	WrongNumber RequestState = "wrong"    // wrong number typed on the phone
	TimedOut    RequestState = "timedout"
)

// StateOf is where a request stands now. One that was taken back is as good as timed out.
func StateOf(t transaction.Transaction, now time.Time) RequestState {
	switch t.State {
	case transaction.Approved:
		return Approved
	case transaction.Denied:
		return Denied
	case transaction.Fraud:
		return Reported
	case transaction.WrongNumber:
		return WrongNumber
	case transaction.TimedOut, transaction.Cancelled:
		return TimedOut
	}
	switch {
	case !now.Before(t.Expires):
		return TimedOut
	case !t.Fetched.IsZero() || !t.Delivered.IsZero():
		return Delivered
	case t.Unreachable:
		return Unreachable
	}
	return Sent
}

// Open reports whether the phone may still answer.
func (s RequestState) Open() bool { return s == Sent || s == Delivered || s == Unreachable }

// DeliveredAt is when the phone got the request, as far as that is known; zero before.
func DeliveredAt(t transaction.Transaction) time.Time {
	if t.Fetched.IsZero() {
		return t.Delivered
	}
	return t.Fetched
}
