package prompt_test

import (
	"net/http"
	"testing"

	"countersign/internal/testkit"
)

// RULE-13, seen by someone with three tabs: the third says that two requests are open, and leads to the others
// again; it does not speak of requests that nobody confirmed.
func TestAThirdTabSaysThatTwoRequestsAreOpen(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	sdk := p.SDK(app, key, back)
	p.Phone(p.User("ana"), "Ana's phone")
	for range 2 {
		if v := p.Visitor(); v.SignIn(sdk, "ana") == "" || v.Screen() != "push" {
			t.Fatalf("an early tab shows %s:\n%s", v.Screen(), v.Page)
		}
	}
	v := p.Visitor()
	v.SignIn(sdk, "ana")
	if v.Status != http.StatusOK || v.Find(`(Two requests are open)`) == "" {
		t.Errorf("the third tab shows:\n%s", v.Page)
	}
	v.Open(v.Must(`href="([^"]*/ways)"`))
	if v.Screen() != "ways" {
		t.Errorf("the way on leads to %s", v.Screen())
	}
}
