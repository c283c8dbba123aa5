package portal

import (
	"net/http"

	"countersign/internal/domain/login"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// ending is when the portal closes for a person who does nothing more there.
func (p *Portal) ending(v view, r *http.Request) *web.Ending {
	e := &web.Ending{Until: v.Ends(), Token: v.base.FormToken, Here: r.URL.RequestURI()}
	if v.MoreTime() {
		e.Path = At + "/keep"
	}
	return e
}

// keepGoing gives the person more time (WCAG 2.2.1): every request does, and this one asks for nothing else.
func (p *Portal) keepGoing(v view, w http.ResponseWriter, r *http.Request) error {
	return v.base.Ending.Answer(w, r, p.Web.Pages.Words(r), web.Back(r, At, "mail", "wait", "renew", "replace", "add", "keep"))
}

// keepCookie has the browser keep the cookie of the sign-in as long as the flow keeps the sign-in open.
func (p *Portal) keepCookie(v view, w http.ResponseWriter, r *http.Request) {
	name := prompt.CookieName(v.Session.LoginID)
	if cookie := p.Cookies.Get(r, name); cookie != "" {
		p.Cookies.Set(w, name, cookie, login.EnrollLife)
	}
}
