package prompt

import (
	"html/template"

	"countersign/internal/site/web"
)

// Base is what every page of the prompt carries.
type Base struct {
	Org         web.Org
	App         string // the application's name as people know it; may be empty in the portal
	Help        web.Help
	User        string // the account's name, shown where it matters
	FormToken   string
	LoginPath   string   // address of the sign-in, e.g. "/prompt/abc"; in the portal that of the portal
	FormTargets []string // the application's origin where a form of the page ends in it
	Devices     bool     // self-service is on: "I have a new phone" and "Manage devices" show
	Theme       string
	Ending      *web.Ending // when the sign-in closes; nil = no time runs
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
	return web.Frame{Screen: screen, Template: "prompt/" + file, Title: title, Scripts: append([]string{"forms.js"}, scripts...),
		FormTargets: b.FormTargets, Org: b.Org, Help: b.Help, Theme: b.Theme, Ending: b.Ending}
}

// OffersNewPhone reports whether "I have a new phone" shows.
func (b Base) OffersNewPhone() bool { return b.Devices }

// Where is the line above the title: which application this is about.
func (b Base) Where(w web.Words) template.HTML {
	if b.App == "" {
		return ""
	}
	return w.T("prompt.where", "app", b.App)
}

// Remember is the "remember this browser" box; nil pages show none.
type Remember struct {
	Days    int
	Checked bool
}

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
