package frame

import (
	"net/http"

	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// ending is when a sign-in closes, for somebody who still has something to do there; else nil.
func (p *Pages) ending(l login.Login, home string, r *http.Request) *web.Ending {
	s := signin.Session{Login: l}
	until := s.Ends()
	if !p.Now().Before(until) {
		return nil
	}
	e := &web.Ending{Until: until, Token: p.Forms.Token(l.ID), Here: r.URL.RequestURI()}
	if s.MoreTime() {
		e.Path = home + "/keep"
	}
	return e
}

// keepGoing gives the person more time (WCAG 2.2.1).
func (p *Pages) keepGoing(v view, w http.ResponseWriter, r *http.Request) error {
	until, err := p.SignIn.KeepGoing(r.Context(), v.Session)
	if err != nil {
		return err
	}
	v.Login.Expires = until
	e := p.ending(v.Login, v.base.Home, r)
	if e == nil {
		return web.Move(w, r, v.base.Home)
	}
	return e.Answer(w, r, p.Web.Pages.Words(r), web.Back(r, v.base.Home, "push", "code", "cancel", "wait", "remember", "keep"))
}
