package prompt

import (
	"context"
	"net/http"
	"net/netip"

	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Door is where a finished sign-in goes back to.
type Door interface {
	// Return is the application's address that collects the sign-in by its grant.
	Return(ctx context.Context, l login.Login, grant secret.Text) (string, error)
	// Origin is that address's origin: a form that ends there needs it in its page's policy.
	Origin(l login.Login) (string, error)
}

// Prompt serves the pages of one sign-in.
type Prompt struct {
	*control.Control
	Cookies  web.Cookies
	Doors    map[string]Door // by login.Door
	Portal   string          // path of the device portal, "/my"
	ClientIP func(r *http.Request) netip.Addr
	// Wizard is where an enrollment link leads when the organization wants the traditional wizard (C-10); nil = never.
	Wizard func(l login.Login, key secret.Text) string
}

// At is where the prompt lives.
const At = "/prompt/"

// pages are where a proof is asked for: to sign in, and, below that, before the device pages.
var pages = []struct {
	below   string
	purpose Purpose
}{{"", SignIn}, {"/devices", ManageDevices}, {"/new-phone", NewPhone}}

// ways are the addresses of each, besides control.Proofs. Every one needs the login's cookie, every POST its form token.
var ways = []web.Below[*view]{
	web.Get("/code", "the code page", (*view).showCode),
	web.Get("/ways", "the ways in", (*view).showWays),
}

// own are those of the sign-in alone, besides control.Ends.
var own = []web.Below[*view]{
	web.Post("/remember", "the choice to have this browser remembered", (*view).remember),
	web.Post("/keep", "more time, please", (*view).keepGoing),
	web.Post("/add", "start pairing a spare phone", (*view).addSpare),
	web.Get("/enroll", "pair the first phone", (*view).showEnroll),
	web.Get("/enroll/status", "what became of the pairing code", (*view).enrollStatus),
	web.Post("/enroll/wait", "wait for the phone without a script", (*view).enrollWait),
	web.Post("/enroll/renew", "a new pairing code", (*view).enrollRenew),
	web.Post("/enroll/mail", "mail the pairing link", (*view).enrollMail),
}

var newPhone = []web.Below[*view]{web.Post("", "set up a new phone with the proof just given", (*view).newPhone)}

// invitations serve people who come with an enrollment link.
var invitations = []web.Below[*Prompt]{
	web.Get("/enroll/{token}", "the page of an enrollment link", (*Prompt).showInvitation),
	web.Post("/enroll/{token}", "begin to set up a phone", (*Prompt).accept),
	web.Get("/enrolled", "all is set up", (*Prompt).showEnrolled),
}

// Handler serves them.
func (p *Prompt) Handler() *web.Mux {
	const at = At + "{id}"
	mux := p.Web.Mux()
	for _, page := range pages {
		web.Mount(mux, at+page.below, p.with(page.below, page.purpose), ways, control.Proofs[*view]())
	}
	web.Mount(mux, at, p.with("", SignIn), own, control.Ends[*view]())
	web.Mount(mux, at+"/new-phone", p.with("/new-phone", NewPhone), newPhone)
	web.Mount(mux, "", func(serve web.Serve[*Prompt]) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error { return serve(p, w, r) }
	}, invitations)
	return mux
}

// options is what this prompt does its own way.
var options = control.Options{
	Boxed:  []string{"code", "wait", "remember"},
	Posted: []string{"push", "wait", "renew", "mail", "add", "later", "continue", "keep"},
}

// view is one request's login and what its pages need.
type view struct {
	control.View
	p       *Prompt
	base    Base
	purpose Purpose // what the page proves for
}

// Of implements control.Prompt.
func (v *view) Of() *control.View { return &v.View }

// with finds the login of the address and the browser's cookie; a POST must carry its form token.
func (p *Prompt) with(below string, purpose Purpose) func(web.Serve[*view]) web.Handler {
	return func(serve web.Serve[*view]) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			v, err := control.Read(r, func() (*view, error) { return p.find(r, below, purpose) })
			if err != nil {
				return err
			}
			return serve(v, w, r)
		}
	}
}

func (p *Prompt) find(r *http.Request, below string, purpose Purpose) (*view, error) {
	id := r.PathValue("id")
	s, err := p.SignIn.Resume(r.Context(), id, secret.NewText(p.Cookies.Get(r, CookieName(id))))
	if err != nil {
		return nil, err
	}
	v := &view{p: p, purpose: purpose}
	proves := transaction.SignIn
	if purpose != SignIn {
		proves = transaction.Manage
	}
	home := Path(s.Login.ID)
	if v.View, err = p.See(r, s, proves, home, home+below); err != nil {
		return nil, err
	}
	v.Options = options
	v.base = Base{Base: v.Around(r), LoginPath: home, Devices: s.Application.SelfService && s.User.ID != ""}
	if s.Login.Door == InvitationDoor {
		v.base.App = ""
	}
	door := p.Doors[s.Login.Door]
	if door == nil {
		return nil, login.ErrStale
	}
	if origin, err := door.Origin(s.Login); err == nil && origin != "" {
		v.base.FormTargets = []string{origin}
	}
	return v, nil
}

// proof reports whether the page proves for the device pages.
func (v *view) proof() bool { return v.purpose != SignIn }

// Path is the address of a login.
func Path(loginID string) string { return At + loginID }

// CookieName is the base name of a login's cookie: each login has its own, so tabs do not disturb each other.
func CookieName(loginID string) string {
	if len(loginID) > 8 {
		loginID = loginID[:8]
	}
	return "login-" + loginID
}

// SetCookie gives the browser the cookie of a login just begun.
func (p *Prompt) SetCookie(w http.ResponseWriter, _ *http.Request, l login.Login, cookie secret.Text) {
	p.Cookies.Set(w, CookieName(l.ID), cookie.Reveal(), login.EnrollLife)
}

// RememberCookie is the base name of the cookie of a browser remembered for an application. There is one for each
// application: whoever is remembered last on a shared browser is the one it knows.
func RememberCookie(applicationID string) string { return "remember-" + applicationID }
