package prompt

import (
	"html/template"
	"time"

	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Push is the page that waits for an answer on a phone, or says what came of it. An approved request has no
// page: the sign-in goes on.
type Push struct {
	Base
	Path        string // base of this page's addresses; empty = LoginPath
	Purpose     Purpose
	Way         string // by which the request went
	Device      string // the phone's name, e.g. "Ana's phone"
	Number      string // 3 to 6 digits to type in the app; empty = a plain request
	State       control.RequestState
	Version     int64         // of the sign-in, for the status poll
	DeliveredAt time.Time     // with control.Delivered
	Until       time.Time     // end of the open request
	Code        bool          // a code may be typed instead
	Others      []control.Row // other ways by which a request can go, at most three show
	Remember    *control.Remember
}

// Frame implements web.Page.
func (p Push) Frame(w web.Words) web.Frame { return p.frame("push", "push", p.Heading(w), "push.js") }

// Here is the base of the page's addresses.
func (p Push) Here() string { return p.or(p.Path) }

// Open reports whether the phone may still answer.
func (p Push) Open() bool { return p.State.Open() }

// Again reports whether another request may follow a final state: not after a report.
func (p Push) Again() bool {
	return p.State == control.Denied || p.State == control.WrongNumber || p.State == control.TimedOut
}

// Proof reports whether the page proves for something other than the sign-in.
func (p Push) Proof() bool { return p.Purpose == ManageDevices || p.Purpose == NewPhone }

// Why is the purpose as a sentence.
func (p Push) Why(w web.Words) string { return purposeLine(w, p.Purpose) }

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
	if p.State == control.Delivered && !p.DeliveredAt.IsZero() {
		return w.T("push.hint.delivered", "time", w.Seconds(p.DeliveredAt))
	}
	if key := "push.hint." + string(p.State); w.Has(key) && p.State != control.Delivered {
		return w.T(key, "device", p.Device)
	}
	return ""
}

// Tone is the color family of a final state.
func (p Push) Tone() string {
	if p.State == control.Reported {
		return "bad"
	}
	return "warn"
}

// Status is what the page says, for its script.
func (p Push) Status(w web.Words) control.Status {
	s := control.Status{Version: p.Version, State: string(p.State), Open: p.Open(), Line: w.S("push.line."+string(p.State), "device", p.Device)}
	if p.State == control.Delivered && !p.DeliveredAt.IsZero() {
		s.Hint = w.S("push.hint.delivered", "time", w.SecondsText(p.DeliveredAt))
	}
	return s
}
