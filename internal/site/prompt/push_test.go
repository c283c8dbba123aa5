package prompt

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

var words = web.Words{Now: time.Date(2026, 11, 21, 14, 2, 30, 0, time.UTC)}

func TestTheStatusSaysWhatThePageSays(t *testing.T) {
	p := Push{Base: Base{LoginPath: "/prompt/abc"}, Device: "Ana's <phone>", State: control.Delivered, Version: 3, DeliveredAt: words.Now}
	raw, err := json.Marshal(p.Status(words))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":3,"state":"delivered","line":"Request sent to Ana's \u003cphone\u003e.","hint":"Delivered at 14:02:30.","open":true}`
	if string(raw) != want {
		t.Errorf("%s\nwant %s", raw, want)
	}
	if line := string(p.Line(words)); !strings.Contains(line, "<bdi>Ana&#39;s &lt;phone&gt;</bdi>") {
		t.Error(line)
	}
}

func TestOnlyOpenStatesAreOpenAndOnlySlipsMayBeRepeated(t *testing.T) {
	for state, want := range map[control.RequestState][2]bool{
		control.Sent: {true, false}, control.Delivered: {true, false}, control.Unreachable: {true, false},
		control.Approved: {false, false}, control.Reported: {false, false},
		control.Denied: {false, true}, control.WrongNumber: {false, true}, control.TimedOut: {false, true},
	} {
		p := Push{State: state}
		if p.Open() != want[0] || p.Again() != want[1] {
			t.Errorf("%s: open %v, again %v", state, p.Open(), p.Again())
		}
	}
}

func TestTheTryOutAfterAnEnrollmentLinkPromisesNoSignIn(t *testing.T) {
	p := Push{Purpose: TryOut, State: control.Sent}
	if got := p.Why(words) + " " + p.Heading(words); strings.Contains(strings.ToLower(got), "sign") || got != "This tries out your new phone. Try it: answer on your phone" {
		t.Error(got)
	}
}

func TestAPhoneJustSetUpIsNotAskedAwayWhileItIsTriedOut(t *testing.T) {
	b := Base{Devices: true}
	for _, purpose := range []Purpose{FirstRequest, TryOut} {
		if (Push{Base: b, Purpose: purpose, State: control.Sent}).OffersNewPhone() || !(Push{Base: b, Purpose: purpose, State: control.TimedOut}).OffersNewPhone() {
			t.Error(purpose)
		}
	}
	if !(Push{Base: b, State: control.Sent}).OffersNewPhone() || !(Code{Base: b}).OffersNewPhone() {
		t.Error("a plain sign-in offers no new phone")
	}
}

func TestARefusalLeadsBackToTheApplicationsOwnOriginAndNowhereElse(t *testing.T) {
	for origin, want := range map[string]string{"https://app.example": "https://app.example/", "http://127.0.0.1:81": "http://127.0.0.1:81/", "javascript://x": "", "com.example://x": ""} {
		var got string
		if links := backToApp(Base{Base: control.Base{App: "Payroll", FormTargets: []string{origin}}}, words); len(links) == 1 {
			got = links[0].Path
		}
		if got != want {
			t.Errorf("%s gives %q, want %q", origin, got, want)
		}
	}
	if backToApp(Base{Base: control.Base{FormTargets: []string{"https://app.example"}}}, words) != nil || backToApp(Base{Base: control.Base{App: "Payroll"}}, words) != nil {
		t.Error("a link without an application")
	}
}

func TestAPhoneThatNoAlertReachesIsToldOfOnce(t *testing.T) {
	p := Push{Device: "Ana's phone", State: control.Unreachable}
	if s := p.Status(words); s.Hint != "" || s.Line != "Open the countersign app on Ana's phone. The request waits there." || p.Hint(words) != "" {
		t.Errorf("%+v", s)
	}
}

func TestAPageWithoutAPathOfItsOwnUsesTheSignIns(t *testing.T) {
	b := Base{LoginPath: "/prompt/abc"}
	if (Push{Base: b}).Here() != "/prompt/abc" || (Code{Base: b, Path: "/prompt/abc/verify"}).Here() != "/prompt/abc/verify" {
		t.Error("wrong base address")
	}
}

func TestTheCodeHintNamesOnlyWhatThePersonHas(t *testing.T) {
	if got := string(Code{Kinds: []string{"app", "help"}}.Hint(words)); got != "From <bdi>the countersign app</bdi> or <bdi>the help desk</bdi>." {
		t.Error(got)
	}
}
