package frame

import (
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Base is what every page of the frame carries.
type Base struct {
	control.Base
	Home    string // address of the sign-in, "/frame/{key}"
	Mine    string // address of the device pages while they are open; the rail leads there without another proof
	Spent   bool   // those device pages open no more additions: the rail leads to another proof
	Section Section
	Devices bool // self-service is on and the person has something to prove with: the links of the rail show
	Alone   bool // nothing frames the page: it came by an enrollment link
	Leave   bool // the page that frames this one takes an answer: "Back to …" on dead ends
}

// over is the same for the last page: no link leads on from it, and nothing runs out.
func (b Base) over() Base {
	b.Devices, b.Ending = false, nil
	return b
}

// Section is the part of the rail a page belongs to.
type Section string

// The sections.
const (
	SignIn   Section = ""
	Add      Section = "add"      // "Add a new device"
	Settings Section = "settings" // "My settings & devices"
)

// frame fills what all pages share.
func (b Base) frame(screen, file, title string, scripts ...string) web.Frame {
	f := b.Base.Layout(screen, "frame/"+file, title, append([]string{"frame-outside.js", "frame-focus.js"}, scripts...)...)
	f.Layout, f.Beside = "frame/layout", b
	return f
}

// Device is one entry of a device list.
type Device struct{ ID, Name string }
