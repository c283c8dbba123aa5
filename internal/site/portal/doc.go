// Package portal is where people look after their phones: the device list and its
// small pages. The proof before is the prompt's; pairing inside is the page of package control.
//
// Addresses under the portal's Path:
//
//	GET  {Path}                        the list
//	POST {Path}/keep                   "Keep going": more time
//	POST {Path}/add                    start pairing one more    (page: control.Pairing)
//	GET  {Path}/device/{id}/rename     POST the same: name=…
//	GET  {Path}/device/{id}/remove     POST the same
//	POST {Path}/device/{id}/replace    start pairing a new phone in its place
//	GET  {Path}/device/{id}/replaced   the old phone is switched off, on to the application
//	POST {Path}/browser/{id}/forget    a remembered browser asks again; POST {Path}/browsers/forget: all
package portal

import (
	"embed"
	"io/fs"

	"countersign/internal/base/errs"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

//go:embed *.tmpl
var files embed.FS

// Files is the folder's templates, for the renderer.
func Files() fs.FS { return files }

// Base is what every page of the portal carries.
type Base struct {
	control.Base
	Path string   // base of the portal's addresses
	Back web.Link // "Back to sign-in" or "Continue to Payroll"; no link when its path is empty
}

// frame fills what all pages share.
func (b Base) frame(screen, file, title string) web.Frame {
	return b.Layout(screen, "portal/"+file, title)
}

// Rename asks for a device's new name.
type Rename struct {
	Base
	ID   string
	Name string      // as typed, or the present one
	Was  string      // the present name
	Err  *errs.Error // shown at the field
}

// Frame implements web.Page.
func (p Rename) Frame(w web.Words) web.Frame {
	return p.frame("device-rename", "rename", w.S("rename.title", "device", p.Was))
}

// Remove asks before a device is removed; for the last one it offers a replacement instead
// (RULE-17).
type Remove struct {
	Base
	ID, Name string
	Last     bool // the only way in
	SignedIn bool // it gave the proof that the list stands on
}

// Frame implements web.Page.
func (p Remove) Frame(w web.Words) web.Frame {
	return p.frame("device-remove", "remove", p.Heading(w))
}

// Heading is the title.
func (p Remove) Heading(w web.Words) string {
	if p.Last {
		return w.S("remove.title.last", "device", p.Name)
	}
	return w.S("remove.title", "device", p.Name)
}

// Switched comes after a new phone was set up on the way into an application: the old one no longer works,
// and Back leads on.
type Switched struct {
	Base
	Device string // the phone's name, which stays
}

// Frame implements web.Page.
func (p Switched) Frame(w web.Words) web.Frame {
	return p.frame("replaced", "replaced", w.S("replaced.title"))
}
