// Package prompt is the Universal Prompt as a person sees it: the pages of one sign-in. Package control runs it; here are
// the pages, their addresses, and the cookie in which a browser keeps its sign-in.
//
// {L} = /prompt/{id} is the sign-in. {P} is each page that asks for a proof: {L}, and before the device pages {L}/devices and
// {L}/new-phone.
//
//	GET  {P}                  what is asked now
//	GET  {P}/status?since=N   JSON control.Status, held until the version is above N
//	POST {P}/push             device=ID of a way: send a request (again)
//	POST {P}/wait             held until the answer, then 303 (no script needed)
//	GET  {P}/code             the code page        POST {P}/code   code=… [remember=1]
//	GET  {P}/ways             the ways in
//	POST {L}/new-phone        set up a new phone with the proof just given
//	POST {L}/remember         remember=1 or 0: the box changed while a request waits
//	POST {L}/continue         on to the application
//	POST {L}/keep             more time, back=ADDRESS
//	GET  {L}/enroll           the pairing page; below it status, wait, renew, mail
//	POST {L}/add, {L}/later   the answers to the question for a spare way
//
// Every form carries form_token.
package prompt

import (
	"embed"
	"io/fs"
)

//go:embed *.tmpl *.js
var files embed.FS

// Files is the folder's templates and scripts, for the renderer and the assets.
func Files() fs.FS { return files }
