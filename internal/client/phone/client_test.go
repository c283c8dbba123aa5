package phone_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	door "countersign/internal/api/phone"
	"countersign/internal/api/phone/phonefake"
	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

var ctx = context.Background()

// serve starts a door of the phone protocol whose clock is ahead of the phone's by skew.
func serve(t *testing.T, skew time.Duration) (*phonefake.Mobile, string) {
	now := func() time.Time { return time.Now().Add(skew) }
	m := &phonefake.Mobile{Organisation: "Northfield", Now: now}
	s := httptest.NewServer((&door.Door{Mobile: m, Now: now}).Handler())
	t.Cleanup(s.Close)
	m.Origin = s.URL
	m.Offer("7KQM2XWN", "ana")
	return m, s.URL
}

func pair(t *testing.T, origin, path string) *phone.Device {
	t.Helper()
	d, err := phone.Pair(ctx, "7kqm-2xwn", phone.Options{Origin: origin, Name: "Desk", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(m *phonefake.Mobile, tx string) phonewire.Request {
	return phonewire.Request{Transaction: tx, ApplicationID: "DI1", ApplicationName: "Payroll", Expires: m.Now().Add(time.Minute).UnixMilli()}
}

func TestAPhonePairsApprovesAndIsFoundAgainInItsFile(t *testing.T) {
	m, origin := serve(t, 0)
	file := filepath.Join(t.TempDir(), "sub", "phone.json")
	d := pair(t, origin, file)
	if a := d.Account(); a.Username != "ana" || a.Organisation != "Northfield" || a.OTP.Secret != "" {
		t.Errorf("%+v", a)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	id := d.Account().AccountID
	m.Ask(id, "417", request(m, "tx-1"))
	if out, err := d.Approve(ctx, "", "417"); err != nil || out.State != phonewire.StateApproved {
		t.Fatalf("%+v %v", out, err)
	}
	d, err := phone.Load(file, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Ask(id, "417", request(m, "tx-2"))
	if out, err := d.Approve(ctx, "tx-2", "418"); err != nil || out.State != phonewire.StateWrongNumber {
		t.Fatalf("%+v %v", out, err)
	}
	m.Ask(id, "", request(m, "tx-3"))
	if out, err := d.Deny(ctx, "tx-3", phonewire.Fraud); err != nil || out.State != phonewire.StateReported {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := d.Approve(ctx, "tx-3", ""); !errors.Is(err, phone.ErrNotOpen) {
		t.Errorf("%v", err)
	}
	if got := m.Phone(id).Counter; got != 3 {
		t.Errorf("counter %d: it must go on after a restart", got)
	}
}

func TestCodesGoOnAfterARestart(t *testing.T) {
	_, origin := serve(t, 0)
	file := filepath.Join(t.TempDir(), "phone.json")
	d := pair(t, origin, file)
	for _, want := range []string{"755224", "287082", "359152"} { // RFC 4226
		code, err := d.Code(time.Now())
		if err != nil || code != want {
			t.Errorf("got %s %v, want %s", code, err, want)
		}
		if d, err = phone.Load(file, phone.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPhoneWithAWrongClockCorrectsItself(t *testing.T) {
	m, origin := serve(t, 2*time.Hour)
	m.OTPType = "totp"
	d := pair(t, origin, "")
	if _, err := d.Requests(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Code(time.Now()); err != nil {
		t.Fatal(err)
	}
}

func TestWatchShowsEachRequestOnceAndEndsWhenThePhoneIsReplaced(t *testing.T) {
	m, origin := serve(t, 0)
	d := pair(t, origin, "")
	id := d.Account().AccountID
	m.Ask(id, "", request(m, "tx-1"))
	var seen []string
	err := d.Watch(ctx, func(r phonewire.Request) error {
		seen = append(seen, r.Transaction)
		if len(seen) == 1 {
			m.Ask(id, "", request(m, "tx-2"))
		} else {
			m.End(id, errs.New(errs.Gone, "phone.replaced"))
		}
		return nil
	}, nil)
	if !phone.Gone(err) || strings.Join(seen, " ") != "tx-1 tx-2" {
		t.Errorf("%v %v", seen, err)
	}
}

func TestNamesAlertsAndLeaving(t *testing.T) {
	m, origin := serve(t, 0)
	d := pair(t, origin, "")
	id := d.Account().AccountID
	if err := errors.Join(d.Rename(ctx, "Work"), d.TestAlert(ctx), d.Subscribe(ctx, phonewire.Subscription{Permission: "denied"})); err != nil {
		t.Fatal(err)
	}
	if s, err := d.Status(ctx); err != nil || s.PhoneName != "Work" || s.Platform != "Command line" || s.Alerts != phonewire.AlertsOff {
		t.Errorf("%+v %v", s, err)
	}
	if err := d.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Requests(ctx); !phone.Gone(err) || m.Phone(id).TestAlerts != 1 {
		t.Errorf("%v", err)
	}
}

func TestALinkOrATypedCodeNamesServerAndCode(t *testing.T) {
	for _, c := range []struct{ in, origin, wantOrigin, wantCode string }{
		{"https://sign.example/a/hM3_Yx-0aVbQ2", "", "https://sign.example", "hM3_Yx-0aVbQ2"},
		{" http://localhost:8080/app/?p=abc ", "", "http://localhost:8080", "abc"},
		{"7kqm 2xwn", "https://sign.example/", "https://sign.example", "7KQM2XWN"},
		{"https://a.example/a/x", "https://127.0.0.1:1", "https://127.0.0.1:1", "x"},
	} {
		origin, code, err := phone.Target(c.in, c.origin)
		if err != nil || origin != c.wantOrigin || code != c.wantCode {
			t.Errorf("%q: %q %q %v", c.in, origin, code, err)
		}
	}
	for _, bad := range []string{"7kqm-2xwn", "https://sign.example/", "https://sign.example/a/", "https://sign.example/a/b/c", "ftp://x/a/b"} {
		if _, _, err := phone.Target(bad, ""); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// RULE-10: what is told to a server names the folder, and not to two servers alike.
func TestAccountsInOneFolderAreOneDevice(t *testing.T) {
	m, origin := serve(t, 0)
	folder := t.TempDir()
	again := func(path string) string {
		m.Offer("7KQM2XWN", "ana")
		pair(t, origin, path)
		all := m.Phones()
		return m.Phone(all[len(all)-1]).Activation.Instance
	}
	one, two := again(filepath.Join(folder, "phone.json")), again(filepath.Join(folder, "phone.2.json"))
	if one == "" || one != two {
		t.Errorf("one folder is %q and %q", one, two)
	}
	if other := again(filepath.Join(t.TempDir(), "phone.json")); other == one {
		t.Error("two folders are one device")
	}
	if memory := again(""); memory != "" {
		t.Errorf("a phone in memory is %q", memory)
	}
	m, origin = serve(t, 0)
	if other := again(filepath.Join(folder, "phone.3.json")); other == one {
		t.Error("two servers are told the same")
	}
	kept, err := os.ReadFile(filepath.Join(folder, ".phone-folder"))
	if err != nil || strings.Contains(one, string(kept)) {
		t.Errorf("%v", err)
	}
}
