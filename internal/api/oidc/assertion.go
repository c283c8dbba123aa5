package oidc

import (
	"context"
	"errors"

	"countersign/internal/domain/application"
	"countersign/internal/flow/signin"
)

// assertion is what an application signs to prove itself at health_check and token (RFC 7523).
type assertion struct{ registered }

// prover is an application that proved itself, and the host name under which it called.
type prover struct {
	app    application.Application
	key    []byte
	host   string
	claims *registered
}

// prove verifies the client assertion for one of our addresses. Its jti is spent by the caller (RULE-26).
// Java sends no client_id at /token: the assertion names it (WIRE-5).
func (d *Door) prove(ctx context.Context, p *params, path string) (prover, *refusal) {
	var c assertion
	app, key, f := d.open(ctx, p.get("client_assertion"), p.get("client_id"), &c, badAssertion)
	if f != nil {
		return prover{}, f
	}
	host, ok := d.at(string(c.Audience), path)
	switch {
	case c.Issuer != app.ID || c.Subject != app.ID:
		return prover{}, refuse(badAssertion, "iss or sub is not the client")
	case !ok:
		return prover{}, refuse(badAssertion, "aud is not this address")
	case c.ID == "" || len(c.ID) > 1024:
		return prover{}, refuse(badAssertion, "jti is missing or overlong")
	}
	if err := c.timely(d.Now()); err != nil {
		return prover{}, refuse(badAssertion, err.Error())
	}
	return prover{app: app, key: key, host: host, claims: &c.registered}, nil
}

// Purposes of the keyring, for what is spent: assertions, and the signed requests of authorize.
const (
	assertionPurpose = "oidc-assertion"
	requestPurpose   = "oidc-request"
)

// Digests are the purposes of the digests that this door makes.
var Digests = []string{assertionPurpose, requestPurpose}

// errReplayed is the refusal of an assertion that came before.
func errReplayed() *refusal { return refuse(badAssertion, "jti was used before") }

// spendAssertion takes the assertion's jti, once, in the caller's database transaction.
func (d *Door) spendAssertion(ctx context.Context, s signin.Spender, p prover) error {
	return s.SpendAssertion(ctx, p.app.ID, d.Keys.Digest(assertionPurpose, p.claims.ID), p.claims.forgetAt())
}

// spendAlone is spendAssertion for a call that changes nothing else.
func (d *Door) spendAlone(ctx context.Context, p prover) *refusal {
	switch err := d.spend(ctx, assertionPurpose, p.app, p.claims); {
	case errors.Is(err, application.ErrSpent):
		return errReplayed()
	case err != nil:
		return shed(err)
	}
	return nil
}
