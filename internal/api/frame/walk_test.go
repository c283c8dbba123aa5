package frame_test

import (
	"crypto/rand"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/client/phone"
	"countersign/internal/domain/account"
	domain "countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
)

// B-07, B-13, RULE-13: one request at a time, and none that nobody can take back.
func TestWhoLeavesForTheDevicesTakesTheRequestBack(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Send(at+"/push", "device", d.Account().AccountID)
	if list, err := d.Requests(t.Context()); err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	v.Open(at + "/settings")
	if list, err := d.Requests(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("the request for the sign-in is still there: %v %v", list, err)
	}
	v.Send(at+"/settings/push", "device", d.Account().AccountID)
	v.Open(at + "/settings")
	if list, err := d.Requests(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the request of the page itself: %v %v", list, err)
	}
}

// RULE-12, X-02: the wrong code that locks says so.
func TestTheLastWrongCodeSaysThatTheAccountIsLocked(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	for i := range 10 {
		if v.Screen() != "frame-prompt" {
			t.Fatalf("after %d codes: %s", i, v.Screen())
		}
		v.Send(at+"/code", "code", "000000000")
	}
	if v.Screen() != "frame-refused" || v.Status != http.StatusForbidden || strings.Contains(v.Page, "did not work") {
		t.Errorf("the tenth: %d %s", v.Status, v.Screen())
	}
	if u, _ := w.DB.Read().UserByName(t.Context(), "ana"); u.Status != user.LockedOut {
		t.Errorf("%+v", u)
	}
}

// RULE-43: the wrong code that turns the codes off says so, and the request to the phone is still there.
func TestTheLastGuessSaysThatTheCodesAreOff(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	if err := w.DB.Write(t.Context(), func(st flow.Store) error {
		for range 99 {
			g := account.Guess{On: account.App, ID: d.Account().AccountID, Chance: 1, Time: w.Clock.Now()}
			if _, _, err := st.CountGuess(t.Context(), g); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", "000000")
	if v.Screen() != "frame-prompt" || !strings.Contains(html.UnescapeString(v.Page), "those of Ana's phone are off. Use another way") {
		t.Errorf("%s: %s", v.Screen(), v.Page)
	}
	if v.Open(at); !strings.Contains(v.Page, at+`/push"`) {
		t.Errorf("no request is offered: %s", v.Page)
	}
}

// RULE-13: what would fail is not offered.
func TestAPauseOfRequestsIsToldBeforeOneIsAskedFor(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	for range 5 {
		v.Send(at+"/push", "device", d.Account().AccountID)
		v.Send(at + "/cancel")
	}
	for _, path := range []string{at, at + "/settings"} {
		v.Open(path)
		if v.Status != http.StatusOK || strings.Contains(v.Page, path+`/push"`) || !strings.Contains(v.Page, "Sign in with a code. After that, requests go out again.") || !strings.Contains(v.Page, `name="code"`) {
			t.Errorf("%s: %d %s", path, v.Status, v.Page)
		}
	}
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	if prefix, _ := answer(v); prefix != "AUTH" {
		t.Errorf("a code: %s", v.Screen())
	}
	if again, at := w.open("TX", "ana"); !strings.Contains(again.Page, at+`/push"`) {
		t.Errorf("after a success: %s", again.Page)
	}
}

// RULE-10: as in the other prompt, and one count for both.
func TestTheFrameRemindsOfASpareWayThreeTimes(t *testing.T) {
	remind := policy.SpareRemind
	w := start(t, func(c *directory.ApplicationChange) { c.Policy.Spare = &remind })
	d := w.Phone(w.User("ana"), "Ana's phone")
	for n := range policy.SpareReminders + 1 {
		v, at := w.open("TX", "ana")
		v.Open(at + "?code=1")
		v.Send(at+"/code", "code", w.code(d))
		if n < policy.SpareReminders {
			if v.Screen() != "frame-spare" || !strings.Contains(v.Page, at+"/add\"") || strings.Contains(v.Page, "data-answer") {
				t.Fatalf("sign-in %d: %s", n, v.Screen())
			}
			v.Send(at + "/later")
		}
		if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
			t.Fatalf("sign-in %d: %s %s", n, prefix, who)
		}
		w.Clock.Advance(time.Minute)
		again, at := w.open("TX", "ana")
		again.Send(at+"/code", "code", w.code(d))
		if prefix, _ := answer(again); prefix != "AUTH" {
			t.Errorf("the person is not left in peace for a week")
		}
		w.Clock.Advance(8 * 24 * time.Hour)
	}
}

// RULE-5, B-08: a code from the help desk opens one addition, and the rail says so before the wizard does.
func TestAfterOneAdditionTheNextNeedsAProofOfItsOwn(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	code, err := w.Directory.MakeBypassCode(t.Context(), directory.CommandLine, "ana", directory.NewBypassRequest())
	if err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	v.Open(at + "/add?code=1")
	v.Send(at+"/add/code", "code", code.Code.Reveal())
	mine := strings.TrimSuffix(v.At.Path, "/setup/type")
	if v.Screen() != "setup-type" {
		t.Fatalf("%s", v.Screen())
	}
	w.setUp(v, mine, "858 534 2230")
	if v.Screen() != "frame-devices" || !strings.Contains(v.Page, at+"/add?again=1") || strings.Contains(v.Page, mine+"/setup/type") {
		t.Fatalf("the list: %s", v.Page)
	}
	for _, path := range []string{at + "/add?again=1", mine + "/setup/type", mine + "/setup/number?type=mobile"} {
		v.Open(path)
		if v.Screen() != "frame-verify" || v.At.Path != at+"/add" || !strings.Contains(v.Page, "Prove once more that it is you") {
			t.Errorf("%s leads to %s, %s", path, v.At, v.Screen())
		}
	}
}

// B-08, B-09: who has no device yet cannot prove anything, and meets no link to a page that asks for a proof.
func TestTheWizardOfANewcomerLeadsToNoDevicePages(t *testing.T) {
	w := start(t)
	w.User("ana")
	v, at := w.open("TX", "ana")
	for _, path := range []string{at + "/setup", at + "/setup/type", at + "/setup/number?type=mobile", at + "/setup/install?type=tablet&platform=ios"} {
		v.Open(path)
		if !strings.HasPrefix(v.Screen(), "setup-") || strings.Contains(v.Page, at+`/add"`) || strings.Contains(v.Page, at+`/settings"`) {
			t.Errorf("%s: %s %s", path, v.Screen(), v.Page)
		}
	}
	w.setUp(v, at, "858 534 2230")
	if v.Screen() != "setup-finish" || !strings.Contains(v.Page, at+`/settings"`) {
		t.Errorf("with a phone: %s %s", v.Screen(), v.Page)
	}
}

// C-31: the page says which box goes on, and the cursor stands at it.
func TestANumberThatIsTakenNamesBothWaysOn(t *testing.T) {
	w := start(t)
	first := w.setUpAna(t)
	v, at := w.open("TX", "ana")
	v.Open(at + "/add?code=1")
	v.Send(at+"/add/code", "code", w.code(first))
	mine := strings.TrimSuffix(v.At.Path, "/setup/type")
	v.Open(mine + "/setup/number?type=mobile")
	v.Send(mine+"/setup/number?type=mobile", "country", "US", "number", "858 534 2230", "sure", "1")
	box := v.Find(`<input type="checkbox" (name="replace"[^>]*)>`)
	if v.Status != http.StatusConflict || !strings.Contains(v.Page, "tick the box. For another phone, type its number.") ||
		!strings.Contains(box, "data-focus") || !strings.Contains(box, "required") || strings.Count(v.Page, "data-focus") != 1 {
		t.Errorf("%d %s: %s", v.Status, box, v.Page)
	}
}

// D-14: the list says which device went.
func TestTheListNamesTheDeviceThatWasDeleted(t *testing.T) {
	w := start(t)
	u := w.User("ana")
	first := w.Phone(u, "Ana's phone")
	by := w.Phone(u, "Kitchen tablet")
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(by))
	mine := v.At.Path
	v.Open(mine + "/device/" + first.Account().AccountID + "/remove")
	v.Send(mine + "/device/" + first.Account().AccountID + "/remove")
	if v.Screen() != "frame-devices" || !strings.Contains(v.Page, "<bdi>Ana&#39;s phone</bdi> was deleted.") {
		t.Errorf("%s %s", v.Screen(), v.Page)
	}
	if v.Open(mine + "?done=removed&name=" + strings.Repeat("x", 300)); !strings.Contains(v.Page, "The device was deleted.") {
		t.Errorf("without a name: %s", v.Page)
	}
}

// RULE-42: whoever removes the device they proved with is told so before, and signs in again.
func TestRemovingTheDeviceThatProvedEndsTheSignIn(t *testing.T) {
	w := start(t)
	u := w.User("ana")
	first := w.Phone(u, "Ana's phone")
	w.Phone(u, "Kitchen tablet")
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(first))
	mine := v.At.Path
	v.Open(mine + "/device/" + first.Account().AccountID + "/remove")
	if !strings.Contains(v.Page, "You signed in with this device.") {
		t.Errorf("not said before: %s", v.Page)
	}
	v.Send(mine + "/device/" + first.Account().AccountID + "/remove")
	if v.Screen() != "frame-refused" || !strings.Contains(v.Page, "Sign in once more") {
		t.Errorf("%s %s", v.Screen(), v.Page)
	}
}

// B-13: whoever waits sees how long that may take.
func TestTheBarOfAWaitingRequestTellsTheTime(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Send(at+"/push", "device", d.Account().AccountID)
	if _, err := d.Requests(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.Open(at)
	if hint := v.Find(`<p class="hint">([^<]*)`); !strings.Contains(hint, "Delivered at ") || !strings.Contains(hint, "Open until ") {
		t.Errorf("%q: %s", hint, v.Page)
	}
}

// C-30: the wizard may run on the phone itself: the app's address can be followed, and the texts name the kind of device.
func TestTheStepsOfTheWizardNameTheDeviceAndLeadToTheApp(t *testing.T) {
	w := start(t)
	w.User("ana")
	v, at := w.open("TX", "ana")
	for query, kind := range map[string]string{"?type=tablet&platform=ios": "tablet", "?type=mobile&number=%2B18585342230&platform=android": "phone"} {
		v.Open(at + "/setup/install" + query)
		if !strings.Contains(v.Page, "On the "+kind+", open ") || !strings.HasSuffix(v.Find(`<a href="([^"]+)" target="_blank"`), "/app") {
			t.Errorf("%s: %s", query, v.Page)
		}
		v.Open(at + "/setup/activate" + query)
		if !strings.Contains(v.Page, "Another "+kind+"?") || !strings.Contains(v.Page, "on the "+kind+" and type this code:") {
			t.Errorf("%s: %s", query, v.Page)
		}
	}
}

// setUpAna lets a new person called ana set up a phone, and gives it back.
func (w *world) setUpAna(t *testing.T) *phone.Device {
	t.Helper()
	w.User("ana")
	v, at := w.open("TX", "ana")
	d := w.setUp(v, at, "858 534 2230")
	v.Send(at + "/setup/finish")
	return d
}

// A phone that never had an app, or has lost it, is not said to work until another takes its place (D-11).
func TestAPhoneWithoutAnAppIsNotSaidToWork(t *testing.T) {
	w := start(t)
	ana := w.User("ana")
	first := w.Phone(ana, "Ana's phone")
	bare := domain.Phone{ID: id.Key(rand.Reader, id.Phone), UserID: ana.ID, Name: "Old phone", Created: w.Clock.Now(), Alerts: domain.AlertsOff}
	if err := w.DB.Write(t.Context(), func(st flow.Store) error { return st.CreatePhone(t.Context(), bare) }); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(first))
	mine := v.At.Path
	for device, works := range map[string]bool{first.Account().AccountID: true, bare.ID: false} {
		v.Open(mine)
		v.Send(mine + "/device/" + device + "/reactivate")
		v.Open(mine + "/setup/activate?" + v.At.RawQuery + "&platform=ios")
		if v.Screen() != "setup-activate" || strings.Contains(v.Page, "which works until") != works {
			t.Errorf("%v: %s %s", works, v.Screen(), v.Page)
		}
	}
}

// B-09: a sign-in by a request is no proof for the devices, also when it was approved just before their page came.
func TestARequestForTheSignInOpensNoDevices(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Send(at+"/push", "device", d.Account().AccountID)
	ask, err := d.Find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), ask.Transaction, v.Number()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/settings", "/add"} {
		if v.Open(at + path); v.Status != http.StatusOK || v.Screen() != "frame-verify" {
			t.Errorf("%s: %d %s", path, v.Status, v.Screen())
		}
	}
}
