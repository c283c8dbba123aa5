package prompt

import (
	"html/template"

	"countersign/internal/base/errs"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Refused is a page where the sign-in ends or pauses: what happened, the one thing to do, and a
// reference the help desk can search (X-01 … ). The words are those
// of Err's code, see errors.json; a time goes in as its argument "time".
type Refused struct {
	Base
	Err       *errs.Error
	Reference string            // empty shows none
	CodeField bool              // the one code field stays (no usable way, too many requests)
	Kinds     []string          // with CodeField, see Code
	Remember  *control.Remember // with CodeField
	Actions   []web.Link        // ways on, the first as a button
}

// Frame implements web.Page.
func (p Refused) Frame(w web.Words) web.Frame {
	return p.frame("refused", "refused", w.ErrorTitle(p.Err))
}

// Here is the base of the page's addresses.
func (p Refused) Here() string { return p.LoginPath }

// Tone is the color family of the page.
func (p Refused) Tone() string { return web.Tone(p.Err) }

// Sign is the icon beside the title.
func (p Refused) Sign() string {
	switch p.Err.Code {
	case "user.locked", "user.disabled", "user.denied", "way.denied":
		return "lock"
	case "portal.off", "activation.expired", "activation.used", "enrollment.expired", "enrollment.used":
		return "question"
	}
	return "alert"
}

// Hint names the kinds of code that can be typed.
func (p Refused) Hint(w web.Words) template.HTML { return codeHint(w, p.Kinds) }

// CodeForm gives the code field as the code page has it.
func (p Refused) CodeForm() Code {
	return Code{Base: p.Base, Kinds: p.Kinds, Remember: p.Remember}
}
