package prompt_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/client/phone"
	"countersign/internal/domain/login"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// entering is ana with one phone on the way into an application.
func entering(t *testing.T) (p *testkit.Program, d *phone.Device, enter func() *testkit.Visitor) {
	t.Helper()
	p = testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library", func(c *directory.ApplicationChange) { off := -1; c.Policy.NumberEntry = &off })
	sdk := p.SDK(app, key, back)
	d = p.Phone(p.User("ana"), "Ana's phone")
	return p, d, func() *testkit.Visitor {
		v := p.Visitor()
		v.SignIn(sdk, "ana")
		return v
	}
}

// longer keeps a sign-in open until a proof given now is too old.
func longer(p *testkit.Program, v *testkit.Visitor, path string) {
	p.Clock.Advance(login.Life - time.Minute)
	v.Send(path + "/keep")
	p.Clock.Advance(session.ProofLife - login.Life + 2*time.Minute)
}

// RULE-5: a proof serves for ten minutes. Whoever comes later is asked for another, and offered nothing that the old
// one opens no more.
func TestAProofThatWasNotUsedInTimeIsAskedForAgain(t *testing.T) {
	p, _, enter := entering(t)
	code, err := p.Directory.MakeBypassCode(t.Context(), directory.CommandLine, "ana", directory.NewBypassRequest())
	if err != nil {
		t.Fatal(err)
	}
	v := enter()
	path := v.At.Path
	v.Open(path + "/code")
	v.Send(path+"/code", "code", code.Code.Reveal())
	if v.Screen() != "recovered" {
		t.Fatalf("a code of the help desk leads to %s", v.Screen())
	}
	recovered := *v
	longer(p, v, path)
	if v.Open(path + "/devices"); v.Screen() != "verify" || v.Status != http.StatusOK {
		t.Errorf("the device pages: %d %s\n%s", v.Status, v.Screen(), v.Page)
	}
	v.Page = recovered.Page
	if v.Send(path + "/new-phone"); v.Screen() != "verify" {
		t.Errorf("the offer of a new phone leads to %d %s", v.Status, v.Screen())
	}
	if v.Open(path); v.Left == nil {
		t.Errorf("the sign-in leads to %s", v.Screen())
	}
}

// also where the last proof was a request, which still stands in the sign-in.
func TestAnOldProofByRequestIsAskedForAgain(t *testing.T) {
	p, d, enter := entering(t)
	v := enter()
	path := v.At.Path
	v.Open(path + "/devices")
	v.Send(path+"/devices/push", "device", d.Account().AccountID)
	approve(t, d)
	if v.Open(path + "/devices"); v.Screen() != "devices" {
		t.Fatalf("the approval leads to %s", v.Screen())
	}
	p.Clock.Advance(session.ProofLife)
	rename := "/my/device/" + d.Account().AccountID + "/rename"
	v.Open(rename)
	v.Send(rename, "name", "Old")
	if v.Screen() != "verify" || strings.Contains(v.Page, "/continue") {
		t.Errorf("a change with an old proof leads to %s at %s:\n%s", v.Screen(), v.At, v.Page)
	}
}

// A phone that was removed in another window is no error of whoever presses "send again".
func TestARequestToAPhoneThatIsGoneLeadsBackToTheSignIn(t *testing.T) {
	_, _, enter := entering(t)
	v := enter()
	v.Send(v.At.Path+"/push", "device", "DPGONE")
	if v.Status != http.StatusOK || v.Screen() != "push" {
		t.Errorf("%d %s", v.Status, v.Screen())
	}
}

// RULE-13: the page says that no request goes out for as long as that is true.
func TestThePageOffersARequestAgainWhenOneCanBeSent(t *testing.T) {
	p, _, enter := entering(t)
	enter()
	enter()
	v := enter()
	if v.Find(`(Two requests are open)`) == "" {
		t.Fatalf("the third tab shows %s", v.Page)
	}
	p.Clock.Advance(transaction.Life)
	if err := p.SignIn.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := v.At.Path
	if v.Open(path); v.Screen() != "code" || !strings.Contains(v.Page, path+"/push") {
		t.Errorf("a minute later it shows %s:\n%s", v.Screen(), v.Page)
	}
}

// As in the traditional prompt: a page that a script fetches for a part of it ends no sign-in.
func TestAPageTakenForAPartUsesNothingUp(t *testing.T) {
	p, d, enter := entering(t)
	v := enter()
	approve(t, d)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+v.At.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", v.Cookie())
	r.Header.Set("X-Part", "main")
	answer, err := p.Browser().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	if v.Open(v.At.Path); v.Screen() != "spare" {
		t.Errorf("the sign-in goes on to %s", v.Screen())
	}
}
