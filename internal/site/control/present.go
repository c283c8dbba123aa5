package control

import (
	"errors"
	"net/http"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// present shows what the sign-in asks next, or sends the browser on when nothing is left to ask.
func present(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	if v.fetched(r) && !v.Step.Asks() {
		return web.JSON(w, Status{Version: v.Login.Version, Next: v.Path})
	}
	return Present(p, w, r)
}

// fetched reports a page that a script fetches for a part of it. What can be had once is not used up for that: nobody
// sees the page.
func (v *View) fetched(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return r.Header.Get("X-Part") != "" || v.Options.Framed && mode != "" && mode != "navigate"
}

// Present shows what the sign-in asks next, or goes on when nothing is left to ask.
func Present(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	over := v.Login.Stage == login.Finished
	switch {
	case v.Step.Kind == signin.Enroll && v.Path != v.Home: // nothing to prove with: setting up comes first
		return web.Move(w, r, v.Home)
	case v.Step.Kind != signin.Done:
		return ask(p, w, r)
	case v.Purpose == transaction.Manage && !over:
		return manage(p, w, r)
	}
	err := p.Leave(secret.Text{}, w, r)
	if over && (errors.Is(err, login.ErrStale) || errors.Is(err, login.ErrGrant)) {
		return errs.New(errs.Gone, "login.done")
	}
	return err
}

// ask shows the page of the step. Whoever goes to the device pages leaves the request of the sign-in, where Options says so.
func ask(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	if v.Step.Asks() && v.Purpose == transaction.Manage && v.Transaction.Purpose == transaction.SignIn && v.Options.TakesBack && !v.fetched(r) {
		if err := TakeBack(v, r); err != nil {
			return err
		}
	}
	return p.Show(w, r)
}

// TakeBack ends the request on show, if it still waits for its answer.
func TakeBack(v *View, r *http.Request) error {
	if v.Transaction.State != transaction.Pending {
		return nil
	}
	t, err := v.SignIn.Cancel(r.Context(), v.Transaction.ID)
	if err == nil {
		v.Transaction = t
	}
	return err
}

// manage takes the proof just given and opens the device pages with it.
func manage(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	_, key, err := v.Devices.Open(r.Context(), v.Login)
	if errors.Is(err, session.ErrProof) { // another window has taken it
		v.Login.ManageProof = time.Time{}
		v.Step = signin.Next(v.Session, v.Now(), v.Purpose)
		return ask(p, w, r)
	}
	if err != nil {
		return err
	}
	return p.Manage(key, w, r)
}

// Ends are the addresses of the questions after a proof.
func Ends[V Prompt]() []web.Below[V] {
	return shared[V](web.Post("/continue", "on to the application", goOn), web.Post("/later", "no spare way in now", later))
}

// later is the answer "Later" to the question for a spare way. Where that is no answer, the question is put again.
func later(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	if err := v.SignIn.LaterSpare(r.Context(), v.Session); err != nil && !errors.Is(err, signin.ErrSpare) {
		return err
	}
	return web.Move(w, r, v.Home)
}

// goOn is the button on pages that come after the proof; after a sign-in by a code of the help desk it is the answer
// "Not now" to the offer of a new phone.
func goOn(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	if err := v.SignIn.LaterRecovery(r.Context(), v.Session); err != nil {
		return err
	}
	return web.Move(w, r, v.Home)
}

// Keep gives the person more time (WCAG 2.2.1). given runs when it has been given, before the answer is written.
func Keep(p Prompt, given func(), w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	until, err := v.SignIn.KeepGoing(r.Context(), v.Session)
	if err != nil {
		return err
	}
	given()
	v.Login.Expires = until
	e := v.Ending(v.Login, v.Home, r)
	if e == nil {
		return web.Move(w, r, v.Home)
	}
	return e.Answer(w, r, v.Web.Pages.Words(r), web.Back(r, v.Home, v.Options.Posted...))
}

// Ending is when the pages of a sign-in close, for somebody who still has something to do there; else nil. More time is
// asked for at {home}/keep.
func (c *Control) Ending(l login.Login, home string, r *http.Request) *web.Ending {
	s := signin.Session{Login: l}
	until := s.Ends()
	if !c.Now().Before(until) {
		return nil
	}
	e := &web.Ending{Until: until, Token: c.Forms.Token(l.ID), Here: r.URL.RequestURI()}
	if s.MoreTime() {
		e.Path = home + "/keep"
	}
	return e
}

// Remember is the "remember this browser" box (A-15, B-06).
type Remember struct {
	Days    int
	Checked bool
}

// Choose notes what a form says about the box, when its page has one.
func Choose(v *View, r *http.Request) error {
	said := r.PostFormValue("remember")
	if v.Box == nil || said == "" && !v.holdsBox(r) || (said == "1") == v.Login.Remember {
		return nil
	}
	err := v.SignIn.ChooseRemember(r.Context(), v.Session, said == "1")
	if err == nil {
		v.Login.Remember, v.Box.Checked = said == "1", said == "1"
	}
	return err
}
