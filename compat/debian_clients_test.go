package compat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// The interpreters of Debian, for which the clients' packages are; others may come first on the PATH.
const (
	python = "/usr/bin/python3"
	perl   = "/usr/bin/perl"
)

// hostile is a name that tells careless escaping from careful.
const hostile = "al'ice (x)!*~ é+&=/"

// foreign is a client in another language: it reads questions and prints answers, a line each.
type foreign struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// object is a JSON object, of a question or an answer.
type object = map[string]any

// foreign starts the program. It ends with the test.
func (d *demo) foreign(program string, args ...string) *foreign {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = in.Close() // which ends it
		err := cmd.Wait()
		cancel()
		if err != nil || d.t.Failed() {
			d.t.Errorf("%s: %v\n%s", program, err, said.String())
		}
	})
	return &foreign{d.t, in, bufio.NewReader(out)}
}

// ask gives the client's value, or what it said when it was refused.
func (f *foreign) ask(t *testing.T, question object) (value any, refusal string) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err = f.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s: the client ended: %v", question, err)
	}
	var answer struct {
		Value   any
		Refusal string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return answer.Value, answer.Refusal
}

// pythonClient is Debian's python3-duo-client: class Auth or AuthV1, one application.
type pythonClient struct {
	*foreign
	class, key, secret string
	options            object
}

func (p pythonClient) ask(t *testing.T, call string, with object) (any, string) {
	t.Helper()
	return p.foreign.ask(t, object{"class": p.class, "key": p.key, "secret": p.secret, "options": p.options, "call": call, "with": with})
}

// gives asks and wants a value.
func (p pythonClient) gives(t *testing.T, call string, with object) any {
	t.Helper()
	value, refusal := p.ask(t, call, with)
	if refusal != "" {
		t.Fatalf("%s %v: %s", call, with, refusal)
	}
	return value
}

// refused asks and wants the words of a refusal.
func (p pythonClient) refused(t *testing.T, call string, with object, want string) {
	t.Helper()
	if value, refusal := p.ask(t, call, with); refusal != want {
		t.Errorf("%s %v: %v, %q; want %q", call, with, value, refusal, want)
	}
}

// field gives one text of an answer.
func field(value any, name string) string {
	o, _ := value.(object)
	s, _ := o[name].(string)
	return s
}

// TestDebianPythonClient is python3-duo-client 4.5.0 in both its classes for the Auth API, and in each of its signatures.
func TestDebianPythonClient(t *testing.T) {
	d := startDemo(t)
	vpn, ssh := d.caller("VPN"), unixHost(d)
	name, port, err := net.SplitHostPort(vpn.APIHost)
	if err != nil {
		t.Fatal(err)
	}
	program := d.foreign(python, "testdata/ask_duo_client.py", name, port, d.CAFile)
	auth := pythonClient{foreign: program, class: "Auth", key: vpn.ID, secret: vpn.Secret}
	old := pythonClient{foreign: program, class: "AuthV1", key: ssh.ID, secret: ssh.Secret}

	t.Run("signs in every version it has", func(t *testing.T) {
		for _, o := range []object{nil, {"digestmod": "sha512"}, {"sig_version": 4, "digestmod": "sha512"}} {
			signer := auth
			signer.options = o
			if got := field(signer.gives(t, "preauth", object{"username": hostile, "ipaddr": "192.0.2.7"}), "result"); got != "enroll" {
				t.Errorf("%v: %s", o, got)
			}
			signer.refused(t, "auth_status", object{"txid": hostile}, "Received 400 Invalid request parameters (txid)")
			signer.secret = strings.Repeat("x", 40)
			signer.refused(t, "check", nil, "Received 401 Invalid signature in request credentials")
		}
		for _, digest := range []string{"sha1", "sha512"} { // the first version has no date (RULE-30)
			undated := auth
			undated.options = object{"sig_version": 1, "digestmod": digest}
			undated.refused(t, "check", nil, "Received 401 Missing request timestamp")
			undated.key, undated.secret = ssh.ID, ssh.Secret
			undated.gives(t, "check", nil)
		}
	})
	pixel := pythonAuth(t, vpn, auth)
	pythonAuthV1(t, pixel, old)
}

const pia = "pia"

// pythonAuth is every call of class Auth. It leaves pia with a phone.
func pythonAuth(t *testing.T, vpn *caller, auth pythonClient) (pixel *phone.Device) {
	var person any
	t.Run("asks for the time, the keys and the logo", func(t *testing.T) {
		for _, call := range []string{"ping", "check"} {
			if o, _ := auth.gives(t, call, nil).(object); o["time"].(float64) < float64(time.Now().Unix()-60) {
				t.Errorf("%s: %v", call, o)
			}
		}
		if got := auth.gives(t, "logo", nil); got != "image" {
			t.Errorf("logo: %v", got)
		}
	})
	t.Run("registers a person, who then pairs a phone", func(t *testing.T) {
		person = auth.gives(t, "enroll", object{"username": pia, "valid_secs": 600, "bypass_codes": 2})
		if o := person.(object); o["username"] != pia || len(o["bypass_codes"].([]any)) != 2 || o["expiration"].(float64) > float64(time.Now().Unix()+600) {
			t.Errorf("%v", person)
		}
		first := person.(object)["bypass_codes"].([]any)[0] // good before there is a phone
		if got := auth.gives(t, "auth", object{"factor": "passcode", "username": pia, "passcode": first}); field(got, "result") != "allow" {
			t.Errorf("a bypass code just given: %v", got)
		}
		auth.refused(t, "enroll", object{"username": pia}, "Received 400 Invalid request parameters (username already exists)")
		auth.refused(t, "enroll", object{"valid_secs": 0}, "Received 400 Invalid request parameters (valid_secs)")
		if made := field(auth.gives(t, "enroll", nil), "username"); len(made) != 32 {
			t.Errorf("without a name: %q", made)
		}
		asked := object{"user_id": field(person, "user_id"), "activation_code": field(person, "activation_code")}
		if got := auth.gives(t, "enroll_status", asked); got != "waiting" {
			t.Errorf("enroll_status: %v", got)
		}
		pixel = vpn.in(t).pair(field(person, "activation_url"))
		if got := auth.gives(t, "enroll_status", asked); got != "success" {
			t.Errorf("enroll_status: %v", got)
		}
	})
	if pixel == nil {
		t.FailNow()
	}
	t.Run("learns who may come in, and how", func(t *testing.T) {
		for _, who := range []object{{"username": pia, "ipaddr": "192.0.2.7", "trusted_device_token": "none"}, {"user_id": field(person, "user_id")}} {
			o := auth.gives(t, "preauth", who).(object)
			if list, _ := o["devices"].([]any); o["result"] != "auth" || len(list) != 1 || field(list[0], "type") != "phone" {
				t.Errorf("%v: %v", who, o)
			}
		}
		auth.refused(t, "preauth", nil, "Received 400 Missing required request parameters (username)")
		auth.refused(t, "preauth", object{"user_id": "DUXXXXXXXXXXXXXXXXXX"}, "Received 400 Invalid request parameters (user_id)")
	})
	t.Run("sends requests and tries codes", func(t *testing.T) {
		asked := answers(t, pixel, phonewire.Approve)
		got := auth.gives(t, "auth", object{"factor": "push", "username": pia, "device": "auto", "ipaddr": "192.0.2.7", "type": "Transfer",
			"display_username": "Pia P.", "pushinfo": "from=here&to=th%C3%A9re"})
		if q := <-asked; field(got, "result") != "allow" || q.Title != "Transfer" || q.IP != "192.0.2.7" || len(q.Info) != 3 {
			t.Errorf("%v; the phone was asked %+v", got, q)
		}
		good := code(t, pixel)
		for _, try := range [][2]string{{"000000", "deny"}, {good, "allow"}, {good, "deny"}} {
			if got := auth.gives(t, "auth", object{"factor": "passcode", "username": pia, "passcode": try[0]}); field(got, "result") != try[1] {
				t.Errorf("%v, want %s", got, try[1])
			}
		}
		gateway := vpn.in(t).caller("Gateway", "--remember-days", "30")
		keeps := pythonClient{foreign: auth.foreign, class: "Auth", key: gateway.ID, secret: gateway.Secret}
		token := field(keeps.gives(t, "auth", object{"factor": "passcode", "username": pia, "passcode": code(t, pixel)}), "trusted_device_token")
		if next := keeps.gives(t, "preauth", object{"username": pia, "trusted_device_token": token}); token == "" || field(next, "result") != "allow" {
			t.Errorf("the token %q: %v", token, next)
		}
		auth.refused(t, "auth", object{"factor": "sms", "username": pia, "device": "auto"}, "Received 400 Invalid request parameters (no capable device)")
		auth.refused(t, "auth", object{"factor": "push", "username": pia}, "Received 400 Missing required request parameters (device)")
		auth.refused(t, "auth", object{"factor": "smoke", "username": pia}, "Received 400 Invalid request parameters (factor)")
	})
	t.Run("asks what became of a request", func(t *testing.T) {
		txid := object{"txid": field(auth.gives(t, "auth", object{"factor": "auto", "user_id": field(person, "user_id"), "device": "auto", "async_txn": true}), "txid")}
		if o := auth.gives(t, "auth_status", txid).(object); o["waiting"] != true || o["success"] != false {
			t.Errorf("%v", o)
		}
		answers(t, pixel, phonewire.Deny)
		if o := auth.gives(t, "auth_status", txid).(object); o["waiting"] != false || o["success"] != false || o["status"] != "deny" || o["status_msg"] == "" {
			t.Errorf("%v", o)
		}
	})
	return pixel
}

// pythonAuthV1 is every call of class AuthV1, which the older API is for.
func pythonAuthV1(t *testing.T, pixel *phone.Device, old pythonClient) {
	t.Run("asks the older API whether it is up and the keys are right", func(t *testing.T) {
		for call, want := range map[string]any{"ping": true, "check": true, "logo": "image"} {
			if got := old.gives(t, call, nil); got != want {
				t.Errorf("%s: %v", call, got)
			}
		}
		wrong := old
		wrong.secret = strings.Repeat("x", 40)
		wrong.refused(t, "check", nil, "Received 401 Invalid signature in request credentials")
	})
	t.Run("signs in by the older API", func(t *testing.T) {
		o := old.gives(t, "preauth", object{"username": pia, "ipaddr": "192.0.2.7"}).(object)
		if o["result"] != "auth" || field(o["factors"], "1") != "push1" || field(o, "prompt") == "" {
			t.Errorf("%v", o)
		}
		if o := old.gives(t, "preauth", object{"username": "nobody yet"}); field(o, "result") != "enroll" || !strings.Contains(field(o, "status"), "/enroll/") {
			t.Errorf("%v", o)
		}
		answers(t, pixel, phonewire.Approve)
		if got := old.gives(t, "auth", object{"username": pia, "factor": "auto", "auto": "push1", "ipaddr": "192.0.2.7", "pushinfo": "Command=ls"}); got != true {
			t.Errorf("push1: %v", got)
		}
		good := code(t, pixel)
		for _, try := range []struct {
			code string
			want bool
		}{{"000000", false}, {good, true}, {good, false}} {
			if got := old.gives(t, "auth", object{"username": pia, "factor": "passcode", "passcode": try.code, "ipaddr": "192.0.2.7"}); got != try.want {
				t.Errorf("%v, want %v", got, try.want)
			}
		}
		for _, factor := range []string{"phone", "sms"} {
			if got := old.gives(t, "auth", object{"username": pia, "factor": factor}); got != false {
				t.Errorf("%s: %v", factor, got)
			}
		}
	})
	t.Run("asks the older API what became of a request", func(t *testing.T) {
		txid := object{"txid": old.gives(t, "auth", object{"username": pia, "factor": "push", "async_txn": true})}
		if got := old.gives(t, "status", txid).([]any); got[0] != false || got[1] != false || got[2] == "" {
			t.Errorf("%v", got)
		}
		answers(t, pixel, phonewire.Approve)
		for asked := 1; ; asked++ {
			if got := old.gives(t, "status", txid).([]any); got[0] == true || asked == 20 {
				if got[1] != true || asked > 4 {
					t.Errorf("%v after %d questions", got, asked)
				}
				break
			}
		}
	})
}
