package attempt_test

import (
	"strings"
	"testing"

	"countersign/internal/api/attempt"
	"countersign/internal/api/menu"
	"countersign/internal/base/message"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

func gate() signin.Gate {
	return signin.Gate{Username: "alice", User: user.User{DefaultPhone: "DPB"}, Policy: policy.Policy{NumberRequired: "off"}, Ways: []signin.Way{
		{ID: "push:DPA", Method: policy.MethodPush, PhoneID: "DPA", Device: "Ana's phone"},
		{ID: "push:DPB", Method: policy.MethodPush, PhoneID: "DPB", Device: "Tablet"},
		{ID: "code:DPA", Method: policy.MethodPasscode, PhoneID: "DPA", Device: "Ana's phone"},
	}}
}

func TestTheMenuListsTheWaysAndEndsWithTheQuestion(t *testing.T) {
	c := message.English()
	m := attempt.MenuFor(c, gate(), "")
	if m.Text != "Sign in as alice\n\nChoose one of the following options:\n\n 1. Request to Tablet\n 2. Request to Ana's phone\n\nCode or option (1-2): " {
		t.Errorf("menu\n%s", m.Text)
	}
	if len(m.Factors) != 3 || m.Factors["default"] != "push1" || m.Factors["1"] != "push1" || m.Factors["2"] != "push2" {
		t.Errorf("factors %v", m.Factors)
	}
	if m := attempt.MenuFor(c, gate(), "123"); !strings.Contains(m.Text, "\n\nYour phone will ask for this number: 123\n\nCode or option") {
		t.Errorf("menu with a number\n%s", m.Text)
	}
	g := gate()
	g.Policy.NumberRequired = "on"
	if m := attempt.MenuFor(c, g, ""); m.Text != "Sign in as alice\n\nCode: " || len(m.Factors) != 1 || m.Factors["default"] != "push1" {
		t.Errorf("where a number is demanded and cannot be shown: %q, %v", m.Text, m.Factors)
	}
}

// A person names a phone, and a terminal must not obey it.
func TestTheMenuPrintsNothingThatATerminalObeys(t *testing.T) {
	g := gate()
	g.Ways[1].Device = "\u202eTab\x1b[2Jlet\r\u0007\xff"
	if m := attempt.MenuFor(message.English(), g, ""); !strings.Contains(m.Text, " 1. Request to Tab[2Jlet\uFFFD\n") {
		t.Errorf("%q", m.Text)
	}
	if got := menu.Terminal("a\x1b[2Jb\r\nc\u202ed\x00é\xff"); got != "a[2Jb\ncdé\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestATypedLineIsAnOptionAWayOrACode(t *testing.T) {
	required := gate()
	required.Policy.NumberRequired = "on"
	for _, test := range []struct {
		gate  signin.Gate
		typed string
		want  attempt.Choice
	}{
		{gate(), "1", attempt.Choice{Factor: menu.Push, WayID: "push:DPB"}},
		{gate(), " 2\n", attempt.Choice{Factor: menu.Push, WayID: "push:DPA"}},
		{gate(), "push", attempt.Choice{Factor: menu.Push, WayID: "push:DPB"}},
		{gate(), "PUSH2", attempt.Choice{Factor: menu.Push, WayID: "push:DPA"}},
		{gate(), "push3", attempt.Choice{Factor: menu.Push}},
		{gate(), "push0", attempt.Choice{Factor: menu.Push}},
		{gate(), "push99999999999999999999", attempt.Choice{Factor: menu.Push}},
		{gate(), "auto", attempt.Choice{Factor: menu.Push, WayID: "push:DPB"}},
		{gate(), "Default", attempt.Choice{Factor: menu.Push, WayID: "push:DPB"}},
		{required, "auto", attempt.Choice{Factor: menu.Push}},
		{gate(), "phone1", attempt.Choice{Factor: menu.Phone}},
		{gate(), "sms", attempt.Choice{Factor: menu.SMS}},
		{gate(), "3", attempt.Choice{}}, {gate(), "0", attempt.Choice{}}, {gate(), "", attempt.Choice{}}, {gate(), "  ", attempt.Choice{}},
		{gate(), "123456", attempt.Choice{Factor: menu.Passcode, Code: "123456"}},
		{gate(), "123 456", attempt.Choice{Factor: menu.Passcode, Code: "123 456"}},
		{gate(), "cccccccdefgh", attempt.Choice{Factor: menu.Passcode, Code: "cccccccdefgh"}},
		{required, "1", attempt.Choice{}}, {required, "push1", attempt.Choice{Factor: menu.Push}},
	} {
		if got := attempt.Typed(test.gate, test.typed, false); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.typed, got, test.want)
		}
	}
	if got := attempt.Typed(required, "1", true); got.WayID != "push:DPB" {
		t.Errorf("where the number is shown: %+v", got)
	}
}

func TestEveryOutcomeHasWords(t *testing.T) {
	c := message.English()
	for _, s := range []transaction.State{transaction.Pending, transaction.Approved, transaction.Denied, transaction.Fraud, transaction.WrongNumber, transaction.TimedOut, transaction.Cancelled} {
		for _, reason := range []string{"", "something new", audit.UserMistake, audit.InvalidPasscode, audit.VerificationWrong, audit.UserCancelled} {
			got := attempt.StatusOf(c, transaction.Transaction{State: s, Reason: reason})
			allowed := got.Result == attempt.ResultAllow
			if got.Text == "" || strings.Contains(got.Text, "⟦") || allowed != (s == transaction.Approved) || (got.Result == attempt.ResultWaiting) != (s == transaction.Pending) {
				t.Errorf("%s %s: %+v", s, reason, got)
			}
		}
	}
	for _, o := range []signin.Outcome{signin.OutcomeAllow, signin.OutcomeDeny, signin.OutcomeChallenge, signin.OutcomeEnroll, "new"} {
		for _, reason := range []string{"", audit.BypassUser, audit.LockedOut, audit.UserDisabled, audit.AllowUnenrolledUser, "something new"} {
			got := attempt.StatusOfGate(c, signin.Gate{Outcome: o, Reason: reason})
			if got.Text == "" || strings.Contains(got.Text, "⟦") || (got.Result == attempt.ResultAllow) != (o == signin.OutcomeAllow) {
				t.Errorf("%s %s: %+v", o, reason, got)
			}
		}
	}
	for _, err := range []error{user.ErrLocked, signin.ErrPushLimit, signin.ErrPushStorm, signin.ErrNumber, signin.ErrNoWay} {
		if got, ok := attempt.StatusOfError(c, err); !ok || got.Result != attempt.ResultDeny || strings.Contains(got.Text, "⟦") {
			t.Errorf("%v: %+v", err, got)
		}
	}
}
