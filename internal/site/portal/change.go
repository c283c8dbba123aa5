package portal

import (
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/domain/activation"
	"countersign/internal/flow/enroll"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

func (v *view) add(w http.ResponseWriter, r *http.Request) error {
	if err := v.p.Devices.MayPair(v.View); err != nil {
		return err
	}
	return web.Move(w, r, At+"/pair")
}

func (v *view) replace(w http.ResponseWriter, r *http.Request) error {
	if _, err := v.Phone(r.PathValue("device")); err != nil {
		return err
	}
	if err := v.p.Devices.MayPair(v.View); err != nil {
		return err
	}
	return web.Move(w, r, At+"/device/"+r.PathValue("device")+"/pair")
}

// pairing is the pairing page of an address: one more device, or a new phone in the place of one. phone.ErrUnknown.
func (v *view) pairing(r *http.Request) (control.Pair, error) {
	words := v.p.Web.Pages.Words(r)
	pair := control.Pair{Owner: enroll.Owner{SessionID: v.Session.ID}, Subject: enroll.Subject{Purpose: activation.Add, UserID: v.User.ID},
		Username: v.User.Username, Page: control.Pairing{Base: v.base.Base, Path: At + "/pair", Setting: control.AddPhone}}
	page := &pair.Page
	page.Back = web.Link{Path: At, Text: words.S("devices.back")}
	if id := r.PathValue("device"); id != "" {
		d, err := v.Phone(id)
		if err != nil {
			return pair, err
		}
		pair.Subject.Purpose, pair.Subject.PhoneID = activation.Reactivate, id
		page.Path, page.Setting, page.Device = At+"/device/"+id+"/pair", control.ReplacePhone, d.Name
		if !d.CanProve() {
			page.Setting = control.ConnectApp
			page.Token += "&bare=1"
		}
	}
	if r.URL.Query().Get("on") != "" { // came by "I have a new phone": the way on is the application
		page.Token += "&on=1"
	}
	return pair, nil
}

// mayPair is pairing with a proof that is fresh. session.ErrProof.
func (v *view) mayPair(r *http.Request) (control.Pair, error) {
	pair, err := v.pairing(r)
	if err == nil {
		err = v.p.Devices.MayPair(v.View)
	}
	return pair, err
}

func (v *view) showPair(w http.ResponseWriter, r *http.Request) error {
	pair, err := v.mayPair(r)
	if err != nil {
		return err
	}
	return v.p.ShowPair(pair, w, r)
}

// pairStatus is held until the phone is there or the code ends.
func (v *view) pairStatus(w http.ResponseWriter, r *http.Request) error {
	pair, err := v.pairing(r)
	if err != nil {
		return err
	}
	next := func() string { return v.after(r, pair.Subject.Purpose, pair.Subject.PhoneID) }
	return v.p.PairStatus(pair.Owner, next, w, r)
}

// after is where the browser goes when the phone is paired: back to the list, or on to the application.
func (v *view) after(r *http.Request, purpose activation.Purpose, phoneID string) string {
	bare := r.URL.Query().Get("bare") != "" // nothing was replaced
	if r.URL.Query().Get("on") != "" {
		if purpose == activation.Reactivate && !bare {
			return At + "/device/" + phoneID + "/replaced"
		}
		return v.signIn()
	}
	if purpose == activation.Reactivate && bare {
		return listWith(Connected, phoneID)
	}
	if purpose == activation.Reactivate {
		return listWith(Replaced, phoneID)
	}
	known := map[string]bool{}
	for _, d := range v.Phones {
		known[d.ID] = true
	}
	if found, err := v.p.Devices.Phones(r.Context(), v.View); err == nil {
		for _, d := range found {
			if !known[d.ID] {
				return listWith(Added, d.ID)
			}
		}
	}
	return At
}

func listWith(kind NoticeKind, phoneID string) string {
	return At + "?" + url.Values{"done": {string(kind)}, "device": {phoneID}}.Encode()
}

// showReplaced tells that the old phone no longer works, on the way on to the application.
func (v *view) showReplaced(w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return v.p.Write(w, r, http.StatusOK, Switched{Base: v.base, Device: d.Name})
}

func (v *view) pairWait(w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, At)
}

func (v *view) pairRenew(w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, strings.TrimSuffix(r.URL.Path, "/renew"))
}

func (v *view) pairMail(w http.ResponseWriter, r *http.Request) error {
	pair, err := v.mayPair(r)
	if err != nil {
		return err
	}
	return v.p.MailPair(pair, w, r)
}

func (v *view) showRename(w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return v.p.Write(w, r, http.StatusOK, Rename{Base: v.base, ID: d.ID, Name: d.Name, Was: d.Name})
}

func (v *view) rename(w http.ResponseWriter, r *http.Request) error {
	d, typed, mistake, err := v.p.Rename(v.View, r)
	if err != nil {
		return err
	}
	if mistake != nil {
		return v.p.Write(w, r, http.StatusUnprocessableEntity, Rename{Base: v.base, ID: d.ID, Name: typed, Was: d.Name, Err: mistake})
	}
	return web.Move(w, r, listWith(Renamed, d.ID))
}

func (v *view) showRemove(w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return v.p.Write(w, r, http.StatusOK, Remove{Base: v.base, ID: d.ID, Name: d.Name, Last: v.OnlyWayIn(d.ID), SignedIn: v.SignedInBy(d)})
}

func (v *view) remove(w http.ResponseWriter, r *http.Request) error {
	d, last, err := v.p.Remove(v.View, r)
	if err != nil {
		return err
	}
	if last {
		return v.p.Write(w, r, http.StatusConflict, Remove{Base: v.base, ID: d.ID, Name: d.Name, Last: true})
	}
	if v.SignedInBy(d) { // its proof ended with it, and so did the sign-in
		return web.Move(w, r, v.signIn())
	}
	return web.Move(w, r, At+"?done="+string(Removed))
}
