package prompt

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// transactionPurpose is what an approval on this page does.
func (v *view) transactionPurpose() transaction.Purpose {
	if v.proof() {
		return transaction.Manage
	}
	return transaction.SignIn
}

// push sends a request (again) and shows the page that waits.
func (p *Prompt) push(v *view, w http.ResponseWriter, r *http.Request) error {
	id := r.PostFormValue("device")
	if _, err := p.SignIn.Start(r.Context(), v.Session, "push:"+id, v.transactionPurpose()); err != nil {
		if errors.Is(err, signin.ErrPushLimit) || errors.Is(err, signin.ErrPushStorm) {
			return p.show(w, r, http.StatusTooManyRequests, p.paused(v, r, errs.Of(err)))
		}
		return p.overOr(v, w, r, err)
	}
	return p.move(w, r, v.path)
}

// paused says why no request goes out now, and leaves the code field and the way to the others open.
func (p *Prompt) paused(v *view, r *http.Request, e *errs.Error) Refused {
	page := p.refused(v, e)
	page.LoginPath = v.path
	page.CodeField, page.Kinds, page.Remember = true, v.kinds(), v.box()
	page.Actions = []web.Link{{Path: v.path + "/ways", Text: p.Web.Pages.Words(r).S("prompt.ways")}}
	return page
}

// overOr sends the browser to the present page when the sign-in has moved on meanwhile, and returns any other error.
func (p *Prompt) overOr(v *view, w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, login.ErrStale) || errors.Is(err, user.ErrLocked) {
		return p.move(w, r, v.base.LoginPath)
	}
	return err
}

// showPush is the waiting page, in whatever state its request is.
func (p *Prompt) showPush(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.Transaction.ID == "" { // none could be sent at the start (decision 13)
		why := signin.ErrPushLimit
		if !v.User.PushStopped.IsZero() {
			why = signin.ErrPushStorm
		}
		return p.show(w, r, http.StatusOK, p.paused(v, r, why))
	}
	return p.show(w, r, http.StatusOK, p.pushPage(v, v.Transaction, v.Login.Version))
}

func (p *Prompt) pushPage(v *view, t transaction.Transaction, version int64) Push {
	page := Push{Base: v.base, Path: v.path, Purpose: v.purpose, DeviceID: t.PhoneID, Number: t.Number, State: pushState(t, p.Now()),
		Version: int(version), DeliveredAt: t.Delivered, Until: t.Expires, Code: true, Remember: v.box()}
	if t.Purpose == transaction.Pairing {
		page.Purpose = FirstRequest
		if t.ApplicationID == application.PortalID {
			page.Purpose = TryOut
		}
	}
	if !t.Fetched.IsZero() {
		page.DeliveredAt = t.Fetched
	}
	for _, d := range v.phones() {
		if d.ID == t.PhoneID {
			page.Device = d.Name
		} else if len(page.Others) < 3 {
			page.Others = append(page.Others, d)
		}
	}
	return page
}

// pushState turns a transaction into what the page says.
func pushState(t transaction.Transaction, now time.Time) PushState {
	switch t.State {
	case transaction.Approved:
		return PushApproved
	case transaction.Denied:
		return PushDenied
	case transaction.Fraud:
		return PushReported
	case transaction.WrongNumber:
		return PushWrong
	case transaction.TimedOut, transaction.Cancelled:
		return PushTimedOut
	}
	switch {
	case !now.Before(t.Expires):
		return PushTimedOut
	case !t.Fetched.IsZero() || !t.Delivered.IsZero():
		return PushDelivered
	case t.Unreachable:
		return PushUnreachable
	}
	return PushSent
}

// status is held until something changes, then tells the page.
func (p *Prompt) status(v *view, w http.ResponseWriter, r *http.Request) error {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return errs.New(errs.Invalid, "request.invalid")
	}
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	v.Phones = nil // nobody asks for them after the wait, and ten thousand requests would keep them
	news, err := p.SignIn.WaitOn(ctx, v.Login.ID, since)
	if err != nil {
		return err
	}
	return p.tell(v, news, w, r)
}

// tell answers a status request.
func (p *Prompt) tell(v *view, news *signin.Progress, w http.ResponseWriter, r *http.Request) error {
	words := p.Web.Pages.Words(r)
	page := p.pushPage(v, news.Transaction, news.Version)
	answer := page.Status(words, p.next(v, news))
	if news.Transaction.ID == "" {
		answer = Status{Version: int(news.Version), Open: true, Next: p.next(v, news)}
	}
	return web.JSON(w, answer)
}

// next is where the page goes, or empty while it waits.
func (p *Prompt) next(v *view, news *signin.Progress) string {
	if v.proof() {
		if news.ManageReady {
			return v.path
		}
		return ""
	}
	if news.Stage != login.Open {
		return v.path
	}
	return ""
}

// wait holds a form until the answer, for browsers without scripts.
func (p *Prompt) wait(v *view, w http.ResponseWriter, r *http.Request) error {
	if err := p.choose(v, r); err != nil {
		return p.overOr(v, w, r, err)
	}
	ctx, cancel := web.Hold(r, 55*time.Second)
	defer cancel()
	since := v.Login.Version
	for v.Transaction.State == transaction.Pending {
		news, err := p.SignIn.WaitOn(ctx, v.Login.ID, since)
		if err != nil {
			return err
		}
		since = news.Version
		if ctx.Err() != nil || news.Transaction.State != transaction.Pending || p.next(v, news) != "" {
			break
		}
	}
	return p.move(w, r, v.path)
}

// showCode is the page with the code field.
func (p *Prompt) showCode(v *view, w http.ResponseWriter, r *http.Request) error {
	if refused := p.refusal(v); refused != nil || v.User.ID == "" || (v.Login.Stage != login.Open && !v.proof()) {
		return p.move(w, r, v.base.LoginPath)
	}
	return p.show(w, r, http.StatusOK, p.codePage(v))
}

func (p *Prompt) codePage(v *view) Code {
	page := Code{Base: v.base, Path: v.path, Purpose: v.purpose, Kinds: v.kinds(), Remember: v.box()}
	for _, w := range v.Ways {
		if w.Method == policy.MethodPush {
			page.Push, page.Device, page.DeviceID = true, w.Device, w.PhoneID
			break
		}
	}
	return page
}

// code tries a code.
func (p *Prompt) code(v *view, w http.ResponseWriter, r *http.Request) error {
	typed := r.PostFormValue("code")
	if err := p.choose(v, r); err != nil {
		return p.overOr(v, w, r, err)
	}
	page := p.codePage(v)
	if signin.CleanCode(typed) == "" && len(typed) < 2 {
		page.Err = errs.New(errs.Invalid, "code.empty")
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	}
	err := p.tryCode(v, typed, w, r)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, signin.ErrCodeWrong), errors.Is(err, signin.ErrCodeAgain):
		if t := v.Transaction; t.Number != "" && signin.CleanCode(typed) == t.Number && t.State == transaction.Pending {
			err = errs.New(errs.Denied, "code.number") // the number on the screen goes into the app
		}
		page.Err = errs.Of(err)
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	}
	return p.overOr(v, w, r, err)
}

// tryCode tries the code and sends the browser on: to the application at once when nothing else is left to ask.
func (p *Prompt) tryCode(v *view, typed string, w http.ResponseWriter, r *http.Request) error {
	if v.proof() {
		if err := p.SignIn.Code(r.Context(), v.Session, typed, transaction.Manage); err != nil {
			return err
		}
		return p.move(w, r, v.path)
	}
	grant, err := p.SignIn.Enter(r.Context(), v.Session, typed)
	if err != nil {
		return err
	}
	if grant.Empty() {
		return p.move(w, r, v.path)
	}
	return p.leave(v, grant, w, r)
}

// goOn is the button on pages that come after the proof.
func (p *Prompt) goOn(v *view, w http.ResponseWriter, r *http.Request) error {
	if v.RecoveryDue() {
		if err := p.SignIn.LaterRecovery(r.Context(), v.Session); err != nil {
			return err
		}
	}
	return p.move(w, r, v.base.LoginPath)
}

var _ web.Page = Code{}
