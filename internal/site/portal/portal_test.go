package portal_test

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/client/phone"
	"countersign/internal/site/portal"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// opened is a visitor in the portal of ana, who has two phones, and the name of the second.
func opened(t *testing.T) (v *testkit.Visitor, second string) {
	t.Helper()
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	ana := p.User("ana")
	first, other := p.Phone(ana, "Ana's phone"), p.Phone(ana, "Old phone")
	v = p.Visitor()
	v.SignIn(p.SDK(app, key, back), "ana")
	prove := v.At.Path + "/devices/code"
	v.Open(prove)
	code, err := first.Code(p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.Send(prove, "code", code)
	if v.Screen() != "devices" {
		t.Fatalf("the proof led to %s:\n%s", v.At, v.Page)
	}
	return v, other.Account().AccountID
}

// Two tabs: what one removed, the other still shows.
func TestADeviceThatIsGoneLeadsBackToTheList(t *testing.T) {
	v, old := opened(t)
	v.Send("/my/device/" + old + "/remove")
	if strings.Contains(v.Page, "/my/device/"+old+"/") {
		t.Fatalf("the device is still on the list:\n%s", v.Page)
	}
	for _, page := range []string{"rename", "remove", "pair"} {
		v.Open("/my/device/" + old + "/" + page)
		if v.Status != http.StatusNotFound || v.Find(`(That device is gone)`) == "" || v.Find(`<a [^>]*(href="/my")`) == "" {
			t.Errorf("%s: %d\n%s", page, v.Status, v.Page)
		}
	}
}

// A name in several lines is not too long, and a page that is too large is not too old.
func TestARefusedNameIsToldWhatIsWrongWithIt(t *testing.T) {
	v, old := opened(t)
	at := "/my/device/" + old + "/rename"
	v.Open(at)
	for name, want := range map[string]int{"two\nlines": http.StatusUnprocessableEntity, strings.Repeat("x", 100_000): http.StatusRequestEntityTooLarge} {
		v.Open(at)
		v.Send(at, "name", name)
		if v.Status != want || v.Find(`(name is too long)`) != "" || v.Find(`(too old)`) != "" {
			t.Errorf("%.10q gives %d:\n%s", name, v.Status, v.Page)
		}
	}
}

func TestARememberedBrowserShowsWhatItRunsOn(t *testing.T) {
	for name, want := range map[string]string{"Safari on iOS": "phone", "Chrome on Android": "phone", "Safari on iPadOS": "tablet", "Firefox on Linux": "computer", "": "computer"} {
		if got := (portal.Browser{Name: name}).Kind(); got != want {
			t.Errorf("%q is a %s", name, got)
		}
	}
}

// The address a phone's replacement leads to says that the old one is switched off before it leads on (wireframe 7).
func TestAReplacedPhoneIsSaidToBeSwitchedOffBeforeTheApplication(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	device := p.Phone(p.User("ana"), "Ana's phone")
	v := p.Visitor()
	v.SignIn(p.SDK(app, key, back), "ana")
	signIn := v.At.Path
	v.Open(signIn + "/new-phone/code")
	code, err := device.Code(p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.Send(signIn+"/new-phone/code", "code", code)
	link := html.UnescapeString(v.Must(`href="(https://[^"]*/a/[^"]*)"`))
	status := html.UnescapeString(v.Must(`data-status="([^"]*)"`))
	if _, err := phone.Pair(t.Context(), link, phone.Options{HTTPClient: p.Client(), Name: "Ana's phone", Platform: "Test", Now: p.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	v.Open(status)
	next := v.Must(`"next":"([^"]*)"`)
	v.Open(next)
	if v.Screen() != "replaced" || v.Find(`(The old one is switched off)`) == "" || v.Find(`class="button full" (href="`+signIn+`")`) == "" {
		t.Errorf("%s leads to %s:\n%s", status, next, v.Page)
	}
}
