// Package frame is the traditional prompt as a person sees it: the pages that an application shows in a
// frame of its own page, and, full page, the ones that an enrollment link opens (C-10). Package control runs the sign-in; here
// are the pages and their addresses.
//
// A frame on another site cannot count on cookies, so the secrets of the sign-in and of the device pages stand in
// the address: /frame/{id}.{secret}/…, which no log holds and no Referer carries.
//
//	{P} = /frame/{key}         the sign-in
//	{P}/remember               remember=1: the box to have this browser remembered
//	{P}/add, {P}/settings      the proof before "Add a new device" and "My settings & devices"
//	{P}/setup/…                the wizard for the first device
//	{D} = {P}/my/{session}     settings and devices
//	{D}/setup/…                the wizard for one more device, or a new phone in the place of one
//
// Every form is a plain form and works without a script; the scripts only follow what happens elsewhere.
package frame

import (
	"embed"
	"io/fs"
)

//go:embed *.tmpl *.js *.css
var files embed.FS

// Files is the folder's templates, styles and scripts, for the renderer and the assets.
func Files() fs.FS { return files }
