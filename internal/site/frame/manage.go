package frame

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/base/e164"
	"countersign/internal/base/errs"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/devices"
	"countersign/internal/site/web"
)

// showList is "My settings & devices".
func (p *Pages) showList(m manage, w http.ResponseWriter, r *http.Request) error {
	page := List{Base: m.base, Path: m.path, Name: cmp.Or(m.User.RealName, m.User.Username), CanAdd: m.Session.ChangesLeft != 0,
		Auto: m.User.AutoAction != "", Default: m.User.DefaultPhone}
	labels := phone.Labels(m.Phones)
	done, which := r.URL.Query().Get("done"), r.URL.Query().Get("device")
	for _, d := range m.Phones {
		item := itemOf(d)
		item.Label = labels[d.ID]
		item.Fresh = d.ID == which && (done == "added" || done == "replaced")
		if d.ID == which {
			page.Device = d.Name
		}
		page.CanPush = page.CanPush || d.Connected()
		page.Items = append(page.Items, item)
	}
	switch done {
	case "added", "replaced", "renamed":
		if page.Device != "" {
			page.Done = done
		}
	case "removed":
		page.Done = "removed.one"
		if name, err := phone.CleanName(r.URL.Query().Get("name")); err == nil && name != "" {
			page.Done, page.Device = done, name
		}
	case "saved":
		page.Done = done
	}
	if _, err := m.Phone(page.Default); err != nil && len(page.Items) > 0 {
		page.Default = page.Items[0].ID
	}
	for i := range page.Items {
		page.Items[i].Default = len(page.Items) > 1 && page.Items[i].ID == page.Default
	}
	return p.show(w, r, http.StatusOK, page)
}

func itemOf(d phone.Phone) Item {
	item := Item{ID: d.ID, Name: d.Name, Kind: "phone", Active: d.CanProve()}
	if d.Number != "" {
		item.Number = e164.Pretty(d.Number)
	}
	switch {
	case d.Model == "" || d.Model == d.Platform:
		item.Model = d.Platform
	case d.Platform == "":
		item.Model = d.Model
	default:
		item.Model = d.Model + " · " + d.Platform
	}
	about := strings.ToLower(d.Platform + " " + d.Model)
	switch {
	case d.Type == phone.Tablet, strings.Contains(about, "ipad"), strings.Contains(about, "tablet"):
		item.Kind = "tablet"
	case strings.Contains(about, "windows"), strings.Contains(about, "linux"), strings.Contains(about, "macos"), strings.Contains(about, "chrome os"):
		item.Kind = "computer"
	}
	return item
}

func (p *Pages) add(m manage, w http.ResponseWriter, r *http.Request) error {
	if err := p.Devices.MayPair(m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"/setup/type")
}

// reactivate connects a new app for a device that is on the list.
func (p *Pages) reactivate(m manage, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	if err := p.Devices.MayPair(m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"/setup/platform"+choices{Type: cmp.Or(d.Type, phone.Mobile), Replace: d.ID}.query())
}

// save keeps "Default device" and "When I log in".
func (p *Pages) save(m manage, w http.ResponseWriter, r *http.Request) error {
	wish := devices.Preferences{DefaultPhone: r.PostFormValue("default"), AutoAction: r.PostFormValue("auto")}
	if err := p.Devices.Prefer(r.Context(), m.View, wish); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"?done=saved")
}

func (p *Pages) done(m manage, w http.ResponseWriter, r *http.Request) error {
	if err := p.Devices.End(r.Context(), m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.base.Home)
}

func (p *Pages) showRename(m manage, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return p.show(w, r, http.StatusOK, Rename{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Was: d.Name})
}

func (p *Pages) rename(m manage, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	typed := r.PostFormValue("name")
	err = p.Devices.Rename(r.Context(), m.View, d.ID, typed)
	if errors.Is(err, phone.ErrNameInvalid) {
		if len(typed) > 200 {
			typed = ""
		}
		return p.show(w, r, http.StatusUnprocessableEntity, Rename{Base: m.base, Path: m.path, ID: d.ID, Name: typed, Was: d.Name, Err: errs.Of(err)})
	}
	if err != nil {
		return err
	}
	return web.Move(w, r, m.listWith("renamed", d.ID))
}

func (p *Pages) showRemove(m manage, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	last := m.OnlyWayIn(d.ID)
	return p.show(w, r, http.StatusOK, Remove{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Last: last})
}

func (p *Pages) remove(m manage, w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	err = p.Devices.Remove(r.Context(), m.View, d.ID)
	if errors.Is(err, devices.ErrLast) {
		return p.show(w, r, http.StatusConflict, Remove{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Last: true})
	}
	if err != nil {
		return err
	}
	return web.Move(w, r, m.path+"?"+url.Values{"done": {"removed"}, "name": {d.Name}}.Encode())
}

func (m manage) listWith(done, phoneID string) string {
	return m.path + "?" + url.Values{"done": {done}, "device": {phoneID}}.Encode()
}
