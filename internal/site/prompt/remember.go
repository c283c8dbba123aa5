package prompt

import (
	"net/http"

	"countersign/internal/domain/login"
)

// RememberCookie is the base name of the cookie of a browser remembered for an application. There is one for each
// application: whoever is remembered last on a shared browser is the one it knows.
func RememberCookie(applicationID string) string { return "remember-" + applicationID }

// box is the choice this page offers; nil when it offers none: policy is off, or the page proves for something else.
func (v *view) box() *Remember {
	days := v.RememberDays()
	if days == 0 || v.proof() || v.Login.Stage != login.Open {
		return nil
	}
	return &Remember{Days: days, Checked: v.Login.Remember}
}

// choose notes what the form says about the box, when its page has one.
func (p *Prompt) choose(v *view, r *http.Request) error {
	yes := r.PostFormValue("remember") == "1"
	if v.box() == nil || yes == v.Login.Remember {
		return nil
	}
	err := p.SignIn.ChooseRemember(r.Context(), v.Session, yes)
	if err == nil {
		v.Login.Remember = yes
	}
	return err
}

// remember is told by a script that the box has changed.
func (p *Prompt) remember(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.box() == nil {
		return login.ErrStale
	}
	if err := p.choose(v, r); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keep gives the browser of a finished sign-in its cookie, when it is to be remembered.
func (p *Prompt) keep(v *view, w http.ResponseWriter, r *http.Request) error {
	value, life, err := p.SignIn.KeptBrowser(r.Context(), v.Session)
	if err == nil && !value.Empty() {
		p.Cookies.Set(w, RememberCookie(v.Application.ID), value.Reveal(), life)
	}
	return err
}
