package portal_test

import (
	"crypto/rand"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/client/phone"
	domain "countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/flow"
	"countersign/internal/site/portal"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// opened is a visitor in the portal of ana, who has two phones, and the second one.
func opened(t *testing.T) (p *testkit.Program, v *testkit.Visitor, second string) {
	t.Helper()
	p = testkit.Start(t)
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
	return p, v, other.Account().AccountID
}

// Two tabs: what one removed, the other still shows.
func TestADeviceThatIsGoneLeadsBackToTheList(t *testing.T) {
	_, v, old := opened(t)
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

// RULE-10
func TestTheListSaysWhichRecordsAreOneDevice(t *testing.T) {
	p, v, old := opened(t)
	v.Open("/my")
	if v.Find(`(The same device as)`) != "" || v.Find(`(only one way in)`) != "" {
		t.Fatalf("two devices:\n%s", v.Page)
	}
	if err := p.DB.Write(t.Context(), func(st flow.Store) error {
		second, err := st.PhoneByID(t.Context(), old)
		if err != nil {
			return err
		}
		all, err := st.PhonesOf(t.Context(), second.UserID)
		for _, d := range all {
			if err == nil {
				err = st.SaveSubscription(t.Context(), d.ID, d.KeyID, []byte("sealed"), []byte("one address"), domain.AlertsOn)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	v.Open("/my")
	if v.Find(`(The same device as <bdi>Ana&#39;s phone</bdi>)`) == "" || v.Find(`(only one way in)`) == "" {
		t.Errorf("one device:\n%s", v.Page)
	}
}

// A name in several lines is not too long, and a page that is too large is not too old.
func TestARefusedNameIsToldWhatIsWrongWithIt(t *testing.T) {
	_, v, old := opened(t)
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

// The address a phone's replacement leads to says that the old one is switched off before it leads on.
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

// PAGE-1, WCAG 2.2.1: the list says when it closes and gives more time like the prompt, with a form alone, an hour in all.
func TestTheListSaysWhenItClosesAndGivesMoreTime(t *testing.T) {
	p, v, old := opened(t)
	v.Open("/my/device/" + old + "/rename")
	if left := v.Must(`id="ending"[^>]* data-left="(\d+)"`); left != "900" && left != "899" {
		t.Errorf("%s seconds are left", left)
	}
	const form = `<form method="post" action="(/my/keep)"`
	for range 3 {
		p.Clock.Advance(session.Idle - 30*time.Second)
		v.Send(v.Must(form), "back", v.Must(`name="back" value="([^"]*)"`))
		if v.Status != http.StatusOK || v.Screen() != "device-rename" || len(v.Must(`data-left="(\d+)"`)) != 3 {
			t.Fatalf("%d at %s:\n%s", v.Status, v.At, v.Page)
		}
	}
	back := v.Must(`name="back" value="([^"]*)"`)
	p.Clock.Advance(session.Idle - 30*time.Second)
	v.Send("/my/keep", "back", back)
	if v.Find(form) != "" || v.Find(`(sign in again from the start)`) == "" {
		t.Errorf("near the hour there is no more to give, but:\n%s", v.Page)
	}
	v.Open("/my")
	v.Open(v.Must(`<p class="back"><a href="([^"]*)"`))
	if v.Left == nil {
		t.Errorf("the sign-in behind the list is over: %d\n%s", v.Status, v.Page)
	}
	v.Send("/my/keep", "back", "/my")
	if v.Status != http.StatusForbidden || v.Find(`(id="ending")`) != "" {
		t.Errorf("a list that is over is given time: %d\n%s", v.Status, v.Page)
	}
}

// D-31: whoever goes on to the application leaves no open list behind; that of another sign-in stays.
func TestTheListIsClosedWhenItsSignInGoesOn(t *testing.T) {
	p, v, _ := opened(t)
	v.Open("/my")
	onward := v.Must(`<p class="back"><a href="([^"]*)"`)
	v.Open(onward)
	if v.Left == nil {
		t.Fatalf("%s leads to %s:\n%s", onward, v.At, v.Page)
	}
	v.Open("/my")
	if v.Screen() != "message" || v.Find(`(Sign in to see your devices)`) == "" {
		t.Errorf("the list is still open:\n%s", v.Page)
	}

	back, _ := p.Callback()
	app, key := p.App("Shop")
	bens := p.User("ben")
	ben := p.Phone(bens, "Ben's phone")
	p.Phone(bens, "Ben's tablet") // no question for a spare one
	v.SignIn(p.SDK(app, key, back), "ben")
	first := v.At.Path
	v.SignIn(p.SDK(app, key, back), "ben")
	code := func(at string) {
		p.Clock.Advance(time.Minute)
		c, err := ben.Code(p.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		v.Open(at)
		v.Send(at, "code", c)
	}
	code(v.At.Path + "/devices/code")
	if v.Screen() != "devices" {
		t.Fatalf("the proof led to %s:\n%s", v.At, v.Page)
	}
	if code(first + "/code"); v.Left == nil {
		t.Fatalf("the other sign-in led to %s:\n%s", v.At, v.Page)
	}
	if v.Open("/my"); v.Screen() != "devices" {
		t.Errorf("another sign-in closed the list:\n%s", v.Page)
	}
}

// A phone that never had an app, or has lost it, is not said to work until another takes its place (D-11).
func TestADeviceWithoutAnAppIsNotSaidToBeReplaced(t *testing.T) {
	p, v, works := opened(t)
	var bare domain.Phone
	if err := p.DB.Write(t.Context(), func(st flow.Store) error {
		other, err := st.PhoneByID(t.Context(), works)
		if err != nil {
			return err
		}
		bare = domain.Phone{ID: id.Key(rand.Reader, id.Phone), UserID: other.UserID, Name: "Ward tablet", Created: p.Clock.Now(), Alerts: domain.AlertsOff}
		return st.CreatePhone(t.Context(), bare)
	}); err != nil {
		t.Fatal(err)
	}
	v.Open("/my/device/" + works + "/pair")
	if v.Find(`(which works until)`) == "" {
		t.Errorf("%s", v.Page)
	}
	v.Open("/my/device/" + bare.ID + "/pair")
	if v.Find(`(which works until)`) != "" || v.Find(`<h1>(Connect the app)`) == "" {
		t.Errorf("%s", v.Page)
	}
	link := html.UnescapeString(v.Must(`href="(https://[^"]*/a/[^"]*)"`))
	status := html.UnescapeString(v.Must(`data-status="([^"]*)"`))
	if _, err := phone.Pair(t.Context(), link, phone.Options{HTTPClient: p.Client(), Name: "Ward tablet", Platform: "Test", Now: p.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	v.Open(status)
	v.Open(strings.ReplaceAll(v.Must(`"next":"([^"]*)"`), `\u0026`, "&"))
	if v.Screen() != "devices" || v.Find(`(The app on .* is connected)`) == "" || v.Find(`(switched off)`) != "" {
		t.Errorf("%s:\n%s", v.At, v.Page)
	}
}

func TestMoreTimeForTheListNeedsItsForm(t *testing.T) {
	_, v, _ := opened(t)
	v.Page = ""
	v.Send("/my/keep")
	if v.Status < 400 {
		t.Errorf("a form without its token gives %d", v.Status)
	}
	v.Open("/my/keep")
	if v.Status != http.StatusMethodNotAllowed {
		t.Errorf("a link gives more time: %d", v.Status)
	}
}
