package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/flow/signin"
)

const (
	jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	tokenLife = 300 // seconds; clients read the id_token at once
)

// tokens is the answer of the token address. The access_token opens nothing; clients only check
// that there is one.
type tokens struct {
	IDToken     string `json:"id_token"`
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

// token trades a code for an id_token: once, for the application the code was made for.
func (d *Door) token(w http.ResponseWriter, r *http.Request) {
	answer, f := d.redeem(w, r)
	if f != nil {
		d.json(w, r, f)
		return
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings and an integer always encode
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw) // the client may be gone
}

func (d *Door) redeem(w http.ResponseWriter, r *http.Request) (tokens, *refusal) {
	p, f := readParams(w, r)
	if f != nil {
		return tokens{}, f
	}
	if !d.ours(r.Host) {
		return tokens{}, refuse(wrongHost, "host")
	}
	// Nothing is spent before the request is complete: neither jti nor code.
	switch {
	case p.get("grant_type") == "", p.get("code") == "", p.get("redirect_uri") == "":
		return tokens{}, refuse(missing, "grant_type, code or redirect_uri")
	case p.get("grant_type") != "authorization_code":
		return tokens{}, refuse(wrongGrant, "grant_type")
	case p.get("client_assertion_type") != jwtBearer:
		return tokens{}, refuse(badAssertion, "client_assertion_type")
	}
	client, f := d.prove(r.Context(), p, tokenPath)
	if f != nil {
		return tokens{}, f
	}
	result, state, f := d.collect(r.Context(), client, p)
	if f != nil {
		return tokens{}, f
	}
	signed, err := d.sign(client, result, state)
	if err != nil {
		return tokens{}, shed(err)
	}
	return tokens{IDToken: signed, AccessToken: id.Token(d.Rand, 32), ExpiresIn: tokenLife, TokenType: "Bearer"}, nil
}

// collect takes the code. A wrong redirect_uri or verifier uses it up: the code was in wrong hands.
func (d *Door) collect(ctx context.Context, client prover, p *params) (signin.Result, doorState, *refusal) {
	result, err := d.SignIn.CollectFor(ctx, secret.NewText(p.get("code")), client.app, func(ctx context.Context, s signin.Spender) error {
		return d.spendAssertion(ctx, s, client)
	})
	if errors.Is(err, application.ErrSpent) {
		return result, doorState{}, errReplayed()
	}
	if err != nil {
		switch errs.KindOf(err) {
		case errs.Internal, errs.Unavailable, errs.Limited:
			return result, doorState{}, shed(err)
		}
		return result, doorState{}, refuse(badCode, "code: "+errs.Of(err).Code)
	}
	state, err := stateOf(result.Login)
	switch {
	case err != nil && !errors.Is(err, errNotOurs):
		return result, state, shed(err)
	case err != nil, result.Login.ApplicationID != client.app.ID:
		return result, state, refuse(badCode, "code of another door or application")
	case !secret.Equal([]byte(p.get("redirect_uri")), []byte(state.RedirectURI)):
		return result, state, refuse(badCode, "redirect_uri differs")
	case !answers(p.get("code_verifier"), state.Challenge):
		return result, state, refuse(badCode, "code_verifier")
	}
	return result, state, nil
}
