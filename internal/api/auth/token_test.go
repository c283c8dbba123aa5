package auth

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// N-01: the token of an allowed sign-in, told in auth or in the last auth_status, opens the next one at preauth. AC-036 is
// with the flow, which treats it as a remembered browser.
func TestAnAllowedSignInGivesATokenThatTheNextPreauthTakes(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		w := newWorldOn(k, func(a *application.Application) { a.Policy.RememberDays = 30 })
		p := w.person("alice")
		sync := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code(), "hostname", "laptop-7")
		sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "async", "1", "ipaddr", "203.0.113.7")
		if first := w.ok("GET", "auth_status", "txid", sent.TxID); first.Token != "" {
			t.Errorf("before the answer: %+v", first)
		}
		w.OK(p.Approve(w.pending(p)))
		last, again := w.ok("GET", "auth_status", "txid", sent.TxID), w.ok("GET", "auth_status", "txid", sent.TxID)
		if sync.Token == "" || last.Token == "" || sync.Token == last.Token || again.Token != last.Token {
			t.Fatalf("auth %+v, auth_status %+v, %+v", sync, last, again)
		}
		for _, token := range []string{sync.Token, last.Token} {
			if a := w.ok("POST", "preauth", "username", "alice", "trusted_device_token", token); a.Result != "allow" || a.Message != "Success. This device is remembered." || a.Devices != nil {
				t.Errorf("%+v", a)
			}
		}
		list, err := w.DB.Read().BrowsersOf(t.Context(), p.Row().UserID)
		w.OK(err)
		names := map[string]bool{}
		for _, b := range list {
			names[b.Name] = true
			if strings.Contains(string(b.Digest), sync.Token) {
				t.Error("the token rests as it is")
			}
		}
		if len(list) != 2 || !names["laptop-7"] || !names["A device at 203.0.113.7"] {
			t.Errorf("listed as %v", names)
		}
		for _, token := range []string{"", "x", sync.Token + "x", strings.Repeat("x", 10_000), "\x00'; --"} {
			if a := w.ok("POST", "preauth", "username", "alice", "trusted_device_token", token); a.Result != "auth" {
				t.Errorf("%.20q: %+v", token, a)
			}
		}
	})
}

func TestAnOldAttemptTellsNoToken(t *testing.T) {
	w := newWorldOn(flowkit.New(t, dbtest.SQLite(t)), func(a *application.Application) { a.Policy.RememberDays = 30 })
	p := w.person("alice")
	sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "async", "1")
	code := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code(), "async", "1")
	w.OK(p.Approve(w.pending(p)))
	for _, one := range []struct {
		later time.Duration
		told  bool
	}{{0, true}, {9 * time.Minute, true}, {20 * time.Hour, false}} {
		w.Clock.Advance(one.later)
		for _, txid := range []string{sent.TxID, code.TxID} {
			if a := w.ok("GET", "auth_status", "txid", txid); a.Result != "allow" || (a.Token != "") != one.told {
				t.Errorf("%v later: %+v", one.later, a)
			}
		}
	}
}

func TestWhoMayKeepNoTokenGetsNone(t *testing.T) {
	w := newWorldOn(flowkit.New(t, dbtest.SQLite(t)), func(a *application.Application) { a.Policy.RememberDays = 30 })
	p := w.person("alice")
	raw := func(pairs ...string) string {
		return w.send("POST", "auth", append(pairs, "username", "alice", "hostname", "laptop-7")...).raw
	}
	for what, answer := range map[string]string{
		"a code of the help desk": raw("factor", "passcode", "passcode", w.BypassCode("alice")),
		"a wrong code":            raw("factor", "passcode", "passcode", p.Wrong()),
		"a terminal":              raw("factor", "prompt", "prompt", p.Code()),
	} {
		if strings.Contains(answer, "trusted_device_token") || !strings.Contains(answer, `"result"`) {
			t.Errorf("%s: %s", what, answer)
		}
	}
	w.policy(func(p *policy.Policy) { p.RememberDays = policy.RememberOff })
	if answer := raw("factor", "passcode", "passcode", p.Code()); strings.Contains(answer, "trusted_device_token") || !strings.Contains(answer, "allow") {
		t.Errorf("policy off: %s", answer)
	}
	w = newWorldOn(flowkit.New(t, dbtest.SQLite(t)), func(a *application.Application) { a.Type, a.Policy.RememberDays = application.TypeUnix, 30 })
	p = w.person("alice")
	if answer := raw("factor", "passcode", "passcode", p.Code()); strings.Contains(answer, "trusted_device_token") || !strings.Contains(answer, "allow") {
		t.Errorf("a host: %s", answer)
	}
}

// N-01, A-14, R-8: codes given before any phone is set up are good.
func TestACodeOfTheHelpDeskComesBeforeAnyPhone(t *testing.T) {
	w := newWorld(t)
	w.User("dora")
	if a := w.ok("POST", "preauth", "username", "dora"); a.Result != "enroll" {
		t.Fatalf("%+v", a)
	}
	code := w.BypassCode("dora")
	if a := w.ok("POST", "preauth", "username", "dora"); a.Result != "auth" || len(a.Devices) != 0 {
		t.Errorf("%+v", a)
	}
	if a := w.ok("POST", "auth", "username", "dora", "factor", "passcode", "passcode", code); a.Result != "allow" {
		t.Errorf("%+v", a)
	}
	if a := w.ok("POST", "preauth", "username", "dora"); a.Result != "enroll" {
		t.Errorf("when it is spent: %+v", a)
	}
}

// Where policy demands a number and the caller shows none, one that asks nobody is told why (RULE-14).
func TestWhoAsksNobodyIsToldThatRequestsCannotBeUsed(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Policy.NumberRequired = "on" })
	w.person("alice")
	a := w.ok("POST", "preauth", "username", "alice", "text_prompt", "1")
	if a.Prompt == nil || a.Prompt.Factors["default"] == "" {
		t.Fatalf("%+v", a.Prompt)
	}
	if b := w.ok("POST", "auth", "username", "alice", "factor", "prompt", "prompt", a.Prompt.Factors["default"]); b.Result != "deny" || b.Message != "Requests cannot be used here. Use a code." {
		t.Errorf("%+v", b)
	}
}
