package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/devices"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

func (p *Portal) add(v view, w http.ResponseWriter, r *http.Request) error {
	if err := p.Devices.MayPair(v.View); err != nil {
		return err
	}
	return web.Move(w, r, At+"/pair")
}

func (p *Portal) replace(v view, w http.ResponseWriter, r *http.Request) error {
	if _, err := v.Phone(r.PathValue("device")); err != nil {
		return err
	}
	if err := p.Devices.MayPair(v.View); err != nil {
		return err
	}
	return web.Move(w, r, At+"/device/"+r.PathValue("device")+"/pair")
}

// showPair is the pairing page: one more device, or a new phone in the place of one.
func (p *Portal) showPair(v view, w http.ResponseWriter, r *http.Request) error {
	return p.showPairing(v, prompt.PairMail{Offered: true}, http.StatusOK, w, r)
}

func (p *Portal) showPairing(v view, mail prompt.PairMail, status int, w http.ResponseWriter, r *http.Request) error {
	owner, subject, path, err := p.subject(v, r)
	if err != nil {
		return err
	}
	if err := p.Devices.MayPair(v.View); err != nil {
		return err
	}
	code, err := p.Enroll.Pair(r.Context(), owner, subject)
	if err != nil {
		return err
	}
	page := prompt.PairingPage(v.base.Base, code, mail)
	page.Path, page.Setting = path, prompt.AddPhone
	page.Back.Path, page.Back.Text = At, p.Web.Pages.Words(r).S("devices.back")
	if subject.Purpose == activation.Reactivate {
		d, _ := v.Phone(subject.PhoneID)
		page.Setting, page.Device = prompt.ReplacePhone, d.Name
		if !d.CanProve() {
			page.Setting = prompt.ConnectApp
			page.Token += "&bare=1"
		}
	}
	if r.URL.Query().Get("on") != "" { // came by "I have a new phone": the way on is the application
		page.Token += "&on=1"
	}
	return p.show(w, r, status, page)
}

// pairStatus is held until the phone is there or the code ends.
func (p *Portal) pairStatus(v view, w http.ResponseWriter, r *http.Request) error {
	owner, subject, _, err := p.subject(v, r)
	if err != nil {
		return err
	}
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	state, err := p.Enroll.Progress(ctx, owner, r.URL.Query().Get("code"), true)
	if err != nil {
		return err
	}
	next := p.after(v, r, subject.Purpose, subject.PhoneID)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(prompt.PairStatus(state, p.Web.Pages.Words(r).S, next))
}

// after is where the browser goes when the phone is paired: back to the list, or on to the application.
func (p *Portal) after(v view, r *http.Request, purpose activation.Purpose, phoneID string) string {
	bare := r.URL.Query().Get("bare") != "" // nothing was replaced
	if r.URL.Query().Get("on") != "" {
		if purpose == activation.Reactivate && !bare {
			return At + "/device/" + phoneID + "/replaced"
		}
		return v.base.LoginPath
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
	if found, err := p.Devices.Phones(r.Context(), v.View); err == nil {
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

// showReplaced tells that the old phone no longer works, on the way on to the application (wireframe 7).
func (p *Portal) showReplaced(v view, w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, Switched{Base: v.base, Device: d.Name})
}

func (p *Portal) pairWait(_ view, w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, At)
}

func (p *Portal) pairRenew(_ view, w http.ResponseWriter, r *http.Request) error {
	return web.Move(w, r, strings.TrimSuffix(r.URL.Path, "/renew"))
}

func (p *Portal) pairMail(v view, w http.ResponseWriter, r *http.Request) error {
	owner, subject, _, err := p.subject(v, r)
	if err != nil {
		return err
	}
	if err := p.Devices.MayPair(v.View); err != nil {
		return err
	}
	typed := strings.TrimSpace(r.PostFormValue("address"))
	mail, status, err := prompt.SendLink(typed, p.Enroll.Mail(r.Context(), owner, subject, typed, v.User.Username))
	if err != nil {
		return err
	}
	return p.showPairing(v, mail, status, w, r)
}

func (p *Portal) showRename(v view, w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, Rename{Base: v.base, ID: d.ID, Name: d.Name, Was: d.Name})
}

func (p *Portal) rename(v view, w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	typed := r.PostFormValue("name")
	err = p.Devices.Rename(r.Context(), v.View, d.ID, typed)
	if errors.Is(err, phone.ErrNameInvalid) {
		if len(typed) > 200 {
			typed = ""
		}
		return p.show(w, r, http.StatusUnprocessableEntity, Rename{Base: v.base, ID: d.ID, Name: typed, Was: d.Name, Err: errs.Of(err)})
	}
	if err != nil {
		return err
	}
	return web.Move(w, r, listWith(Renamed, d.ID))
}

func (p *Portal) showRemove(v view, w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	last := v.OnlyWayIn(d.ID)
	return p.show(w, r, http.StatusOK, Remove{Base: v.base, ID: d.ID, Name: d.Name, Kind: kindOf(d), Last: last})
}

func (p *Portal) remove(v view, w http.ResponseWriter, r *http.Request) error {
	d, err := v.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	err = p.Devices.Remove(r.Context(), v.View, d.ID)
	if errors.Is(err, devices.ErrLast) {
		return p.show(w, r, http.StatusConflict, Remove{Base: v.base, ID: d.ID, Name: d.Name, Kind: kindOf(d), Last: true})
	}
	if err != nil {
		return err
	}
	return web.Move(w, r, At+"?done="+string(Removed))
}
