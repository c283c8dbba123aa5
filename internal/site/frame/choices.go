package frame

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"countersign/internal/base/e164"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// wizard is one walk through the wizard: for the first device inside a sign-in, or for one more from the
// device pages. What was chosen on the way stands in the addresses, so Back and a reload lose nothing.
type wizard struct {
	p        *Pages
	base     Base
	path     string // base of the wizard's addresses
	setting  Setting
	owner    enroll.Owner
	userID   string
	username string
	phones   []phone.Phone
	choices  choices
	may      func() error                                                       // whether a device may be set up now
	after    func(ctx context.Context, s enroll.Subject) (next string, _ error) // where the way leads once the app is connected
}

// choices are what the pages have asked so far; only what is good is read back.
type choices struct {
	Type     phone.Type
	Number   string // E.164
	Replace  string // a phone of the person's own
	Platform string // ios, android
}

func (c choices) query() string {
	q := url.Values{}
	for name, value := range map[string]string{"type": string(c.Type), "number": c.Number, "replace": c.Replace, "platform": c.Platform} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// choicesOf reads the address. Whatever is not a choice of this person counts as not chosen.
func choicesOf(r *http.Request, own []phone.Phone) choices {
	var c choices
	q := r.URL.Query()
	if t := phone.Type(q.Get("type")); t == phone.Mobile || t == phone.Tablet {
		c.Type = t
	}
	if n, err := e164.Clean(q.Get("number")); err == nil && c.Type == phone.Mobile {
		c.Number = n
	}
	if id := q.Get("replace"); slices.ContainsFunc(own, func(p phone.Phone) bool { return p.ID == id }) {
		c.Replace = id
	}
	if s := q.Get("platform"); s == "ios" || s == "android" {
		c.Platform = s
	}
	return c
}

// missing is the first page whose question is still open before the page called here; "" when none is.
func (c choices) missing(here string) string {
	switch {
	case c.Type == "":
		return "/type"
	case here == "/number":
		return ""
	case c.Type == phone.Mobile && c.Number == "" && c.Replace == "":
		return "/number"
	case here == "/platform" || c.Platform != "":
		return ""
	}
	return "/platform"
}

// first walks inside a sign-in that asks for a first device.
func (p *Pages) first(serve web.Serve[*wizard]) web.Handler {
	return p.with(SignIn)(func(v *view, w http.ResponseWriter, r *http.Request) error {
		if v.Step.Kind != signin.Enroll {
			return v.afterSetUp(w, r)
		}
		c := &wizard{p: p, base: v.base, path: v.Path + "/setup", setting: FirstDevice, owner: enroll.Owner{LoginID: v.Login.ID},
			userID: v.User.ID, username: v.Login.Username, phones: v.Phones, choices: choicesOf(r, v.Phones), may: func() error { return nil }}
		c.after = func(context.Context, enroll.Subject) (string, error) { return v.Path + "/setup/finish", nil }
		return serve(c, w, r)
	})
}

// afterSetUp leads on from a page of the wizard that asks for nothing any more.
func (v *view) afterSetUp(w http.ResponseWriter, r *http.Request) error {
	done, err := v.Devices.SetUpIn(r.Context(), v.Login)
	switch {
	case err != nil:
		return err
	case done && strings.HasSuffix(r.URL.Path, "/setup/activate/status"):
		return web.JSON(w, claimed(r.URL.Query().Get("type") == string(phone.Tablet), v.Web.Pages.Words(r)))
	case done:
		return web.Move(w, r, v.Path+"/setup/finish")
	}
	return web.Move(w, r, v.Path)
}

// more walks inside a device session.
func (p *Pages) more(serve web.Serve[*wizard]) web.Handler {
	return p.withSession(func(m *manage, w http.ResponseWriter, r *http.Request) error {
		c := &wizard{p: p, base: m.base, path: m.path + "/setup", setting: OneMore, owner: enroll.Owner{SessionID: m.Session.ID},
			userID: m.User.ID, username: m.User.Username, phones: m.Phones, choices: choicesOf(r, m.Phones)}
		c.base.Section = Add
		if c.choices.Replace != "" {
			c.setting = Reconnect
		}
		c.may = func() error { return p.Devices.MayPair(m.View) }
		c.after = func(ctx context.Context, s enroll.Subject) (string, error) {
			if s.PhoneID != "" {
				return m.listWith("replaced", s.PhoneID), nil
			}
			all, err := p.Devices.Phones(ctx, m.View)
			if err != nil || len(all) == 0 {
				return m.path, err
			}
			return m.listWith("added", all[len(all)-1].ID), nil // oldest first
		}
		return serve(c, w, r)
	})
}

// step fills what the pages share; back is the address of the page before.
func (c *wizard) step(back string) Step {
	s := Step{Base: c.base, Path: c.path, Back: back, Choices: c.choices.query(), Setting: c.setting, Tablet: c.choices.Type == phone.Tablet}
	s.Device = phone.Labels(c.phones)[c.choices.Replace]
	s.Works = slices.ContainsFunc(c.phones, func(p phone.Phone) bool { return p.ID == c.choices.Replace && p.CanProve() })
	return s
}

// subject is what claiming the code will do.
func (c *wizard) subject() enroll.Subject {
	s := enroll.Subject{Purpose: activation.Enroll, UserID: c.userID, PhoneID: c.choices.Replace}
	if c.setting != FirstDevice {
		s.Purpose = activation.Add
		if s.PhoneID != "" {
			s.Purpose = activation.Reactivate
		}
	}
	if s.PhoneID == "" {
		s.Number, s.Type = c.choices.Number, c.choices.Type
	}
	return s
}

// byNumber finds the person's own phone with a number (D-29).
func (c *wizard) byNumber(number string) (phone.Phone, bool) {
	for _, p := range c.phones {
		if p.Number == number {
			return p, true
		}
	}
	return phone.Phone{}, false
}

// countryNames lists the countries by name, in the language of the catalogue.
var countryNames = sync.OnceValue(func() []Country {
	names := display.English.Regions()
	var all []Country
	for _, c := range e164.Countries() {
		region, err := language.ParseRegion(c.Code)
		if err != nil {
			continue
		}
		all = append(all, Country{Code: c.Code, Name: cmp.Or(names.Name(region), c.Code), Calling: c.Calling})
	}
	slices.SortFunc(all, func(a, b Country) int { return strings.Compare(a.Name, b.Name) })
	return all
})

// countryOf is the country of a browser, going by the languages it asks for.
func countryOf(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return "US"
	}
	for _, t := range tags {
		if region, confidence := t.Region(); confidence == language.Exact {
			return region.String()
		}
	}
	return "US"
}
