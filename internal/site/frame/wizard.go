package frame

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"countersign/internal/base/e164"
	"countersign/internal/base/errs"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/factor"
	"countersign/internal/site/web"
)

func (c *wizard) showWelcome(w http.ResponseWriter, r *http.Request) error {
	if c.setting != FirstDevice || c.base.Alone { // the page of the link was the welcome
		return web.Move(w, r, c.path+"/type")
	}
	return c.p.Write(w, r, http.StatusOK, Welcome{c.step("")})
}

func (c *wizard) showKind(w http.ResponseWriter, r *http.Request) error {
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
	return c.p.Write(w, r, http.StatusOK, page)
}

func (c *wizard) kind(w http.ResponseWriter, r *http.Request) error {
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
func (c *wizard) elsewhere(here string, w http.ResponseWriter, r *http.Request) (bool, error) {
	if open := c.choices.missing(here); open != "" {
		return true, web.Move(w, r, c.path+open+c.choices.query())
	}
	return false, c.may()
}

func (c *wizard) showNumber(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/number", w, r); gone || err != nil {
		return err
	}
	page := Number{Step: c.step(c.path + "/type" + c.choices.query()), Countries: countryNames(), Country: countryOf(r)}
	if c.choices.Number != "" {
		page.Typed, page.Sure = e164.Pretty(c.choices.Number), true
	}
	return c.p.Write(w, r, http.StatusOK, page)
}

// number takes the number. One that is on the list already leads to "replace" (C-31).
func (c *wizard) number(w http.ResponseWriter, r *http.Request) error {
	c.choices.Number, c.choices.Replace = "", ""
	page := Number{Step: c.step(c.path + "/type" + c.choices.query()), Countries: countryNames(), Country: r.PostFormValue("country"),
		Typed: r.PostFormValue("number"), Sure: r.PostFormValue("sure") != ""}
	if len(page.Typed) > 64 {
		page.Typed = ""
	}
	number, err := e164.Parse(page.Country, page.Typed)
	if err != nil {
		page.Err = errs.Of(err)
		return c.p.Write(w, r, http.StatusUnprocessableEntity, page)
	}
	if !page.Sure {
		page.SureErr = true
		return c.p.Write(w, r, http.StatusUnprocessableEntity, page)
	}
	c.choices.Type, c.choices.Number = phone.Mobile, number
	if own, taken := c.byNumber(number); taken {
		if r.PostFormValue("replace") != own.ID {
			page.Taken = &Device{own.ID, phone.Labels(c.phones)[own.ID]}
			return c.p.Write(w, r, http.StatusConflict, page)
		}
		c.choices.Replace = own.ID
	}
	return web.Move(w, r, c.path+"/platform"+c.choices.query())
}

func (c *wizard) showPlatform(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/platform", w, r); gone || err != nil {
		return err
	}
	return c.p.Write(w, r, http.StatusOK, c.platformPage())
}

func (c *wizard) platformPage() Platform {
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
func (c *wizard) list() string { return strings.TrimSuffix(c.path, "/setup") }

func (c *wizard) platform(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/platform", w, r); gone || err != nil {
		return err
	}
	switch s := r.PostFormValue("platform"); s {
	case "ios", "android":
		c.choices.Platform = s
		return web.Move(w, r, c.path+"/install"+c.choices.query())
	case "other":
		page := c.platformPage()
		page.Stop, page.Platform = true, s
		return c.p.Write(w, r, http.StatusUnprocessableEntity, page)
	}
	page := c.platformPage()
	page.Unsaid = true
	return c.p.Write(w, r, http.StatusUnprocessableEntity, page)
}

func (c *wizard) showInstall(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/install", w, r); gone || err != nil {
		return err
	}
	address := strings.TrimPrefix(strings.TrimPrefix(c.p.PublicURL, "https://"), "http://") + "/app"
	return c.p.Write(w, r, http.StatusOK, Install{Step: c.step(c.path + "/platform" + c.choices.query()), Platform: c.choices.Platform, Address: address,
		Link: c.p.PublicURL + "/app"})
}

func (c *wizard) install(w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, c.path+"/activate"+c.choices.query())
}

// showFinish ends the first set-up, in the sign-in in which it was done.
func (v *view) showFinish(w http.ResponseWriter, r *http.Request) error {
	done, err := v.Devices.SetUpIn(r.Context(), v.Login)
	if err != nil {
		return err
	}
	if !done || v.Login.Stage != login.Open {
		return web.Move(w, r, v.Path)
	}
	page := Finish{Step: Step{Base: v.base, Path: v.Path + "/setup"}, Auto: v.User.AutoAction != "",
		CanPush: slices.ContainsFunc(factor.All(), func(f *factor.Factor) bool { return f.Rings() && f.Allowed(v.Policy) }), LinkOnly: v.Login.Door == login.DoorWizard}
	for _, d := range v.Phones {
		page.Items = append(page.Items, itemOf(d))
	}
	return v.Write(w, r, http.StatusOK, page)
}

// finish keeps "When I log in" and goes on to the first real sign-in.
func (v *view) finish(w http.ResponseWriter, r *http.Request) error {
	auto := r.PostFormValue("auto")
	if !factor.ByName(auto).Rings() {
		auto = ""
	}
	err := v.Devices.PreferFirst(r.Context(), v.Login, devices.Preferences{DefaultPhone: v.User.DefaultPhone, AutoAction: auto})
	if err != nil && !errors.Is(err, session.ErrProof) {
		return err
	}
	if way, ok := v.Preferred(); err == nil && ok && auto != "" && v.Login.Door != login.DoorWizard {
		if _, err := v.SignIn.Start(r.Context(), v.Session, way.ID, transaction.SignIn); err != nil && errs.Of(err).Kind == errs.Internal {
			return err
		}
	}
	return web.Move(w, r, v.Path)
}
