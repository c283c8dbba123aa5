package frame

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// Door is where a finished sign-in is answered.
type Door interface {
	// Parent is the origin whose pages may frame this sign-in and get its answer; "" for none: a full page.
	Parent(l login.Login) string
	// Complete finishes an allowed sign-in and gives the answer for Parent, and the same again for a
	// minute, in case the page with it is lost. signin.ErrSpare, login.ErrStale, login.ErrGrant.
	Complete(ctx context.Context, s signin.Session) (answer string, err error)
	// Remembers reports whether the browser of this sign-in may be remembered; Keep, called once it is complete and
	// before anything is written, does so when the person chose it.
	Remembers(l login.Login) bool
	Keep(w http.ResponseWriter, r *http.Request, s signin.Session)
	// Refuse is the answer that nobody was signed in; "" when nobody waits for one.
	Refuse() string
}

// Pages serves the traditional prompt.
type Pages struct {
	Web       *web.Site
	Forms     web.Forms
	SignIn    *signin.Flow
	Enroll    *enroll.Flow
	Devices   *devices.Flow
	Doors     map[string]Door // by login.Door
	PublicURL string          // where the phone app is
	Now       func() time.Time
}

// At is where the pages live. The door's own address lies below it.
const At = "/frame/"

// Path is the address of a sign-in. It holds the secret that other prompts keep in a cookie.
func Path(l login.Login, key secret.Text) string { return At + l.ID + "." + key.Reveal() }

type (
	handler func(p *Pages, v view, w http.ResponseWriter, r *http.Request) error
	manager func(p *Pages, m manage, w http.ResponseWriter, r *http.Request) error
	stepper func(p *Pages, c course, w http.ResponseWriter, r *http.Request) error
)

// proofs stand below the sign-in, "add" and "settings" alike.
var proofs = []struct {
	method, pattern, name string
	serve                 handler
}{
	{"GET", "", "ways to prove it is you", (*Pages).present},
	{"GET", "/status", "what a waiting page shows", (*Pages).status},
	{"POST", "/push", "send a request to a phone", (*Pages).push},
	{"POST", "/cancel", "take the request back", (*Pages).cancel},
	{"POST", "/wait", "wait for the answer without a script", (*Pages).wait},
	{"POST", "/code", "try a code", (*Pages).code},
}

var ends = []struct {
	method, pattern, name string
	serve                 handler
}{
	{"POST", "/continue", "on to the application", (*Pages).goOn},
	{"POST", "/later", "no spare way in now", (*Pages).later},
	{"POST", "/remember", "the choice to have this browser remembered", (*Pages).remember},
	{"POST", "/keep", "more time, please", (*Pages).keepGoing},
	{"POST", "/leave", "back to the application, not signed in", (*Pages).leave},
	{"GET", "/setup/finish", "the first device is set up", (*Pages).showFinish},
	{"POST", "/setup/finish", "what happens at the next sign-in", (*Pages).finish},
}

// steps stand below the sign-in and below the device pages.
var steps = []struct {
	method, pattern, name string
	serve                 stepper
}{
	{"GET", "/setup", "begin to set up a device", (*Pages).showWelcome},
	{"GET", "/setup/type", "what kind of device", (*Pages).showKind},
	{"POST", "/setup/type", "what kind of device", (*Pages).kind},
	{"GET", "/setup/number", "which number", (*Pages).showNumber},
	{"POST", "/setup/number", "which number", (*Pages).number},
	{"GET", "/setup/platform", "what type of phone", (*Pages).showPlatform},
	{"POST", "/setup/platform", "what type of phone", (*Pages).platform},
	{"GET", "/setup/install", "how to install the app", (*Pages).showInstall},
	{"POST", "/setup/install", "the app is installed", (*Pages).install},
	{"GET", "/setup/activate", "the picture to scan", (*Pages).showActivate},
	{"GET", "/setup/activate/status", "what became of the picture", (*Pages).activateStatus},
	{"POST", "/setup/activate", "on, when the app is connected", (*Pages).activate},
	{"GET", "/setup/mail", "where to mail the link", (*Pages).showMail},
	{"POST", "/setup/mail", "mail the link", (*Pages).mail},
}

// own are the device pages. Each needs the session that a proof opened; each change looks at the proof again.
var own = []struct {
	method, pattern, name string
	serve                 manager
}{
	{"GET", "", "my settings and devices", (*Pages).showList},
	{"POST", "/add", "start to add a device", (*Pages).add},
	{"POST", "/save", "save the preferences", (*Pages).save},
	{"POST", "/done", "end the session, back to the sign-in", (*Pages).done},
	{"POST", "/device/{device}/reactivate", "start to connect a new app", (*Pages).reactivate},
	{"GET", "/device/{device}/rename", "the rename page", (*Pages).showRename},
	{"POST", "/device/{device}/rename", "rename a device", (*Pages).rename},
	{"GET", "/device/{device}/remove", "the page that asks before removing", (*Pages).showRemove},
	{"POST", "/device/{device}/remove", "remove a device", (*Pages).remove},
}

// Handler serves them.
func (p *Pages) Handler() *web.Mux {
	const signIn, mine = At + "{key}", At + "{key}/my/{session}"
	mux := p.Web.Mux()
	for _, section := range []Section{SignIn, Add, Settings} {
		at := signIn
		if section != SignIn {
			at += "/" + string(section)
		}
		for _, r := range proofs {
			mux.Add(web.Route{Method: r.method, Pattern: at + r.pattern, Name: r.name}, p.withLogin(section, r.serve))
		}
	}
	for _, r := range ends {
		mux.Add(web.Route{Method: r.method, Pattern: signIn + r.pattern, Name: r.name}, p.withLogin(SignIn, r.serve))
	}
	for _, r := range steps {
		mux.Add(web.Route{Method: r.method, Pattern: signIn + r.pattern, Name: r.name}, p.withLogin(SignIn, first(r.serve)))
		mux.Add(web.Route{Method: r.method, Pattern: mine + r.pattern, Name: r.name}, p.withSession(more(r.serve)))
	}
	for _, r := range own {
		mux.Add(web.Route{Method: r.method, Pattern: mine + r.pattern, Name: r.name}, p.withSession(r.serve))
	}
	return mux
}

// view is one request's sign-in and what its pages need.
type view struct {
	signin.Session
	door    Door
	base    Base
	section Section
	path    string // of the page: the sign-in's own, or that of a proof
}

// known finds the sign-in of an address, also one that is over, and lets the page it belongs to frame the answer.
func (p *Pages) known(w http.ResponseWriter, r *http.Request) (login.Login, secret.Text, *http.Request, error) {
	id, key, _ := strings.Cut(r.PathValue("key"), ".")
	l, err := p.SignIn.DB.Read().LoginByID(r.Context(), id)
	if err != nil {
		return l, secret.Text{}, r, err
	}
	if key == "" || !secret.Equal(l.CookieDigest, p.SignIn.Keys.Digest(login.CookiePurpose, key)) || p.Doors[l.Door] == nil {
		return l, secret.Text{}, r, login.ErrStale
	}
	parent := p.Doors[l.Door].Parent(l)
	r = web.Embed(w, r, parent)
	if parent != "" && r.Header.Get("Sec-Fetch-Dest") == "document" { // older browsers send none
		return l, secret.Text{}, r, errs.New(errs.Forbidden, "frame.outside").Arg("app", p.appOf(r, l))
	}
	return l, secret.NewText(key), r, nil
}

// withLogin serves a page of a sign-in; a POST must carry its form token.
func (p *Pages) withLogin(section Section, next handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l, key, r, err := p.known(w, r)
		if err != nil {
			return err
		}
		// From here on also a refusal is a page for the frame.
		if err := p.serveLogin(section, next, l, key, w, r); err != nil {
			p.stop(w, r, l, err)
		}
		return nil
	}
}

func (p *Pages) serveLogin(section Section, next handler, l login.Login, key secret.Text, w http.ResponseWriter, r *http.Request) error {
	s, err := p.SignIn.Resume(r.Context(), l.ID, key)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if err := p.Forms.Check(r, l.ID); err != nil {
			return err
		}
	}
	v := view{Session: s, door: p.Doors[l.Door], section: section, path: Path(l, key)}
	v.base = Base{Org: web.Org{Name: s.Settings.Organization}, App: s.Application.Name, Help: web.Help{Text: s.Settings.Help},
		User: l.Username, FormToken: p.Forms.Token(l.ID), Home: v.path, Section: section,
		Devices: s.Application.SelfService && s.User.ID != "" && l.Door != login.DoorWizard, Leave: v.door.Refuse() != ""}
	if l.Door == login.DoorWizard {
		v.base.Alone = true
		v.base.App = ""
	}
	if section != SignIn {
		if !v.base.Devices {
			return devices.ErrOff
		}
		v.path += "/" + string(section)
	} else if v.newcomer() {
		v.base.Devices = false // nothing to prove with, and no devices to see: the wizard is the way
	}
	if v.Refusal() == nil {
		v.base.Ending = p.ending(l, v.base.Home, r)
	} else {
		v.base.Devices = false // links that lead back here only
	}
	return next(p, v, w, r)
}

// newcomer reports whether the person still sets up a first device here, and has proved nothing.
func (v view) newcomer() bool {
	return v.Login.Enrolling && len(v.Ways) == 0 && v.Login.Stage == login.Open && v.Login.ManageProof.IsZero()
}

// manage is one request's device session and what its pages need.
type manage struct {
	devices.View
	base Base
	path string // base of the device pages
}

// withSession serves a device page.
func (p *Pages) withSession(next manager) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l, key, r, err := p.known(w, r)
		if err != nil {
			return err
		}
		err = p.serveSession(next, l, key, w, r)
		if errors.Is(err, session.ErrProof) || errors.Is(err, session.ErrIdle) { // prove again, if the sign-in is still there
			err = web.Move(w, r, Path(l, key)+"/"+string(wanted(r))+"?again=1")
		}
		if err != nil {
			p.stop(w, r, l, err)
		}
		return nil
	}
}

// wanted is the section that a device page belongs to.
func wanted(r *http.Request) Section {
	if _, below, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, At), "/my/"); strings.Contains(below, "/setup") || strings.HasSuffix(below, "/add") {
		return Add
	}
	return Settings
}

func (p *Pages) serveSession(next manager, l login.Login, key secret.Text, w http.ResponseWriter, r *http.Request) error {
	found, err := p.Devices.Resume(r.Context(), secret.NewText(r.PathValue("session")))
	if err != nil {
		return err
	}
	if found.Session.LoginID != l.ID {
		return session.ErrIdle
	}
	if r.Method == http.MethodPost {
		if err := p.Forms.Check(r, found.Session.ID); err != nil {
			return err
		}
	}
	m := manage{View: found, path: Path(l, key) + "/my/" + r.PathValue("session")}
	m.base = Base{Org: web.Org{Name: found.Settings.Organization}, App: found.Application.Name, Help: web.Help{Text: found.Settings.Help},
		User: found.User.Username, FormToken: p.Forms.Token(found.Session.ID), Home: Path(l, key), Mine: m.path, Spent: found.Session.ChangesLeft == 0,
		Section: Settings, Devices: true, Ending: p.ending(l, Path(l, key), r)}
	return next(p, m, w, r)
}

// show writes a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, page web.Page) error {
	return p.Web.Pages.Write(w, r, status, page)
}

// news is the answer of a status address.
type news struct {
	Version int64  `json:"version"`
	State   string `json:"state,omitempty"`
	Line    string `json:"line,omitempty"`
	Next    string `json:"next,omitempty"`
}

// Link is the Door of enrollment links: nothing frames it and nobody waits for an answer (C-10).
type Link struct{}

// Parent implements Door.
func (Link) Parent(login.Login) string { return "" }

// Complete implements Door.
func (Link) Complete(context.Context, signin.Session) (string, error) { return "", login.ErrStale }

// Remembers implements Door.
func (Link) Remembers(login.Login) bool { return false }

// Keep implements Door.
func (Link) Keep(http.ResponseWriter, *http.Request, signin.Session) {}

// Refuse implements Door.
func (Link) Refuse() string { return "" }
