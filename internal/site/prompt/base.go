package prompt

import (
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Base is what every page of the prompt carries.
type Base struct {
	control.Base
	LoginPath string // address of the sign-in, e.g. "/prompt/abc"
	Devices   bool   // self-service is on: "I have a new phone" and "Manage devices" show
}

// Purpose is why a proof is asked for.
type Purpose string

// The purposes.
const (
	SignIn        Purpose = ""         // the sign-in itself
	FirstRequest  Purpose = "first"    // the try-out after pairing, which is the sign-in too
	TryOut        Purpose = "tryout"   // the same after an enrollment link, where nobody signs in
	ManageDevices Purpose = "devices"  // before the device list
	NewPhone      Purpose = "newphone" // before pairing a new phone
)

// frame fills what all pages share.
func (b Base) frame(screen, file, title string, scripts ...string) web.Frame {
	return b.Layout(screen, "prompt/"+file, title, append([]string{"forms.js"}, scripts...)...)
}

// OffersNewPhone reports whether "I have a new phone" shows.
func (b Base) OffersNewPhone() bool { return b.Devices }

// or gives path, or the sign-in's own when the page has none.
func (b Base) or(path string) string {
	if path == "" {
		return b.LoginPath
	}
	return path
}

// purposeLine is the sentence under the title that says why a proof is asked for.
func purposeLine(w web.Words, p Purpose) string {
	if p == SignIn {
		return ""
	}
	return w.S("prompt.purpose." + string(p))
}
