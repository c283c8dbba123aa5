package frame_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

func forADay(c *directory.ApplicationChange) {
	day, off := 1, -1
	c.Policy.RememberDays, c.Policy.NumberEntry = &day, &off
}

// shown opens a frame in a browser that was here before.
func (w *world) shown(v *testkit.Visitor, prefix, name string) {
	w.t.Helper()
	v.Open(address(w.tx(prefix, name), page))
}

func frameOf(v *testkit.Visitor) string {
	return "/" + strings.Join(strings.Split(v.At.Path, "/")[1:3], "/")
}

// kept ticks the box, proves by a code and gives the browser that is remembered then.
func (w *world) kept(name string, code func() string) *testkit.Visitor {
	w.t.Helper()
	v, at := w.open("TX", name)
	v.Send(at+"/remember", "remember", "1")
	if v.Find(`(name="remember"[^>]*checked)`) == "" {
		w.t.Fatalf("the box forgot that it was ticked: %s", v.Page)
	}
	v.Send(at+"/code", "code", code())
	if prefix, who := answer(v); prefix != "AUTH" || who != name {
		w.t.Fatalf("%s %s", prefix, who)
	}
	return v
}

// B-06, RULE-15, AC-036.
func TestTheBoxInTheFrameRemembersTheBrowserForOnePersonAndApplication(t *testing.T) {
	w := start(t, forADay)
	d := w.Phone(w.User("ana"), "Ana's phone")
	w.Phone(w.User("ben"), "Ben's phone")
	v := w.kept("ana", func() string { return w.code(d) })
	if !strings.Contains(v.Cookie(), "remember-frame-"+w.app.ID) {
		t.Fatalf("cookies: %s", v.Cookie())
	}
	w.shown(v, "TX", "ana")
	if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
		t.Errorf("the second time: %s %s", prefix, who)
	}
	if last := w.lastLog("ana"); last.Result != audit.Success || last.Reason != audit.RememberedDevice || last.Factor != audit.FactorRemembered {
		t.Errorf("logged as %+v", last)
	}
	asked := func(why, prefix, name string) {
		t.Helper()
		if w.shown(v, prefix, name); v.Screen() != "frame-prompt" {
			t.Errorf("%s: %s", why, v.Screen())
		}
	}
	asked("another person", "TX", "ben")
	asked("who comes to set up a device", "ENROLL_REQUEST", "ana")
	if strings.Contains(v.Page, `name="remember"`) {
		t.Error("a request to set up a device offers the box")
	}
	v.Open(frameOf(v) + "/settings")
	if v.Screen() != "frame-verify" || strings.Contains(v.Page, `name="remember"`) {
		t.Errorf("device pages: %s", v.Screen())
	}

	name, off := "Parking", policy.SpareOff
	c := directory.ApplicationChange{Name: &name, Policy: directory.PolicyChange{Spare: &off}}
	forADay(&c)
	mine, key := w.app, w.key
	other, plain, err := w.Directory.AddApplication(t.Context(), directory.CommandLine, application.TypeWebSDK2, c)
	if err != nil {
		t.Fatal(err)
	}
	w.app, w.key = other, plain.Reveal()
	asked("another application", "TX", "ana")
	w.app, w.key = mine, key
	if w.shown(v, "TX", "ana"); v.Screen() != "frame-answer" {
		t.Errorf("still remembered: %s", v.Screen())
	}
	if _, n, err := w.Directory.ForgetUserBrowsers(t.Context(), directory.CommandLine, "ana"); err != nil || n != 1 {
		t.Fatalf("%d forgotten, %v", n, err)
	}
	asked("after forgetting", "TX", "ana")
}

// RULE-15: browsers keep the cookie of a frame for the whole site around it; it counts at one origin all the same.
func TestABrowserRememberedAtOneOriginIsAskedAtAnotherOfTheSameSite(t *testing.T) {
	w := start(t, forADay)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v := w.kept("ana", func() string { return w.code(d) })
	for _, other := range []string{"https://benefits.example.edu:8443/login", "https://wiki.example.edu/", "http://benefits.example.edu/login"} {
		v.Open(address(w.tx("TX", "ana"), other))
		if v.Screen() != "frame-prompt" || strings.Contains(v.Page, "data-answer") {
			t.Errorf("%s: %s", other, v.Screen())
		}
	}
	w.shown(v, "TX", "ana")
	if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
		t.Errorf("at its own origin: %s %s", prefix, who)
	}
}

func TestABrowserIsNotRememberedInAFrameUnlessChosenAndAllowed(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	if strings.Contains(v.Page, `name="remember"`) {
		t.Error("policy is off, and the box is there")
	}
	v.Send(at+"/remember", "remember", "1")
	v.Send(at+"/code", "code", w.code(d), "remember", "1")
	if prefix, _ := answer(v); prefix != "AUTH" || v.Cookie() != "" {
		t.Errorf("policy off: %s, cookies %q", prefix, v.Cookie())
	}
	c := directory.ApplicationChange{}
	forADay(&c)
	if _, err := w.Directory.SetApplication(t.Context(), directory.CommandLine, w.app.ID, c); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	v, at = w.open("TX", "ana")
	if !strings.Contains(v.Page, "Remember this browser for one day") || v.Find(`(name="remember"[^>]*checked)`) != "" {
		t.Fatalf("no clear box: %s", v.Page)
	}
	v.Send(at+"/remember", "remember", "1")
	v.Send(at + "/remember")
	v.Send(at+"/code", "code", w.code(d))
	if prefix, _ := answer(v); prefix != "AUTH" || v.Cookie() != "" {
		t.Errorf("cleared again: %s, cookies %q", prefix, v.Cookie())
	}
}

// The request carries the box too, and the browser gets a cookie that belongs to the site around the frame.
func TestTheCookieOfAFrameIsPartitioned(t *testing.T) {
	w := start(t, forADay)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Send(at+"/push", "device", d.Account().AccountID, "remember", "1")
	ask, err := d.Find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), ask.Transaction, v.Number()); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+at, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	cookies := got.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies: %v", cookies)
	}
	c := cookies[0]
	if name := "__Host-remember-frame-" + w.app.ID + "-"; !strings.HasPrefix(c.Name, name) || len(c.Name) != len(name)+12 || c.Path != "/" || c.Domain != "" || c.MaxAge < 86390 || c.MaxAge > 86400 ||
		!c.Secure || !c.HttpOnly || !c.Partitioned || c.SameSite != http.SameSiteNoneMode {
		t.Errorf("%s", c.Raw)
	}
}
