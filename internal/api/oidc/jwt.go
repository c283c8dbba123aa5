package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/domain/application"
)

// parser accepts HS512 and nothing else: no client signs with another algorithm (WIRE-6).
// The claims are checked here, not by the library, whose rules know no upper bound for exp.
var parser = jwt.NewParser(jwt.WithValidMethods([]string{"HS512"}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())

const (
	maxAhead = time.Hour        // Java's older versions sign for an hour (RULE-26)
	skew     = 60 * time.Second // what the clients allow us, too
)

// registered are the claims all client JWTs share.
type registered struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   seconds  `json:"exp"`
	NotBefore seconds  `json:"nbf"`
	IssuedAt  seconds  `json:"iat"`
	ID        string   `json:"jti"`
}

// holder is a set of claims of which the issuer is known before the signature is.
type holder interface {
	jwt.Claims
	// client is the application the token names itself; "" when it names none.
	client() string
}

// open verifies a token in one parse: header, application, signature. It returns the application
// and the 40-byte key that the token is signed with. The claims are filled but not yet judged.
// An unknown client and a wrong signature are one answer (bad).
func (d *Door) open(ctx context.Context, token, clientID string, claims holder, bad *kind) (application.Application, []byte, *refusal) {
	var app application.Application
	var key []byte
	var down error
	if token == "" {
		return app, nil, refuse(bad, "no token")
	}
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") {
		return app, nil, refuse(bad, "token too large or broken")
	}
	_, err := parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if err := plainHeader(t.Header); err != nil {
			return nil, err
		}
		if clientID == "" {
			clientID = claims.client()
		}
		if !keyShaped(clientID) {
			return nil, errors.New("client id has no key's shape")
		}
		var err error
		if app, err = d.Applications.ApplicationByID(ctx, clientID); err != nil {
			if !errors.Is(err, application.ErrUnknown) {
				down = err
			}
			return nil, err
		}
		if key, err = d.Keys.Open(application.SecretPurpose, app.ID, app.Secret); err != nil {
			down = fmt.Errorf("secret of %s: %w", app.ID, err)
			return nil, err
		}
		if len(key) == 0 {
			return nil, errors.New("application without secret")
		}
		return key, nil
	})
	if errors.Is(err, jwt.ErrTokenSignatureInvalid) {
		var older signed.Secret
		if older, err = signed.FindRetired(d.Keys, app, d.Now(), signs(token)); err == nil {
			key = older.Key
		}
	}
	switch {
	case down != nil:
		return app, nil, shed(down)
	case errors.Is(err, reply.ErrTooManyRequests):
		return app, nil, shed(err)
	case errors.Is(err, reply.ErrRetired):
		return app, nil, refuse(closedClient, "secret was reset")
	case err != nil:
		return app, nil, refuse(bad, "token: "+reason(err))
	case !app.Usable():
		return app, nil, refuse(closedClient, "application disabled or deleted")
	case app.Type != application.TypeWebSDK:
		return app, nil, refuse(closedClient, "application of type "+string(app.Type))
	}
	return app, key, nil
}

// signs tells whether a key is the one that a token of three parts, HS512, is signed with.
func signs(token string) func(key []byte) bool {
	at := strings.LastIndexByte(token, '.')
	mac, err := base64.RawURLEncoding.Strict().DecodeString(token[at+1:])
	return func(key []byte) bool {
		return err == nil && jwt.SigningMethodHS512.Verify(token[:at], mac, key) == nil
	}
}

// plainHeader lets alg and typ pass. Everything else names another key or another way to read the
// token (kid, jku, jwk, x5u, b64, crit, zip, cty), and no client sends any.
func plainHeader(header map[string]any) error {
	for name, value := range header {
		switch name {
		case "alg":
		case "typ":
			if s, ok := value.(string); !ok || !strings.EqualFold(s, "JWT") {
				return errors.New("header typ")
			}
		default:
			return errors.New("header has more than alg and typ")
		}
	}
	return nil
}

// reason keeps the library's words, which quote claims only as far as JSON errors do, short for the log.
func reason(err error) string {
	for _, known := range []error{jwt.ErrTokenMalformed, reply.ErrSignature, application.ErrUnknown, jwt.ErrTokenUnverifiable} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "invalid"
}

// timely checks exp, nbf and iat.
func (c *registered) timely(now time.Time) error {
	at := float64(now.UnixMicro()) / 1e6
	late := skew.Seconds()
	switch {
	case !c.Expires.set:
		return errors.New("exp is missing")
	case at >= c.Expires.at+late:
		return errors.New("exp is past")
	case c.Expires.at > at+maxAhead.Seconds()+late:
		return errors.New("exp is too far ahead")
	case c.NotBefore.set && c.NotBefore.at > at+late:
		return errors.New("nbf is ahead")
	case c.IssuedAt.set && c.IssuedAt.at > at+late:
		return errors.New("iat is ahead")
	}
	return nil
}

// forgetAt is when a spent jti need not be remembered any more.
func (c *registered) forgetAt() time.Time {
	return time.Unix(int64(math.Ceil(c.Expires.at)), 0).Add(skew)
}

// spend takes the jti of a verified token, once for this application. application.ErrSpent.
func (d *Door) spend(ctx context.Context, purpose string, app application.Application, c *registered) error {
	return d.SignIn.Spend(ctx, app.ID, d.Keys.Digest(purpose, c.ID), c.forgetAt())
}

// keyShaped reports whether s can be an integration key: 20 of [A-Z0-9].
func keyShaped(s string) bool {
	if len(s) != 20 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// audience is a string or an array of one (Go's SDK).
type audience string

// UnmarshalJSON refuses more than one audience: which of them was meant?
func (a *audience) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '[' {
		var list []string
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		if len(list) != 1 || list[0] == "" {
			return errors.New("aud is not one name")
		}
		*a = audience(list[0])
		return nil
	}
	return json.Unmarshal(raw, (*string)(a))
}

// seconds is a time since 1970: an integer, a float (Python) or a string of digits (C#, which
// writes every claim as a string).
type seconds struct {
	set bool
	at  float64
}

// UnmarshalJSON takes null as absent.
func (s *seconds) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if text == "null" {
		return nil
	}
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return errors.New("time is not a number")
		}
	}
	at, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(at, 0) || math.IsNaN(at) {
		return errors.New("time is not a number")
	}
	s.set, s.at = true, at
	return nil
}

// flag is a boolean, or "true" or "false" (C#). Absent is what the caller set before.
type flag bool

// UnmarshalJSON takes null as absent.
func (f *flag) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`:
		*f = false
	case "null":
	default:
		return errors.New("not a boolean")
	}
	return nil
}

func (c *registered) client() string { return c.Issuer }

// The library's view of the claims. The parser does not validate them (see parser); the values
// are true all the same.

// GetExpirationTime implements jwt.Claims.
func (c *registered) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires.date(), nil }

// GetIssuedAt implements jwt.Claims.
func (c *registered) GetIssuedAt() (*jwt.NumericDate, error) { return c.IssuedAt.date(), nil }

// GetNotBefore implements jwt.Claims.
func (c *registered) GetNotBefore() (*jwt.NumericDate, error) { return c.NotBefore.date(), nil }

// GetIssuer implements jwt.Claims.
func (c *registered) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c *registered) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience implements jwt.Claims.
func (c *registered) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{string(c.Audience)}, nil
}

func (s seconds) date() *jwt.NumericDate {
	if !s.set {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(int64(s.at), 0))
}
