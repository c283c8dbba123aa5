package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// At is where the portal lives.
const At = "/my"

// Portal serves the pages on which people look after their devices.
type Portal struct {
	Web     *web.Site
	Forms   web.Forms
	Cookies web.Cookies
	Devices *devices.Flow
	Enroll  *enroll.Flow
	Now     func() time.Time
}

type handler func(p *Portal, v view, w http.ResponseWriter, r *http.Request) error

// routes; every one needs a live session, every POST its form token. All but the first four manage devices
// and need the fresh proof the flow asks for (AC-001); forgetting browsers only takes something away, and more time
// for the list gives none to its proof.
var routes = []struct {
	method, pattern, name string
	serve                 handler
}{
	{"GET", "", "my devices", (*Portal).showDevices},
	{"GET", "/new-phone", "a new phone: pair at once, or choose which", (*Portal).newPhone},
	{"POST", "/keep", "give the list more time", (*Portal).keepGoing},
	{"POST", "/add", "start to add a device", (*Portal).add},
	{"GET", "/pair", "pair one more device", (*Portal).showPair},
	{"GET", "/pair/status", "what became of the pairing code", (*Portal).pairStatus},
	{"POST", "/pair/wait", "wait for the phone without a script", (*Portal).pairWait},
	{"POST", "/pair/renew", "a new pairing code", (*Portal).pairRenew},
	{"POST", "/pair/mail", "mail the pairing link", (*Portal).pairMail},
	{"POST", "/device/{device}/replace", "start to set up a new phone in its place", (*Portal).replace},
	{"GET", "/device/{device}/pair", "pair the new phone", (*Portal).showPair},
	{"GET", "/device/{device}/pair/status", "what became of the pairing code", (*Portal).pairStatus},
	{"POST", "/device/{device}/pair/wait", "wait for the phone without a script", (*Portal).pairWait},
	{"POST", "/device/{device}/pair/renew", "a new pairing code", (*Portal).pairRenew},
	{"POST", "/device/{device}/pair/mail", "mail the pairing link", (*Portal).pairMail},
	{"GET", "/device/{device}/replaced", "the old phone is switched off, on to the application", (*Portal).showReplaced},
	{"POST", "/browser/{browser}/forget", "make one remembered browser ask again", (*Portal).forgetBrowser},
	{"POST", "/browsers/forget", "make all remembered browsers ask again", (*Portal).forgetBrowsers},
	{"GET", "/device/{device}/rename", "the rename page", (*Portal).showRename},
	{"POST", "/device/{device}/rename", "rename a device", (*Portal).rename},
	{"GET", "/device/{device}/remove", "the page that asks before removing", (*Portal).showRemove},
	{"POST", "/device/{device}/remove", "remove a device", (*Portal).remove},
}

// Handler serves them.
func (p *Portal) Handler() *web.Mux {
	mux := p.Web.Mux()
	for _, r := range routes {
		mux.Add(web.Route{Method: r.method, Pattern: At + r.pattern, Name: r.name}, p.withSession(r.serve))
	}
	return mux
}

// view is one request's session and what its pages need.
type view struct {
	devices.View
	base Base
}

func (p *Portal) withSession(next handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		found, err := p.Devices.Resume(r.Context(), secret.NewText(p.Cookies.Get(r, prompt.PortalCookie)))
		if err != nil {
			return err
		}
		if r.Method == http.MethodPost {
			if err := p.Forms.Check(r, found.Session.ID); err != nil {
				return err
			}
		}
		v := p.view(found, r)
		p.keepCookie(v, w, r)
		err = next(p, v, w, r)
		if errors.Is(err, session.ErrProof) { // the ten minutes are over: prove again, if the sign-in is still there
			http.Redirect(w, r, prompt.Path(found.Session.LoginID)+"/devices", http.StatusSeeOther)
			return nil
		}
		if errors.Is(err, phone.ErrUnknown) {
			return p.gone(w, r)
		}
		return err
	}
}

// errGone reports a device that is not, or no more, on the person's list: another tab removed it.
var errGone = errs.New(errs.NotFound, "device.gone")

// gone leads back to the list; a waiting page's script gets the error alone.
func (p *Portal) gone(w http.ResponseWriter, r *http.Request) error {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		return errGone
	}
	m := web.Message{Err: errGone, Actions: []web.Link{{Path: At, Text: p.Web.Pages.Words(r).S("devices.back")}}}
	if p.Web.Frame != nil {
		m.Around = p.Web.Frame(r)
	}
	return p.show(w, r, http.StatusNotFound, m)
}

func (p *Portal) view(found devices.View, r *http.Request) view {
	back := prompt.Path(found.Session.LoginID)
	words := p.Web.Pages.Words(r)
	v := view{View: found}
	v.base.Base = prompt.Base{Org: web.Org{Name: found.Settings.Organization}, Help: web.Help{Text: found.Settings.Help},
		User: found.User.Username, FormToken: p.Forms.Token(found.Session.ID), LoginPath: back, Devices: true}
	v.base.Path, v.base.Ending = At, p.ending(v, r)
	v.base.Back = web.Link{Path: back, Text: words.S("devices.continue", "app", found.Application.Name)}
	return v
}

// showDevices is the list of cards (wireframe 8).
func (p *Portal) showDevices(v view, w http.ResponseWriter, r *http.Request) error {
	page := Devices{Base: v.base, Name: v.User.RealName, CanAdd: v.Session.ChangesLeft != 0, OneWay: v.WaysIn() == 1}
	if page.Name == "" {
		page.Name = v.User.Username
	}
	done, fresh := r.URL.Query().Get("done"), r.URL.Query().Get("device")
	for _, d := range v.Phones {
		card := cardOf(d)
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
	if page.Browsers, err = p.browsers(v, r); err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, page)
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
	c := Card{ID: d.ID, Name: d.Name, Kind: kindOf(d), Model: model(d), State: Active, AddedAt: d.Created, UsedAt: d.LastUsed}
	switch {
	case !d.Connected():
		c.State = NotActivated
	case d.Alerts != phone.AlertsOn:
		c.State = AlertsOff
	}
	return c
}

func kindOf(d phone.Phone) string {
	p := strings.ToLower(d.Platform + " " + d.Model)
	switch {
	case strings.Contains(p, "ipad") || strings.Contains(p, "tablet"):
		return "tablet"
	case strings.Contains(p, "windows") || strings.Contains(p, "linux") || strings.Contains(p, "macos") || strings.Contains(p, "chrome os"):
		return "computer"
	}
	return "phone"
}

func model(d phone.Phone) string {
	switch {
	case d.Model == "" || d.Model == d.Platform:
		return d.Platform
	case d.Platform == "":
		return d.Model
	}
	return d.Model + " · " + d.Platform
}

// newPhone goes straight to pairing when there is only one phone it can mean.
func (p *Portal) newPhone(v view, w http.ResponseWriter, r *http.Request) error {
	if len(v.Phones) == 1 {
		return web.Move(w, r, At+"/device/"+v.Phones[0].ID+"/pair?on=1")
	}
	if len(v.Phones) == 0 {
		return web.Move(w, r, At+"/pair")
	}
	return web.Move(w, r, At)
}

func (p *Portal) show(w http.ResponseWriter, r *http.Request, status int, page web.Page) error {
	return p.Web.Pages.Write(w, r, status, page)
}

// subject is what the pairing page of this address pairs.
func (p *Portal) subject(v view, r *http.Request) (enroll.Owner, enroll.Subject, string, error) {
	owner := enroll.Owner{SessionID: v.Session.ID}
	id := r.PathValue("device")
	if id == "" {
		return owner, enroll.Subject{Purpose: activation.Add, UserID: v.User.ID}, At + "/pair", nil
	}
	if _, err := v.Phone(id); err != nil {
		return owner, enroll.Subject{}, "", err
	}
	return owner, enroll.Subject{Purpose: activation.Reactivate, UserID: v.User.ID, PhoneID: id}, At + "/device/" + id + "/pair", nil
}
