package prompt

import (
	"net/http"

	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// pairing is the page that pairs the first phone of someone signing in, or the spare.
func (v *view) pairing(r *http.Request) control.Pair {
	p := control.Pair{Owner: enroll.Owner{LoginID: v.Login.ID}, Subject: enroll.Subject{Purpose: activation.Enroll, UserID: v.User.ID},
		Username: v.Login.Username, Page: control.Pairing{Base: v.base.Base, Path: v.Path + "/enroll", Setting: control.FirstPhone}}
	if v.Login.Stage == login.Allowed {
		p.Subject.Purpose, p.Page.Setting = activation.Add, control.AddPhone
		p.Page.Back = web.Link{Path: v.Path, Text: v.Web.Pages.Words(r).S("prompt.back")}
	}
	return p
}

// mayPair: the first phone while the sign-in asks for it, the spare while the proof is fresh.
func (v *view) mayPair() bool {
	return v.Step.Kind == signin.Enroll || v.Step.Kind == signin.Spare && v.Step.Proved
}

// showEnroll is the pairing page inside a sign-in.
func (v *view) showEnroll(w http.ResponseWriter, r *http.Request) error {
	if !v.mayPair() {
		return web.Move(w, r, v.Path)
	}
	return v.ShowPair(v.pairing(r), w, r)
}

func (v *view) enrollStatus(w http.ResponseWriter, r *http.Request) error {
	if v.Login.Stage == login.Open && v.Transaction.ID != "" || v.Login.Stage == login.Finished {
		return v.PairedStatus(v.Home, w, r)
	}
	home := v.Home
	return v.PairStatus(enroll.Owner{LoginID: v.Login.ID}, func() string { return home }, w, r)
}

// enrollWait is the button "I have done this on my phone" of browsers without scripts.
func (v *view) enrollWait(w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, v.Path)
}

// enrollRenew shows the page again: there is a new code when the old one ended.
func (v *view) enrollRenew(w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, v.Path+"/enroll")
}

// enrollMail sends the link to an address that is not kept (D-22).
func (v *view) enrollMail(w http.ResponseWriter, r *http.Request) error {
	if !v.mayPair() {
		return web.Move(w, r, v.Path)
	}
	return v.MailPair(v.pairing(r), w, r)
}

// addSpare goes to pair a spare phone: directly with the proof just given, else through the portal's own proof.
func (v *view) addSpare(w http.ResponseWriter, r *http.Request) error {
	if v.mayPair() {
		return web.Move(w, r, v.Path+"/enroll")
	}
	return web.Move(w, r, v.Path+"/devices")
}
