package prompt

import (
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Show implements control.Prompt.
func (v *view) Show(w http.ResponseWriter, r *http.Request) error {
	step := v.Step
	switch step.Kind {
	case signin.Refused:
		page := v.refused(step.Reason)
		page.Actions = backToApp(v.base, v.Web.Pages.Words(r))
		return v.Write(w, r, http.StatusForbidden, page)
	case signin.Enroll:
		return web.Move(w, r, v.Home+"/enroll")
	case signin.Recover:
		return v.Write(w, r, http.StatusOK, Recovered{Base: v.base})
	case signin.Spare:
		return v.Write(w, r, http.StatusOK, Spare{Base: v.base, Required: !step.MayWait, Left: step.Left, Device: v.device()})
	}
	switch {
	case step.Request.ID != "":
		return v.Write(w, r, http.StatusOK, v.pushPage(step.Request))
	case v.proof(): // "First, prove it is you": nothing starts by itself
		return v.showWays(w, r)
	case step.Reason != nil:
		page := v.refused(step.Reason)
		page.CodeField, page.Kinds = true, v.Kinds()
		return v.Write(w, r, http.StatusOK, page)
	case control.Rings(step.Way) && v.Transaction.ID == "": // none could be sent at the start (RULE-13)
		err := v.SignIn.MaySend(r.Context(), v.Session)
		if err != nil && errs.KindOf(err) != errs.Limited {
			return err
		}
		if err != nil {
			return v.Write(w, r, http.StatusOK, v.paused(r, errs.Of(err)))
		}
	}
	return v.Write(w, r, http.StatusOK, v.codePage())
}

// device is the name of the device the person has.
func (v *view) device() string {
	way, _ := v.First()
	return way.Device
}

// Manage implements control.Prompt: to the list, or straight to pairing when there is one phone.
func (v *view) Manage(key secret.Text, w http.ResponseWriter, r *http.Request) error {
	v.p.Cookies.Set(w, session.CookieName, key.Reveal(), session.Life)
	if v.purpose == NewPhone {
		return web.Move(w, r, v.p.Portal+"/new-phone")
	}
	return web.Move(w, r, v.p.Portal)
}

// Leave implements control.Prompt. A browser that comes back goes on to the application as long as that has not collected
// the sign-in, so that a lost redirect loses nothing; after that the sign-in is over (PAGE-6).
func (v *view) Leave(grant secret.Text, w http.ResponseWriter, r *http.Request) (err error) {
	if grant.Empty() {
		if grant, err = v.SignIn.Finish(r.Context(), v.Session); err != nil {
			return err
		}
	}
	address, err := v.p.Doors[v.Login.Door].Return(r.Context(), v.Login, grant)
	if err != nil {
		return err
	}
	value, life, err := v.SignIn.KeptBrowser(r.Context(), v.Session)
	if err != nil {
		return err
	}
	if !value.Empty() {
		v.p.Cookies.Set(w, RememberCookie(v.Application.ID), value.Reveal(), life)
	}
	if err := v.closeList(w, r); err != nil {
		return err
	}
	return web.Move(w, r, address)
}

// closeList ends the device list that this sign-in opened (D-31): whoever uses this computer next does not find it.
func (v *view) closeList(w http.ResponseWriter, r *http.Request) error {
	cookie := v.p.Cookies.Get(r, session.CookieName)
	if cookie == "" {
		return nil
	}
	list, err := v.Devices.Resume(r.Context(), secret.NewText(cookie))
	if err != nil || list.Session.LoginID != v.Login.ID { // over, or another window's
		return nil
	}
	v.p.Cookies.Clear(w, session.CookieName)
	return v.Devices.End(r.Context(), list)
}

// refused is the page of a refusal, with a reference the help desk finds in the log.
func (v *view) refused(e *errs.Error) Refused {
	return Refused{Base: v.base, Err: e, Reference: v.Reference()}
}

// backToApp leads to the front page of the application: to the origin of the address its signed request named, and
// nowhere a visitor could choose. None when the sign-in came from no application, or from one without a web page.
func backToApp(b Base, words web.Words) []web.Link {
	if len(b.FormTargets) == 0 || b.App == "" {
		return nil
	}
	at := b.FormTargets[0]
	if !strings.HasPrefix(at, "https://") && !strings.HasPrefix(at, "http://") {
		return nil
	}
	return []web.Link{{Path: at + "/", Text: words.S("prompt.back.app", "app", b.App)}}
}

// keepGoing gives the person more time (WCAG 2.2.1), and the browser a cookie that lasts as long.
func (v *view) keepGoing(w http.ResponseWriter, r *http.Request) error {
	return control.Keep(v, func() {
		v.p.SetCookie(w, r, v.Login, secret.NewText(v.p.Cookies.Get(r, CookieName(v.Login.ID))))
	}, w, r)
}

// remember is told by a script that the box has changed.
func (v *view) remember(w http.ResponseWriter, r *http.Request) error {
	if v.Box == nil {
		return login.ErrStale
	}
	if err := control.Choose(&v.View, r); err != nil {
		return err
	}
	return web.Nothing(w)
}

// newPhone is the button after a sign-in with a help-desk code (RULE-38).
func (v *view) newPhone(w http.ResponseWriter, r *http.Request) error {
	if v.Step.Kind != signin.Done {
		return web.Move(w, r, v.Path)
	}
	return control.Present(v, w, r)
}
