package prompt

import "countersign/internal/site/web"

// Spare asks for a second way in after the first (RULE-10).
type Spare struct {
	Base
	Device   string // the phone that was just set up
	Required bool   // no "Later"
	Left     int    // reminders left after this one
}

// Frame implements web.Page.
func (p Spare) Frame(w web.Words) web.Frame { return p.frame("spare", "spare", w.S("spare.title")) }

// Recovered comes after a sign-in by a code from the help desk (RULE-38).
type Recovered struct{ Base }

// Frame implements web.Page.
func (p Recovered) Frame(w web.Words) web.Frame {
	return p.frame("recovered", "recovered", w.S("recovered.title"))
}
