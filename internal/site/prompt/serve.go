package prompt

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"countersign/internal/base/aside"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// Door is where a finished sign-in goes back to.
type Door interface {
	// Return is the application's address that collects the grant.
	Return(ctx context.Context, l login.Login, grant secret.Text) (string, error)
	// Origin is that address's origin: a form that ends there needs it in its page's policy.
	Origin(l login.Login) (string, error)
}

// Prompt serves the pages of one sign-in.
type Prompt struct {
	Web      *web.Site
	Forms    web.Forms
	Cookies  web.Cookies
	SignIn   *signin.Flow
	Enroll   *enroll.Flow
	Devices  *devices.Flow
	Doors    map[string]Door // by login.Door
	Portal   string          // path of the device portal, "/my"
	Now      func() time.Time
	ClientIP func(r *http.Request) netip.Addr
	// Wizard is where an enrollment link leads when the organisation wants the traditional wizard (C-10); nil = never.
	Wizard func(l login.Login, key secret.Text) string
}

type handler func(p *Prompt, v *view, w http.ResponseWriter, r *http.Request) error

// routes under /prompt/{id}; every one needs the login's cookie, every POST its form token.
var routes = []struct {
	method, pattern, name string
	serve                 handler
}{
	{"GET", "", "the present page of a sign-in", (*Prompt).showPresent},
	{"GET", "/status", "what a waiting page shows", (*Prompt).status},
	{"POST", "/push", "send a request to a phone", (*Prompt).push},
	{"POST", "/wait", "wait for the answer without a script", (*Prompt).wait},
	{"GET", "/code", "the code page", (*Prompt).showCode},
	{"POST", "/code", "try a code", (*Prompt).code},
	{"POST", "/remember", "the choice to have this browser remembered", (*Prompt).remember},
	{"GET", "/ways", "other ways in", (*Prompt).showWays},
	{"POST", "/continue", "on to the application", (*Prompt).goOn},
	{"POST", "/keep", "more time, please", (*Prompt).keepGoing},
	{"GET", "/enroll", "pair the first phone", (*Prompt).showEnroll},
	{"GET", "/enroll/status", "what became of the pairing code", (*Prompt).enrollStatus},
	{"POST", "/enroll/wait", "wait for the phone without a script", (*Prompt).enrollWait},
	{"POST", "/enroll/renew", "a new pairing code", (*Prompt).enrollRenew},
	{"POST", "/enroll/mail", "mail the pairing link", (*Prompt).enrollMail},
	{"POST", "/add", "start pairing a spare phone", (*Prompt).addSpare},
	{"POST", "/later", "no spare phone now", (*Prompt).laterSpare},
	{"GET", "/devices", "prove it is you: manage devices", (*Prompt).showPresent},
	{"GET", "/devices/status", "what a waiting page shows", (*Prompt).status},
	{"POST", "/devices/push", "send a request to a phone", (*Prompt).push},
	{"POST", "/devices/wait", "wait for the answer without a script", (*Prompt).wait},
	{"GET", "/devices/code", "the code page", (*Prompt).showCode},
	{"POST", "/devices/code", "try a code", (*Prompt).code},
	{"GET", "/devices/ways", "ways to prove it is you", (*Prompt).showWays},
	{"GET", "/new-phone", "prove it is you: new phone", (*Prompt).showPresent},
	{"POST", "/new-phone", "set up a new phone with the proof just given", (*Prompt).newPhone},
	{"GET", "/new-phone/status", "what a waiting page shows", (*Prompt).status},
	{"POST", "/new-phone/push", "send a request to a phone", (*Prompt).push},
	{"POST", "/new-phone/wait", "wait for the answer without a script", (*Prompt).wait},
	{"GET", "/new-phone/code", "the code page", (*Prompt).showCode},
	{"POST", "/new-phone/code", "try a code", (*Prompt).code},
	{"GET", "/new-phone/ways", "ways to prove it is you", (*Prompt).showWays},
}

// invitations serve people who come with an enrollment link.
var invitations = []struct {
	method, pattern, name string
	serve                 func(p *Prompt, w http.ResponseWriter, r *http.Request) error
}{
	{"GET", "/enroll/{token}", "the page of an enrollment link", (*Prompt).showInvitation},
	{"POST", "/enroll/{token}", "begin to set up a phone", (*Prompt).accept},
	{"GET", "/enrolled", "all is set up", (*Prompt).showEnrolled},
}

// At is where the prompt lives.
const At = "/prompt/"

// Handler serves them.
func (p *Prompt) Handler() *web.Mux {
	mux := p.Web.Mux()
	for _, r := range routes {
		mux.Add(web.Route{Method: r.method, Pattern: At + "{id}" + r.pattern, Name: r.name}, p.withLogin(r.serve))
	}
	for _, r := range invitations {
		mux.Add(web.Route{Method: r.method, Pattern: r.pattern, Name: r.name},
			func(w http.ResponseWriter, req *http.Request) error { return r.serve(p, w, req) })
	}
	return mux
}

// view is one request's login and what its pages need.
type view struct {
	signin.Session
	base    Base
	path    string  // of the page: the login's own, or that of a proof for device management
	purpose Purpose // what the page proves for
}

// withLogin finds the login of the address and the browser's cookie; a POST must carry its form token.
func (p *Prompt) withLogin(next handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.find(r)
		if err != nil {
			return err
		}
		return next(p, v, w, r)
	}
}

// find reads the login and what its pages need. A request that is about to wait has it read aside: views are
// large, and ten thousand waiting requests keep the stacks they have grown.
func (p *Prompt) find(r *http.Request) (*view, error) {
	if strings.HasSuffix(r.URL.Path, "/status") {
		return aside.Do(func() (*view, error) { return p.read(r) })
	}
	return p.read(r)
}

func (p *Prompt) read(r *http.Request) (*view, error) {
	id := r.PathValue("id")
	s, err := p.SignIn.Resume(r.Context(), id, secret.NewText(p.Cookies.Get(r, CookieName(id))))
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodPost {
		if err := p.Forms.Check(r, s.Login.ID); err != nil {
			return nil, err
		}
	}
	return p.view(s, r)
}

func (p *Prompt) view(s signin.Session, r *http.Request) (*view, error) {
	v := &view{Session: s, path: Path(s.Login.ID)}
	rest := strings.TrimPrefix(r.URL.Path, v.path)
	switch {
	case rest == "/devices" || strings.HasPrefix(rest, "/devices/"):
		v.path, v.purpose = v.path+"/devices", ManageDevices
	case rest == "/new-phone" || strings.HasPrefix(rest, "/new-phone/"):
		v.path, v.purpose = v.path+"/new-phone", NewPhone
	}
	if v.proof() && !s.Application.SelfService {
		return v, devices.ErrOff
	}
	v.base = Base{Org: web.Org{Name: s.Settings.Organization}, App: s.Application.Name, Help: web.Help{Text: s.Settings.Help},
		User: s.Login.Username, FormToken: p.Forms.Token(s.Login.ID), LoginPath: Path(s.Login.ID), Devices: s.Application.SelfService && s.User.ID != ""}
	if s.Login.Door == InvitationDoor {
		v.base.App = ""
	}
	v.base.Ending = p.ending(s, r)
	door := p.Doors[s.Login.Door]
	if door == nil {
		return v, login.ErrStale
	}
	if origin, err := door.Origin(s.Login); err == nil && origin != "" {
		v.base.FormTargets = []string{origin}
	}
	return v, nil
}

// proof reports whether the page proves for device management.
func (v *view) proof() bool { return v.purpose == ManageDevices || v.purpose == NewPhone }

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

// show writes a page.
func (p *Prompt) show(w http.ResponseWriter, r *http.Request, status int, page web.Page) error {
	return p.Web.Pages.Write(w, r, status, page)
}

// move sends the browser on. A script that posted the form gets the address as JSON and goes there itself: a
// redirect after a form is held against the page's form-action, hop by hop, and the application may have
// hops of its own.
func (p *Prompt) move(w http.ResponseWriter, r *http.Request, path string) error {
	if r.Method == http.MethodPost && r.Header.Get("X-Requested-With") == "countersign" {
		return web.JSON(w, struct {
			Next string `json:"next"`
		}{path})
	}
	return web.Move(w, r, path)
}
