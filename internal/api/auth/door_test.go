package auth

import (
	"context"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/flowkit"
)

func TestPingNeedsNoKeyAndCheckDoes(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{"/auth/v2/ping", "/auth/v2/ping?", "/auth/v2/ping?x=%zz"} {
		if r := w.do(httptest.NewRequest("GET", "https://"+apiHost+target, nil)); r.status != 200 || r.raw != `{"stat":"OK","response":{"time":1772366400}}` {
			t.Errorf("%s: %d %s", target, r.status, r.raw)
		}
	}
	if a := w.ok("GET", "check"); a.Time != w.Clock.Now().Unix() {
		t.Errorf("check: %+v", a)
	}
	if r := w.do(httptest.NewRequest("GET", "https://"+apiHost+"/auth/v2/check", nil)); r.status != 401 || r.Code != 40101 {
		t.Errorf("unsigned: %d %s", r.status, r.raw)
	}
}

func TestTheLogoIsAPicture(t *testing.T) {
	w := newWorld(t)
	if r := w.send("GET", "logo"); r.status != 200 || r.header.Get("Content-Type") != "image/png" || r.raw != "\x89PNG logo" {
		t.Errorf("%d %v %q", r.status, r.header, r.raw)
	}
	w.door.Logo = nil
	w.fails(40401, "", "GET", "logo")
}

func TestOtherAddressesAndMethodsAnswerInTheProtocolsForm(t *testing.T) {
	w := newWorld(t)
	if r := w.send("GET", "nothing"); r.status != 404 || r.Code != 40401 {
		t.Errorf("%d %s", r.status, r.raw)
	}
	for _, method := range []string{"GET", "PUT", "post"} {
		if r := w.do(httptest.NewRequest(method, "https://"+apiHost+"/auth/v2/preauth", nil)); r.status != 405 || r.Code != 40501 || r.header.Get("Allow") != "POST" {
			t.Errorf("%s: %d %s", method, r.status, r.raw)
		}
	}
}

func TestPreauthListsThePhoneAndWhatItCanDo(t *testing.T) {
	w := newWorld(t)
	p := w.person("alice")
	byName := w.ok("POST", "preauth", "username", "CORP\\Alice")
	if byName.Result != "auth" || byName.Message == "" || len(byName.Devices) != 1 || byName.TxID != "" || byName.Prompt != nil {
		t.Fatalf("%+v", byName)
	}
	d := byName.Devices[0]
	if d.ID != p.ID || d.Type != "phone" || d.Name != "Pixel 9" || d.DisplayName == "" || !slices.Equal(d.Capabilities, []string{"auto", "push", "mobile_otp"}) {
		t.Errorf("device %+v", d)
	}
	row := p.Row()
	if byID := w.ok("POST", "preauth", "user_id", row.UserID); byID.Result != "auth" {
		t.Errorf("by user_id: %+v", byID)
	}
	w.policy(func(p *policy.Policy) { p.Methods = []string{policy.MethodPasscode} })
	if a := w.ok("POST", "preauth", "username", "alice"); len(a.Devices) != 1 || !slices.Equal(a.Devices[0].Capabilities, []string{"mobile_otp"}) {
		t.Errorf("requests are not allowed: %+v", a)
	}
}

func TestPreauthAnswersAsTheGatesSay(t *testing.T) {
	for _, test := range []struct {
		name   string
		status user.Status
		change func(*policy.Policy)
		who    string
		result string
	}{
		{"an active user", "", nil, "alice", "auth"},
		{"a user in bypass", user.Bypass, nil, "alice", "allow"},
		{"X-01 a disabled user", user.Disabled, nil, "alice", "deny"},
		{"X-02 a locked-out user", user.LockedOut, nil, "alice", "deny"},
		{"X-03 a user in the trash", user.PendingDeletion, nil, "alice", "deny"},
		{"X-04 a stranger, deny", "", func(p *policy.Policy) { p.NewUser = policy.NewUserDeny }, "stranger", "deny"},
		{"a stranger, allow", "", func(p *policy.Policy) { p.NewUser = policy.NewUserAllow }, "stranger", "allow"},
		{"a stranger, enroll", "", nil, "stranger", "enroll"},
		{"X-07 nobody may", "", func(p *policy.Policy) { p.Authentication = policy.AuthenticationDeny }, "alice", "deny"},
		{"nobody need", "", func(p *policy.Policy) { p.Authentication = policy.AuthenticationBypass }, "alice", "allow"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.person("alice")
			if test.change != nil {
				w.policy(test.change)
			}
			w.status(p.Row().UserID, test.status)
			a := w.ok("POST", "preauth", "username", test.who, "failmode", "open", "trusted_device_token", "x")
			if a.Result != test.result || a.Message == "" || strings.Contains(a.Message, "⟦") || (a.PortalURL != "") != (test.result == "enroll") {
				t.Errorf("%+v", a)
			}
			if test.result == "auth" || test.result == "enroll" {
				return
			}
			// The same question to auth has the same answer, at once and later.
			b := w.ok("POST", "auth", "username", test.who, "factor", "auto", "device", "auto")
			if b.Result != test.result || b.Message != a.Message {
				t.Errorf("auth: %+v", b)
			}
			c := w.ok("POST", "auth", "username", test.who, "factor", "auto", "device", "auto", "async", "1")
			if got := w.ok("GET", "auth_status", "txid", c.TxID); got.Result != b.Result || got.Status != b.Status || got.Message == "" {
				t.Errorf("auth_status: %+v, auth: %+v", got, b)
			}
		})
	}
}

// status writes a user's status; locked out is the system's own.
func (w *world) status(userID string, s user.Status) {
	w.Helper()
	w.Write(func(st flow.Store) error {
		u, err := st.UserByID(context.Background(), userID)
		if err != nil || s == "" {
			return err
		}
		if s == user.LockedOut {
			_, err = st.LockOut(context.Background(), userID, w.Clock.Now())
			return err
		}
		u.Status = s
		return st.SaveUser(context.Background(), u)
	})
}

func TestParametersThatAreMissingOrWrongAreNamed(t *testing.T) {
	w := newWorld(t)
	w.person("alice")
	w.fails(40001, "username", "POST", "preauth")
	w.fails(40002, "username and user_id", "POST", "preauth", "username", "alice", "user_id", "DU000000000000000000")
	w.fails(40002, "user_id", "POST", "preauth", "user_id", "DU000000000000000000")
	w.fails(40002, "user_id", "POST", "preauth", "user_id", "x\x00'")
	w.fails(40002, "username", "POST", "preauth", "username", "\u202ealice")
	w.fails(40002, "username", "POST", "preauth", "username", "alice", "username", "bob")
	w.fails(40001, "factor", "POST", "auth", "username", "alice")
	w.fails(40002, "factor", "POST", "auth", "username", "alice", "factor", "hope")
	w.fails(40001, "device", "POST", "auth", "username", "alice", "factor", "push")
	w.fails(40001, "passcode", "POST", "auth", "username", "alice", "factor", "passcode")
	w.fails(40002, "pushinfo", "POST", "auth", "username", "alice", "factor", "push", "device", "auto", "pushinfo", strings.Repeat("a", 20_000))
	w.fails(40002, "txid", "POST", "auth", "username", "alice", "factor", "push", "device", "auto", "txid", "0c2f0b1e-7b1a-4c1e-8a1a-000000000000")
	for _, factor := range []string{"phone", "sms"} {
		w.fails(40002, "no capable device", "POST", "auth", "username", "alice", "factor", factor, "device", "auto")
	}
	w.fails(40002, "no capable device", "POST", "auth", "username", "alice", "factor", "push", "device", "DP000000000000000000")
	w.fails(40001, "txid", "GET", "auth_status")
	w.fails(40002, "txid", "GET", "auth_status", "txid", "x\x00")
	w.fails(40002, "txid", "GET", "auth_status", "txid", "0c2f0b1e-7b1a-4c1e-8a1a-000000000000")
}

func TestARequestIsSentAndWatchedToItsEnd(t *testing.T) {
	for _, test := range []struct {
		name                   string
		answer                 func(*flowkit.Phone, transaction.Transaction) (string, error)
		result, status, reason string
	}{
		{"approved", func(p *flowkit.Phone, t transaction.Transaction) (string, error) { return "", p.Approve(t) }, "allow", "allow", ""},
		{"X-09 denied", func(p *flowkit.Phone, t transaction.Transaction) (string, error) {
			return p.Send(p.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake }))
		}, "deny", "deny", ""},
		{"X-10 reported", func(p *flowkit.Phone, t transaction.Transaction) (string, error) {
			return p.Send(p.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }))
		}, "deny", "fraud", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.person("alice")
			p.Subscribe()
			sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", p.ID, "async", "1", "type", "Transfer", "display_username", "Alice A.",
				"pushinfo", "from=a%26b&to=caf%C3%A9%00%0Ax&bad=%zz&none", "hostname", "db1", "ipaddr", "203.0.113.7")
			row := w.pending(p)
			if row.ID != sent.TxID || row.Title != "Transfer" || row.IP != "203.0.113.7" || row.Number != "" || row.ApplicationID != w.app.ID {
				t.Errorf("request %+v", row)
			}
			want := []transaction.Field{{Label: "Name used there", Value: "Alice A."}, {Label: "Computer", Value: "db1"}, {Label: "from", Value: "a&b"},
				{Label: "to", Value: "café x"}, {Label: "bad", Value: "%zz"}, {Label: "And", Value: "none"}}
			if !slices.Equal(row.Info, want) {
				t.Errorf("info %q", row.Info)
			}
			first := w.ok("GET", "auth_status", "txid", sent.TxID)
			if first.Result != "waiting" || first.Status != "pushed" || first.Message == "" || first.Delayed == nil || *first.Delayed {
				t.Errorf("first look: %+v", first)
			}
			before := time.Now()
			if second := w.ok("GET", "auth_status", "txid", sent.TxID); second.Result != "waiting" || time.Since(before) < w.door.Hold/2 {
				t.Errorf("second look, after %v: %+v", time.Since(before), second)
			}
			if _, err := test.answer(p, row); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a decision stays
				if last := w.ok("GET", "auth_status", "txid", sent.TxID); last.Result != test.result || last.Status != test.status || last.Message == "" {
					t.Errorf("last look: %+v", last)
				}
			}
		})
	}
}

func TestABlockingCallEndsWithTheAnswer(t *testing.T) {
	w := newWorld(t)
	p := w.person("alice")
	done := make(chan answer)
	go func() { done <- w.ok("POST", "auth", "username", "alice", "factor", "auto", "device", "auto") }()
	for i := 0; ; i++ {
		open, err := w.DB.Read().OpenTransactionsOn(context.Background(), p.ID, w.Clock.Now())
		w.OK(err)
		if len(open) == 1 {
			w.OK(p.Approve(open[0]))
			break
		}
		if i > 3000 {
			t.Fatal("no request came")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if a := <-done; a.Result != "allow" || a.Status != "allow" {
		t.Errorf("%+v", a)
	}
}

func TestARequestNobodyAnswersTimesOut(t *testing.T) {
	w := newWorld(t)
	w.person("alice")
	sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "async", "1")
	w.ok("GET", "auth_status", "txid", sent.TxID)
	w.Clock.Advance(time.Minute)
	if a := w.ok("GET", "auth_status", "txid", sent.TxID); a.Result != "deny" || a.Status != "timeout" {
		t.Errorf("%+v", a)
	}
}

func TestACodeIsGoodOnceAndAWrongOneIsNot(t *testing.T) {
	w := newWorld(t)
	p := w.person("alice")
	if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Wrong()); a.Result != "deny" || a.Status != "deny" {
		t.Errorf("wrong: %+v", a)
	}
	code := p.Code()
	if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", code); a.Result != "allow" {
		t.Errorf("right: %+v", a)
	}
	if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", code); a.Result != "deny" {
		t.Errorf("again: %+v", a)
	}
	sent := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code(), "async", "true")
	if a := w.ok("GET", "auth_status", "txid", sent.TxID); a.Result != "allow" {
		t.Errorf("async: %+v", a)
	}
	r := directory.NewBypassRequest()
	made, err := w.Directory.MakeBypassCode(context.Background(), directory.CommandLine, "alice", r)
	w.OK(err)
	if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", made.Code.Reveal()); a.Result != "allow" {
		t.Errorf("bypass code: %+v", a)
	}
	for range 10 {
		w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Wrong())
	}
	if a := w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code()); a.Result != "deny" || a.Status != "locked_out" {
		t.Errorf("X-02 after ten wrong ones: %+v", a)
	}
}

func TestANumberIsShownByTheClientAndAskedForOnThePhone(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Policy.NumberRequired = "on" })
	p := w.person("alice")
	plain := w.ok("POST", "preauth", "username", "alice")
	if slices.Contains(plain.Devices[0].Capabilities, "push") || plain.Number != "" {
		t.Errorf("a client without numbers is offered requests: %+v", plain)
	}
	if a := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto"); a.Result != "deny" || len(p.Requests()) != 0 {
		t.Errorf("RULE-14: %+v", a)
	}
	a := w.ok("POST", "preauth", "username", "alice", "client_supports_verified_push", "1")
	if len(a.Number) != 3 || !uuidShaped(a.TxID) || !slices.Contains(a.Devices[0].Capabilities, "push") {
		t.Fatalf("%+v", a)
	}
	w.User("bob")
	sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "txid", a.TxID, "async", "1")
	row := w.pending(p)
	if row.Number != a.Number {
		t.Errorf("the phone asks for %s, the client shows %s", row.Number, a.Number)
	}
	if _, err := p.Send(p.Answer(row, phonewire.Approve, func(x *phonewire.Answer) { x.Number = other(row.Number) })); err != nil {
		t.Fatal(err)
	}
	if s := w.ok("GET", "auth_status", "txid", sent.TxID); s.Result != "deny" || s.Status != "deny" {
		t.Errorf("X-12: %+v", s)
	}
	w.person("carol")
	w.fails(40002, "txid", "POST", "auth", "username", "carol", "factor", "push", "device", "auto", "txid", a.TxID)
	w.fails(40002, "txid", "POST", "auth", "username", "alice", "factor", "push", "device", "auto", "txid", a.TxID) // an hour old by now
}

func other(number string) string {
	if number[0] == '0' {
		return "1" + number[1:]
	}
	return "0" + number[1:]
}

func TestATerminalGetsAMenuAndSendsBackWhatWasTyped(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Type = application.TypeUnix })
	p := w.person("alice")
	a := w.ok("POST", "preauth", "username", "alice", "text_prompt", "1", "failmode", "open", "hostname", "h", "client_supports_verified_push", "1")
	if a.Prompt == nil || a.Prompt.Factors["1"] != "push1" || !strings.Contains(a.Prompt.Text, a.Number) || len(a.Number) != 3 {
		t.Fatalf("%+v", a)
	}
	sent := w.ok("POST", "auth", "username", "alice", "factor", "prompt", "prompt", "push1", "async", "1", "txid", a.TxID)
	if row := w.pending(p); row.ID != sent.TxID || row.Number != a.Number {
		t.Errorf("%+v", row)
	}
	if a := w.ok("POST", "auth", "username", "alice", "factor", "prompt", "prompt", p.Code()); a.Result != "allow" {
		t.Errorf("a code: %+v", a)
	}
	for _, typed := range []string{"7", "push9", "sms1", "phone", ""} {
		if a := w.ok("POST", "auth", "username", "alice", "factor", "prompt", "prompt", typed); a.Result != "deny" || a.Message == "" {
			t.Errorf("%q: %+v", typed, a)
		}
	}
	u, err := w.DB.Read().UserByName(context.Background(), "alice")
	if w.OK(err); u.Failures != 0 {
		t.Errorf("options that are not there were counted as %d wrong codes", u.Failures)
	}
	e := w.ok("POST", "preauth", "username", "newcomer", "text_prompt", "1")
	if e.Result != "enroll" || e.Prompt == nil || !strings.Contains(e.Prompt.Text, e.PortalURL) || e.Prompt.Text != e.Message {
		t.Errorf("%+v", e)
	}
}

func TestAnApplicationSeesItsOwnRequestsOnly(t *testing.T) {
	w := newWorld(t)
	w.person("alice")
	sent := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "async", "1")
	w.status(w.userID("alice"), user.Disabled)
	refused := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto", "async", "1")
	w.app = w.Application("Other", func(a *application.Application) {
		a.Type, a.Secret = application.TypeAuthAPI, w.Keys.Seal(application.SecretPurpose, a.ID, []byte(w.skey))
	})
	w.fails(40002, "txid", "GET", "auth_status", "txid", sent.TxID)
	w.fails(40002, "txid", "GET", "auth_status", "txid", refused.TxID)
}

func (w *world) userID(name string) string {
	w.Helper()
	u, err := w.DB.Read().UserByName(context.Background(), name)
	w.OK(err)
	return u.ID
}

func TestEnrollRegistersAPersonWhosePhoneThenPairs(t *testing.T) {
	w := newWorld(t)
	e := w.ok("POST", "enroll", "username", "Dora@example.edu", "valid_secs", "3600")
	code := e.URL[strings.LastIndexByte(e.URL, '/')+1:]
	if e.Username != "dora" || e.URL != flowkit.Origin+"/a/"+code || e.Expires != w.Clock.Now().Add(time.Hour).Unix() || !keyShaped(e.UserID) ||
		e.Code != "duo://"+code+"-"+base64.RawStdEncoding.EncodeToString([]byte(apiHost)) || e.Barcode != "https://"+apiHost+"/frame/qr?value="+url.QueryEscape(e.URL) {
		t.Errorf("%+v", e)
	}
	status := func(userID, code string) string {
		return string(w.send("POST", "enroll_status", "user_id", userID, "activation_code", code).Body)
	}
	if got := status(e.UserID, e.Code); got != `"waiting"` {
		t.Errorf("before: %s", got)
	}
	for _, bad := range [][2]string{{e.UserID, "duo://x-y"}, {w.userID2(), e.Code}, {"x", e.Code}, {e.UserID, strings.Replace(e.Code, code[:4], "AAAA", 1)}} {
		if got := status(bad[0], bad[1]); got != `"invalid"` {
			t.Errorf("%v: %s", bad, got)
		}
	}
	w.fails(40002, "username already exists", "POST", "enroll", "username", "dora")
	p, err := w.Claim(e.URL)
	w.OK(err)
	if got := status(e.UserID, e.Code); got != `"success"` {
		t.Errorf("after: %s", got)
	}
	if _, err := w.Claim(e.URL); err == nil {
		t.Error("a second phone claimed the code (X-33)")
	}
	if a := w.ok("POST", "preauth", "username", "dora"); a.Result != "auth" || a.Devices[0].ID != p.ID {
		t.Errorf("%+v", a)
	}
}

// Who a host's key belongs to may not make people who pass its second proof.
func TestAHostRegistersNobody(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Type, a.Policy.NewUser = application.TypeUnix, policy.NewUserDeny })
	w.fails(40301, "Wrong integration type for this API.", "POST", "enroll", "username", "dora")
	w.fails(40301, "Wrong integration type for this API.", "POST", "enroll_status", "user_id", w.userID2(), "activation_code", "duo://x-y")
	if a := w.ok("POST", "preauth", "username", "dora"); a.Result != "deny" {
		t.Errorf("%+v", a)
	}
}

func (w *world) userID2() string { return w.User("somebody").ID }

func TestAnIssuedCodeEndsWithItsTimeAndWithAnotherWayIn(t *testing.T) {
	w := newWorld(t)
	e := w.ok("POST", "enroll", "username", "dora")
	w.Clock.Advance(24*time.Hour + time.Second)
	if got := w.send("POST", "enroll_status", "user_id", e.UserID, "activation_code", e.Code); string(got.Body) != `"invalid"` {
		t.Errorf("expired: %s", got.raw)
	}
	if _, err := w.Claim(e.URL); err == nil {
		t.Error("an expired code was claimed (X-32)")
	}
	e = w.ok("POST", "enroll", "username", "erin")
	w.Enrolled(w.Application("Wiki"), "erin")
	if _, err := w.Claim(e.URL); err == nil {
		t.Error("a code issued before added a phone to an enrolled account (AC-002)")
	}
}

func TestEnrollTakesAnyNumberThatMakesSense(t *testing.T) {
	w := newWorld(t)
	w.door.BypassCodes = func(_ context.Context, _ application.Application, name string, n int) ([]string, error) {
		return slices.Repeat([]string{name}, n), nil
	}
	e := w.ok("POST", "enroll", "bypass_codes", "2")
	if len(e.Username) != 32 || len(e.Codes) != 2 || e.Codes[0] != e.Username || e.Expires != w.Clock.Now().Add(24*time.Hour).Unix() {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{"0", "-1", "x", "1e9", "99999999999999999999", "2592001"} {
		w.fails(40002, "valid_secs", "POST", "enroll", "valid_secs", bad)
	}
	w.fails(40002, "bypass_codes", "POST", "enroll", "bypass_codes", "11")
	w.fails(40002, "username", "POST", "enroll", "username", "a|b")
}

func TestThePictureIsOfOurOwnLinksOnly(t *testing.T) {
	w := newWorld(t)
	e := w.ok("POST", "enroll", "username", "dora")
	r := w.do(httptest.NewRequest("GET", e.Barcode, nil))
	if r.status != 200 || r.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(r.raw, "\x89PNG") {
		t.Errorf("%d %v", r.status, r.header)
	}
	for _, value := range []string{"", "https://evil.example/a/0123456789012345678901", flowkit.Origin + "/a/short", flowkit.Origin + ".evil.example/a/0123456789012345678901", "javascript:0"} {
		if r := w.do(httptest.NewRequest("GET", "https://"+apiHost+"/frame/qr?value="+url.QueryEscape(value), nil)); r.status != 404 {
			t.Errorf("%s: %d", value, r.status)
		}
	}
}

func TestThePortalLinkLetsTheNextSignInSucceed(t *testing.T) {
	w := newWorld(t)
	a := w.ok("POST", "preauth", "username", "frank")
	again := w.ok("POST", "preauth", "username", "frank")
	if a.PortalURL != again.PortalURL || !strings.HasPrefix(a.PortalURL, flowkit.Origin+"/enroll/") {
		t.Errorf("a repeated call gives another link: %s, %s", a.PortalURL, again.PortalURL)
	}
	invited := w.invited(strings.TrimPrefix(a.PortalURL, flowkit.Origin+"/enroll/"))
	p, err := w.Claim(invited)
	w.OK(err)
	if b := w.ok("POST", "preauth", "username", "frank"); b.Result != "auth" || b.Devices[0].ID != p.ID {
		t.Errorf("%+v", b)
	}
	if b := w.ok("POST", "auth", "username", "frank", "factor", "passcode", "passcode", p.Code()); b.Result != "allow" {
		t.Errorf("%+v", b)
	}
}

func TestAPortalLinkLivesFiveMinutesAndDoesNotShortenAnInvitation(t *testing.T) {
	w := newWorld(t)
	a := w.ok("POST", "preauth", "username", "frank")
	inv, err := w.Directory.Invite(context.Background(), directory.CommandLine, "frank")
	w.OK(err)
	if inv.Expires.Sub(w.Clock.Now()) < 24*time.Hour {
		t.Errorf("the invitation ends at %v", inv.Expires)
	}
	w.Clock.Advance(5 * time.Minute)
	if _, err := w.openLink(strings.TrimPrefix(a.PortalURL, flowkit.Origin+"/enroll/")); err == nil {
		t.Error("the link still opens")
	}
	if b := w.ok("POST", "preauth", "username", "frank"); b.Result != "enroll" || b.PortalURL == a.PortalURL {
		t.Errorf("%+v", b)
	}
}

func TestALostDatabaseIs429AndASlowOneTakesTwoSeconds(t *testing.T) {
	w := newWorld(t)
	w.person("alice")
	w.door.Applications = lost{}
	w.h = w.door.Handler()
	for _, one := range [][]string{{"GET", "check"}, {"POST", "preauth", "username", "alice"}, {"POST", "auth", "username", "alice", "factor", "auto", "device", "auto"}} {
		if r := w.send(one[0], one[1], one[2:]...); r.status != 429 || r.Code != 42901 || r.header.Get("Retry-After") == "" {
			t.Errorf("%v: %d %s", one, r.status, r.raw)
		}
	}
	hangs := make(chan struct{})
	defer close(hangs)
	w.door.Applications, w.door.Deadline = lost{hangs: hangs}, 50*time.Millisecond
	w.h = w.door.Handler()
	before := time.Now()
	if r := w.send("POST", "preauth", "username", "alice"); r.status != 429 || time.Since(before) > 30*time.Second {
		t.Errorf("%d after %v", r.status, time.Since(before))
	}
}
