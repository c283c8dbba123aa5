package oidc

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
)

// hostile are addresses that are not https://app.example/cb, each in the spelling of a known
// trick (AC-015). None may be redirected to by an application that lists only that address.
func hostile() []string {
	base := "https://app.example/cb"
	list := []string{"", " ", "/", "/cb", "//app.example/cb", "app.example/cb", "https:app.example/cb", "https:/app.example/cb", "https:///app.example/cb",
		"https:////app.example/cb", "https://", "https://?", "https:///cb", "https://:443/cb", "javascript:alert(1)", "data:text/html,x",
		"file:///etc/passwd", "ftp://app.example/cb", "ws://app.example/cb", "blob:https://app.example/cb", "view-source:" + base, "about:blank",
		"HTTPS://app.example/cb", "Https://app.example/cb", "https://APP.example/cb", "https://App.Example/cb", "https://app.example/CB", "https://app.example/Cb",
		"http://app.example/cb", "http://localhost/cb", "http://127.0.0.1/cb", "http://[::1]/cb", "https://localhost/cb", "https://127.0.0.1/cb",
		"https://app.example:443/cb", "https://app.example:8443/cb", "https://app.example:/cb", "https://app.example:0/cb", "https://app.example:99999/cb",
		"https://app.example:+443/cb", "https://app.example:0443/cb", "https://app.example:44 3/cb", "https://app.example:a/cb", "https://app.example:-1/cb",
		"https://user@app.example/cb", "https://user:pw@app.example/cb", "https://@app.example/cb", "https://app.example@evil.example/cb",
		"https://app.example:x@evil.example/cb", "https://app.example%40evil.example/cb", "https://app.example\\@evil.example/cb", "https://evil.example\\@app.example/cb",
		"https://evil.example#@app.example/cb", "https://evil.example?@app.example/cb", "https://evil.example/@app.example/cb", "https://evil.example;@app.example/cb",
		"https://*.example/cb", "https://*/cb", "https://app.*/cb", "https://.app.example/cb", "https://app.example./cb", "https://app..example/cb",
		"https://-app.example/cb", "https://app-.example/cb", "https://app_example/cb", "https://app,example/cb", "https://app.example,evil.example/cb",
		"https://app.example%2f/cb", "https://app.example%2fcb", "https://app.example%00.evil.example/cb", "https://app%2eexample/cb", "https://%61pp.example/cb",
		"https://app.example%0d%0a/cb", "https://app.exam%70le/cb", "https://app.example%09/cb", "https://app.example%5c/cb",
		"https://аpp.example/cb", "https://app.exаmple/cb", "https://app。example/cb", "https://app．example/cb", "https://ａpp.example/cb", "https://app.example／cb",
		"https://app.exampleⓒ/cb", "https://app.exam\u00adple/cb", "https://app.example\u200b/cb", "https://app.example\ufeff/cb", "https://xn--pp-6kc.example/cb", "https://app.example/\u202ecb",
		"https://2130706433/cb", "https://0x7f000001/cb", "https://0177.0.0.1/cb", "https://127.1/cb", "https://1/cb", "https://0/cb", "https://0.0.0.0/cb",
		"https://[::1]/cb", "https://[::ffff:127.0.0.1]/cb", "https://[fe80::1%25eth0]/cb", "https://[::1/cb", "https://::1]/cb", "https://[app.example]/cb", "https://[]/cb",
		"https://[::1]x/cb", "https://[::1]:/cb", "https://256.256.256.256/cb", "https://1.2.3.4.5/cb", "https://1.2.3/cb"}
	for _, c := range []string{"\x00", "\x01", "\t", "\n", "\r", "\r\n", " ", "\x7f", "\\", "\"", "<", ">", "^", "`", "{", "|", "}", "#", "é", "\u2028", "\u0085"} {
		list = append(list, base+c, c+base, "https://app.example"+c+"/cb", "https://app.example/"+c+"cb", "https:"+c+"//app.example/cb")
	}
	for _, suffix := range []string{"/", "/x", "/../x", "/..", "/.", "x", ".evil.example", "%2f", "%2F..", "%5c", "%00", "%0d%0aLocation:x", "%", "%zz", "?", "?x=1", "?redirect=https://evil.example",
		"?state=x", "?code=x", "?duo_code=x", "?error=x", "&x=1", ";x=1", "#", "#x", "#/../x", "?#", "//", "//evil.example", "/%2e%2e/x", "@evil.example", ":443", ",https://evil.example/", "%23x", "/*", "*"} {
		list = append(list, base+suffix)
	}
	for _, host := range []string{"app.example.evil.example", "evil-app.example", "evilapp.example", "app.example.", "sub.app.example", "example", "app.examples", "app-example", "appexample",
		"www.app.example", "app.example.com", "evil.example"} {
		list = append(list, "https://"+host+"/cb", "http://"+host+"/cb")
	}
	return append(list, base+"?"+strings.Repeat("a", 1100), "https://"+strings.Repeat("a.", 200)+"example/cb", "https://"+strings.Repeat("a", 64)+".example/cb")
}

func TestAC015HostileRedirectsAreNotFollowed(t *testing.T) { // and AC-049: no other address is taken from a request
	w, list := newWorld(t), hostile()
	if len(list) < 200 {
		t.Fatalf("only %d hostile addresses", len(list))
	}
	for _, address := range list {
		token := signedBy(t, with(w.requestClaims(), claims{"client_id": listedID, "iss": listedID, "redirect_uri": address}))
		w.refusedByPage(w.get(url.Values{"client_id": {listedID}, "request": {token}}), fmt.Sprintf("%q", address))
	}
	token := signedBy(t, with(w.requestClaims(), claims{"client_id": listedID, "iss": listedID, "redirect_uri": nil}))
	w.refusedByPage(w.get(url.Values{"client_id": {listedID}, "request": {token}}), "no redirect_uri")
	for _, good := range []string{"https://app.example/cb", "https://app.example/cb2?a=1"} {
		token := signedBy(t, with(w.requestClaims(), claims{"client_id": listedID, "iss": listedID, "redirect_uri": good}))
		w.begins(w.get(url.Values{"client_id": {listedID}, "request": {token}}))
	}
}

// Without a list the signature vouches for the address; its spelling must still be plain.
func TestAddressesWithoutAList(t *testing.T) {
	good := []string{"https://a.b/", "https://app.example", "https://app.example?x=1", "https://app.example:8443/cb?x=1&y=a%20b", "https://192.0.2.1/cb", "https://[2001:db8::1]:8443/cb",
		"http://localhost:8080/cb", "http://localhost", "http://127.0.0.1:3000/cb", "http://127.8.9.1/cb", "http://[::1]:3000/cb", "https://app_1.example/cb", "https://APP.example/CB",
		"https://app.example/a/../b;c=d,e/@x:y", "https://intranet/cb", "https://xn--pp-6kc.example/cb", "https://app.example/" + strings.Repeat("a", 1004)}
	bad := []string{"http://app.example/cb", "http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "http://127.1/", "http://0x7f.0.0.1/", "http://2130706433/", "http://0.0.0.0/",
		"http://[::ffff:10.0.0.1]/", "http://LOCALHOST/", "http://localhost./", "http://user@localhost/", "https://app.example/#x", "https://u@app.example/", "https://app.example/ x",
		"https://app.example\\x", "https://app.example/cb?state=1", "https://app.example/cb?code=1", "https://app.example/cb?a;b", "https://app.example/cb?a=%zz", "https://app.example/%zz",
		"https://127.1/", "https://1.2.3.999/", "https://0x7f.1/", "https://app.example/" + strings.Repeat("a", 1005), "javascript://localhost/%0aalert(1)", ""}
	w := newWorld(t)
	for _, address := range good {
		if !returnable(address, w.apps[clientID]) {
			t.Errorf("%q was refused", address)
		}
	}
	for _, address := range bad {
		if returnable(address, w.apps[clientID]) {
			t.Errorf("%q was taken", address)
		}
	}
	for _, address := range hostile() { // with no list, what is taken must at least lead where it says
		if u, err := url.Parse(address); wellFormed(address) && (err != nil || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http") {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestWayBackKeepsTheQuery(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/cb":        "https://a.example/cb?state=s%26%2B&code=T",
		"https://a.example/cb?":       "https://a.example/cb?state=s%26%2B&code=T",
		"https://a.example":           "https://a.example?state=s%26%2B&code=T",
		"https://a.example/cb?x=%41":  "https://a.example/cb?x=%41&state=s%26%2B&code=T",
		"https://a.example/cb?x=1&":   "https://a.example/cb?x=1&state=s%26%2B&code=T",
		"http://[::1]:80/cb?x&y=a+b%": "http://[::1]:80/cb?x&y=a+b%&state=s%26%2B&code=T",
	} {
		l := login.Login{Door: Name, DoorState: doorState{RedirectURI: address, State: "s&+"}.encode()}
		if got, err := new(Door).Return(context.Background(), l, secret.NewText("T")); err != nil || got != want {
			t.Errorf("%s: got %s, %v", address, got, err)
		}
	}
	if _, err := new(Door).Return(context.Background(), login.Login{Door: "enrollment", DoorState: []byte(`{"redirect_uri":"https://a.example"}`)}, secret.NewText("T")); err == nil {
		t.Error("another door's login was returned")
	}
	if o, err := new(Door).Origin(login.Login{Door: Name, DoorState: doorState{RedirectURI: "https://a.example:8443/cb?x=1"}.encode()}); err != nil || o != "https://a.example:8443" {
		t.Errorf("origin is %s, %v", o, err)
	}
}
