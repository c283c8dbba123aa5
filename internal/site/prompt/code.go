package prompt

import (
	"html/template"

	"countersign/internal/base/errs"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Code is the page with the one field for every kind of code (RULE-8).
type Code struct {
	Base
	Path     string // base of this page's addresses; empty = LoginPath
	Purpose  Purpose
	Kinds    []string     // the kinds this person has, best first (factor.Page.Source)
	Err      *errs.Error  // a wrong code, too many tries …; shown at the field
	Ask      *control.Row // a request that is possible instead; nil = none
	Remember *control.Remember
}

// Frame implements web.Page.
func (p Code) Frame(w web.Words) web.Frame {
	return p.frame("code", "code", w.S("code.title"))
}

// Here is the base of the page's addresses.
func (p Code) Here() string { return p.or(p.Path) }

// Proof reports whether the page proves for something other than the sign-in.
func (p Code) Proof() bool { return p.Purpose == ManageDevices || p.Purpose == NewPhone }

// Why is the purpose as a sentence.
func (p Code) Why(w web.Words) string { return purposeLine(w, p.Purpose) }

// RememberForm names the form the box belongs to.
func (p Code) RememberForm() string { return "code-form" }

// Hint names the kinds of code this person can type.
func (p Code) Hint(w web.Words) template.HTML { return codeHint(w, p.Kinds) }

func codeHint(w web.Words, kinds []string) template.HTML {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, w.S("code.kind."+k))
	}
	if len(names) == 0 {
		names = []string{w.S("code.kind.help")}
	}
	return w.T("code.hint", "list", w.List(names))
}
