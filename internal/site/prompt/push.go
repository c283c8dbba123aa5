package prompt

import (
	"html/template"
	"time"

	"countersign/internal/site/web"
)

// PushState is where a request to a phone stands. The names go into Status as they are.
type PushState string

// The states; the first three are open, the others final.
const (
	PushSent        PushState = "sent"
	PushDelivered   PushState = "delivered"   // the app has fetched it
	PushUnreachable PushState = "unreachable" // no alert could be sent; it waits inside the app
	PushApproved    PushState = "approved"
	PushDenied      PushState = "denied"   // "my mistake"
	PushReported    PushState = "reported" // "not me"
	PushWrong       PushState = "wrong"    // wrong number typed on the phone
	PushTimedOut    PushState = "timedout"
	PushPaused      PushState = "paused" // too many requests in a row (decision 13)
)

// Push is the page that waits for an answer on a phone (wireframe 1).
type Push struct {
	Base
	Path        string // base of this page's addresses; empty = LoginPath
	Purpose     Purpose
	DeviceID    string
	Device      string // the phone's name, e.g. "Ana's phone"
	Number      string // 3 to 6 digits to type in the app; empty = a plain request
	State       PushState
	Version     int       // of the transaction, for the status poll
	DeliveredAt time.Time // with PushDelivered
	Until       time.Time // end of the open request
	Code        bool      // a code may be typed instead
	Others      []Device  // other phones a request can go to, at most three show
	Remember    *Remember
}

// Device is a phone, tablet or computer with the app, as the ways list names it.
type Device struct {
	ID, Name string
	Kind     string // "phone", "tablet" or "computer"; also the icon
	Detail   string // e.g. the model; may be empty
}

// Frame implements web.Page.
func (p Push) Frame(w web.Words) web.Frame { return p.frame("push", "push", p.Heading(w), "push.js") }

// Here is the base of the page's addresses.
func (p Push) Here() string { return p.or(p.Path) }

// Open reports whether the phone may still answer.
func (p Push) Open() bool {
	return p.State == PushSent || p.State == PushDelivered || p.State == PushUnreachable
}

// Again reports whether another request may follow a final state: not after a report, and not
// while requests are paused.
func (p Push) Again() bool {
	return p.State == PushDenied || p.State == PushWrong || p.State == PushTimedOut
}

// Proof reports whether the page proves for something other than the sign-in.
func (p Push) Proof() bool { return p.Purpose == ManageDevices || p.Purpose == NewPhone }

// Why is the purpose as a sentence.
func (p Push) Why(w web.Words) string {
	if p.State == PushApproved {
		return ""
	}
	return purposeLine(w, p.Purpose)
}

// OffersNewPhone reports whether "I have a new phone" shows: not while the one just set up is tried out.
func (p Push) OffersNewPhone() bool {
	return p.Devices && !(p.Open() && (p.Purpose == FirstRequest || p.Purpose == TryOut))
}

// RememberForm names the form the box belongs to.
func (p Push) RememberForm() string { return "wait" }

// Heading is the title for the state.
func (p Push) Heading(w web.Words) string {
	if p.Open() {
		if p.Purpose == FirstRequest || p.Purpose == TryOut {
			return w.S("push.title.first")
		}
		return w.S("push.title.open")
	}
	return w.S("push.title." + string(p.State))
}

// Line says what has happened, with the device's name.
func (p Push) Line(w web.Words) template.HTML {
	return w.T("push.line."+string(p.State), "device", p.Device)
}

// Hint is the second, smaller line; empty for most states.
func (p Push) Hint(w web.Words) template.HTML {
	if p.State == PushDelivered && !p.DeliveredAt.IsZero() {
		return w.T("push.hint.delivered", "time", w.Seconds(p.DeliveredAt))
	}
	if key := "push.hint." + string(p.State); w.Has(key) && p.State != PushDelivered {
		return w.T(key, "device", p.Device)
	}
	return ""
}

// Tone is the colour family of a final state.
func (p Push) Tone() string {
	switch p.State {
	case PushApproved:
		return "ok"
	case PushReported, PushPaused:
		return "bad"
	}
	return "warn"
}

// Status is the JSON answer of the status address.
type Status struct {
	Version int    `json:"version"`
	State   string `json:"state"`          // a PushState or PairState
	Line    string `json:"line"`           // plain text for the status line
	Hint    string `json:"hint,omitempty"` // second line
	Open    bool   `json:"open"`           // false: a final state, the page renews itself
	Next    string `json:"next,omitempty"` // address to go on to, when there is one
}

// Status gives the poll's answer for this page; next is where the browser shall go, or empty.
func (p Push) Status(w web.Words, next string) Status {
	s := Status{Version: p.Version, State: string(p.State), Open: p.Open(), Next: next,
		Line: w.S("push.line."+string(p.State), "device", p.Device)}
	if p.State == PushDelivered && !p.DeliveredAt.IsZero() {
		s.Hint = w.S("push.hint.delivered", "time", w.SecondsText(p.DeliveredAt))
	}
	return s
}
