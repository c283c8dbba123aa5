package prompt

import (
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Again implements control.Prompt: the page with the code field, or the one that says why no request goes out.
func (v *view) Again(mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error {
	if mistake.Kind == errs.Limited {
		return v.Write(w, r, status, v.paused(r, mistake))
	}
	page := v.codePage()
	page.Err = mistake
	return v.Write(w, r, status, page)
}

// paused says why no request goes out now, and leaves the code field and the way to the others open.
func (v *view) paused(r *http.Request, e *errs.Error) Refused {
	page := v.refused(e)
	page.LoginPath = v.Path
	page.CodeField, page.Kinds, page.Remember = true, v.Kinds(), v.Box
	page.Actions = []web.Link{{Path: v.Path + "/ways", Text: v.Web.Pages.Words(r).S("prompt.ways")}}
	return page
}

// pushPage is the waiting page, in whatever state its request is.
func (v *view) pushPage(t transaction.Transaction) Push {
	page := Push{Base: v.base, Path: v.Path, Purpose: v.purpose, DeviceID: t.PhoneID, Number: t.Number, State: control.StateOf(t, v.Now()),
		Version: v.Login.Version, DeliveredAt: control.DeliveredAt(t), Until: t.Expires, Code: true, Remember: v.Box}
	if t.Purpose == transaction.Pairing {
		page.Purpose = FirstRequest
		if t.ApplicationID == application.PortalID {
			page.Purpose = TryOut
		}
	}
	for _, d := range v.targets() {
		if d.ID == t.PhoneID {
			page.Device = d.Name
		} else if len(page.Others) < 3 {
			page.Others = append(page.Others, d)
		}
	}
	return page
}

// targets lists the phones a request can go to.
func (v *view) targets() []Device {
	var list []Device
	for _, w := range v.Targets() {
		list = append(list, Device{ID: w.PhoneID, Name: w.Device, Kind: "phone"})
	}
	return list
}

// Status implements control.Prompt.
func (v *view) Status(t transaction.Transaction, words web.Words) control.Status {
	if t.ID == "" {
		return control.Status{Open: true}
	}
	return v.pushPage(t).Status(words)
}

// asks reports whether the page may ask for a proof at all: there is somebody to give one, and it is still wanted.
func (v *view) asks() bool {
	return v.User.ID != "" && v.Step.Kind != signin.Refused && (v.Login.Stage == login.Open || v.proof() && v.Login.Stage == login.Allowed)
}

// showCode is the page with the code field.
func (v *view) showCode(w http.ResponseWriter, r *http.Request) error {
	if !v.asks() {
		return web.Move(w, r, v.Home)
	}
	return v.Write(w, r, http.StatusOK, v.codePage())
}

func (v *view) codePage() Code {
	page := Code{Base: v.base, Path: v.Path, Purpose: v.purpose, Kinds: v.Kinds(), Remember: v.Box}
	if targets := v.Targets(); len(targets) > 0 {
		page.Push, page.Device, page.DeviceID = true, targets[0].Device, targets[0].PhoneID
	}
	return page
}

// showWays lists every way.
func (v *view) showWays(w http.ResponseWriter, r *http.Request) error {
	if !v.asks() {
		return web.Move(w, r, v.Home)
	}
	page := Ways{Base: v.base, Path: v.Path, Purpose: v.purpose, Phones: v.targets(), Desk: true, Back: !v.proof() && v.Step.Kind == signin.Waiting}
	for _, way := range v.Codes() {
		page.Codes = append(page.Codes, CodeWay{Kind: "app", Device: way.Device})
	}
	return v.Write(w, r, http.StatusOK, page)
}
