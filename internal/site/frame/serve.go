package frame

import (
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Pages serves the traditional prompt.
type Pages struct {
	*control.Control
	Doors     map[string]Door // by login.Door
	PublicURL string          // where the phone app is
}

// At is where the pages live. The door's own address lies below it.
const At = "/frame/"

// Path is the address of a sign-in. It holds the secret that other prompts keep in a cookie.
func Path(l login.Login, key secret.Text) string { return At + l.ID + "." + key.Reveal() }

// proofs stand below the sign-in, "add" and "settings" alike, besides control.Proofs.
var proofs = []web.Below[*view]{
	web.Post("/cancel", "take the request back", (*view).cancel),
}

// ends stand below the sign-in, besides control.Ends.
var ends = []web.Below[*view]{
	web.Post("/remember", "the choice to have this browser remembered", (*view).remember),
	web.Post("/keep", "more time, please", func(v *view, w http.ResponseWriter, r *http.Request) error {
		return control.Keep(v, func() {}, w, r)
	}),
	web.Post("/leave", "back to the application, not signed in", (*view).leave),
	web.Get("/setup/finish", "the first device is set up", (*view).showFinish),
	web.Post("/setup/finish", "what happens at the next sign-in", (*view).finish),
}

// steps stand below the sign-in and below the device pages.
var steps = []web.Below[*wizard]{
	web.Get("/setup", "begin to set up a device", (*wizard).showWelcome),
	web.Get("/setup/type", "what kind of device", (*wizard).showKind),
	web.Post("/setup/type", "what kind of device", (*wizard).kind),
	web.Get("/setup/number", "which number", (*wizard).showNumber),
	web.Post("/setup/number", "which number", (*wizard).number),
	web.Get("/setup/platform", "what type of phone", (*wizard).showPlatform),
	web.Post("/setup/platform", "what type of phone", (*wizard).platform),
	web.Get("/setup/install", "how to install the app", (*wizard).showInstall),
	web.Post("/setup/install", "the app is installed", (*wizard).install),
	web.Get("/setup/activate", "the picture to scan", (*wizard).showActivate),
	web.Get("/setup/activate/status", "what became of the picture", (*wizard).activateStatus),
	web.Post("/setup/activate", "on, when the app is connected", (*wizard).activate),
	web.Get("/setup/mail", "where to mail the link", (*wizard).showMail),
	web.Post("/setup/mail", "mail the link", (*wizard).mail),
}

// own are the device pages. Each needs the session that a proof opened; each change looks at the proof again.
var own = []web.Below[*manage]{
	web.Get("", "my settings and devices", (*manage).showList),
	web.Post("/add", "start to add a device", (*manage).add),
	web.Post("/save", "save the preferences", (*manage).save),
	web.Post("/done", "end the session, back to the sign-in", (*manage).done),
	web.Post("/device/{device}/reactivate", "start to connect a new app", (*manage).reactivate),
	web.Get("/device/{device}/rename", "the rename page", (*manage).showRename),
	web.Post("/device/{device}/rename", "rename a device", (*manage).rename),
	web.Get("/device/{device}/remove", "the page that asks before removing", (*manage).showRemove),
	web.Post("/device/{device}/remove", "remove a device", (*manage).remove),
}

// Handler serves them.
func (p *Pages) Handler() *web.Mux {
	const signIn, mine = At + "{key}", At + "{key}/my/{session}"
	mux := p.Web.Mux()
	for _, section := range []Section{SignIn, Add, Settings} {
		web.Mount(mux, signIn+section.below(), p.with(section), proofs, control.Proofs[*view]())
	}
	web.Mount(mux, signIn, p.with(SignIn), ends, control.Ends[*view]())
	web.Mount(mux, signIn, p.first, steps)
	web.Mount(mux, mine, p.more, steps)
	web.Mount(mux, mine, p.withSession, own)
	return mux
}

// below is where the proof for a section stands, below the sign-in.
func (s Section) below() string {
	if s == SignIn {
		return ""
	}
	return "/" + string(s)
}

// options is what this prompt does its own way.
var options = control.Options{
	Boxed:     []string{"remember"},
	Posted:    []string{"push", "code", "cancel", "wait", "remember", "keep"},
	TakesBack: true, Framed: true,
}

// view is one request's sign-in and what its pages need.
type view struct {
	control.View
	p       *Pages
	door    Door
	base    Base
	section Section
}

// Of implements control.Prompt.
func (v *view) Of() *control.View { return &v.View }

// known finds the sign-in of an address, also one that is over, and lets the page it belongs to frame the answer.
func (p *Pages) known(w http.ResponseWriter, r *http.Request) (login.Login, secret.Text, *http.Request, error) {
	id, secretPart, _ := strings.Cut(r.PathValue("key"), ".")
	key := secret.NewText(secretPart)
	l, err := p.SignIn.Known(r.Context(), id, key)
	if err != nil {
		return l, key, r, err
	}
	if p.Doors[l.Door] == nil {
		return l, key, r, login.ErrStale
	}
	parent := p.Doors[l.Door].Parent(l)
	r = web.Embed(w, r, parent)
	if parent != "" && r.Header.Get("Sec-Fetch-Dest") == "document" { // older browsers send none
		return l, key, r, errs.New(errs.Forbidden, "frame.outside").Arg("app", p.SignIn.ApplicationName(r.Context(), l))
	}
	return l, key, r, nil
}

// with serves a page of a sign-in; a POST must carry its form token.
func (p *Pages) with(section Section) func(web.Serve[*view]) web.Handler {
	return func(serve web.Serve[*view]) web.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			l, key, r, err := p.known(w, r)
			if err != nil {
				return err
			}
			v, err := control.Read(r, func() (*view, error) { return p.find(l, key, section, r) })
			if err == nil {
				err = serve(v, w, r)
			}
			if err != nil { // from here on also a refusal is a page for the frame
				p.stop(w, r, l, err)
			}
			return nil
		}
	}
}

func (p *Pages) find(l login.Login, key secret.Text, section Section, r *http.Request) (*view, error) {
	s, err := p.SignIn.Resume(r.Context(), l.ID, key)
	if err != nil {
		return nil, err
	}
	purpose := transaction.SignIn
	if section != SignIn {
		purpose = transaction.Manage
	}
	v := &view{p: p, door: p.Doors[l.Door], section: section}
	home := Path(l, key)
	if v.View, err = p.See(r, s, purpose, home, home+section.below()); err != nil {
		return nil, err
	}
	if v.Options = options; !v.door.Remembers(l) {
		v.Box = nil
	}
	link := l.Door == login.DoorWizard
	v.base = Base{Base: v.Around(r), Home: home, Section: section, Alone: link, Leave: v.door.Refuse() != "",
		Devices: s.Application.SelfService && s.User.ID != "" && !link}
	if link {
		v.base.App = ""
		if section != SignIn {
			return nil, devices.ErrOff
		}
	}
	switch v.Step.Kind {
	case signin.Refused, signin.Enroll: // links that lead back here only: nothing to prove with, or no way on
		v.base.Devices = false
	}
	return v, nil
}
