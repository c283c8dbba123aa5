package frame

import (
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// Tell shows the last page of a request that no sign-in came of: it hands an answer to the parent.
func (p *Pages) Tell(w http.ResponseWriter, r *http.Request, answer, parent, app string) error {
	s, err := p.SignIn.DB.Read().LoadSettings(r.Context())
	if err != nil {
		return err
	}
	b := Base{Org: web.Org{Name: s.Organization}, App: app, Help: web.Help{Text: s.Help}}
	return p.show(w, r, http.StatusBadRequest, Answer{Base: b, Text: answer, Parent: parent, Failed: true})
}

// Stop shows why no sign-in comes of a request, and a button that hands answer to the parent. Without an answer the page
// names nobody, neither application nor organisation: also pages that nobody vouches for may frame it.
func (p *Pages) Stop(w http.ResponseWriter, r *http.Request, err error, answer, parent, app string) {
	p.Web.FailAs(w, r, err, func(e *errs.Error, reference string) web.Page {
		page := Refused{Base: Base{App: app}, Err: e, Reference: reference, Answer: answer, Parent: parent}
		if answer != "" && p.Web.Frame != nil {
			around := p.Web.Frame(r)
			page.Org, page.Help = around.Org, around.Help
		}
		return page
	})
}

// stop shows what went wrong in a sign-in, with the way on: back to the sign-in while it lives, else to the application.
func (p *Pages) stop(w http.ResponseWriter, r *http.Request, l login.Login, err error) {
	door := p.Doors[l.Door]
	parent := door.Parent(l)
	if parent == "" {
		p.Web.Fail(w, r, err)
		return
	}
	if errs.KindOf(err) == errs.Gone || !p.Now().Before(signin.Session{Login: l}.Ends()) {
		p.Stop(w, r, err, door.Refuse(), parent, p.appOf(r, l))
		return
	}
	p.Web.FailAs(w, r, err, func(e *errs.Error, reference string) web.Page {
		page := Refused{Base: Base{App: p.appOf(r, l)}, Err: e, Reference: reference}
		if p.Web.Frame != nil {
			around := p.Web.Frame(r)
			page.Org, page.Help = around.Org, around.Help
		}
		page.Link = web.Link{Path: At + r.PathValue("key"), Text: p.Web.Pages.Words(r).S("prompt.back")}
		return page
	})
}

// appOf is the name of the application of a sign-in; empty when it cannot be read.
func (p *Pages) appOf(r *http.Request, l login.Login) string {
	a, err := p.SignIn.DB.Read().ApplicationByID(r.Context(), l.ApplicationID)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(a.Name)
}
