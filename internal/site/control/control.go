// Package control runs one sign-in, whichever of the two prompts shows it: it finds out what is asked next (signin.Next),
// does what a form or a poll asks for, and says which page follows. The prompts keep their pages, words and addresses, and
// the way they carry their secret; each says in its Prompt what is its own. The device pages find their session here, and
// pair phones by the same page as the Universal Prompt.
package control

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

//go:embed *.tmpl *.js
var files embed.FS

// Files is the folder's templates and scripts, for the renderer and the assets.
func Files() fs.FS { return files }

// Control is what all the pages of sign-ins and devices work with.
type Control struct {
	Web     *web.Site
	Forms   web.Forms
	SignIn  *signin.Flow
	Enroll  *enroll.Flow
	Devices *devices.Flow
	Now     func() time.Time
}

// View is one request's sign-in.
type View struct {
	*Control
	signin.Session
	Step    signin.Step         // what is asked next, for the purpose of the page
	Purpose transaction.Purpose // what a proof on the page is for: SignIn or Manage
	Home    string              // base of the sign-in's addresses
	Path    string              // base of the page's: Home, or below it for the device pages
	Box     *Remember           // the choice that the page offers; nil = none
	Options Options
}

// Options are where the decisions want the two prompts to differ in what they do.
type Options struct {
	// Boxed are the last parts of the addresses whose forms hold the box to have the browser remembered: there no value
	// means no tick, elsewhere that nothing is said.
	Boxed []string
	// Posted are the last parts of the addresses that answer a form with a page, and so cannot be come back to.
	Posted []string
	// TakesBack: whoever leaves for the device pages takes the request for the sign-in back (B-07). Those pages have no sign
	// of it, and in the traditional prompt nothing waits that nobody sees and can take back. In the Universal Prompt the
	// request began by itself, and "Back" leads to it.
	TakesBack bool
	// Framed: the pages stand in a frame, where everything but a navigation is a script that takes a part of them. Elsewhere
	// such a script says so (X-Part): programs that walk the Universal Prompt without a browser are no navigation either.
	Framed bool
}

// Prompt is what each of the two prompts does its own way. A value serves one request.
type Prompt interface {
	// Of is the sign-in.
	Of() *View
	// Show shows the page of the step. It is not called for signin.Done.
	Show(w http.ResponseWriter, r *http.Request) error
	// Again shows the page that asks for a proof, with what was wrong: with the code, or, of kind Limited, with sending
	// a request.
	Again(mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error
	// Leave goes on to the application. grant is what the application collects the sign-in with; empty when it is not made.
	Leave(grant secret.Text, w http.ResponseWriter, r *http.Request) error
	// Manage goes on to the device pages; key opens the session just begun.
	Manage(key secret.Text, w http.ResponseWriter, r *http.Request) error
	// Status is what the page says of a request, for its script.
	Status(t transaction.Transaction, words web.Words) Status
}

// Status is the answer of a status address.
type Status struct {
	Version int64  `json:"version"`
	State   string `json:"state"`          // a name that the page's script knows
	Line    string `json:"line"`           // plain text for the status line
	Hint    string `json:"hint,omitempty"` // second line
	Open    bool   `json:"open"`           // false: a final state, the page renews itself
	Next    string `json:"next,omitempty"` // address to go on to, when there is one
}

// Base is what every page carries.
type Base struct {
	Org         web.Org
	App         string // the application's name as people know it; may be empty
	Help        web.Help
	User        string // the account's name, shown where it matters
	FormToken   string
	FormTargets []string // the application's origin where a form of the page ends in it
	Theme       string
	Ending      *web.Ending // when the page closes; nil = no time runs
}

// Layout fills what the layout needs of every page.
func (b Base) Layout(screen, template, title string, scripts ...string) web.Frame {
	return web.Frame{Screen: screen, Template: template, Title: title, Scripts: scripts,
		FormTargets: b.FormTargets, Org: b.Org, Help: b.Help, Theme: b.Theme, Ending: b.Ending}
}

// Where is the line above the title: which application this is about.
func (b Base) Where(w web.Words) template.HTML {
	if b.App == "" {
		return ""
	}
	return w.T("prompt.where", "app", b.App)
}

// See is the view of a sign-in for a page. A POST must carry its form token; devices.ErrOff where the page is for the
// devices and those pages are off.
func (c *Control) See(r *http.Request, s signin.Session, purpose transaction.Purpose, home, path string) (View, error) {
	if purpose == transaction.Manage {
		var err error
		if s, err = c.SignIn.ForDevices(r.Context(), s); err != nil {
			return View{}, err
		}
	}
	v := View{Control: c, Session: s, Purpose: purpose, Home: home, Path: path, Step: signin.Next(s, c.Now(), purpose)}
	if err := c.Form(r, s.Login.ID); err != nil {
		return v, err
	}
	if v.Step.Kind == signin.Refused && v.Step.Reason.Kind == errs.NotFound {
		return v, v.Step.Reason
	}
	if days := s.RememberDays(); days > 0 && purpose == transaction.SignIn && s.Login.Stage == login.Open {
		v.Box = &Remember{Days: days, Checked: s.Login.Remember}
	}
	return v, nil
}

// Around is what every page of the sign-in carries.
func (v *View) Around(r *http.Request) Base {
	b := Base{Org: web.Org{Name: v.Settings.Organization}, App: v.Application.Name, Help: web.Help{Text: v.Settings.Help},
		User: v.Login.Username, FormToken: v.Forms.Token(v.Login.ID)}
	if v.Step.Kind != signin.Refused {
		b.Ending = v.Ending(v.Login, v.Home, r)
	}
	return b
}

// Form checks the form token of a POST; it belongs to the sign-in or the session with that ID.
func (c *Control) Form(r *http.Request, id string) error {
	if r.Method != http.MethodPost {
		return nil
	}
	return c.Forms.Check(r, id)
}

// Write shows a page.
func (c *Control) Write(w http.ResponseWriter, r *http.Request, status int, page web.Page) error {
	return c.Web.Pages.Write(w, r, status, page)
}
