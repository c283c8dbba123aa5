package prompt

import (
	"net/http"

	"countersign/internal/base/secret"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// ending is when the pages of a sign-in close, for somebody who still has something to do there; else nil.
func (p *Prompt) ending(s signin.Session, r *http.Request) *web.Ending {
	until := s.Ends()
	if until.IsZero() || s.Refusal() != nil {
		return nil
	}
	e := &web.Ending{Until: until, Token: p.Forms.Token(s.Login.ID), Here: r.URL.RequestURI()}
	if s.MoreTime() {
		e.Path = Path(s.Login.ID) + "/keep"
	}
	return e
}

// keepGoing gives the person more time (WCAG 2.2.1), and the browser a cookie that lasts as long.
func (p *Prompt) keepGoing(v *view, w http.ResponseWriter, r *http.Request) error {
	until, err := p.SignIn.KeepGoing(r.Context(), v.Session)
	if err != nil {
		return err
	}
	p.SetCookie(w, r, v.Login, secret.NewText(p.Cookies.Get(r, CookieName(v.Login.ID))))
	v.Login.Expires = until
	e := p.ending(v.Session, r)
	if e == nil {
		return p.move(w, r, v.path)
	}
	return e.Answer(w, r, p.Web.Pages.Words(r), web.Back(r, v.path, "push", "wait", "renew", "mail", "add", "later", "continue", "keep"))
}
