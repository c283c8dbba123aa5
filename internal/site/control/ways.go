package control

import (
	"slices"
	"time"

	"countersign/internal/domain/transaction"
	"countersign/internal/flow/factor"
	"countersign/internal/flow/signin"
)

// This file is what the prompts know of the ways in. They show rows and name no factor: those stand in flow/factor.

// Row is one way in, as its factor's Page shows it.
type Row struct {
	ID      string // of the way; "" = a code that needs no device
	PhoneID string
	Device  string // name of the device, "" = none
	Asks    bool   // a request goes out and its page waits; else a code is typed
	Page    factor.Page
}

// RowOf is the row of a way.
func RowOf(w signin.Way) Row {
	f := w.Factor()
	return Row{ID: w.ID, PhoneID: w.PhoneID, Device: w.Device, Asks: f.Rings(), Page: f.Page}
}

// Rows lists every way in that is open to the person: those of devices, strongest first, then codes that need none.
func (v *View) Rows() []Row {
	var rows []Row
	for _, w := range v.Ways {
		rows = append(rows, RowOf(w))
	}
	for _, f := range v.Codes() {
		if f.Devices == nil && f.Allowed(v.Policy) {
			rows = append(rows, Row{Page: f.Page})
		}
	}
	return rows
}

// Asking lists the rows by which a request can be sent, strongest first.
func (v *View) Asking() []Row {
	return slices.DeleteFunc(v.Rows(), func(r Row) bool { return !r.Asks })
}

// Rings reports whether a way asks on a device, by a request.
func Rings(w signin.Way) bool { return w.Factor().Rings() }

// AskedBy is the ID of the way by which a request was sent.
func AskedBy(t transaction.Transaction) string { return factor.Asking(t).WayID(t.PhoneID) }

// requestTo is the ID of the way that a form means, by its own ID or that of its phone; "" when there is none.
func (v *View) requestTo(id string) string {
	for _, r := range v.Asking() {
		if r.ID == id || r.PhoneID == id {
			return r.ID
		}
	}
	return ""
}

// Kinds names where the codes come from that the person may hold, strongest first (factor.Page.Source).
func (v *View) Kinds() []string {
	var kinds []string
	for _, f := range v.Codes() {
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
