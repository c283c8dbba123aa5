package control

import (
	"errors"
	"net/http"
	"strings"

	"countersign/internal/base/aside"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/devices"
	"countersign/internal/site/web"
)

// ErrGone reports a device that is not, or no more, on the person's list: another tab removed it.
var ErrGone = errs.New(errs.NotFound, "device.gone")

// Session finds the live session of the device pages that a key opens. A POST must carry its form token. The errors are
// those of devices.Resume and of web.Forms.
func (c *Control) Session(r *http.Request, key secret.Text) (devices.View, error) {
	found, err := c.Devices.Resume(r.Context(), key)
	if err == nil {
		err = c.Form(r, found.Session.ID)
	}
	return found, err
}

// Rename gives the device of an address the name that a form holds. mistake says what is wrong with the name; typed is it,
// as a page shows it again. phone.ErrUnknown, session.ErrProof.
func (c *Control) Rename(v devices.View, r *http.Request) (d phone.Phone, typed string, mistake *errs.Error, err error) {
	if d, err = v.Phone(r.PathValue("device")); err != nil {
		return d, "", nil, err
	}
	typed = r.PostFormValue("name")
	err = c.Devices.Rename(r.Context(), v, d.ID, typed)
	if errors.Is(err, phone.ErrNameInvalid) {
		mistake, err = errs.Of(err), nil
	}
	if len(typed) > 200 {
		typed = ""
	}
	return d, typed, mistake, err
}

// Remove removes the device of an address. last: it is the only way in, and was not removed. phone.ErrUnknown, session.ErrProof.
func (c *Control) Remove(v devices.View, r *http.Request) (d phone.Phone, last bool, err error) {
	if d, err = v.Phone(r.PathValue("device")); err != nil {
		return d, false, err
	}
	err = c.Devices.Remove(r.Context(), v, d.ID)
	if errors.Is(err, devices.ErrLast) {
		return d, true, nil
	}
	return d, false, err
}

// AroundDevices is what every page of the device pages carries.
func (c *Control) AroundDevices(v devices.View) Base {
	return Base{Org: web.Org{Name: v.Settings.Organization}, Help: web.Help{Text: v.Settings.Help},
		User: v.User.Username, FormToken: c.Forms.Token(v.Session.ID)}
}

// Read finds what a request is about. For one that is about to wait that is done aside: views are large, and ten thousand
// waiting requests keep the stacks they have grown.
func Read[V any](r *http.Request, find func() (V, error)) (V, error) {
	if strings.HasSuffix(r.URL.Path, "/status") {
		return aside.Do(find)
	}
	return find()
}

// Kind is what a device is, for its icon: "phone", "tablet" or "computer".
func Kind(d phone.Phone) string {
	about := strings.ToLower(d.Platform + " " + d.Model)
	switch {
	case d.Type == phone.Tablet, strings.Contains(about, "ipad"), strings.Contains(about, "tablet"):
		return "tablet"
	case strings.Contains(about, "windows"), strings.Contains(about, "linux"), strings.Contains(about, "macos"), strings.Contains(about, "chrome os"):
		return "computer"
	}
	return "phone"
}

// Model says what a device is, in words: "Pixel 8 · Android"; "" when nobody knows.
func Model(d phone.Phone) string {
	switch {
	case d.Model == "" || d.Model == d.Platform:
		return d.Platform
	case d.Platform == "":
		return d.Model
	}
	return d.Model + " · " + d.Platform
}
