package prompt_test

import (
	"net/url"
	"strings"
	"testing"

	"countersign/internal/client/phone"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// remembering starts a program with an application whose people may have their browser remembered for a day.
func remembering(t *testing.T, database testkit.Option) (p *testkit.Program, app application.Application, enter func(*testkit.Visitor)) {
	p = testkit.Start(t, database)
	back, _ := p.Callback()
	app, key := p.App("Library", func(c *directory.ApplicationChange) {
		day, off := 1, -1
		c.Policy.RememberDays, c.Policy.NumberEntry = &day, &off
	})
	sdk := p.SDK(app, key, back)
	return p, app, func(v *testkit.Visitor) { v.SignIn(sdk, "ana") }
}

func approve(t *testing.T, d *phone.Device) {
	t.Helper()
	open, err := d.Requests(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open requests, %v", len(open), err)
	}
	if _, err := d.Approve(t.Context(), open[0].Transaction, ""); err != nil {
		t.Fatal(err)
	}
}

// A-15, RULE-15, AC-036: the box is clear until somebody ticks it, may be ticked while the request waits, and what
// the browser keeps is good in this browser until an administrator says otherwise.
func TestTheBoxOnThePushPageRemembersTheBrowser(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		p, app, enter := remembering(t, database)
		ana := p.User("ana")
		d := p.Phone(ana, "Ana's phone")
		v := p.Visitor()
		enter(v)
		if v.Screen() != "push" || v.Find(`(Remember this browser for one day)`) == "" || v.Find(`(name="remember"[^>]*checked)`) != "" {
			t.Fatalf("no clear box on the page:\n%s", v.Page)
		}
		path, page := v.At.Path, *v
		v.Send(v.Must(`data-remember="([^"]*)"`), "remember", "1")
		if v.Status != 204 {
			t.Fatalf("ticking: %d %s", v.Status, v.Page)
		}
		v.Open(path)
		if v.Find(`(name="remember"[^>]*checked)`) == "" {
			t.Error("the box forgot that it was ticked")
		}
		v.Open(path + "/devices")
		if v.Screen() != "verify" || v.Find(`(name="remember")`) != "" {
			t.Errorf("a proof for devices shows the box, or no proof is asked for: %s", v.Screen())
		}
		v.Open(path + "/code")
		if v.Find(`(name="remember"[^>]*checked)`) == "" {
			t.Error("the code page has no ticked box")
		}
		approve(t, d)
		v.Open(path)
		v.Send(v.Must(`action="([^"]*/later)"`)) // the choice outlives the question for a spare way
		if v.Left == nil || !strings.Contains(v.Left.RawQuery, "duo_code=") {
			t.Fatalf("not sent to the application: %d %s", v.Status, v.Page)
		}
		v.At = page.At
		if !strings.Contains(v.Cookie(), "__Host-remember-"+app.ID+"=") {
			t.Fatalf("cookies %s", v.Cookie())
		}

		enter(v)
		if v.Left == nil {
			t.Fatalf("the remembered browser is asked: %s", v.Screen())
		}
		other := p.Visitor()
		enter(other)
		if other.Left != nil || other.Screen() != "push" {
			t.Errorf("another browser is let in: %s", other.Screen())
		}
		if _, n, err := p.Directory.ForgetUserBrowsers(t.Context(), directory.CommandLine, "ana"); err != nil || n != 1 {
			t.Fatalf("%d forgotten, %v", n, err)
		}
		enter(v)
		if v.Left != nil || v.Screen() != "push" {
			t.Errorf("a forgotten browser is let in: %s", v.Screen())
		}
	})
}

// The box on the code page, which works without a script, and the cookie after the account was disabled for a while.
func TestTheBoxOnTheCodePageRemembersTheBrowser(t *testing.T) {
	p, _, enter := remembering(t, testkit.InFolder(t.TempDir()))
	ana := p.User("ana")
	d := p.Phone(ana, "Ana's phone")
	p.Phone(ana, "Tablet") // with two devices nothing is asked after the code
	v := p.Visitor()
	enter(v)
	start := v.At
	v.Open(v.At.Path + "/code")
	v.Send(v.Must(`id="code-form" method="post" action="([^"]*)"`), "code", "000000", "remember", "1")
	if v.Find(`(name="remember"[^>]*checked)`) == "" {
		t.Errorf("a wrong code clears the box:\n%s", v.Page)
	}
	code, err := d.Code(p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.Send(v.Must(`id="code-form" method="post" action="([^"]*)"`), "code", code, "remember", "1")
	if v.Left == nil {
		t.Fatalf("not let in: %d %s", v.Status, v.Page)
	}
	v.At = start
	enter(v)
	if v.Left == nil {
		t.Fatalf("the remembered browser is asked: %s", v.Screen())
	}
	for _, s := range []user.Status{user.Disabled, user.Active} {
		if _, err := p.Directory.SetUser(t.Context(), directory.CommandLine, "ana", directory.UserChange{Status: &s}); err != nil {
			t.Fatal(err)
		}
	}
	v.At, v.Left = start, nil
	enter(v)
	if v.Left != nil {
		t.Error("a browser remembered before the account was disabled is let in")
	}
}

// A choice is taken only from the sign-in's own pages.
func TestTheBoxNeedsTheFormTokenAndThePolicy(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Plain")
	p.Phone(p.User("ana"), "Ana's phone")
	v := p.Visitor()
	v.SignIn(p.SDK(app, key, back), "ana")
	if v.Find(`(name="remember")`) != "" {
		t.Error("a box, though policy remembers nothing")
	}
	v.Send(v.At.Path+"/remember", "remember", "1")
	if v.Status < 400 {
		t.Errorf("status %d without the policy", v.Status)
	}
	q := url.Values{"remember": {"1"}}
	r, err := p.Browser().PostForm(p.URL+"/prompt/unknown/remember", q)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode < 400 {
		t.Errorf("status %d without a sign-in", r.StatusCode)
	}
}
