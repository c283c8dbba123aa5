package web

import (
	"html/template"

	"countersign/internal/base/errs"
)

// Message is the page for an error: what happened, what to do next, and a reference.
type Message struct {
	Around    Frame       // organization, help and theme
	Err       *errs.Error // its sentence is the content
	Reference string      // for the help desk; "": none
	Actions   []Link      // where to go next; the first is a button
}

// Frame implements Page.
func (m Message) Frame(w Words) Frame {
	f := m.Around
	f.Screen, f.Template, f.Title = "message", "web/message", w.ErrorTitle(m.Err)
	return f
}

// Tone is the tone of the page's error.
func (m Message) Tone() string { return Tone(m.Err) }

// Tone is the color family for an error: "bad" when a person is refused or something is broken, "warn" when another try
// may succeed, and "info" when something has ended or does not exist.
func Tone(e *errs.Error) string {
	switch e.Kind {
	case errs.Gone, errs.NotFound, errs.Conflict:
		return "info"
	case errs.Limited, errs.Unavailable, errs.Unproved, errs.Invalid:
		return "warn"
	}
	return "bad"
}

// Error returns the sentence of an error as plain text: the catalogue's error.<code>, or that of the error's kind when
// the code has none.
func (w Words) Error(e *errs.Error) string { return w.S(errorKey(e), pairs(e)...) }

// ErrorHTML is Error as HTML, with names and times marked up as T does it.
func (w Words) ErrorHTML(e *errs.Error) template.HTML { return w.T(errorKey(e), pairs(e)...) }

// ErrorTitle returns the title of an error's page as plain text.
func (w Words) ErrorTitle(e *errs.Error) string {
	if key := "error." + e.Code + ".title"; w.Has(key) {
		return w.S(key, pairs(e)...)
	}
	return w.S("error.kind." + e.Kind.String() + ".title")
}

func errorKey(e *errs.Error) string {
	key := "error." + e.Code
	if (Words{}).Has(key) {
		return key
	}
	return "error.kind." + e.Kind.String()
}

func pairs(e *errs.Error) []any {
	out := make([]any, 0, 2*len(e.Args))
	for name, value := range e.Args {
		out = append(out, name, value)
	}
	return out
}
