package frame

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/base/e164"
	"countersign/internal/base/errs"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/factor"
	"countersign/internal/site/web"
)

func (p *Pages) showWelcome(c course, w http.ResponseWriter, r *http.Request) error {
	if c.setting != FirstDevice || c.base.Alone { // the page of the link was the welcome
		return web.Move(w, r, c.path+"/type")
	}
	return p.show(w, r, http.StatusOK, Welcome{c.step("")})
}

func (p *Pages) showKind(c course, w http.ResponseWriter, r *http.Request) error {
	if err := c.may(); err != nil {
		return err
	}
	page := Kind{Step: c.step(c.path), Type: string(c.choices.Type)}
	switch {
	case c.setting != FirstDevice:
		page.Back = c.list()
	case c.base.Alone:
		page.Back = ""
	}
	if page.Type == "" {
		page.Type = string(phone.Mobile)
	}
	return p.show(w, r, http.StatusOK, page)
}

func (p *Pages) kind(c course, w http.ResponseWriter, r *http.Request) error {
	if err := c.may(); err != nil {
		return err
	}
	switch t := phone.Type(r.PostFormValue("type")); t {
	case phone.Mobile:
		return web.Move(w, r, c.path+"/number"+choices{Type: t}.query())
	case phone.Tablet:
		return web.Move(w, r, c.path+"/platform"+choices{Type: t}.query())
	}
	return web.Move(w, r, c.path+"/type")
}

// elsewhere sends the browser to the question that is still open; false when none is.
func (p *Pages) elsewhere(c course, here string, w http.ResponseWriter, r *http.Request) (bool, error) {
	if open := c.choices.missing(here); open != "" {
		return true, web.Move(w, r, c.path+open+c.choices.query())
	}
	return false, c.may()
}

func (p *Pages) showNumber(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/number", w, r); gone || err != nil {
		return err
	}
	page := Number{Step: c.step(c.path + "/type" + c.choices.query()), Countries: countryNames(), Country: countryOf(r)}
	if c.choices.Number != "" {
		page.Typed, page.Sure = e164.Pretty(c.choices.Number), true
	}
	return p.show(w, r, http.StatusOK, page)
}

// number takes the number. One that is on the list already leads to "replace" (C-31).
func (p *Pages) number(c course, w http.ResponseWriter, r *http.Request) error {
	c.choices.Number, c.choices.Replace = "", ""
	page := Number{Step: c.step(c.path + "/type" + c.choices.query()), Countries: countryNames(), Country: r.PostFormValue("country"),
		Typed: r.PostFormValue("number"), Sure: r.PostFormValue("sure") != ""}
	if len(page.Typed) > 64 {
		page.Typed = ""
	}
	number, err := e164.Parse(page.Country, page.Typed)
	if err != nil {
		page.Err = errs.Of(err)
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	}
	if !page.Sure {
		page.SureErr = true
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	}
	c.choices.Type, c.choices.Number = phone.Mobile, number
	if own, taken := c.byNumber(number); taken {
		if r.PostFormValue("replace") != own.ID {
			page.Taken = &Device{own.ID, phone.Labels(c.phones)[own.ID]}
			return p.show(w, r, http.StatusConflict, page)
		}
		c.choices.Replace = own.ID
	}
	return web.Move(w, r, c.path+"/platform"+c.choices.query())
}

func (p *Pages) showPlatform(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/platform", w, r); gone || err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, c.platformPage())
}

func (c course) platformPage() Platform {
	back := c.path + "/number" + c.choices.query()
	switch {
	case c.choices.Type == phone.Tablet && c.choices.Replace == "":
		back = c.path + "/type" + c.choices.query()
	case c.choices.Number == "" && c.choices.Replace != "":
		back = c.list()
	}
	return Platform{Step: c.step(back), Platform: c.choices.Platform}
}

// list is the address of the device list; of the sign-in, for a first device.
func (c course) list() string { return strings.TrimSuffix(c.path, "/setup") }

func (p *Pages) platform(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/platform", w, r); gone || err != nil {
		return err
	}
	switch s := r.PostFormValue("platform"); s {
	case "ios", "android":
		c.choices.Platform = s
		return web.Move(w, r, c.path+"/install"+c.choices.query())
	case "other":
		page := c.platformPage()
		page.Stop, page.Platform = true, s
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	}
	page := c.platformPage()
	page.Unsaid = true
	return p.show(w, r, http.StatusUnprocessableEntity, page)
}

func (p *Pages) showInstall(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/install", w, r); gone || err != nil {
		return err
	}
	address := strings.TrimPrefix(strings.TrimPrefix(p.PublicURL, "https://"), "http://") + "/app"
	return p.show(w, r, http.StatusOK, Install{Step: c.step(c.path + "/platform" + c.choices.query()), Platform: c.choices.Platform, Address: address,
		Link: p.PublicURL + "/app"})
}

func (p *Pages) install(c course, w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, c.path+"/activate"+c.choices.query())
}

// showActivate shows the code named in the address as long as it waits or has been claimed; otherwise it makes
// one and names it.
func (p *Pages) showActivate(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/install", w, r); gone || err != nil {
		return err
	}
	return p.activatePage(c, r.URL.Query().Get("code"), r.URL.Query().Get("sent"), false, w, r)
}

func (p *Pages) activatePage(c course, code, sent string, early bool, w http.ResponseWriter, r *http.Request) error {
	page := Activate{Step: c.step(c.path + "/install" + c.choices.query()), Token: code, Early: early, SentTo: sent}
	if code != "" {
		state, err := p.Enroll.Progress(r.Context(), c.owner, code, false)
		if err != nil {
			return err
		}
		if state == activation.Claimed {
			page.Done, page.Early, page.Back = true, false, ""
			return p.show(w, r, http.StatusOK, page)
		}
	}
	pair, err := p.Enroll.Pair(r.Context(), c.owner, c.subject())
	if err != nil {
		return err
	}
	if pair.ID != code {
		q := url.Values{"code": {pair.ID}}
		if sent != "" {
			q.Set("sent", sent)
		}
		return web.Move(w, r, c.path+"/activate"+page.And(q.Encode()))
	}
	page.Link, page.Code, page.Address, page.Until = pair.Link, pair.Typed, pair.TypeAt, pair.Expires
	status := http.StatusOK
	if early {
		status = http.StatusConflict
	}
	return p.show(w, r, status, page)
}

// activateStatus is held until the app is connected or the code ends.
func (p *Pages) activateStatus(c course, w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	state, err := p.Enroll.Progress(ctx, c.owner, r.URL.Query().Get("code"), true)
	if err != nil {
		return err
	}
	out := news{Version: 2, State: string(state)}
	switch state {
	case activation.Waiting:
		out.Version = 1
	case activation.Claimed:
		out.Line = p.Web.Pages.Words(r).S(kindly("line.done", c.choices.Type == phone.Tablet))
	}
	return web.JSON(w, out)
}

// activate is "Continue": on when the app is connected, the same page again when it is not.
func (p *Pages) activate(c course, w http.ResponseWriter, r *http.Request) error {
	code := r.PostFormValue("code")
	state, err := p.Enroll.Progress(r.Context(), c.owner, code, false)
	if err != nil {
		return err
	}
	if state != activation.Claimed {
		return p.activatePage(c, code, "", true, w, r)
	}
	next, err := c.after(r.Context(), c.subject())
	if err != nil {
		return err
	}
	return web.Move(w, r, next)
}

func (p *Pages) showMail(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/install", w, r); gone || err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, Mail{Step: c.step(c.path + "/activate" + c.choices.query())})
}

// mail sends the link to an address that is not kept (D-22).
func (p *Pages) mail(c course, w http.ResponseWriter, r *http.Request) error {
	if gone, err := p.elsewhere(c, "/install", w, r); gone || err != nil {
		return err
	}
	page := Mail{Step: c.step(c.path + "/activate" + c.choices.query()), Typed: strings.TrimSpace(r.PostFormValue("address"))}
	err := p.Enroll.Mail(r.Context(), c.owner, c.subject(), page.Typed, c.username)
	switch {
	case errors.Is(err, enroll.ErrMailAddress):
		if page.Err = errs.Of(err); len(page.Typed) > 254 {
			page.Typed = ""
		}
		return p.show(w, r, http.StatusUnprocessableEntity, page)
	case errors.Is(err, enroll.ErrMailLimit):
		page.Err = errs.Of(err)
		return p.show(w, r, http.StatusTooManyRequests, page)
	case err != nil:
		return err
	}
	return web.Move(w, r, c.path+"/activate"+page.And(url.Values{"sent": {masked(page.Typed)}}.Encode()))
}

// masked keeps the first letter and the host of an address.
func masked(address string) string {
	name, host, _ := strings.Cut(address, "@")
	for i := range name {
		if i > 0 {
			name = name[:i]
			break
		}
	}
	return name + "…@" + host
}

// showFinish ends the first set-up, in the sign-in in which it was done.
func (p *Pages) showFinish(v view, w http.ResponseWriter, r *http.Request) error {
	done, err := p.Devices.SetUpIn(r.Context(), v.Login)
	if err != nil {
		return err
	}
	if !done || v.Login.Stage != login.Open {
		return web.Move(w, r, v.path)
	}
	phones, err := p.SignIn.DB.Read().PhonesOf(r.Context(), v.User.ID)
	if err != nil {
		return err
	}
	page := Finish{Step: Step{Base: v.base, Path: v.path + "/setup"}, Auto: v.User.AutoAction != "",
		CanPush: v.Policy.Allows(policy.MethodPush), LinkOnly: v.Login.Door == login.DoorWizard}
	for _, d := range phones {
		page.Items = append(page.Items, itemOf(d))
	}
	return p.show(w, r, http.StatusOK, page)
}

// finish keeps "When I log in" and goes on to the first real sign-in.
func (p *Pages) finish(v view, w http.ResponseWriter, r *http.Request) error {
	auto := r.PostFormValue("auto")
	if !factor.ByName(auto).Rings() {
		auto = ""
	}
	err := p.Devices.PreferFirst(r.Context(), v.Login, devices.Preferences{DefaultPhone: v.User.DefaultPhone, AutoAction: auto})
	if err != nil && !errors.Is(err, session.ErrProof) {
		return err
	}
	if way, ok := v.Preferred(); err == nil && ok && auto != "" && v.Login.Door != login.DoorWizard {
		if _, err := p.SignIn.Start(r.Context(), v.Session, way.ID, transaction.SignIn); err != nil && errs.Of(err).Kind == errs.Internal {
			return err
		}
	}
	return web.Move(w, r, v.path)
}
