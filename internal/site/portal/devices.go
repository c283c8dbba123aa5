package portal

import (
	"time"

	"countersign/internal/site/web"
)

// CardState is how well a device can be used.
type CardState string

// The states.
const (
	Active       CardState = "active"
	AlertsOff    CardState = "alertsoff" // works while the app is open
	NotActivated CardState = "inactive"  // no app connected
)

// Card is one device of the list.
type Card struct {
	ID, Name string
	Kind     string // "phone", "tablet" or "computer"; also the icon
	Model    string // e.g. "Pixel 8 · Android 15"; may be empty
	State    CardState
	AddedAt  time.Time
	UsedAt   time.Time // zero = never
	Fresh    bool      // just added
	SameAs   string    // name of an earlier card that is the same device; empty when none is
}

// NoticeKind is what a notice above the list tells.
type NoticeKind string

// The notices.
const (
	Added    NoticeKind = "added"
	Renamed  NoticeKind = "renamed"
	Removed  NoticeKind = "removed"
	Replaced NoticeKind = "replaced"
	// Connected is about a device that had no app.
	Connected NoticeKind = "connected"
	// RemovedOne speaks of a device whose name is gone with it.
	RemovedOne NoticeKind = "removed.one"
	// Forgotten and ForgottenAll are about remembered browsers.
	Forgotten    NoticeKind = "forgotten"
	ForgottenAll NoticeKind = "forgotten.all"
)

// Notice tells what was just done to a device.
type Notice struct {
	Kind   NoticeKind
	Device string
}

// Devices is the list.
type Devices struct {
	Base
	Name   string // the person's own name, or the account's
	Cards  []Card
	Notice *Notice
	OneWay bool // only one way in is left
	CanAdd bool // a device may be added (a proof by help-desk code allows one)

	Browsers []Browser // that are not asked for a second step; the section shows when there are any
}

// Frame implements web.Page.
func (p Devices) Frame(w web.Words) web.Frame {
	f := p.frame("devices", "devices", w.S("devices.title"))
	f.Wide = true
	return f
}

// Tone is the color family of the card's state.
func (c Card) Tone() string {
	if c.State == Active {
		return "ok"
	}
	return "warn"
}
