package api_test

import (
	"strings"
	"testing"

	"countersign/internal/api"
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
	m := api.MenuFor(c, gate(), "")
	if m.Text != "Sign in as alice\n\nChoose one of the following options:\n\n 1. Request to Tablet\n 2. Request to Ana's phone\n\nCode or option (1-2): " {
		t.Errorf("menu\n%s", m.Text)
	}
	if len(m.Factors) != 3 || m.Factors["default"] != "push1" || m.Factors["1"] != "push1" || m.Factors["2"] != "push2" {
		t.Errorf("factors %v", m.Factors)
	}
	if m := api.MenuFor(c, gate(), "123"); !strings.Contains(m.Text, "\n\nYour phone will ask for this number: 123\n\nCode or option") {
		t.Errorf("menu with a number\n%s", m.Text)
	}
	g := gate()
	g.Policy.NumberRequired = "on"
	if m := api.MenuFor(c, g, ""); m.Text != "Sign in as alice\n\nCode: " || len(m.Factors) != 1 || m.Factors["default"] != "push1" {
		t.Errorf("where a number is demanded and cannot be shown: %q, %v", m.Text, m.Factors)
	}
}

// A person names a phone, and a terminal must not obey it.
func TestTheMenuPrintsNothingThatATerminalObeys(t *testing.T) {
	g := gate()
	g.Ways[1].Device = "\u202eTab\x1b[2Jlet\r\u0007\xff"
	if m := api.MenuFor(message.English(), g, ""); !strings.Contains(m.Text, " 1. Request to Tab[2Jlet\uFFFD\n") {
		t.Errorf("%q", m.Text)
	}
	if got := api.Terminal("a\x1b[2Jb\r\nc\u202ed\x00é\xff"); got != "a[2Jb\ncdé\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestATypedLineIsAnOptionAWayOrACode(t *testing.T) {
	required := gate()
	required.Policy.NumberRequired = "on"
	for _, test := range []struct {
		gate  signin.Gate
		typed string
		want  api.Choice
	}{
		{gate(), "1", api.Choice{Factor: api.FactorPush, WayID: "push:DPB"}},
		{gate(), " 2\n", api.Choice{Factor: api.FactorPush, WayID: "push:DPA"}},
		{gate(), "push", api.Choice{Factor: api.FactorPush, WayID: "push:DPB"}},
		{gate(), "PUSH2", api.Choice{Factor: api.FactorPush, WayID: "push:DPA"}},
		{gate(), "push3", api.Choice{Factor: api.FactorPush}},
		{gate(), "push0", api.Choice{Factor: api.FactorPush}},
		{gate(), "push99999999999999999999", api.Choice{Factor: api.FactorPush}},
		{gate(), "auto", api.Choice{Factor: api.FactorPush, WayID: "push:DPB"}},
		{gate(), "Default", api.Choice{Factor: api.FactorPush, WayID: "push:DPB"}},
		{required, "auto", api.Choice{Factor: api.FactorPush}},
		{gate(), "phone1", api.Choice{Factor: api.FactorPhone}},
		{gate(), "sms", api.Choice{Factor: api.FactorSMS}},
		{gate(), "3", api.Choice{}}, {gate(), "0", api.Choice{}}, {gate(), "", api.Choice{}}, {gate(), "  ", api.Choice{}},
		{gate(), "123456", api.Choice{Factor: api.FactorPasscode, Code: "123456"}},
		{gate(), "123 456", api.Choice{Factor: api.FactorPasscode, Code: "123 456"}},
		{gate(), "cccccccdefgh", api.Choice{Factor: api.FactorPasscode, Code: "cccccccdefgh"}},
		{required, "1", api.Choice{}}, {required, "push1", api.Choice{Factor: api.FactorPush}},
	} {
		if got := api.Choose(test.gate, test.typed, false); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.typed, got, test.want)
		}
	}
	if got := api.Choose(required, "1", true); got.WayID != "push:DPB" {
		t.Errorf("where the number is shown: %+v", got)
	}
}

func TestEveryOutcomeHasWords(t *testing.T) {
	c := message.English()
	for _, s := range []transaction.State{transaction.Pending, transaction.Approved, transaction.Denied, transaction.Fraud, transaction.WrongNumber, transaction.TimedOut, transaction.Cancelled} {
		for _, reason := range []string{"", "something new", audit.UserMistake, audit.InvalidPasscode, audit.VerificationWrong, audit.UserCancelled} {
			got := api.StatusOf(c, transaction.Transaction{State: s, Reason: reason})
			allowed := got.Result == api.ResultAllow
			if got.Text == "" || strings.Contains(got.Text, "⟦") || allowed != (s == transaction.Approved) || (got.Result == api.ResultWaiting) != (s == transaction.Pending) {
				t.Errorf("%s %s: %+v", s, reason, got)
			}
		}
	}
	for _, o := range []signin.Outcome{signin.OutcomeAllow, signin.OutcomeDeny, signin.OutcomeChallenge, signin.OutcomeEnroll, "new"} {
		for _, reason := range []string{"", audit.BypassUser, audit.LockedOut, audit.UserDisabled, audit.AllowUnenrolledUser, "something new"} {
			got := api.StatusOfGate(c, signin.Gate{Outcome: o, Reason: reason})
			if got.Text == "" || strings.Contains(got.Text, "⟦") || (got.Result == api.ResultAllow) != (o == signin.OutcomeAllow) {
				t.Errorf("%s %s: %+v", o, reason, got)
			}
		}
	}
	for _, err := range []error{user.ErrLocked, signin.ErrPushLimit, signin.ErrPushStorm, signin.ErrNumber, signin.ErrNoWay} {
		if got, ok := api.StatusOfError(c, err); !ok || got.Result != api.ResultDeny || strings.Contains(got.Text, "⟦") {
			t.Errorf("%v: %+v", err, got)
		}
	}
}
