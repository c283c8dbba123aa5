package frame

import (
	"cmp"
	"net/http"
	"net/url"

	"countersign/internal/base/e164"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/devices"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// showList is "My settings & devices".
func (m *manage) showList(w http.ResponseWriter, r *http.Request) error {
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
	return m.p.Write(w, r, http.StatusOK, page)
}

func itemOf(d phone.Phone) Item {
	item := Item{ID: d.ID, Name: d.Name, Kind: control.Kind(d), Model: control.Model(d), Active: d.CanProve()}
	if d.Number != "" {
		item.Number = e164.Pretty(d.Number)
	}
	return item
}

func (m *manage) add(w http.ResponseWriter, r *http.Request) error {
	if err := m.p.Devices.MayPair(m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"/setup/type")
}

// reactivate connects a new app for a device that is on the list.
func (m *manage) reactivate(w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	if err := m.p.Devices.MayPair(m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"/setup/platform"+choices{Type: cmp.Or(d.Type, phone.Mobile), Replace: d.ID}.query())
}

// save keeps "Default device" and "When I log in".
func (m *manage) save(w http.ResponseWriter, r *http.Request) error {
	wish := devices.Preferences{DefaultPhone: r.PostFormValue("default"), AutoAction: r.PostFormValue("auto")}
	if err := m.p.Devices.Prefer(r.Context(), m.View, wish); err != nil {
		return err
	}
	return web.Move(w, r, m.path+"?done=saved")
}

func (m *manage) done(w http.ResponseWriter, r *http.Request) error {
	if err := m.p.Devices.End(r.Context(), m.View); err != nil {
		return err
	}
	return web.Move(w, r, m.base.Home)
}

func (m *manage) showRename(w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return m.p.Write(w, r, http.StatusOK, Rename{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Was: d.Name})
}

func (m *manage) rename(w http.ResponseWriter, r *http.Request) error {
	d, typed, mistake, err := m.p.Rename(m.View, r)
	if err != nil {
		return err
	}
	if mistake != nil {
		return m.p.Write(w, r, http.StatusUnprocessableEntity, Rename{Base: m.base, Path: m.path, ID: d.ID, Name: typed, Was: d.Name, Err: mistake})
	}
	return web.Move(w, r, m.listWith("renamed", d.ID))
}

func (m *manage) showRemove(w http.ResponseWriter, r *http.Request) error {
	d, err := m.Phone(r.PathValue("device"))
	if err != nil {
		return err
	}
	return m.p.Write(w, r, http.StatusOK, Remove{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Last: m.OnlyWayIn(d.ID), SignedIn: m.SignedInBy(d)})
}

func (m *manage) remove(w http.ResponseWriter, r *http.Request) error {
	d, last, err := m.p.Remove(m.View, r)
	if err != nil {
		return err
	}
	if last {
		return m.p.Write(w, r, http.StatusConflict, Remove{Base: m.base, Path: m.path, ID: d.ID, Name: d.Name, Last: true})
	}
	if m.SignedInBy(d) { // its proof ended with it, and so did the sign-in
		return web.Move(w, r, m.base.Home)
	}
	return web.Move(w, r, m.path+"?"+url.Values{"done": {"removed"}, "name": {d.Name}}.Encode())
}

func (m *manage) listWith(done, phoneID string) string {
	return m.path + "?" + url.Values{"done": {done}, "device": {phoneID}}.Encode()
}
