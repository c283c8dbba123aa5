package frame

import (
	"html/template"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/qr"
	"countersign/internal/site/web"
)

// Setting is where the wizard is used.
type Setting string

// The settings.
const (
	FirstDevice Setting = "first"
	OneMore     Setting = "add"
	Reconnect   Setting = "replace" // a new phone or app for a device that is on the list
)

// Step is what the pages of the wizard share (C-30).
type Step struct {
	Base
	Path    string // base of the wizard's addresses
	Back    string // address of the step before; empty = none
	Choices string // what was chosen so far, as a query with its question mark; may be empty
	Setting Setting
	Device  string // with Reconnect: the device's name
	Works   bool   // … and its app still works, until the new one is connected
	Tablet  bool
}

// Welcome begins the first set-up.
type Welcome struct{ Step }

// Frame implements web.Page.
func (p Welcome) Frame(w web.Words) web.Frame {
	return p.frame("setup-welcome", "welcome", w.S("setup.welcome.title"))
}

// Kind asks for the type of device.
type Kind struct {
	Step
	Type string // "mobile" or "tablet"; what is chosen
}

// Frame implements web.Page.
func (p Kind) Frame(w web.Words) web.Frame {
	return p.frame("setup-type", "kind", w.S("setup.type.title"))
}

// Country is one entry of the country list.
type Country struct{ Code, Name, Calling string }

// Number asks for the phone's number, and again when it is on the list already (C-31).
type Number struct {
	Step
	Countries []Country
	Country   string
	Typed     string
	Sure      bool
	Err       *errs.Error // at the number
	SureErr   bool        // the box was not ticked
	Taken     *Device     // the person's own phone with this number; nil = none
}

// Frame implements web.Page.
func (p Number) Frame(w web.Words) web.Frame {
	return p.frame("setup-number", "number", w.S("setup.number.title"), "frame-setup.js")
}

// Platform asks what kind of phone or tablet it is.
type Platform struct {
	Step
	Platform string // "ios", "android" or "other"
	Stop     bool   // "other" was chosen: there is no app for it
	Unsaid   bool   // nothing was chosen
}

// Frame implements web.Page.
func (p Platform) Frame(w web.Words) web.Frame {
	title := "setup.platform.title"
	if p.Tablet {
		title += ".tablet"
	}
	return p.frame("setup-platform", "platform", w.S(title))
}

// Install says how the app gets onto the device.
type Install struct {
	Step
	Platform string
	Address  string // where the app is, HOST/app
	Link     string // the same to open
}

// Frame implements web.Page.
func (p Install) Frame(w web.Words) web.Frame {
	return p.frame("setup-install", "install", w.S("setup.install.title"))
}

// Steps lists what to do, in sentences.
func (p Install) Steps(w web.Words) []template.HTML {
	var all []template.HTML
	for _, n := range []string{"1", "2", "3"} {
		key := "setup.install." + p.Platform + "." + n
		if p.Tablet && w.Has(key+".tablet") {
			key += ".tablet"
		}
		all = append(all, w.T(key, "address", p.Address))
	}
	return all
}

// Activate connects the app: a picture to scan, and the way by mail beside it.
type Activate struct {
	Step
	Link    string // what the picture holds
	Code    string // the same to type, XXXX-XXXX
	Address string // where to type it
	Token   string // names this code to the status address
	Done    bool   // the app is connected
	Early   bool   // "Continue" was pressed before
	Until   time.Time
	SentTo  string // masked address a link was mailed to
}

// Frame implements web.Page.
func (p Activate) Frame(w web.Words) web.Frame {
	return p.frame("setup-activate", "activate", w.S("setup.activate.title"), "frame-setup.js")
}

// QR is the picture of Link.
func (p Activate) QR(w web.Words) (template.HTML, error) {
	return qr.SVG(p.Link, w.S("pair.qr", "code", p.Code))
}

// Kind is the icon of the device.
func (p Step) Kind() string {
	if p.Tablet {
		return "tablet"
	}
	return "phone"
}

// Say is a text of the wizard that names the kind of device.
func (p Step) Say(w web.Words, key string, pairs ...any) template.HTML {
	return w.T(kindly(key, p.Tablet), pairs...)
}

func kindly(key string, tablet bool) string {
	if tablet {
		return "setup." + key + ".tablet"
	}
	return "setup." + key
}

// And joins a further pair to the choices of the address.
func (p Step) And(pair string) string {
	if p.Choices == "" {
		return "?" + pair
	}
	return p.Choices + "&" + pair
}

// Mail asks for the address the activation link goes to; it is not kept (D-22).
type Mail struct {
	Step
	Typed string
	Err   *errs.Error
}

// Frame implements web.Page.
func (p Mail) Frame(w web.Words) web.Frame {
	return p.frame("setup-mail", "mail", w.S("setup.mail.title"))
}

// Finish ends the first set-up: the new device, what happens at the next sign-in, and the way on (B-12).
type Finish struct {
	Step
	Items    []Item
	Auto     bool
	CanPush  bool
	LinkOnly bool // the set-up came by a link: no sign-in waits
}

// Frame implements web.Page.
func (p Finish) Frame(w web.Words) web.Frame {
	return p.frame("setup-finish", "finish", w.S("frame.settings.title"))
}
