package prompt_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/testkit"
)

// PAGE-6: a page that waits while another tab signs in, and the application collects that, is led to the end and says so.
func TestAPageThatWaitsIsToldThatAnotherTabHasFinished(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	sdk := p.SDK(app, key, back)
	d := p.Phone(p.User("ana"), "Ana's phone")
	v := p.Visitor()
	v.SignIn(sdk, "ana")
	path, version := v.At.Path, v.Must(`data-version="(\d+)"`)
	code, err := d.Code(p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.Open(path + "/code")
	v.Send(path+"/code", "code", code)
	v.Send(path + "/later") // no spare way now
	if v.Left == nil {
		t.Fatalf("the other tab ends at %s", v.At)
	}
	if _, err := sdk.ExchangeAuthorizationCodeFor2faResult(v.Left.Query().Get("duo_code"), "ana"); err != nil {
		t.Fatal(err)
	}
	if v.Open(path + "/status?since=" + version); v.Status != http.StatusOK || !strings.Contains(v.Page, `"next":"`+path+`"`) {
		t.Fatalf("the page that waits is told %d %s", v.Status, v.Page)
	}
	if v.Open(path); v.Status != http.StatusGone || v.Left != nil || v.Find(`(This sign-in was already finished)`) == "" {
		t.Errorf("it ends in %d at %s:\n%s", v.Status, v.At, v.Page)
	}
}
