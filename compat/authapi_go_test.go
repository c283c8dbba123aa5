package compat

import (
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	duoapi "github.com/duosecurity/duo_api_golang"
	"github.com/duosecurity/duo_api_golang/authapi"

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// caller is an application of type authapi and the vendor's Go client for it.
type caller struct {
	*demo
	ID      string `json:"ikey"`
	Secret  string `json:"skey"`
	APIHost string `json:"api_host"`
}

// caller adds an application to the demo.
func (d *demo) caller(name string, flags ...string) *caller {
	d.t.Helper()
	c := &caller{demo: d}
	d.command(c, append([]string{"app", "add", "--name", name, "--type", "authapi", "--new-user", "enroll"}, flags...)...)
	return c
}

func (c *caller) raw(secret string) *duoapi.DuoApi {
	return duoapi.NewDuoApi(c.ID, secret, c.APIHost, "compat", duoapi.SetTimeout(30*time.Second),
		duoapi.SetTransport(func(t *http.Transport) { t.TLSClientConfig.RootCAs = c.trust }))
}

func (c *caller) api() *authapi.AuthApi { return authapi.NewAuthApi(*c.raw(c.Secret)) }

// pair sets a phone up by the address that enroll gave.
func (c *caller) pair(link string) *phone.Device {
	c.t.Helper()
	d, err := phone.Pair(c.t.Context(), link, phone.Options{HTTPClient: &http.Client{Timeout: time.Minute}, Name: "Pixel", Platform: "Test"})
	if err != nil {
		c.t.Fatal(err)
	}
	return d
}

func (c *caller) in(t *testing.T) *caller {
	o := *c
	o.demo = c.demo.in(t)
	return &o
}

// json makes a call whose body is JSON, signed in the fifth version.
func (c *caller) json(method, path string, into any, params duoapi.JSONParams) {
	c.t.Helper()
	answer, raw, err := c.raw(c.Secret).JSONSignedCall(method, path, params)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %v, %s", path, err, raw)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		c.t.Fatalf("%s: %v", raw, err)
	}
}

// watch asks until there is a decision, and counts.
func (c *caller) watch(txid string) (r *authapi.AuthStatusResult, asked int) {
	c.t.Helper()
	for asked = 1; ; asked++ {
		r, err := c.api().AuthStatus(txid)
		if err != nil {
			c.t.Fatal(err)
		}
		if r.Stat != "OK" || r.Response.Status_Msg == "" {
			c.t.Fatalf("auth_status: %+v", r)
		}
		if r.Response.Result != "waiting" {
			return r, asked
		}
		if asked == 20 {
			c.t.Fatal("the 20th question is not answered (WIRE-2)")
		}
	}
}

// TestOfficialGoAuthClient is one demo and the vendor's Auth API client in every call it has (J-03, N-01).
func TestOfficialGoAuthClient(t *testing.T) {
	d := startDemo(t)
	vpn := d.caller("VPN")
	var pixel *phone.Device
	var userID, deviceID string
	const name = "olga"

	t.Run("asks for the time, the keys and the logo", func(t *testing.T) {
		c := vpn.in(t)
		if r, err := c.api().Ping(); err != nil || r.Stat != "OK" || r.Response.Time < time.Now().Unix()-60 {
			t.Errorf("ping: %+v, %v", r, err)
		}
		if r, err := c.api().Check(); err != nil || r.Stat != "OK" || r.Response.Time < time.Now().Unix()-60 {
			t.Errorf("check: %+v, %v", r, err)
		}
		if r, err := c.api().Logo(); err != nil || r.Stat != "OK" {
			t.Errorf("logo: %+v, %v", r, err)
		}
		r, err := authapi.NewAuthApi(*c.raw(strings.Repeat("x", 40))).Check()
		if err != nil || r.Stat != "FAIL" || r.Code == nil || *r.Code != 40103 || r.Message == nil {
			t.Errorf("a wrong secret: %+v, %v", r, err)
		}
	})
	t.Run("sends a person without a phone to the portal", func(t *testing.T) {
		c := vpn.in(t)
		r, err := c.api().Preauth(authapi.PreauthUsername("stranger"))
		if err != nil || r.Response.Result != "enroll" || !strings.HasPrefix(r.Response.Enroll_Portal_Url, c.URL+"/enroll/") || r.Response.Status_Msg == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		b := c.browser("http://nowhere.invalid/")
		if b.open(r.Response.Enroll_Portal_Url); !b.submit(b.at.Path, nil) || !strings.Contains(b.at.Path, "/prompt/") {
			t.Errorf("the address leads to %s: %s", b.at, b.text())
		}
	})
	t.Run("registers a person, who then pairs a phone", func(t *testing.T) {
		c := vpn.in(t)
		_, raw, err := c.raw(c.Secret).SignedCall("POST", "/auth/v2/enroll", url.Values{"username": {name}, "bypass_codes": {"1"}})
		if err != nil || !strings.Contains(string(raw), `"bypass_codes":["`) {
			t.Fatalf("%s, %v", raw, err)
		}
		r, err := c.api().Enroll(authapi.EnrollUsername(name))
		if err != nil || r.Stat != "FAIL" || *r.Code != 40002 || *r.Message_Detail != "username already exists" {
			t.Errorf("again: %+v, %v", r, err)
		}
		if r, err = c.api().Enroll(authapi.EnrollValidSeconds(60)); err != nil || len(r.Response.Username) != 32 {
			t.Fatalf("without a name: %+v, %v", r, err)
		}
		picture, err := c.http(nil, nil).Get(r.Response.Activation_Barcode)
		if err != nil {
			t.Fatal(err)
		}
		defer picture.Body.Close()
		if _, err := png.Decode(picture.Body); err != nil {
			t.Errorf("%s: %v", r.Response.Activation_Barcode, err)
		}
		link := strings.SplitN(string(raw), `"activation_url":"`, 2)[1]
		link = link[:strings.IndexByte(link, '"')]
		code := strings.SplitN(string(raw), `"activation_code":"`, 2)[1]
		code = code[:strings.IndexByte(code, '"')]
		userID = strings.SplitN(string(raw), `"user_id":"`, 2)[1][:20]
		status := func(want string) {
			t.Helper()
			if s, err := c.api().EnrollStatus(userID, code); err != nil || s.Response != want {
				t.Errorf("enroll_status: %+v, %v; want %s", s, err, want)
			}
		}
		status("waiting")
		pixel = c.pair(link)
		status("success")
		if s, err := c.api().EnrollStatus(userID, r.Response.Activation_Code); err != nil || s.Response != "invalid" {
			t.Errorf("another's code: %+v, %v", s, err)
		}
	})
	if pixel == nil {
		t.FailNow()
	}
	t.Run("learns of the phone", func(t *testing.T) {
		c := vpn.in(t)
		for _, who := range []func(*url.Values){authapi.PreauthUsername("CORP\\" + strings.ToUpper(name)), authapi.PreauthUserId(userID)} {
			r, err := c.api().Preauth(who, authapi.PreauthIpAddr("192.0.2.7"), authapi.PreauthTrustedToken("none"))
			if err != nil || r.Response.Result != "auth" || len(r.Response.Devices) != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
			one := r.Response.Devices[0]
			if deviceID = one.Device; one.Type != "phone" || one.Name != "Pixel" || fmt.Sprint(one.Capabilities) != "[auto push mobile_otp]" {
				t.Errorf("device %+v", one)
			}
		}
	})
	t.Run("sends a request and waits in one call", func(t *testing.T) {
		c := vpn.in(t)
		asked := answers(t, pixel, phonewire.Approve)
		r, err := c.api().Auth("auto", authapi.AuthUserId(userID), authapi.AuthDevice("auto"), authapi.AuthIpAddr("192.0.2.7"), authapi.AuthType("Transfer"),
			authapi.AuthDisplayUsername("Olga O."), authapi.AuthPushinfo("from=here&to=th%C3%A9re"))
		if err != nil || r.Response.Result != "allow" || r.Response.Status != "allow" || r.Response.Status_Msg == "" || r.Response.Trusted_Device_Token != "" {
			t.Fatalf("%+v, %v", r, err)
		}
		q := <-asked
		if q.ApplicationName != "VPN" || q.Username != name || q.IP != "192.0.2.7" || q.Title != "Transfer" || q.NumberDigits != 0 ||
			fmt.Sprint(q.Info) != "[{Name used there Olga O.} {from here} {to thére}]" {
			t.Errorf("the phone was asked %+v", q)
		}
	})
	t.Run("sends a request and asks what became of it", func(t *testing.T) {
		c := vpn.in(t)
		asked := answers(t, pixel, phonewire.Deny)
		sent, err := c.api().Auth("push", authapi.AuthUsername(name), authapi.AuthDevice(deviceID), authapi.AuthAsync())
		if err != nil || len(sent.Response.Txid) != 36 {
			t.Fatalf("%+v, %v", sent, err)
		}
		r, n := c.watch(sent.Response.Txid)
		if q := <-asked; q.Transaction != sent.Response.Txid || r.Response.Result != "deny" || r.Response.Status != "deny" || n > 4 {
			t.Errorf("%+v after %d questions", r, n)
		}
		if r, err := c.api().AuthStatus("0c2f0b1e-7b1a-4c1e-8a1a-000000000000"); err != nil || r.Stat != "FAIL" || *r.Code != 40002 {
			t.Errorf("a made-up txid: %+v, %v", r, err)
		}
	})
	t.Run("tries codes", func(t *testing.T) {
		c := vpn.in(t)
		good := code(t, pixel)
		for _, try := range []struct{ code, want string }{{"000000", "deny"}, {good, "allow"}, {good, "deny"}, {c.bypassCode(name), "allow"}} {
			r, err := c.api().Auth("passcode", authapi.AuthUsername(name), authapi.AuthPasscode(try.code))
			if err != nil || r.Response.Result != try.want || r.Response.Status != try.want || r.Response.Status_Msg == "" {
				t.Errorf("%s: %+v, %v", try.want, r, err)
			}
		}
		sent, err := c.api().Auth("passcode", authapi.AuthUsername(name), authapi.AuthPasscode(code(t, pixel)), authapi.AuthAsync())
		if err != nil {
			t.Fatal(err)
		}
		if r, n := c.watch(sent.Response.Txid); r.Response.Result != "allow" || n != 1 {
			t.Errorf("%+v after %d questions", r, n)
		}
	})
	t.Run("has no phone to call or text", func(t *testing.T) {
		for _, factor := range []string{"phone", "sms"} {
			r, err := vpn.in(t).api().Auth(factor, authapi.AuthUsername(name), authapi.AuthDevice("auto"))
			if err != nil || r.Stat != "FAIL" || *r.Code != 40002 || *r.Message_Detail != "no capable device" {
				t.Errorf("%s: %+v, %v", factor, r, err)
			}
		}
	})
	t.Run("shows a number that the phone asks for, by JSON", func(t *testing.T) {
		c := d.in(t).caller("Vault", "--number-required", "on")
		var pre struct {
			Response struct {
				TxID   string `json:"txid"`
				Number string `json:"verification_code"`
			}
		}
		c.json("POST", "/auth/v2/preauth", &pre, duoapi.JSONParams{"username": name, "client_supports_verified_push": "1"})
		if len(pre.Response.Number) != 3 {
			t.Fatalf("%+v", pre)
		}
		var sent struct{ Response struct{ TxID string } }
		c.json("POST", "/auth/v2/auth", &sent, duoapi.JSONParams{"username": name, "factor": "push", "device": "auto", "async": true, "txid": pre.Response.TxID})
		if out, err := pixel.Approve(t.Context(), sent.Response.TxID, pre.Response.Number); err != nil || out.State != phonewire.StateApproved {
			t.Fatalf("%+v, %v", out, err)
		}
		if r, _ := c.watch(sent.Response.TxID); r.Response.Result != "allow" {
			t.Errorf("%+v", r)
		}
		if r, err := c.api().Auth("push", authapi.AuthUsername(name), authapi.AuthDevice("auto")); err != nil || r.Response.Result != "deny" {
			t.Errorf("without a number (RULE-14): %+v, %v", r, err)
		}
	})
	t.Run("keeps a token that opens the next sign-in", func(t *testing.T) {
		c := d.in(t).caller("Gateway", "--remember-days", "30")
		r, err := c.api().Auth("passcode", authapi.AuthUsername(name), authapi.AuthPasscode(code(t, pixel)))
		if err != nil || r.Response.Result != "allow" || r.Response.Trusted_Device_Token == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		sent, err := c.api().Auth("passcode", authapi.AuthUsername(name), authapi.AuthPasscode(code(t, pixel)), authapi.AuthAsync())
		if err != nil {
			t.Fatal(err)
		}
		told, _ := c.watch(sent.Response.Txid)
		for _, token := range []string{r.Response.Trusted_Device_Token, told.Response.Trusted_Device_Token} {
			if pre, err := c.api().Preauth(authapi.PreauthUsername(name), authapi.PreauthTrustedToken(token)); err != nil || pre.Response.Result != "allow" {
				t.Errorf("%+v, %v", pre, err)
			}
			if pre, err := vpn.in(t).api().Preauth(authapi.PreauthUsername(name), authapi.PreauthTrustedToken(token)); err != nil || pre.Response.Result != "auth" {
				t.Errorf("at another application: %+v, %v", pre, err)
			}
		}
	})
	t.Run("is turned away when it is turned off or of another kind", func(t *testing.T) {
		c := d.in(t).caller("Old")
		var none map[string]any
		c.command(&none, "app", "set", c.ID, "--disabled")
		if r, err := c.api().Check(); err != nil || r.Stat != "FAIL" || *r.Code != 40301 {
			t.Errorf("disabled: %+v, %v", r, err)
		}
		c.command(&none, "app", "delete", c.ID)
		if r, err := c.api().Check(); err != nil || r.Stat != "FAIL" || *r.Code != 40301 {
			t.Errorf("deleted: %+v, %v", r, err)
		}
		web := &caller{demo: d.in(t)}
		web.ID, web.Secret, web.APIHost = d.application()
		if r, err := web.api().Check(); err != nil || r.Stat != "FAIL" || *r.Code != 40301 || *r.Message_Detail != "Wrong integration type for this API." {
			t.Errorf("Web SDK: %+v, %v", r, err)
		}
	})
}
