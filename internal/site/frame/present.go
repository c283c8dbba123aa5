package frame

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// purpose is what a proof on this page does.
func (v view) purpose() transaction.Purpose {
	if v.section != SignIn {
		return transaction.Manage
	}
	return transaction.SignIn
}

// present shows where a sign-in is, or sends the browser on when there is nothing left to ask.
func (p *Pages) present(v view, w http.ResponseWriter, r *http.Request) error {
	if part(r) && v.settled() { // a page nobody sees would use up what can be had once
		return web.JSON(w, news{Version: v.Login.Version, Next: v.path})
	}
	if v.Login.Stage == login.Finished {
		return p.presentFinished(v, w, r)
	}
	if refused := v.Refusal(); refused != nil {
		return p.show(w, r, http.StatusForbidden, Refused{Base: v.base, Err: refused, Reference: v.Reference()})
	}
	switch {
	case v.section != SignIn:
		return p.presentProof(v, w, r)
	case v.Login.Stage == login.Allowed:
		return p.presentAllowed(v, w, r)
	case v.Login.Enrolling && len(v.Ways) == 0:
		return web.Move(w, r, v.path+"/setup")
	case v.Login.Door == login.DoorWizard: // the link was for setting up only
		return p.show(w, r, http.StatusOK, Closed{v.base})
	}
	return p.prove(v, nil, http.StatusOK, w, r)
}

// part reports a page that is fetched to take its bar, not to be seen.
func part(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return r.Header.Get("X-Part") != "" || mode != "" && mode != "navigate"
}

// settled reports whether the page that asks for a proof has nothing left to ask.
func (v view) settled() bool {
	return v.onward(signin.Progress{Stage: v.Login.Stage, ManageReady: !v.Login.ManageProof.IsZero()}) ||
		v.Login.Stage == login.Finished || v.Refusal() != nil
}

// presentFinished hands the answer over once more when the first one was lost a moment ago.
func (p *Pages) presentFinished(v view, w http.ResponseWriter, r *http.Request) error {
	err := error(login.ErrStale)
	if v.section == SignIn {
		err = p.presentAllowed(v, w, r)
	}
	if errors.Is(err, login.ErrStale) || errors.Is(err, login.ErrGrant) {
		return errs.New(errs.Gone, "login.done")
	}
	return err
}

// presentProof opens the device pages with the proof just given, or asks for one: nothing starts by itself.
func (p *Pages) presentProof(v view, w http.ResponseWriter, r *http.Request) error {
	if !v.Login.ManageProof.IsZero() {
		_, key, err := p.Devices.Open(r.Context(), v.Login)
		if err == nil {
			mine := v.base.Home + "/my/" + key.Reveal()
			if v.section == Add {
				mine += "/setup/type"
			}
			return web.Move(w, r, mine)
		}
		if !errors.Is(err, session.ErrProof) {
			return err
		}
	}
	if v.Transaction.Purpose == transaction.SignIn && !part(r) { // whoever left for the devices answers no sign-in any more
		if err := p.takeBack(&v, r); err != nil {
			return err
		}
	}
	return p.prove(v, nil, http.StatusOK, w, r)
}

// presentAllowed hands the answer over.
func (p *Pages) presentAllowed(v view, w http.ResponseWriter, r *http.Request) error {
	if v.RecoveryDue() {
		return p.show(w, r, http.StatusOK, Recovered{v.base})
	}
	if due, mayWait := v.SpareDue(p.Now()); due && mayWait && v.base.Devices {
		return p.show(w, r, http.StatusOK, Spare{Base: v.base, Left: policy.SpareReminders - v.User.SpareReminders - 1})
	}
	answer, err := v.door.Complete(r.Context(), v.Session)
	if errors.Is(err, signin.ErrSpare) {
		page := Refused{Base: v.base, Err: errs.Of(err), Reference: v.Reference()}
		if v.base.Devices {
			page.Link = web.Link{Path: v.base.Home + "/" + string(Add), Text: p.Web.Pages.Words(r).S("frame.add.title")}
		}
		return p.show(w, r, http.StatusForbidden, page)
	}
	if err != nil {
		return err
	}
	v.door.Keep(w, r, v.Session)
	return p.show(w, r, http.StatusOK, Answer{Base: v.base.over(), Text: answer, Parent: v.door.Parent(v.Login)})
}

// prove is the page with the ways in. mistake stands at the code field when the code is why, else above them.
func (p *Pages) prove(v view, mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error {
	words := p.Web.Pages.Words(r)
	page := Prove{Base: v.base, Path: v.path, Version: int(v.Login.Version), Kinds: v.kinds(), Remember: v.box(), CodeOpen: r.FormValue("code") != ""}
	for _, way := range v.Ways {
		if way.Method == policy.MethodPush {
			page.Targets = append(page.Targets, Device{way.PhoneID, way.Device})
		}
	}
	page.Push = len(page.Targets) > 0
	if way, ok := v.Preferred(); ok {
		page.Selected = way.PhoneID
	}
	if t := v.Transaction; t.PhoneID != "" && page.has(t.PhoneID) {
		page.Selected = t.PhoneID
	}
	page.Bar = v.bar(p.Now(), words)
	switch {
	case mistake == nil:
	case errs.KindOf(mistake) == errs.Limited:
		page.Notice, page.CodeOpen = mistake, true
	default:
		page.Err, page.CodeOpen = mistake, true
		if page.Bar == nil || page.Bar.Tone != Going {
			page.Bar = &Bar{Tone: Bad, Line: words.Error(mistake)}
		}
	}
	if err := p.pause(&page, v, r); err != nil {
		return err
	}
	if len(v.Ways) == 0 && v.User.ID != "" { // B-15
		page.Notice, page.CodeOpen = v.NoWay(), true
	}
	return p.show(w, r, status, page)
}

func (p Prove) has(phoneID string) bool {
	for _, d := range p.Targets {
		if d.ID == phoneID {
			return true
		}
	}
	return false
}

// kinds names the kinds of code the person may hold.
func (v view) kinds() []string {
	for _, w := range v.Ways {
		if w.Method == policy.MethodPasscode {
			return []string{"app", "help"}
		}
	}
	return []string{"help"}
}

// bar tells what becomes of the request this page sent; nil when there is none.
func (v view) bar(now time.Time, w web.Words) *Bar {
	t := v.Transaction
	if t.ID == "" || t.State == transaction.Cancelled || (t.Purpose == transaction.Manage) != (v.section != SignIn) {
		return nil
	}
	device := ""
	for _, way := range v.Ways {
		if way.PhoneID == t.PhoneID {
			device = way.Device
		}
	}
	line := func(key string) string { return w.S("frame.bar."+key, "device", device) }
	failed := func(key string) *Bar { return &Bar{Tone: Bad, Line: line(key), Again: t.PhoneID} }
	switch t.State {
	case transaction.Approved:
		return &Bar{Tone: Good, Line: line("approved")}
	case transaction.Denied:
		return failed("denied")
	case transaction.WrongNumber:
		return failed("wrong")
	case transaction.Fraud:
		return &Bar{Tone: Bad, Line: line("reported")}
	case transaction.TimedOut:
		return failed("timedout")
	}
	if !now.Before(t.Expires) {
		return failed("timedout")
	}
	b := &Bar{Tone: Going, Line: line("sent"), Number: t.Number, Cancel: true}
	if t.Number != "" {
		b.Line = line("number")
	}
	switch delivered := t.Delivered; {
	case t.Unreachable && t.Fetched.IsZero():
		b.Hint = line("unreachable")
	case delivered.IsZero() && t.Fetched.IsZero():
		b.Hint = w.S("frame.bar.until", "time", w.SecondsText(t.Expires))
	default:
		if delivered.IsZero() {
			delivered = t.Fetched
		}
		b.Hint = w.S("push.hint.delivered", "time", w.SecondsText(delivered)) + " " + w.S("frame.bar.until", "time", w.SecondsText(t.Expires))
	}
	return b
}

// status is held until something changes.
func (p *Pages) status(v view, w http.ResponseWriter, r *http.Request) error {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return errs.New(errs.Invalid, "request.invalid")
	}
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	now, err := p.SignIn.Wait(ctx, v.Session, since)
	if err != nil {
		return err
	}
	v.Transaction = now.Transaction
	out := news{Version: now.Version}
	if b := v.bar(p.Now(), p.Web.Pages.Words(r)); b != nil {
		out.State, out.Line = string(b.Tone), b.Line
	}
	if v.onward(now) {
		out.Next = v.path
		if v.section != SignIn && !now.ManageReady {
			out.Next = v.base.Home
		}
	}
	return web.JSON(w, out)
}

// onward reports whether the page has got what it waits for.
func (v view) onward(now signin.Progress) bool {
	if v.section != SignIn { // an approval of the sign-in that came just before this page is good too
		return now.ManageReady || now.Stage != v.Login.Stage
	}
	return now.Stage != login.Open
}

// push sends a request and shows the page with it.
func (p *Pages) push(v view, w http.ResponseWriter, r *http.Request) error {
	err := p.choose(&v, r)
	if err == nil {
		_, err = p.SignIn.Start(r.Context(), v.Session, "push:"+r.PostFormValue("device"), v.purpose())
	}
	switch {
	case errs.Of(err) != nil && errs.KindOf(err) == errs.Limited:
		return p.prove(v, errs.Of(err), http.StatusTooManyRequests, w, r)
	case errors.Is(err, login.ErrStale), errors.Is(err, user.ErrLocked), errors.Is(err, signin.ErrNoWay):
		return web.Move(w, r, v.base.Home)
	case err != nil:
		return err
	}
	return web.Move(w, r, v.path)
}

// cancel takes the open request back (B-07).
func (p *Pages) cancel(v view, w http.ResponseWriter, r *http.Request) error {
	if err := p.takeBack(&v, r); err != nil {
		return err
	}
	return web.Move(w, r, v.path)
}

// takeBack ends the request on show, if it still waits for its answer.
func (p *Pages) takeBack(v *view, r *http.Request) error {
	if v.Transaction.State != transaction.Pending {
		return nil
	}
	t, err := p.SignIn.Answer(r.Context(), v.Transaction.ID, transaction.Cancelled, nil)
	if errors.Is(err, transaction.ErrDecided) {
		return nil
	}
	if err == nil {
		v.Transaction = t
	}
	return err
}

// wait holds a form until the answer, for browsers without scripts.
func (p *Pages) wait(v view, w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := web.Hold(r, 55*time.Second)
	defer cancel()
	since := v.Login.Version
	for v.Transaction.State == transaction.Pending {
		now, err := p.SignIn.Wait(ctx, v.Session, since)
		if err != nil {
			return err
		}
		since = now.Version
		if ctx.Err() != nil || now.Transaction.State != transaction.Pending || v.onward(now) {
			break
		}
	}
	return web.Move(w, r, v.path)
}

// code tries a code of any kind (B-04).
func (p *Pages) code(v view, w http.ResponseWriter, r *http.Request) error {
	typed := r.PostFormValue("code")
	err := p.choose(&v, r)
	if err == nil && signin.CleanCode(typed) == "" && len(typed) < 2 {
		return p.prove(v, errs.New(errs.Invalid, "code.empty"), http.StatusUnprocessableEntity, w, r)
	}
	if err == nil {
		err = p.SignIn.Code(r.Context(), v.Session, typed, v.purpose())
	}
	switch {
	case err == nil:
		return web.Move(w, r, v.path)
	case errors.Is(err, signin.ErrCodeWrong), errors.Is(err, signin.ErrCodeAgain):
		if t := v.Transaction; t.Number != "" && signin.CleanCode(typed) == t.Number && t.State == transaction.Pending {
			err = errs.New(errs.Denied, "code.number") // the number on the screen goes into the app
		}
		return p.prove(v, errs.Of(err), http.StatusUnprocessableEntity, w, r)
	case errors.Is(err, login.ErrStale), errors.Is(err, user.ErrLocked):
		return web.Move(w, r, v.base.Home)
	}
	return err
}

// goOn is the button after a sign-in by a code from the help desk.
func (p *Pages) goOn(v view, w http.ResponseWriter, r *http.Request) error {
	if v.RecoveryDue() {
		if err := p.SignIn.LaterRecovery(r.Context(), v.Session); err != nil {
			return err
		}
	}
	return web.Move(w, r, v.base.Home)
}

// later is the answer "Later" to the reminder of a spare way in.
func (p *Pages) later(v view, w http.ResponseWriter, r *http.Request) error {
	if err := p.SignIn.LaterSpare(r.Context(), v.Session); err != nil {
		return err
	}
	return web.Move(w, r, v.base.Home)
}

// leave tells the application that nobody was signed in: the way out of a dead end.
func (p *Pages) leave(v view, w http.ResponseWriter, r *http.Request) error {
	if !v.base.Leave {
		return errs.New(errs.NotFound, "page.unknown")
	}
	return p.show(w, r, http.StatusOK, Answer{Base: v.base.over(), Text: v.door.Refuse(), Parent: v.door.Parent(v.Login), Failed: true})
}
