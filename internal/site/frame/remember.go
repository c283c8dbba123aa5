package frame

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"countersign/internal/domain/login"
	"countersign/internal/site/web"
)

// RememberCookie is the base name of the cookie of a browser remembered for an application whose pages at an origin frame
// its prompt. Browsers keep it for the whole site around the frame; the name keeps the site's other origins apart.
func RememberCookie(applicationID, origin string) string {
	of := sha256.Sum256([]byte(origin))
	return "remember-frame-" + applicationID + "-" + hex.EncodeToString(of[:6])
}

// box is the choice this page offers; nil when it offers none: policy is off, or the page proves for something else.
func (v view) box() *Remember {
	days := v.RememberDays()
	if days == 0 || v.section != SignIn || v.Login.Stage != login.Open || !v.door.Remembers(v.Login) {
		return nil
	}
	return &Remember{Days: days, Checked: v.Login.Remember}
}

// choose notes a choice that came with a form. The box has a form of its own, so that it works without a script; with
// one, the other forms carry it as "1" or "0", and a form without it changes nothing.
func (p *Pages) choose(v *view, r *http.Request) error {
	said := r.PostFormValue("remember")
	if said == "" || v.box() == nil || (said == "1") == v.Login.Remember {
		return nil
	}
	err := p.SignIn.ChooseRemember(r.Context(), v.Session, said == "1")
	if err == nil {
		v.Login.Remember = said == "1"
	}
	return err
}

// remember takes the box alone, before a way is chosen or while a request waits.
func (p *Pages) remember(v view, w http.ResponseWriter, r *http.Request) error {
	if v.box() != nil {
		yes := r.PostFormValue("remember") == "1"
		if err := p.SignIn.ChooseRemember(r.Context(), v.Session, yes); err != nil {
			return err
		}
	}
	if r.PostFormValue("script") != "" {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return web.Move(w, r, v.path)
}
