package frame

import (
	"errors"
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Tell shows the last page of a request that no sign-in came of: it hands an answer to the parent.
func (p *Pages) Tell(w http.ResponseWriter, r *http.Request, answer, parent, app string) error {
	return p.Write(w, r, http.StatusBadRequest, Answer{Base: p.plain(r, app), Text: answer, Parent: parent, Failed: true})
}

// Stop shows why no sign-in comes of a request, and a button that hands answer to the parent. Without an answer the page
// names nobody, neither application nor organization: also pages that nobody vouches for may frame it.
func (p *Pages) Stop(w http.ResponseWriter, r *http.Request, err error, answer, parent, app string) {
	p.Web.FailAs(w, r, err, func(e *errs.Error, reference string) web.Page {
		base := Base{Base: control.Base{App: app}}
		if answer != "" {
			base = p.plain(r, app)
		}
		return Refused{Base: base, Err: e, Reference: reference, Answer: answer, Parent: parent}
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
	app := p.SignIn.ApplicationName(r.Context(), l)
	if errs.KindOf(err) == errs.Gone || !p.Now().Before(signin.Session{Login: l}.Ends()) {
		p.Stop(w, r, err, door.Refuse(), parent, app)
		return
	}
	words := p.Web.Pages.Words(r)
	back := web.Link{Path: At + r.PathValue("key"), Text: words.S("prompt.back")}
	if errors.Is(err, control.ErrGone) { // the list is still there
		back = web.Link{Path: back.Path + "/my/" + r.PathValue("session"), Text: words.S("devices.back")}
	}
	p.Web.FailAs(w, r, err, func(e *errs.Error, reference string) web.Page {
		return Refused{Base: p.plain(r, app), Err: e, Reference: reference, Link: back}
	})
}

// plain is the base of a page outside any sign-in.
func (p *Pages) plain(r *http.Request, app string) Base {
	around := p.Web.Around(r)
	return Base{Base: control.Base{Org: around.Org, App: app, Help: around.Help}}
}
