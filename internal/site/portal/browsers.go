package portal

import (
	"net/http"
	"strings"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/site/web"
)

// Browser is one remembered browser of the list.
type Browser struct {
	ID          string
	Name        string // "Firefox on Linux"; may be empty
	Application string
	Since       time.Time
	Used        time.Time // zero = not since it was remembered
	Until       time.Time
	Here        bool // the one that shows the page
}

// Kind is what the browser runs on, by its name: "phone", "tablet" or "computer"; also the icon.
func (b Browser) Kind() string {
	switch {
	case strings.Contains(b.Name, "iPad"):
		return "tablet"
	case strings.Contains(b.Name, "iOS") || strings.Contains(b.Name, "iPhone") || strings.Contains(b.Name, "Android"):
		return "phone"
	}
	return "computer"
}

// browsers reads the list.
func (v *view) browsers(r *http.Request) ([]Browser, error) {
	found, err := v.p.Devices.Browsers(r.Context(), v.View, func(applicationID string) secret.Text {
		return secret.NewText(v.p.Cookies.Get(r, v.p.SignIns.Remember(applicationID)))
	})
	var list []Browser
	for _, b := range found {
		one := Browser{ID: b.ID, Name: b.Name, Application: b.Application, Since: b.Since, Used: b.Used, Until: b.Until, Here: b.Here}
		if !b.Used.After(b.Since) {
			one.Used = time.Time{}
		}
		list = append(list, one)
	}
	return list, err
}

// forgetBrowser makes one remembered browser ask again.
func (v *view) forgetBrowser(w http.ResponseWriter, r *http.Request) error {
	if err := v.p.Devices.ForgetBrowser(r.Context(), v.View, r.PathValue("browser")); err != nil {
		return err
	}
	return web.Move(w, r, At+"?done="+string(Forgotten))
}

// forgetBrowsers makes all of them ask again.
func (v *view) forgetBrowsers(w http.ResponseWriter, r *http.Request) error {
	if err := v.p.Devices.ForgetBrowsers(r.Context(), v.View); err != nil {
		return err
	}
	return web.Move(w, r, At+"?done="+string(ForgottenAll))
}
