package prompt

import (
	"errors"
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
	"countersign/internal/flow/enroll"
	"countersign/internal/site/web"
)

// PortalCookie is the base name of the portal session's cookie.
const PortalCookie = session.CookieName

const sessionLife = session.Life

// pairingOf says whose code the enroll page shows: the first phone of someone signing in, or the spare.
func (v *view) pairingOf() (enroll.Owner, enroll.Subject) {
	s := enroll.Subject{Purpose: activation.Enroll, UserID: v.User.ID}
	if v.Login.Stage == login.Allowed {
		s.Purpose = activation.Add
	}
	return enroll.Owner{LoginID: v.Login.ID}, s
}

// mayPair: the first phone while the sign-in asks for it, the spare while the proof is fresh.
func (p *Prompt) mayPair(v *view) bool {
	if p.refusal(v) != nil {
		return false
	}
	if v.Login.Stage == login.Open {
		return v.Login.Enrolling && len(v.Ways) == 0
	}
	due, _ := v.SpareDue(p.Now())
	return due && v.freshProof() && p.Now().Sub(v.Login.ManageProof) < session.ProofLife
}

// showEnroll is the pairing page inside a sign-in (wireframe 5).
func (p *Prompt) showEnroll(v *view, w http.ResponseWriter, r *http.Request) error {
	if !p.mayPair(v) {
		return p.move(w, r, v.path)
	}
	return p.showPairing(v, PairMail{Offered: true}, http.StatusOK, w, r)
}

func (p *Prompt) showPairing(v *view, mail PairMail, status int, w http.ResponseWriter, r *http.Request) error {
	owner, subject := v.pairingOf()
	code, err := p.Enroll.Pair(r.Context(), owner, subject)
	if err != nil {
		return err
	}
	page := PairingPage(v.base, code, mail)
	page.Path, page.Setting = v.path+"/enroll", FirstPhone
	if subject.Purpose == activation.Add {
		page.Setting = AddPhone
		page.Back.Path, page.Back.Text = v.path, p.Web.Pages.Words(r).S("prompt.back")
	}
	return p.show(w, r, status, page)
}

// PairingPage fills the page for a code on show. Its version is the code itself, so a poll for an older code
// is answered at once.
func PairingPage(b Base, code enroll.Pairing, mail PairMail) Pairing {
	return Pairing{Base: b, Link: code.Link, Code: code.Typed, Address: code.TypeAt, State: PairWaiting, Version: 1,
		Token: code.ID, Until: code.Expires, Mail: mail}
}

// PairStates turns a code's state into the page's.
var PairStates = map[activation.State]PairState{
	activation.Waiting: PairWaiting, activation.Claimed: PairDone, activation.Dead: PairExpired,
}

// PairProgress is the answer of a pairing page's status address; next is where it goes once the phone is there.
func (p *Prompt) pairProgress(v *view, hold bool, r *http.Request) (activation.State, error) {
	owner, _ := v.pairingOf()
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	return p.Enroll.Progress(ctx, owner, r.URL.Query().Get("code"), hold)
}

func (p *Prompt) enrollStatus(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.Login.Stage == login.Open && v.Transaction.ID != "" || v.Login.Stage == login.Finished {
		return web.JSON(w, Status{Version: 2, State: string(PairDone), Line: p.Web.Pages.Words(r).S("pair.line.done"), Next: v.base.LoginPath})
	}
	state, err := p.pairProgress(v, true, r)
	if err != nil {
		return err
	}
	return web.JSON(w, PairStatus(state, p.Web.Pages.Words(r).S, v.base.LoginPath))
}

// PairStatus is the JSON a pairing page polls for.
func PairStatus(state activation.State, words func(string, ...any) string, next string) Status {
	s := Status{Version: 1, State: string(PairStates[state]), Open: state == activation.Waiting}
	s.Line = words("pair.line." + s.State)
	if state != activation.Waiting {
		s.Version = 2
	}
	if state == activation.Claimed {
		s.Next = next
	}
	return s
}

// enrollWait is the button "I have done this on my phone" of browsers without scripts.
func (p *Prompt) enrollWait(v *view, w http.ResponseWriter, r *http.Request) error {
	return p.move(w, r, v.path)
}

// enrollRenew shows the page again: Pair has a new code when the old one ended.
func (p *Prompt) enrollRenew(v *view, w http.ResponseWriter, r *http.Request) error {
	return p.move(w, r, v.path+"/enroll")
}

// enrollMail sends the link to an address that is not kept (D-22).
func (p *Prompt) enrollMail(v *view, w http.ResponseWriter, r *http.Request) error {
	if !p.mayPair(v) {
		return p.move(w, r, v.path)
	}
	owner, subject := v.pairingOf()
	typed := strings.TrimSpace(r.PostFormValue("address"))
	mail, status, err := SendLink(typed, p.Enroll.Mail(r.Context(), owner, subject, typed, v.Login.Username))
	if err != nil {
		return err
	}
	return p.showPairing(v, mail, status, w, r)
}

// SendLink turns the outcome of mailing a link into the form's state.
func SendLink(typed string, err error) (PairMail, int, error) {
	switch {
	case err == nil:
		return PairMail{Offered: true, SentTo: maskAddress(typed)}, http.StatusOK, nil
	case errors.Is(err, enroll.ErrMailAddress):
		return PairMail{Offered: true, Address: clipAddress(typed), Err: errs.Of(err)}, http.StatusUnprocessableEntity, nil
	case errors.Is(err, enroll.ErrMailLimit):
		return PairMail{Offered: true, Err: errs.Of(err)}, http.StatusTooManyRequests, nil
	}
	return PairMail{}, 0, err
}

func clipAddress(s string) string {
	if len(s) > 254 {
		return ""
	}
	return s
}

// maskAddress shows enough of an address to recognise a slip of the finger.
func maskAddress(a string) string {
	at := strings.LastIndexByte(a, '@')
	if at < 1 {
		return "…"
	}
	first := []rune(a[:at])[0]
	return string(first) + "…" + a[at:]
}

// addSpare goes to pair a spare phone: directly with the proof just given, else through the portal's own proof.
func (p *Prompt) addSpare(v *view, w http.ResponseWriter, r *http.Request) error {
	if p.mayPair(v) {
		return p.move(w, r, v.path+"/enroll")
	}
	return p.move(w, r, v.path+"/devices")
}

// laterSpare is "Later".
func (p *Prompt) laterSpare(v *view, w http.ResponseWriter, r *http.Request) error {
	if err := p.SignIn.LaterSpare(r.Context(), v.Session); err != nil {
		return err
	}
	return p.move(w, r, v.base.LoginPath)
}

// newPhone is the button after a sign-in with a help-desk code (decision 38).
func (p *Prompt) newPhone(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.Login.ManageProof.IsZero() {
		return p.move(w, r, v.path)
	}
	return p.openPortal(v, w, r)
}
