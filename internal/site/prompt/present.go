package prompt

import (
	"errors"
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/site/web"
)

// showPresent shows the page a sign-in is at, or sends the browser on when there is nothing left to ask.
func (p *Prompt) showPresent(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.Login.Stage == login.Finished {
		return p.finishAgain(v, w, r)
	}
	if refused := p.refusal(v); refused != nil {
		page := p.refused(v, refused)
		page.Actions = backToApp(v.base, p.Web.Pages.Words(r))
		return p.show(w, r, http.StatusForbidden, page)
	}
	if v.proof() {
		return p.showProof(v, w, r)
	}
	if v.Login.Stage == login.Allowed {
		return p.showAllowed(v, w, r)
	}
	if v.Login.Enrolling && v.User.ID == "" || v.Login.Enrolling && v.Transaction.ID == "" && len(v.Ways) == 0 {
		return p.move(w, r, v.path+"/enroll")
	}
	switch first, ok := v.First(); {
	case v.Transaction.ID != "" && v.Transaction.State != transaction.Cancelled:
		return p.showPush(v, w, r)
	case !ok:
		page := p.refused(v, v.NoWay())
		page.CodeField, page.Kinds = true, v.kinds()
		return p.show(w, r, http.StatusOK, page)
	case first.Method == policy.MethodPush && v.Transaction.ID == "":
		return p.showPush(v, w, r)
	}
	return p.showCode(v, w, r)
}

// showProof is "First, prove it is you": nothing starts by itself.
func (p *Prompt) showProof(v *view, w http.ResponseWriter, r *http.Request) error {
	if !v.Login.ManageProof.IsZero() {
		return p.openPortal(v, w, r)
	}
	if t := v.Transaction; t.Purpose == transaction.Manage && t.State != transaction.Cancelled {
		return p.showPush(v, w, r)
	}
	return p.showWays(v, w, r)
}

// openPortal takes the proof and goes to the portal: to the list, or straight to pairing when there is one phone.
func (p *Prompt) openPortal(v *view, w http.ResponseWriter, r *http.Request) error {
	_, cookie, err := p.Devices.Open(r.Context(), v.Login)
	if err != nil {
		return err
	}
	p.Cookies.Set(w, PortalCookie, cookie.Reveal(), sessionLife)
	if v.purpose == NewPhone {
		return p.move(w, r, p.Portal+"/new-phone")
	}
	return p.move(w, r, p.Portal)
}

// showAllowed asks what is still to be asked, then goes to the application.
func (p *Prompt) showAllowed(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.RecoveryDue() {
		return p.show(w, r, http.StatusOK, Recovered{Base: v.base})
	}
	if due, mayWait := v.SpareDue(p.Now()); due && (v.freshProof() || v.Application.SelfService) {
		page := Spare{Base: v.base, Required: !mayWait, Left: policy.SpareReminders - v.User.SpareReminders - 1}
		if way, ok := v.First(); ok {
			page.Device = way.Device
		}
		return p.show(w, r, http.StatusOK, page)
	}
	grant, err := p.SignIn.Finish(r.Context(), v.Session)
	if err != nil {
		return err
	}
	return p.leave(v, grant, w, r)
}

// finishAgain is for a browser that comes back: on to the application as long as that has not collected the
// sign-in, so that a lost redirect loses nothing; after that the sign-in is over (P47).
func (p *Prompt) finishAgain(v *view, w http.ResponseWriter, r *http.Request) error {
	grant, err := p.SignIn.Finish(r.Context(), v.Session)
	if errors.Is(err, login.ErrStale) {
		return errs.New(errs.Gone, "login.done")
	}
	if err != nil {
		return err
	}
	return p.leave(v, grant, w, r)
}

func (p *Prompt) leave(v *view, grant secret.Text, w http.ResponseWriter, r *http.Request) error {
	address, err := p.Doors[v.Login.Door].Return(r.Context(), v.Login, grant)
	if err != nil {
		return err
	}
	if err := p.keep(v, w, r); err != nil {
		return err
	}
	if err := p.closeList(v, w, r); err != nil {
		return err
	}
	return p.move(w, r, address)
}

// closeList ends the device list that this sign-in opened (D-31): whoever uses this computer next does not find it.
func (p *Prompt) closeList(v *view, w http.ResponseWriter, r *http.Request) error {
	cookie := p.Cookies.Get(r, PortalCookie)
	if cookie == "" {
		return nil
	}
	list, err := p.Devices.Resume(r.Context(), secret.NewText(cookie))
	if err != nil || list.Session.LoginID != v.Login.ID { // over, or another window's
		return nil
	}
	p.Cookies.Clear(w, PortalCookie)
	return p.Devices.End(r.Context(), list)
}

// freshProof reports whether the person has just proved, in this sign-in, what adding a spare phone needs.
func (v *view) freshProof() bool { return !v.Login.ManageProof.IsZero() }

// refusal is why the person may not go on now; nil when they may.
func (p *Prompt) refusal(v *view) *errs.Error { return v.Refusal() }

// refused is the page of a refusal, with a reference the help desk finds in the log.
func (p *Prompt) refused(v *view, e *errs.Error) Refused {
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

// kinds names the kinds of code the person may hold.
func (v *view) kinds() []string {
	for _, w := range v.Ways {
		if w.Method == policy.MethodPasscode {
			return []string{"app", "help"}
		}
	}
	return []string{"help"}
}

// phones lists the phones a request can go to.
func (v *view) phones() []Device {
	var list []Device
	for _, w := range v.Ways {
		if w.Method == policy.MethodPush {
			list = append(list, Device{ID: w.PhoneID, Name: w.Device, Kind: "phone"})
		}
	}
	return list
}

func (v *view) codeWays() []CodeWay {
	var list []CodeWay
	for _, w := range v.Ways {
		if w.Method == policy.MethodPasscode {
			list = append(list, CodeWay{Kind: "app", Device: w.Device})
		}
	}
	return list
}

// showWays lists every way.
func (p *Prompt) showWays(v *view, w http.ResponseWriter, r *http.Request) error {
	over := v.Login.Stage != login.Open && !v.proof() || v.Login.Stage == login.Finished
	if v.User.ID == "" || over || p.refusal(v) != nil {
		return p.move(w, r, v.base.LoginPath)
	}
	back := !v.proof() && v.Transaction.State == transaction.Pending
	return p.show(w, r, http.StatusOK, Ways{Base: v.base, Path: v.path, Purpose: v.purpose, Phones: v.phones(),
		Codes: v.codeWays(), Desk: true, Back: back})
}

var _ web.Page = Refused{}
