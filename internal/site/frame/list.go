package frame

import (
	"countersign/internal/base/errs"
	"countersign/internal/site/web"
)

// Item is one device of the list.
type Item struct {
	ID, Name string
	Label    string // in a list of choices, where two may bear one name; empty = Name
	Kind     string // "phone", "tablet" or "computer"; also the icon
	Model    string
	Number   string // as people read it; empty = none
	Active   bool   // an app is connected
	Default  bool
	Fresh    bool // just added
}

// List is "My settings & devices" (B-09, D-12 … D-15).
type List struct {
	Base
	Path    string // base of the device pages
	Name    string // the person's own name, or the account's
	Items   []Item
	Done    string // what was just done: "added", "replaced", "renamed", "removed", "saved"; empty = nothing
	Device  string // to which device
	CanAdd  bool
	Auto    bool   // requests are sent by themselves
	Default string // device ID
	CanPush bool
}

// Frame implements web.Page.
func (p List) Frame(w web.Words) web.Frame {
	return p.frame("frame-devices", "list", w.S("frame.settings.title"))
}

// Rename asks for a device's new name.
type Rename struct {
	Base
	Path, ID string
	Name     string // as typed, or the present one
	Was      string
	Err      *errs.Error
}

// Frame implements web.Page.
func (p Rename) Frame(w web.Words) web.Frame {
	return p.frame("frame-rename", "rename", w.S("rename.title", "device", p.Was))
}

// Remove asks before a device is removed; the last one stays (RULE-17).
type Remove struct {
	Base
	Path, ID, Name string
	Last           bool
	SignedIn       bool // it gave the proof that these pages stand on
}

// Frame implements web.Page.
func (p Remove) Frame(w web.Words) web.Frame {
	title := "frame.delete.title"
	if p.Last {
		title = "remove.title.last"
	}
	return p.frame("frame-remove", "remove", w.S(title, "device", p.Name))
}
