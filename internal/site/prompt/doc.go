// Package prompt is the Universal Prompt as a person sees it: the pages of one sign-in.
//
// Addresses, all under the page's Path (the sign-in's LoginPath unless the page says otherwise):
//
//	GET  {Path}                  the present page
//	GET  {Path}/status?since=N   JSON Status, held until the version is above N
//	POST {Path}/push             device=ID: send a request (again)
//	POST {Path}/wait             held until the answer, then 303 (no script needed)
//	GET  {Path}/code             the code page        POST {Path}/code   code=… [remember=1]
//	POST {Path}/remember         remember=1 or 0: the checkbox changed while a request waits
//	GET  {Path}/ways             other ways
//	GET  {Path}/devices          proof page for Manage devices
//	GET  {Path}/new-phone        proof page for a new phone   POST {Path}/new-phone  start pairing
//	POST {Path}/continue         on to the application
//	POST {Path}/keep             more time, back=ADDRESS
//
// and for pairing: POST {Path}/wait, POST {Path}/renew, POST {Path}/mail address=…; for the spare
// way: POST {Path}/add, POST {Path}/later. Every form carries form_token.
package prompt

import (
	"embed"
	"io/fs"
)

//go:embed *.tmpl *.js
var files embed.FS

// Files is the folder's templates and scripts, for the renderer and the assets.
func Files() fs.FS { return files }
