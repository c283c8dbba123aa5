package frame

import (
	"html/template"
	"slices"

	"countersign/internal/base/errs"
	"countersign/internal/flow/factor"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Prove is the page that asks for a proof: to sign in, or before devices are managed (B-02, B-08, B-09).
type Prove struct {
	Base
	Path     string // base of this page's addresses
	Asks     []Ask  // what a request can be sent by; none while requests pause
	CodeOpen bool   // the code button has turned into its field
	Kinds    []string
	Err      *errs.Error // at the code field
	Notice   *errs.Error // above the ways in: why some are missing
	Bar      *Bar
	Remember *control.Remember // the box under the ways in; nil = not offered
	Version  int64             // of the sign-in, for the status poll
}

// Frame implements web.Page.
func (p Prove) Frame(w web.Words) web.Frame {
	screen := "frame-prompt"
	if p.Section != SignIn {
		screen = "frame-verify"
	}
	return p.frame(screen, "prove", p.Heading(w), "frame.js")
}

// InBar reports whether the bar at the foot tells what is wrong with the code (B-13); it stands at the field while the
// bar is about a request that waits.
func (p Prove) InBar() bool { return p.Err != nil && p.Bar != nil && p.Bar.Tone == Bad }

// Heading is the title.
func (p Prove) Heading(w web.Words) string {
	switch {
	case p.Section != SignIn:
		return w.S("frame." + string(p.Section) + ".title")
	case p.App == "":
		return w.S("frame.title")
	}
	return w.S("frame.title.app", "app", p.App)
}

// Lead is the sentence under it.
func (p Prove) Lead(w web.Words) template.HTML { return w.T("frame.lead." + string(p.Section)) }

// Ask is one row of the prompt: a factor that asks a device, and the devices it can ask.
type Ask struct {
	Page     factor.Page
	Ways     []control.Row
	Selected string // ID of the way that requests go by
}

// asks makes one row of each factor among the ways that ask. first and then are the ways to select, where they are there.
func asks(ways []control.Row, first, then string) []Ask {
	var list []Ask
	for _, w := range ways {
		i := slices.IndexFunc(list, func(a Ask) bool { return a.Page == w.Page })
		if i < 0 {
			i, list = len(list), append(list, Ask{Page: w.Page, Selected: w.ID})
		}
		a := &list[i]
		a.Ways = append(a.Ways, w)
		if w.ID == first || w.ID == then && a.Selected != first {
			a.Selected = w.ID
		}
	}
	return list
}

// Hint names the kinds of code this person can type.
func (p Prove) Hint(w web.Words) template.HTML {
	names := make([]string, 0, len(p.Kinds))
	for _, k := range p.Kinds {
		names = append(names, w.S("code.kind."+k))
	}
	return w.T("code.hint", "list", w.List(names))
}

// Refused says why the person may not go on.
type Refused struct {
	Base
	Err       *errs.Error
	Reference string
	Link      web.Link // a way on inside the frame; no link when its path is empty
	Answer    string   // what a button hands to Parent, the page around the frame; empty = no such button
	Parent    string
}

// Frame implements web.Page.
func (p Refused) Frame(w web.Words) web.Frame {
	if p.Answer != "" {
		return p.frame("frame-refused", "refused", w.ErrorTitle(p.Err), "frame-answer.js")
	}
	return p.frame("frame-refused", "refused", w.ErrorTitle(p.Err))
}

// Tone is the color family.
func (p Refused) Tone() string { return web.Tone(p.Err) }

// Recovered comes after a sign-in by a code from the help desk (RULE-38).
type Recovered struct{ Base }

// Frame implements web.Page.
func (p Recovered) Frame(w web.Words) web.Frame {
	return p.frame("frame-recovered", "recovered", w.S("recovered.title"))
}

// Spare asks for a spare way in, after a sign-in with the only one there is (RULE-10).
type Spare struct {
	Base
	Required bool // no "Later"
	Left     int  // reminders left after this one
}

// Frame implements web.Page.
func (p Spare) Frame(w web.Words) web.Frame {
	return p.frame("frame-spare", "spare", w.S("spare.title"))
}

// Answer is the last page: its script hands the signed answer to the page around the frame, and to no other.
type Answer struct {
	Base
	Text   string // "AUTH|…", "ENROLL|…" or "ERR|…"
	Parent string // the origin it is for
	Failed bool   // not signed in
}

// Frame implements web.Page.
func (p Answer) Frame(w web.Words) web.Frame {
	return p.frame("frame-answer", "answer", p.Heading(w), "frame-answer.js")
}

// Heading is the title.
func (p Answer) Heading(w web.Words) string {
	if p.Failed {
		return w.S("frame.answer.failed")
	}
	return w.S("frame.answer.title")
}

// Closed is the end of an enrollment link.
type Closed struct{ Base }

// Frame implements web.Page.
func (p Closed) Frame(w web.Words) web.Frame {
	return p.frame("frame-closed", "closed", w.S("enrolled.title"))
}
