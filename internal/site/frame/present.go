package frame

import (
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Show implements control.Prompt.
func (v *view) Show(w http.ResponseWriter, r *http.Request) error {
	switch step := v.Step; step.Kind {
	case signin.Refused:
		return v.Write(w, r, http.StatusForbidden, Refused{Base: v.base, Err: step.Reason, Reference: v.Reference()})
	case signin.Enroll:
		return web.Move(w, r, v.Home+"/setup")
	case signin.Recover:
		return v.Write(w, r, http.StatusOK, Recovered{v.base})
	case signin.Spare:
		return v.Write(w, r, http.StatusOK, Spare{Base: v.base, Required: !step.MayWait, Left: step.Left})
	}
	if v.Login.Door == login.DoorWizard { // the link was for setting up only
		return v.Write(w, r, http.StatusOK, Closed{v.base})
	}
	return v.prove(nil, http.StatusOK, w, r)
}

// Manage implements control.Prompt.
func (v *view) Manage(key secret.Text, w http.ResponseWriter, r *http.Request) error {
	mine := v.Home + "/my/" + key.Reveal()
	if v.section == Add {
		mine += "/setup/type"
	}
	return web.Move(w, r, mine)
}

// Leave implements control.Prompt: it hands the answer over, and once more when the first one was lost a moment ago. The
// answer to a form is a page of its own, so that loading it again asks for the answer and sends no form.
func (v *view) Leave(grant secret.Text, w http.ResponseWriter, r *http.Request) error {
	if !grant.Empty() {
		return web.Move(w, r, v.Path)
	}
	if v.section != SignIn { // only the sign-in's own page has the answer
		return login.ErrStale
	}
	answer, err := v.door.Complete(r.Context(), v.Session)
	if err != nil {
		return err
	}
	v.door.Keep(w, r, v.Session)
	return v.Write(w, r, http.StatusOK, Answer{Base: v.base.over(), Text: answer, Parent: v.door.Parent(v.Login)})
}

// Again implements control.Prompt.
func (v *view) Again(mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error {
	return v.prove(mistake, status, w, r)
}

// prove is the page with the ways in. mistake stands at the code field when the code is why, else above them.
func (v *view) prove(mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error {
	words := v.Web.Pages.Words(r)
	page := Prove{Base: v.base, Path: v.Path, Version: v.Login.Version, Kinds: v.Kinds(), Remember: v.Box, CodeOpen: r.FormValue("code") != ""}
	t := v.Step.Request
	preferred, _ := v.Preferred()
	page.Asks = asks(v.Asking(), control.AskedBy(t), preferred.ID)
	page.Bar = v.bar(t, words)
	switch {
	case mistake == nil:
	case mistake.Kind == errs.Limited:
		page.Notice, page.CodeOpen = mistake, true
	default:
		page.Err, page.CodeOpen = mistake, true
		if page.Bar == nil || page.Bar.Tone != Going {
			page.Bar = &Bar{Tone: Bad, Line: words.Error(mistake)}
		}
	}
	if err := v.pause(&page, r); err != nil {
		return err
	}
	if v.Step.Reason != nil { // B-15
		page.Notice, page.CodeOpen = v.Step.Reason, true
	}
	return v.Write(w, r, status, page)
}

// pause takes requests off a page that could send none now, and says why (RULE-13); and why a proof is asked for
// again.
func (v *view) pause(page *Prove, r *http.Request) error {
	if r.URL.Query().Get("again") != "" {
		page.Notice = errs.New(errs.Unproved, "frame.again")
	}
	if len(page.Asks) == 0 || page.Bar != nil && page.Bar.Tone == Going {
		return nil
	}
	err := v.SignIn.MaySend(r.Context(), v.Session)
	if err == nil {
		return nil
	}
	if errs.KindOf(err) != errs.Limited {
		return err
	}
	page.Notice, page.CodeOpen, page.Asks = errs.Of(err), true, nil
	if page.Bar != nil {
		page.Bar.Again = ""
	}
	return nil
}

// cancel takes the open request back (B-07).
func (v *view) cancel(w http.ResponseWriter, r *http.Request) error {
	if err := control.TakeBack(&v.View, r); err != nil {
		return err
	}
	return web.Move(w, r, v.Path)
}

// remember takes the box alone, before a way is chosen or while a request waits.
func (v *view) remember(w http.ResponseWriter, r *http.Request) error {
	if err := control.Choose(&v.View, r); err != nil {
		return err
	}
	if r.PostFormValue("script") != "" {
		return web.Nothing(w)
	}
	return web.Move(w, r, v.Path)
}

// leave tells the application that nobody was signed in: the way out of a dead end.
func (v *view) leave(w http.ResponseWriter, r *http.Request) error {
	if !v.base.Leave {
		return errs.New(errs.NotFound, "page.unknown")
	}
	return v.Write(w, r, http.StatusOK, Answer{Base: v.base.over(), Text: v.door.Refuse(), Parent: v.door.Parent(v.Login), Failed: true})
}
