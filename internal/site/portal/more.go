package portal

import (
	"net/http"

	"countersign/internal/domain/login"
	"countersign/internal/site/web"
)

// ending is when the portal closes for a person who does nothing more there.
func (v *view) ending(r *http.Request) *web.Ending {
	e := &web.Ending{Until: v.Ends(), Token: v.base.FormToken, Here: r.URL.RequestURI()}
	if v.MoreTime() {
		e.Path = At + "/keep"
	}
	return e
}

// keepGoing gives the person more time (WCAG 2.2.1): every request does, and this one asks for nothing else.
func (v *view) keepGoing(w http.ResponseWriter, r *http.Request) error {
	return v.base.Ending.Answer(w, r, v.p.Web.Pages.Words(r), web.Back(r, At, "mail", "wait", "renew", "replace", "add", "keep"))
}

// keepCookie has the browser keep the cookie of the sign-in as long as the flow keeps the sign-in open.
func (v *view) keepCookie(w http.ResponseWriter, r *http.Request) {
	name := v.p.SignIns.Cookie(v.Session.LoginID)
	if cookie := v.p.Cookies.Get(r, name); cookie != "" {
		v.p.Cookies.Set(w, name, cookie, login.EnrollLife)
	}
}
