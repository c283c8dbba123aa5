package compat

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// TestDebianPerlClient is libnet-duo-perl in every call of Net::Duo::Auth, and what its own calls leave out by its general one.
func TestDebianPerlClient(t *testing.T) {
	d := startDemo(t)
	vpn := d.caller("VPN")
	client := d.foreign(perl, "testdata/ask_net_duo.pl", vpn.APIHost, vpn.ID, vpn.Secret, d.CAFile)
	gives := func(t *testing.T, call string, with object) any {
		t.Helper()
		value, refusal := client.ask(t, object{"call": call, "with": with})
		if refusal != "" {
			t.Fatalf("%s %v: %s", call, with, refusal)
		}
		return value
	}
	refused := func(t *testing.T, call string, with object, want string) {
		t.Helper()
		if value, refusal := client.ask(t, object{"call": call, "with": with}); refusal != want {
			t.Errorf("%s %v: %v, %q; want %q", call, with, value, refusal, want)
		}
	}
	post := func(path string, args object) object {
		return object{"method": "POST", "path": "/auth/v2/" + path, "args": args}
	}
	const name = "perla"
	var pixel *phone.Device

	t.Run("asks for the time, the keys and the logo", func(t *testing.T) {
		if got, _ := gives(t, "check", nil).(float64); got < float64(time.Now().Unix()-60) {
			t.Errorf("check: %v", got)
		}
		if got := gives(t, "logo", nil); got != "image/png" {
			t.Errorf("logo: %v", got)
		}
		wrong := d.in(t).foreign(perl, "testdata/ask_net_duo.pl", vpn.APIHost, vpn.ID, strings.Repeat("x", 40), d.CAFile)
		if _, refusal := wrong.ask(t, object{"call": "check"}); refusal != "Invalid signature in request credentials [40103]" {
			t.Errorf("a wrong secret: %s", refusal)
		}
	})
	t.Run("registers a person, who then pairs a phone", func(t *testing.T) {
		person := gives(t, "ask", post("enroll", object{"username": name, "valid_secs": 600}))
		refused(t, "ask", post("enroll", object{"username": name}), "Invalid request parameters (username already exists) [40002]")
		pixel = vpn.in(t).pair(field(person, "activation_url"))
		status := post("enroll_status", object{"user_id": field(person, "user_id"), "activation_code": field(person, "activation_code")})
		if got := gives(t, "ask", status); got != "success" {
			t.Errorf("enroll_status: %v", got)
		}
		for username, want := range map[string]string{name: "auth", hostile: "enroll"} {
			if got := gives(t, "ask", post("preauth", object{"username": username})); field(got, "result") != want {
				t.Errorf("preauth of %s: %v", username, got)
			}
		}
	})
	if pixel == nil {
		t.FailNow()
	}
	t.Run("sends a request and waits in one call", func(t *testing.T) {
		asked := answers(t, pixel, phonewire.Approve)
		got := gives(t, "auth", object{"username": name, "factor": "push", "ipaddr": "192.0.2.7", "type": "Transfer", "display_username": "Perla P.",
			"pushinfo": []string{"from & to", "hére = thére", "domain", "x"}}).(object)
		q := <-asked
		if got["good"] != true || got["status"] != "allow" || q.Title != "Transfer" || len(q.Info) != 3 || q.Info[1].Label != "from & to" || q.Info[1].Value != "hére = thére" {
			t.Errorf("%v; the phone was asked %+v", got, q)
		}
	})
	t.Run("sends a request and asks what became of it", func(t *testing.T) {
		id := object{"id": gives(t, "start", object{"username": name, "factor": "auto"})}
		if got := gives(t, "status", id); field(got, "result") != "waiting" {
			t.Errorf("%v", got)
		}
		answers(t, pixel, phonewire.Deny)
		if got := gives(t, "status", id); field(got, "result") != "deny" || field(got, "status") != "deny" || field(got, "status_msg") == "" {
			t.Errorf("%v", got)
		}
		refused(t, "status", object{"id": "nothing"}, "Invalid request parameters (txid) [40002]")
	})
	t.Run("tries codes, and has no phone to call or text", func(t *testing.T) {
		good := code(t, pixel)
		for _, try := range []struct {
			code string
			want bool
		}{{"000000", false}, {good, true}, {good, false}} {
			if got := gives(t, "auth", object{"username": name, "factor": "passcode", "passcode": try.code}).(object); got["good"] != try.want {
				t.Errorf("%v, want %v", got, try.want)
			}
		}
		refused(t, "sms", object{"username": name}, "Invalid request parameters (no capable device) [40002]")
		refused(t, "auth", object{"username": name, "factor": "phone"}, "Invalid request parameters (no capable device) [40002]")
	})
}
