package oidc

import (
	"context"

	"countersign/internal/domain/application"
)

// assertion is what an application signs to prove itself at health_check and token (RFC 7523).
type assertion struct{ registered }

// prover is an application that proved itself, and the host name under which it called.
type prover struct {
	app  application.Application
	key  []byte
	host string
}

// prove verifies the client assertion for one of our addresses and spends its jti (decision 26).
// Java sends no client_id at /token: the assertion names it (protocols 0.8).
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
	first, err := d.spend(ctx, "oidc-assertion", app, &c.registered)
	if err != nil {
		return prover{}, shed(err)
	}
	if !first {
		return prover{}, refuse(badAssertion, "jti was used before")
	}
	return prover{app: app, key: key, host: host}, nil
}
