package oidc

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"countersign/internal/domain/application"
)

// request is the signed request object of /authorize. What it says holds; unsigned copies in
// the query are ignored (RULE-26).
type request struct {
	registered
	ClientID        string `json:"client_id"`
	RedirectURI     string `json:"redirect_uri"`
	ResponseType    string `json:"response_type"`
	Scope           string `json:"scope"`
	State           string `json:"state"`
	Nonce           string `json:"nonce"`
	Username        string `json:"duo_uname"`
	DuoCode         flag   `json:"use_duo_code_attribute"`
	Challenge       string `json:"code_challenge"`
	ChallengeMethod string `json:"code_challenge_method"`

	Prompt json.RawMessage `json:"prompt"`  // newer Java; see anew
	MaxAge json.RawMessage `json:"max_age"` // the same
}

// anew reports whether the application wants a proof of now (OpenID Connect Core 3.1.2.1): a remembered browser is none.
func (c *request) anew() bool {
	var prompt string
	if len(c.Prompt) > 0 && json.Unmarshal(c.Prompt, &prompt) != nil {
		return true
	}
	return hasWord(prompt, "login") || len(c.MaxAge) > 0 && string(c.MaxAge) != "null"
}

func (c *request) client() string {
	if c.ClientID != "" {
		return c.ClientID
	}
	return c.Issuer
}

// verifyRequest checks that a request object is an application's word and names an address the
// browser may be sent back to. After it, errors go to that address; before, nowhere.
func (d *Door) verifyRequest(ctx context.Context, p *params) (request, application.Application, *refusal) {
	var c request
	app, _, f := d.open(ctx, p.get("request"), p.get("client_id"), &c, badRequestJWT)
	if f != nil {
		return c, app, f
	}
	switch {
	case c.ClientID != "" && c.ClientID != app.ID, c.Issuer != "" && c.Issuer != app.ID, c.Subject != "" && c.Subject != app.ID:
		return c, app, refuse(badRequestJWT, "client_id, iss or sub is another client's")
	case c.Audience != "" && !d.requestAudience(string(c.Audience)):
		return c, app, refuse(badRequestJWT, "aud is not this service")
	case len(c.ID) > 1024:
		return c, app, refuse(badRequestJWT, "jti is overlong")
	}
	if err := c.timely(d.Now()); err != nil {
		return c, app, refuse(badRequestJWT, err.Error())
	}
	if !returnable(c.RedirectURI, app) {
		return c, app, refuse(badRedirect, "redirect_uri")
	}
	return c, app, nil
}

// requestAudience: the bare host in five SDKs, the whole address in C#'s. Java's older versions
// send none.
func (d *Door) requestAudience(aud string) bool {
	if _, ok := d.at(aud, ""); ok {
		return true
	}
	_, ok := d.at(aud, authorizePath)
	return ok
}

// remember checks what a trusted request asks for and makes what this door keeps until the code
// comes back. Python signs no nonce and no SDK signs a code_challenge: both may stand in the
// query, where the signed ones win.
func remember(c *request, p *params) (doorState, *kind) {
	nonce, challenge, method := c.Nonce, c.Challenge, c.ChallengeMethod
	if nonce == "" {
		nonce = p.get("nonce")
	}
	if challenge == "" && method == "" {
		challenge, method = p.get("code_challenge"), p.get("code_challenge_method")
	}
	s := doorState{RedirectURI: c.RedirectURI, State: c.State, Nonce: nonce, DuoCode: bool(c.DuoCode), Username: c.Username, Challenge: challenge}
	switch {
	case c.ResponseType != "code":
		return s, wrongResponseType
	case !hasWord(c.Scope, "openid"):
		return s, wrongScope
	case !sized(c.State):
		return s, badState
	case nonce != "" && !sized(nonce):
		return s, badNonce
	case c.Username == "":
		return s, badName
	case (challenge != "" || method != "") && !(method == "S256" && challengeShaped(challenge)):
		return s, badChallenge
	}
	return s, nil
}

// sized: 16 to 1024 characters, for state and nonce (WIRE-7). Characters, not bytes: C#
// makes states with letters beyond ASCII.
func sized(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 16 && n <= 1024
}

func hasWord(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}
