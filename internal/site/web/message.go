package web

import (
	"html/template"

	"countersign/internal/base/errs"
)

// Message is the page for an error: what happened, the one thing to do, a reference.
type Message struct {
	Around    Frame       // organisation, help, theme
	Err       *errs.Error // its sentence is the page
	Reference string      // empty shows none
	Actions   []Link      // ways on, the first as a button
}

// Frame implements Page.
func (m Message) Frame(w Words) Frame {
	f := m.Around
	f.Screen, f.Template, f.Title = "message", "web/message", w.ErrorTitle(m.Err)
	return f
}

// Tone is the colour family of the page: "bad", "warn" or "info".
func (m Message) Tone() string { return Tone(m.Err) }

// Tone is "bad" for refusals of a person, "warn" for what passes, "info" for what is only over.
func Tone(e *errs.Error) string {
	switch e.Kind {
	case errs.Gone, errs.NotFound, errs.Conflict:
		return "info"
	case errs.Limited, errs.Unavailable, errs.Unproved, errs.Invalid:
		return "warn"
	}
	return "bad"
}

// Error is the sentence of an error as plain text. A code nobody wrote a sentence for gets that
// of its kind.
func (w Words) Error(e *errs.Error) string { return w.S(errorKey(e), pairs(e)...) }

// ErrorHTML is Error with names and times marked up.
func (w Words) ErrorHTML(e *errs.Error) template.HTML { return w.T(errorKey(e), pairs(e)...) }

// ErrorTitle is the title of an error's page, plain text.
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
