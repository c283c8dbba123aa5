package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"countersign/internal/base/secret"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/flow/devices"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// At is where the portal lives.
const At = "/my"

// Portal serves the pages on which people look after their devices.
type Portal struct {
	*control.Control
	Cookies web.Cookies
	SignIns SignIns
}

// SignIns is how the sign-ins that lead here are known: by their addresses, and by the cookies of their browsers.
type SignIns struct {
	Path     func(loginID string) string       // address of a sign-in
	Cookie   func(loginID string) string       // base name of its cookie
	Remember func(applicationID string) string // base name of the cookie of a browser remembered for an application
}

// routes; every one needs a live session, every POST its form token. All but the first four manage devices
// and need the fresh proof the flow asks for (AC-001); forgetting browsers only takes something away, and more time
// for the list gives none to its proof.
var routes = []web.Below[*view]{
	web.Get("", "my devices", (*view).showDevices),
	web.Get("/new-phone", "a new phone: pair at once, or choose which", (*view).newPhone),
	web.Post("/keep", "give the list more time", (*view).keepGoing),
	web.Post("/add", "start to add a device", (*view).add),
	web.Post("/device/{device}/replace", "start to set up a new phone in its place", (*view).replace),
	web.Get("/device/{device}/replaced", "the old phone is switched off, on to the application", (*view).showReplaced),
	web.Post("/browser/{browser}/forget", "make one remembered browser ask again", (*view).forgetBrowser),
	web.Post("/browsers/forget", "make all remembered browsers ask again", (*view).forgetBrowsers),
	web.Get("/device/{device}/rename", "the rename page", (*view).showRename),
	web.Post("/device/{device}/rename", "rename a device", (*view).rename),
	web.Get("/device/{device}/remove", "the page that asks before removing", (*view).showRemove),
	web.Post("/device/{device}/remove", "remove a device", (*view).remove),
}

// pairs stand below the list, for one more device, and below a device, for a new phone in its place.
var pairs = []web.Below[*view]{
	web.Get("/pair", "pair a device", (*view).showPair),
	web.Get("/pair/status", "what became of the pairing code", (*view).pairStatus),
	web.Post("/pair/wait", "wait for the phone without a script", (*view).pairWait),
	web.Post("/pair/renew", "a new pairing code", (*view).pairRenew),
	web.Post("/pair/mail", "mail the pairing link", (*view).pairMail),
}

// Handler serves them.
func (p *Portal) Handler() *web.Mux {
	mux := p.Web.Mux()
	web.Mount(mux, At, p.withSession, routes, pairs)
	web.Mount(mux, At+"/device/{device}", p.withSession, pairs)
	return mux
}

// view is one request's session and what its pages need.
type view struct {
	devices.View
	p    *Portal
	base Base
}

func (p *Portal) withSession(serve web.Serve[*view]) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := control.Read(r, func() (*view, error) { return p.find(r) })
		if err != nil {
			return err
		}
		v.keepCookie(w, r)
		err = serve(v, w, r)
		if errors.Is(err, session.ErrProof) { // the ten minutes are over: prove again, if the sign-in is still there
			return web.Move(w, r, v.signIn()+"/devices")
		}
		if errors.Is(err, phone.ErrUnknown) {
			return p.gone(w, r)
		}
		return err
	}
}

func (p *Portal) find(r *http.Request) (*view, error) {
	found, err := p.Session(r, secret.NewText(p.Cookies.Get(r, session.CookieName)))
	if err != nil {
		return nil, err
	}
	v := &view{View: found, p: p}
	v.base = Base{Base: p.AroundDevices(found), Path: At,
		Back: web.Link{Path: v.signIn(), Text: p.Web.Pages.Words(r).S("devices.continue", "app", found.Application.Name)}}
	v.base.Ending = v.ending(r)
	return v, nil
}

// signIn is the address of the sign-in that led here.
func (v *view) signIn() string { return v.p.SignIns.Path(v.Session.LoginID) }

// gone says so and leads back to the list; a waiting page's script gets the error alone.
func (p *Portal) gone(w http.ResponseWriter, r *http.Request) error {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		return control.ErrGone
	}
	return p.Write(w, r, http.StatusNotFound, web.Message{Around: p.Web.Around(r), Err: control.ErrGone,
		Actions: []web.Link{{Path: At, Text: p.Web.Pages.Words(r).S("devices.back")}}})
}

// showDevices is the list of cards.
func (v *view) showDevices(w http.ResponseWriter, r *http.Request) error {
	page := Devices{Base: v.base, Name: v.User.RealName, CanAdd: v.Session.ChangesLeft != 0, OneWay: v.OneDevice()}
	if page.Name == "" {
		page.Name = v.User.Username
	}
	done, fresh := r.URL.Query().Get("done"), r.URL.Query().Get("device")
	for _, d := range v.Phones {
		card := cardOf(d)
		if before, is := v.SameAs(d); is {
			card.SameAs = before.Name
		}
		card.Fresh = d.ID == fresh && slices.Contains([]NoticeKind{Added, Replaced, Connected}, NoticeKind(done))
		page.Cards = append(page.Cards, card)
		if d.ID == fresh && done != "" && done != string(Removed) {
			page.Notice = &Notice{Kind: noticeOf(done), Device: d.Name}
		}
	}
	switch done {
	case string(Removed):
		page.Notice = &Notice{Kind: RemovedOne}
	case string(Forgotten), string(ForgottenAll):
		page.Notice = &Notice{Kind: NoticeKind(done)}
	}
	var err error
	if page.Browsers, err = v.browsers(r); err != nil {
		return err
	}
	return v.p.Write(w, r, http.StatusOK, page)
}

// noticeOf keeps to the notices there are.
func noticeOf(done string) NoticeKind {
	switch k := NoticeKind(done); k {
	case Renamed, Replaced, Connected:
		return k
	}
	return Added
}

func cardOf(d phone.Phone) Card {
	c := Card{ID: d.ID, Name: d.Name, Kind: control.Kind(d), Model: control.Model(d), State: Active, AddedAt: d.Created, UsedAt: d.LastUsed}
	switch {
	case !d.Connected():
		c.State = NotActivated
	case d.Alerts != phone.AlertsOn:
		c.State = AlertsOff
	}
	return c
}

// newPhone goes straight to pairing when there is only one phone it can mean.
func (v *view) newPhone(w http.ResponseWriter, r *http.Request) error {
	if len(v.Phones) == 1 {
		return web.Move(w, r, At+"/device/"+v.Phones[0].ID+"/pair?on=1")
	}
	if len(v.Phones) == 0 {
		return web.Move(w, r, At+"/pair")
	}
	return web.Move(w, r, At)
}
