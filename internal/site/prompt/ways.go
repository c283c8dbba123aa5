package prompt

import (
	"slices"

	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Ways lists every way in that is open to this person ("Other ways"), and, with a Purpose, is
// the page "First, prove it is you": nothing starts before the person chooses.
type Ways struct {
	Base
	Path    string // base of this page's addresses; empty = LoginPath
	Purpose Purpose
	Rows    []control.Row
	Back    bool // a request is open: "Back to …" shows
}

// Frame implements web.Page.
func (p Ways) Frame(w web.Words) web.Frame {
	if p.Proof() {
		return p.frame("verify", "ways", p.Heading(w))
	}
	return p.frame("ways", "ways", p.Heading(w))
}

// Here is the base of the page's addresses.
func (p Ways) Here() string { return p.or(p.Path) }

// Proof reports whether the page proves for something other than the sign-in.
func (p Ways) Proof() bool { return p.Purpose == ManageDevices || p.Purpose == NewPhone }

// Heading is the title.
func (p Ways) Heading(w web.Words) string {
	if p.Proof() {
		return w.S("verify.title")
	}
	return w.S("ways.title")
}

// Why is the purpose as a sentence.
func (p Ways) Why(w web.Words) string {
	if p.Proof() {
		return w.S("verify.lead." + string(p.Purpose))
	}
	return ""
}

// None reports that no device gives a way: only the help desk can help.
func (p Ways) None() bool {
	return !slices.ContainsFunc(p.Rows, func(r control.Row) bool { return r.ID != "" })
}

// Onward reports whether there is any link for the foot of the card.
func (p Ways) Onward() bool { return p.Proof() || p.Back || p.Devices }
