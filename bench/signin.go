package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"countersign/internal/base/otp"
)

// callback is the application's address. Nothing listens there: the load reads the code from the redirect.
const callback = "https://payroll.example.edu/callback"

// client does what the Web SDK v4 does in an application, but with less processor time.
type client struct {
	id, host string
	secret   []byte
}

// client returns the application that the seeds have planted, for a server at host.
func (p *place) client(host string) client {
	return client{id: p.seeds.ClientID, host: host, secret: []byte(p.seeds.Secret)}
}

var jwtHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS512","typ":"JWT"}`))

// sign makes an HS512 JWT (RFC 7519). claims is a JSON object.
func (c client) sign(claims string) string {
	text := jwtHeader + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha512.New, c.secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// authorize returns the address to which the application sends the browser.
func (c client) authorize(name, state, nonce string) string {
	signed := c.sign(fmt.Sprintf(`{"scope":"openid","redirect_uri":%q,"client_id":%q,"iss":%q,"aud":%q,"exp":%d,"state":%q,"nonce":%q,"response_type":"code","duo_uname":%q,"use_duo_code_attribute":true}`,
		callback, c.id, c.id, "https://"+c.host, time.Now().Unix()+300, state, nonce, name))
	return "/oauth/v1/authorize?response_type=code&client_id=" + c.id + "&request=" + signed
}

// redeem returns the body of the token request for a code.
func (c client) redeem(code string) []byte {
	proof := c.sign(fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":%q}`,
		c.id, c.id, "https://"+c.host+"/oauth/v1/token", time.Now().Unix()+300, token(24)))
	return []byte("grant_type=authorization_code&code=" + url.QueryEscape(code) + "&redirect_uri=" + url.QueryEscape(callback) +
		"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" + proof)
}

// check verifies an id_token as the SDKs do: its signature, nonce and user name.
func (c client) check(body []byte, name, nonce string) error {
	var got struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	end := strings.LastIndexByte(got.IDToken, '.')
	start := strings.IndexByte(got.IDToken, '.')
	if end <= start {
		return errors.New("no id_token")
	}
	mac := hmac.New(sha512.New, c.secret)
	mac.Write([]byte(got.IDToken[:end]))
	sum, err := base64.RawURLEncoding.DecodeString(got.IDToken[end+1:])
	if err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return errors.New("the id_token's signature is wrong")
	}
	var claims struct {
		Name  string `json:"preferred_username"`
		Nonce string `json:"nonce"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(got.IDToken[start+1 : end])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	if claims.Name != name || claims.Nonce != nonce {
		return errors.New("the id_token is another sign-in's")
	}
	return nil
}

// unexpected describes an answer that is not the one a sign-in needs.
func unexpected(step string, a answer) error {
	return fmt.Errorf("%s: status %d to %q: %.200s", step, a.status, a.location, a.body)
}

// opened is a sign-in whose prompt the browser has loaded.
type opened struct {
	path, cookie string
	page         []byte // valid until the browser's next request
}

// begin sends the browser to the prompt and returns the page.
func begin(browser *wire, c client, name, state, nonce string) (opened, error) {
	var o opened
	a, err := browser.do(request{method: "GET", target: c.authorize(name, state, nonce), browser: true})
	if err != nil {
		return o, fmt.Errorf("authorize: %w", err)
	}
	o.path, o.cookie = strings.TrimPrefix(a.location, "https://"+c.host), a.cookie
	if a.status != 303 || !strings.HasPrefix(o.path, "/prompt/") || o.cookie == "" {
		return o, unexpected("authorize", a)
	}
	if a, err = browser.do(request{method: "GET", target: o.path, browser: true, cookie: o.cookie}); err != nil {
		return o, fmt.Errorf("page: %w", err)
	}
	if a.status != 200 {
		return o, unexpected("page", a)
	}
	o.page = a.body
	return o, nil
}

// between returns the text between the first from and the next to, "" when one is missing.
func between(b []byte, from, to string) string {
	_, rest, ok := bytes.Cut(b, []byte(from))
	if !ok {
		return ""
	}
	got, _, ok := bytes.Cut(rest, []byte(to))
	if !ok {
		return ""
	}
	return string(got)
}

// form is the content type of form posts.
const form = "application/x-www-form-urlencoded"

// signIn is one whole sign-in by a passcode from the phone. When the code is right, the server redirects the browser to
// the application either at once or by way of the prompt, which makes four requests or five. signIn returns the size of
// the code page and whether the redirect was direct.
func signIn(browser, back *wire, c client, p *person) (size int, direct bool, err error) {
	state, nonce := token(27), token(27)
	o, err := begin(browser, c, p.Name, state, nonce)
	if err != nil {
		return 0, false, err
	}
	size, formToken := len(o.page), between(o.page, `name="form_token" value="`, `"`)
	if formToken == "" {
		return 0, false, fmt.Errorf("the page has no form: %.300s", o.page)
	}
	code := otp.HOTP(otp.SHA1, p.OTP, p.next, 6)
	p.next++
	a, err := browser.do(request{method: "POST", target: o.path + "/code", browser: true, cookie: o.cookie, contentType: form,
		body: []byte("form_token=" + formToken + "&code=" + code)})
	if err != nil {
		return 0, false, fmt.Errorf("code: %w", err)
	}
	direct = strings.HasPrefix(a.location, callback)
	if a.status != 303 || !direct && a.location != o.path {
		return 0, false, unexpected("code", a)
	}
	if !direct {
		if a, err = browser.do(request{method: "GET", target: o.path, browser: true, cookie: o.cookie}); err != nil {
			return 0, false, fmt.Errorf("return: %w", err)
		}
	}
	to, err := url.Parse(a.location)
	if err != nil || a.status != 303 || !strings.HasPrefix(a.location, callback) || to.Query().Get("state") != state {
		return 0, false, unexpected("return", a)
	}
	if a, err = back.do(request{method: "POST", target: "/oauth/v1/token", contentType: form, body: c.redeem(to.Query().Get("duo_code"))}); err != nil {
		return 0, false, fmt.Errorf("token: %w", err)
	}
	if a.status != 200 {
		return 0, false, unexpected("token", a)
	}
	return size, direct, c.check(a.body, p.Name, nonce)
}
