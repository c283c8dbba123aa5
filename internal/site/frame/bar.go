package frame

import (
	"countersign/internal/domain/transaction"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Tone is the color of the bar at the foot: blue while something goes on, green, red (B-13).
type Tone string

// The tones.
const (
	Going Tone = "going"
	Good  Tone = "good"
	Bad   Tone = "bad"
)

// Bar is the status at the foot of a page.
type Bar struct {
	Tone   Tone
	Line   string // what happens, a sentence
	Hint   string // a second, smaller one; may be empty
	Number string // digits to type on the phone; empty = none
	Cancel bool   // the person may stop it
	Again  string // way that a new request may go by; empty = no such button
}

// bar tells what becomes of a request; nil when there is none.
func (v *view) bar(t transaction.Transaction, w web.Words) *Bar {
	if t.ID == "" || t.State == transaction.Cancelled {
		return nil
	}
	device := ""
	for _, way := range v.Ways {
		if way.PhoneID == t.PhoneID {
			device = way.Device
		}
	}
	line := func(key string) string { return w.S("frame.bar."+key, "device", device) }
	state := control.StateOf(t, v.Now())
	switch b := (Bar{Tone: Bad, Line: line(string(state))}); {
	case state.Open():
	case state == control.Approved:
		b.Tone = Good
		return &b
	case state == control.Reported:
		return &b
	default:
		b.Again = control.AskedBy(t)
		return &b
	}
	b := &Bar{Tone: Going, Line: line("sent"), Number: t.Number, Cancel: true}
	if t.Number != "" {
		b.Line = line("number")
	}
	until := w.S("frame.bar.until", "time", w.SecondsText(t.Expires))
	switch state {
	case control.Unreachable:
		b.Hint = line("unreachable")
	case control.Delivered:
		b.Hint = w.S("push.hint.delivered", "time", w.SecondsText(control.DeliveredAt(t))) + " " + until
	default:
		b.Hint = until
	}
	return b
}

// Status implements control.Prompt.
func (v *view) Status(t transaction.Transaction, words web.Words) control.Status {
	b := v.bar(t, words)
	if b == nil {
		return control.Status{}
	}
	return control.Status{State: string(b.Tone), Line: b.Line, Open: b.Tone == Going}
}
