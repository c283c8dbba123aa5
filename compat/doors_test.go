package compat

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duosecurity/duo_universal_golang/duouniversal"
	"golang.org/x/net/html"

	"countersign/internal/base/duosign"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// doors is a demo with something begun at each of its doors, so that harm finds all of it half done.
type doors struct {
	*demo
	*witness
	web           *duouniversal.Client
	vpn, ssh, old *caller // old shows the prompt in a frame

	olga, pete, quin, ron *phone.Device // waits at the prompt; types codes; is asked by vpn; is asked by ssh

	waiting, typing *browser // olga's and pete's
	number          string   // that olga's page shows
	ticket          string   // of pete's last sign-in, not collected
	pairing         string   // nora's link
	vpnTx, sshTx    string
	code            map[string]string // one fresh code of a phone for each use
}

func openDoors(t *testing.T, d *demo) *doors {
	t.Helper()
	w := &doors{demo: d, witness: &witness{tb: t}, code: map[string]string{}}
	d.wrap = w.witness.wrap
	w.web = goClient(d)
	w.vpn = d.caller("VPN")
	w.ssh = &caller{demo: d}
	d.command(w.ssh, "app", "add", "--name", "SSH", "--type", "unix", "--new-user", "enroll")
	w.old = &caller{demo: d}
	d.command(w.old, "app", "add", "--name", "Benefits", "--type", "websdk2", "--new-user", "enroll")
	var done any
	d.command(&done, "user", "add", "bea", "--status=bypass")
	w.olga, w.pete, w.quin, w.ron = w.newcomer("olga"), w.newcomer("pete"), w.newcomer("quin"), w.newcomer("ron")
	w.pairing = w.enroll("nora")
	w.ticket = w.browser(callbackHome).signIn(w.address("pete"), code(t, w.pete)).Get("duo_code")
	w.begin()
	return w
}

const callbackHome = "http://localhost:9/callback"

// begin opens what takes a minute at most.
func (w *doors) begin() {
	w.t.Helper()
	w.waiting = w.browser(callbackHome)
	w.waiting.open(w.address("olga"))
	if w.number = digits(w.waiting); w.number == "" {
		w.t.Fatalf("no number on the waiting page: %s", w.waiting.text())
	}
	w.typing = w.browser(callbackHome)
	w.typing.open(w.address("pete"))
	w.typing.open(w.typing.at.Scheme + "://" + w.typing.at.Host + w.typing.at.Path + "/code")
	w.vpnTx = w.txid(w.insist(w.vpn, "POST", "/auth/v2/auth", "username", "quin", "factor", "push", "device", "auto", "async", "1"))
	w.sshTx = w.txid(w.insist(w.ssh, "POST", "/rest/v1/auth.json", "user", "ron", "factor", "auto", "auto", "push1", "async", "1"))
	for _, use := range []string{"prompt", "vpn", "json", "bson"} {
		w.code[use] = code(w.t, w.pete)
	}
}

// enroll registers a person and gives the link for a phone.
func (w *doors) enroll(name string) string {
	w.t.Helper()
	s := w.insist(w.vpn, "POST", "/auth/v2/enroll", "username", name)
	var r struct {
		Response struct {
			URL string `json:"activation_url"`
		}
	}
	if err := json.Unmarshal(s.body, &r); err != nil || r.Response.URL == "" {
		w.t.Fatalf("enroll: %d %s", s.status, s.body)
	}
	return r.Response.URL
}

func (w *doors) newcomer(name string) *phone.Device {
	w.t.Helper()
	d, err := w.pair(w.enroll(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *doors) pair(link string) (*phone.Device, error) {
	return phone.Pair(w.t.Context(), link, phone.Options{HTTPClient: w.http(nil, nil), Name: "Pixel", Platform: "Test"})
}

// address begins a sign-in.
func (w *doors) address(name string) string {
	w.t.Helper()
	state, err := w.web.GenerateState()
	if err != nil {
		w.t.Fatal(err)
	}
	address, err := w.web.CreateAuthURL(name, state)
	if err != nil {
		w.t.Fatal(err)
	}
	return address
}

// call makes a signed call.
func (d *demo) call(c *caller, method, path string, pairs ...string) seen {
	d.t.Helper()
	params := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		params.Set(pairs[i], pairs[i+1])
	}
	s := duosign.Request{Method: method, Host: c.APIHost, Path: path, Date: time.Now().Format(time.RFC1123Z)}
	target, body := "https://"+c.APIHost+path, ""
	if method == "GET" {
		s.Query, target = params, target+"?"+params.Encode()
	} else {
		s.Form, body = params, params.Encode()
	}
	r, err := http.NewRequestWithContext(d.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Date", s.Date)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: c.ID, Signature: duosign.Sign(s, duosign.V2, duosign.SHA512, c.Secret)}.Header())
	began := time.Now()
	answer, err := d.http(nil, nil).Do(r)
	if err != nil {
		return seen{path: path, body: []byte(err.Error())}
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return seen{path: path, body: []byte(err.Error())}
	}
	return seen{path, answer.StatusCode, raw, time.Since(began)}
}

// insist makes a signed call again that was turned away because the machine had no time, as clients do.
func (d *demo) insist(c *caller, method, path string, pairs ...string) (s seen) {
	d.t.Helper()
	for range 20 {
		if s = d.call(c, method, path, pairs...); s.status != http.StatusTooManyRequests {
			break
		}
		time.Sleep(time.Second) // another date, another call
	}
	return s
}

func (w *doors) txid(s seen) string {
	w.t.Helper()
	m := regexp.MustCompile(`"txid":"([^"]+)"`).FindSubmatch(s.body)
	if m == nil {
		w.t.Fatalf("no txid: %d %s", s.status, s.body)
	}
	return string(m[1])
}

// digits is the number a page shows for the phone.
func digits(b *browser) (number string) {
	for node := range b.page.Descendants() {
		if strings.HasPrefix(attribute(node, "class"), "digits") {
			for digit := range node.Descendants() {
				if digit.Type == html.TextNode {
					number += strings.TrimSpace(digit.Data)
				}
			}
		}
	}
	return number
}

// quick is how long the health check and preauth may take, whatever hangs: two seconds (FAIL-2), and what a busy
// machine adds. A call that waits for the database ends after ten at the soonest.
const quick = 8 * time.Second

// knock tries every door once, all at a time. While nothing can be written nobody may be let in anywhere; the witness
// looks at the form of each answer.
func (w *doors) knock() {
	w.t.Helper()
	before := w.let()
	var all sync.WaitGroup
	all.Go(w.knockHealth)
	all.Go(w.knockAuthorize)
	all.Go(func() {
		if status := w.openFrame(); status != http.StatusTooManyRequests {
			w.t.Errorf("the frame answered %d", status)
		}
	})
	all.Go(func() {
		if _, err := w.web.ExchangeAuthorizationCodeFor2faResult(w.ticket, "pete"); err == nil || !strings.Contains(err.Error(), "429") {
			w.t.Errorf("token: %v", err)
		}
	})
	all.Go(func() {
		if w.submitCode(); w.typing.back != nil {
			w.t.Errorf("the prompt led back to %s", w.typing.back)
		}
	})
	all.Go(func() {
		if _, err := w.pair(w.pairing); !shedding(err) {
			w.t.Errorf("a phone was set up: %v", err)
		}
	})
	all.Go(func() {
		if out, err := w.olga.Approve(w.t.Context(), "", w.number); !shedding(err) {
			w.t.Errorf("an approval was taken: %+v, %v", out, err)
		}
	})
	for _, name := range []string{"pete", "bea", "eve", "stranger", "finn"} {
		all.Go(func() { w.check(w.call(w.vpn, "POST", "/auth/v2/preauth", "username", name)) })
		for _, suffix := range []string{"json", "bson"} {
			all.Go(func() { w.check(w.call(w.ssh, "POST", "/rest/v1/preauth."+suffix, "user", name)) })
		}
	}
	all.Go(func() {
		w.check(w.call(w.vpn, "POST", "/auth/v2/auth", "username", "pete", "factor", "passcode", "passcode", w.code["vpn"]))
	})
	all.Go(func() {
		w.check(w.call(w.vpn, "POST", "/auth/v2/auth", "username", "pete", "factor", "push", "device", "auto"))
	})
	for _, suffix := range []string{"json", "bson"} {
		all.Go(func() {
			w.check(w.call(w.ssh, "POST", "/rest/v1/auth."+suffix, "user", "pete", "factor", "passcode", "code", w.code[suffix]))
		})
		all.Go(func() {
			w.check(w.call(w.ssh, "POST", "/rest/v1/auth."+suffix, "user", "bea", "factor", "auto", "auto", "push1"))
		})
	}
	all.Wait()
	if n := w.let() - before; n != 0 {
		w.t.Errorf("%d were let in: %+v", n, w.allows[before:])
	}
}

func (w *doors) knockHealth() {
	began := time.Now()
	if _, err := w.web.HealthCheck(); err != nil && !strings.Contains(err.Error(), "429") {
		w.t.Errorf("health_check: %v", err)
	}
	if took := time.Since(began); took > quick {
		w.t.Errorf("health_check took %s", took)
	}
}

func (w *doors) knockAuthorize() {
	b := w.browser(callbackHome)
	b.open(w.address("pete"))
	if b.back != nil && b.back.Query().Get("error") != "temporarily_unavailable" || b.back == nil && strings.HasPrefix(b.at.Path, "/prompt/") {
		w.t.Errorf("a sign-in was opened: %v at %v", b.back, b.at)
	}
}

// openFrame begins a sign-in in a frame, as the application's script does.
func (w *doors) openFrame() (status int) {
	signed := "TX|" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "pete|%s|%d", w.old.ID, time.Now().Add(time.Minute).Unix()))
	mac := hmac.New(sha1.New, []byte(w.old.Secret))
	mac.Write([]byte(signed))
	parent := "https://benefits.example/login"
	query := url.Values{"tx": {signed + "|" + hex.EncodeToString(mac.Sum(nil))}, "parent": {parent}, "v": {"2.6"}}
	r, err := http.NewRequest("GET", "https://"+w.old.APIHost+"/frame/web/v1/auth?"+query.Encode(), nil)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	r.Header.Set("Referer", parent)
	answer, err := w.http(nil, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }).Do(r)
	if err != nil {
		w.t.Errorf("the frame: %v", err)
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// check reports a call that was cut, and a preauth that was late.
func (w *doors) check(s seen) {
	if s.status == 0 {
		w.t.Errorf("%s got no answer: %s", s.path, s.body)
	}
	if strings.Contains(s.path, "preauth") && s.took > quick {
		w.t.Errorf("%s took %s", s.path, s.took)
	}
}

// poll asks once what became of the requests; a second question would be held.
func (w *doors) poll() {
	w.t.Helper()
	before := w.let()
	w.check(w.call(w.vpn, "GET", "/auth/v2/auth_status", "txid", w.vpnTx))
	w.check(w.call(w.ssh, "GET", "/rest/v1/status.bson", "txid", w.sshTx))
	if w.let() != before {
		w.t.Error("a request nobody answered was approved")
	}
}

func shedding(err error) bool {
	var r *phone.Refusal
	return errors.As(err, &r) && r.Status == http.StatusTooManyRequests
}

// submitCode types pete's code at his page, which stays where it is when the answer is no page of its own.
func (w *doors) submitCode() {
	w.t.Helper()
	page, at := w.typing.page, w.typing.at
	if !w.typing.submit("/code", url.Values{"code": {w.code["prompt"]}}) {
		w.t.Errorf("no code form: %s", w.typing.text())
	}
	if w.typing.back == nil && w.typing.at.Path == at.Path {
		w.typing.page, w.typing.at = page, at
	}
}

// good repeats f until it is nil: a pool may need a moment.
func (w *doors) good(what string, f func() error) {
	w.t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	w.t.Errorf("%s, afterwards: %v", what, err)
}

// goOn finishes everything that was begun: nothing of it was lost, and nothing was used up by being turned away.
func (w *doors) goOn() {
	w.t.Helper()
	w.good("health_check", func() error { _, err := w.web.HealthCheck(); return err })
	w.good("frame", func() error {
		if status := w.openFrame(); status != http.StatusSeeOther {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	w.good("approval", func() error {
		out, err := w.olga.Approve(w.t.Context(), "", w.number)
		if err == nil && out.State != phonewire.StateApproved {
			err = errors.New(string(out.State))
		}
		return err
	})
	w.good("token", func() error {
		_, err := w.web.ExchangeAuthorizationCodeFor2faResult(w.ticket, "pete")
		return err
	})
	w.submitCode()
	w.finish(w.typing, "pete")
	w.waiting.open(w.waiting.at.String())
	w.finish(w.waiting, "olga")
	if _, err := w.pair(w.pairing); err != nil {
		w.t.Errorf("the pairing link: %v", err)
	}
	again := w.code["bson"]
	for _, one := range []struct {
		who string
		let bool
		got seen
	}{
		{"auth", true, w.insist(w.vpn, "POST", "/auth/v2/auth", "username", "pete", "factor", "passcode", "passcode", w.code["vpn"])},
		{"json", true, w.insist(w.ssh, "POST", "/rest/v1/auth.json", "user", "pete", "factor", "passcode", "code", w.code["json"])},
		{"bson", true, w.insist(w.ssh, "POST", "/rest/v1/auth.bson", "user", "pete", "factor", "passcode", "code", again)},
		{"the same code", false, w.insist(w.vpn, "POST", "/auth/v2/auth", "username", "pete", "factor", "passcode", "passcode", again)},
		{"bea", true, w.insist(w.vpn, "POST", "/auth/v2/preauth", "username", "bea")},
		{"quin", true, w.approved(w.quin, w.vpn, "/auth/v2/auth_status", w.vpnTx)},
		{"ron", true, w.approved(w.ron, w.ssh, "/rest/v1/status.bson", w.sshTx)},
	} {
		if one.got.status != 200 || one.got.allowed() != one.let {
			w.t.Errorf("%s, afterwards: %d %s", one.who, one.got.status, one.got.body)
		}
	}
}

func (w *doors) approved(d *phone.Device, c *caller, path, txid string) seen {
	w.t.Helper()
	if out, err := d.Approve(context.Background(), txid, ""); err != nil || out.State != phonewire.StateApproved {
		w.t.Errorf("%s: %+v, %v", path, out, err)
	}
	s := w.insist(c, "GET", path, "txid", txid)
	if bytes.Contains(s.body, []byte("waiting")) {
		s = w.insist(c, "GET", path, "txid", txid)
	}
	return s
}

// finish leads a decided sign-in back to its application and collects it, once.
func (w *doors) finish(b *browser, name string) {
	w.t.Helper()
	ticket := b.goOn()
	if ticket == "" {
		w.t.Errorf("%s does not get back: %s", name, b.text())
		return
	}
	if _, err := w.web.ExchangeAuthorizationCodeFor2faResult(ticket, name); err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
	if _, err := w.web.ExchangeAuthorizationCodeFor2faResult(ticket, name); err == nil {
		w.t.Errorf("%s: the ticket was good twice", name)
	}
}

// goOn leads a decided sign-in back and gives its ticket, "" when it does not get there.
func (b *browser) goOn() (ticket string) {
	b.t.Helper()
	for range 4 {
		if b.back != nil || !b.submit("/continue", nil) && !b.submit("/later", nil) {
			break
		}
	}
	if b.back == nil {
		return ""
	}
	return b.back.Query().Get("duo_code")
}
