package portal_test

import (
	"strings"
	"testing"

	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// H-18: the list says which browser is remembered for what; one is forgotten, or all; and each asks again then.
func TestRememberedBrowsersAreListedAndForgotten(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	days, off := 30, -1
	app, key := p.App("Library", func(c *directory.ApplicationChange) { c.Policy.RememberDays, c.Policy.NumberEntry = &days, &off })
	sdk := p.SDK(app, key, back)
	d := p.Phone(p.User("ana"), "Ana's phone")
	code := func() string {
		c, err := d.Code(p.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	remembered := func() *testkit.Visitor {
		v := p.Visitor()
		v.SignIn(sdk, "ana")
		at := v.At.Path
		v.Open(at + "/code")
		v.Send(at+"/code", "code", code(), "remember", "1")
		for strings.HasPrefix(v.At.Path, "/prompt/") && v.Left == nil {
			v.Send(v.Must(`action="([^"]*/later)"`))
		}
		if v.SignIn(sdk, "ana"); v.Left == nil {
			t.Fatalf("asked again: %s", v.Screen())
		}
		return v
	}
	one, _ := remembered(), remembered()

	v := p.Visitor()
	v.SignIn(sdk, "ana")
	prove := v.At.Path + "/devices/code"
	v.Open(prove)
	v.Send(prove, "code", code())
	if v.Screen() != "devices" || strings.Count(v.Page, "For <bdi>Library</bdi>") != 2 || strings.Contains(v.Page, "This browser") {
		t.Fatalf("%s:\n%s", v.Screen(), v.Page)
	}
	forget := v.Must(`action="(/my/browser/[^"]*/forget)"`)
	v.Send(forget)
	if strings.Count(v.Page, "For <bdi>Library</bdi>") != 1 || v.Find(`(That browser was forgotten)`) == "" || strings.Contains(v.Page, "Forget all") {
		t.Fatalf("after one:\n%s", v.Page)
	}
	v.Send(forget) // the same again, from another tab
	v.Send("/my/browsers/forget")
	if strings.Contains(v.Page, "For <bdi>Library</bdi>") || v.Find(`(All browsers were forgotten)`) == "" {
		t.Fatalf("after all:\n%s", v.Page)
	}
	if one.SignIn(sdk, "ana"); one.Left != nil {
		t.Error("a forgotten browser is not asked")
	}
	page := v.Page
	v.Page = ""
	if v.Send("/my/browsers/forget"); v.Status < 400 {
		t.Errorf("a form without its token: %d", v.Status)
	}
	v.Page = page
}
