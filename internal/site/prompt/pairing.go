package prompt

import (
	"html/template"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/qr"
	"countersign/internal/site/web"
)

// PairSetting is where pairing is used.
type PairSetting string

// The settings.
const (
	FirstPhone   PairSetting = "first"   // inline, the person has nothing yet
	AddPhone     PairSetting = "add"     // one more, from the device list or as the spare
	ReplacePhone PairSetting = "replace" // a new phone takes the place of Device
	ConnectApp   PairSetting = "connect" // Device has no app, or has lost it
)

// PairState is where pairing stands. The names go into Status as they are.
type PairState string

// The states.
const (
	PairWaiting PairState = "waiting"
	PairDone    PairState = "done" // the app holds its key; the page moves on
	PairExpired PairState = "expired"
)

// Pairing is the one page that connects a phone (wireframe 5).
type Pairing struct {
	Base
	Path    string // base of this page's addresses; empty = LoginPath
	Setting PairSetting
	Device  string // with ReplacePhone: the phone that is replaced; with ConnectApp: the one that gets an app
	Link    string // what the QR code holds: https://HOST/a/…
	Code    string // the same to type, XXXX-XXXX
	Address string // where to type it: HOST/a
	State   PairState
	Version int
	Token   string    // names this code to the status address
	Until   time.Time // end of this code
	Mail    PairMail
	Back    web.Link // "Back to …"; no link when the path is empty
}

// PairMail is the form that mails the link to an address that is not kept.
type PairMail struct {
	Offered bool
	Address string      // as typed, after a mistake
	SentTo  string      // masked, after sending
	Err     *errs.Error // shown at the field
}

// Frame implements web.Page.
func (p Pairing) Frame(w web.Words) web.Frame {
	screen := "pair"
	if p.Setting == FirstPhone {
		screen = "enroll"
	}
	return p.frame(screen, "pairing", p.Heading(w), "pairing.js")
}

// Here is the base of the page's addresses.
func (p Pairing) Here() string { return p.or(p.Path) }

// Heading is the title.
func (p Pairing) Heading(w web.Words) string { return w.S("pair.title." + string(p.Setting)) }

// Lead says in one sentence what this is for.
func (p Pairing) Lead(w web.Words) template.HTML {
	return w.T("pair.lead."+string(p.Setting), "device", p.Device, "app", p.App)
}

// Line is the live status.
func (p Pairing) Line(w web.Words) string { return w.S("pair.line." + string(p.State)) }

// QR is the picture of Link.
func (p Pairing) QR(w web.Words) (template.HTML, error) {
	return qr.SVG(p.Link, w.S("pair.qr", "code", p.Code))
}

// Status gives the poll's answer for this page; next is where the browser shall go, or empty.
// A page whose code expired asks for a new one by itself (POST {Path}/renew).
func (p Pairing) Status(w web.Words, next string) Status {
	return Status{Version: p.Version, State: string(p.State), Line: p.Line(w), Next: next,
		Open: p.State == PairWaiting}
}
