package frame_test

import (
	"context"
	"strings"
	"testing"

	"countersign/internal/flow"
	"countersign/internal/flow/directory"
)

// B-15
func TestTheFrameOfSomebodyWithoutAnAllowedWayTakesACodeOfTheHelpDesk(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	none := w.app
	none.Policy.Methods = []string{"another"}
	if err := w.DB.Write(t.Context(), func(st flow.Store) error { return st.SaveApplication(context.Background(), none) }); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	if v.Screen() != "frame-prompt" || !strings.Contains(v.Page, "Type a code from the help desk") || !strings.Contains(v.Page, `name="code"`) || strings.Contains(v.Page, at+"/push") {
		t.Fatalf("%s\n%s", v.Screen(), v.Page)
	}
	code, err := w.Directory.MakeBypassCode(t.Context(), directory.CommandLine, "ana", directory.NewBypassRequest())
	if err != nil {
		t.Fatal(err)
	}
	v.Send(at+"/code", "code", code.Code.Reveal())
	if v.Screen() != "frame-recovered" {
		t.Errorf("after the code: %s\n%s", v.Screen(), v.Page)
	}
}

// D-15
func TestTheDeviceListInTheFrameNamesItsPerson(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	name := "Ana <Ruiz>"
	if _, err := w.Directory.SetUser(t.Context(), directory.CommandLine, "ana", directory.UserChange{RealName: &name}); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	if v.Screen() != "frame-devices" || !strings.Contains(v.Page, "Ana &lt;Ruiz&gt;") {
		t.Errorf("%s\n%s", v.Screen(), v.Page)
	}
}
