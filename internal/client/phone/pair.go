package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/base/phonewire"
)

// ErrNoOrigin reports that a typed code was given without the address of its server.
var ErrNoOrigin = errors.New("a typed code needs the server's address (origin)")

// ErrLink reports an address that is not a pairing link.
var ErrLink = errors.New("not a pairing link")

// Target returns the server's origin and the pairing code. linkOrCode is a link https://HOST/a/CODE (or the app's
// /app/?p=CODE), or a typed code that belongs to origin. A given origin wins over the one of the link. The error
// is ErrNoOrigin or ErrLink.
func Target(linkOrCode, origin string) (string, string, error) {
	text := strings.TrimSpace(linkOrCode)
	if !strings.Contains(text, "://") {
		if origin == "" {
			return "", "", ErrNoOrigin
		}
		return strings.TrimSuffix(origin, "/"), phonewire.NormalizeCode(text), nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", ErrLink
	}
	code := u.Query().Get("p")
	if rest, ok := strings.CutPrefix(u.Path, "/a/"); ok && rest != "" && !strings.Contains(rest, "/") {
		code = rest
	}
	if code == "" {
		return "", "", fmt.Errorf("%w: it has no code after /a/", ErrLink)
	}
	if origin == "" {
		origin = u.Scheme + "://" + u.Host
	}
	return strings.TrimSuffix(origin, "/"), phonewire.NormalizeCode(code), nil
}

// Pair makes a key and binds it to a phone record with the pairing code (POST activations). When o.Path is set,
// the device file is written before Pair returns. The error is one of Target's, a *Refusal with the server's code
// and sentence, or a network error.
func Pair(ctx context.Context, linkOrCode string, o Options) (*Device, error) {
	origin, code, err := Target(linkOrCode, o.Origin)
	if err != nil {
		return nil, err
	}
	d := o.device()
	if d.key, err = ecdsa.GenerateKey(elliptic.P256(), d.rand); err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(d.key)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&d.key.PublicKey)
	if err != nil {
		return nil, err
	}
	platform := o.Platform
	if platform == "" {
		platform = "Command line"
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	instance, err := d.instance(u.Host)
	if err != nil {
		return nil, err
	}
	a := phonewire.Activation{Code: code, PublicKey: base64.RawURLEncoding.EncodeToString(spki),
		Platform: platform, Model: o.Model, Name: o.Name, AppVersion: Version, Instance: instance}
	if a.Signature, err = phonewire.Sign(d.rand, d.key, a.Text(u.Host)); err != nil {
		return nil, err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/phone/v1/activations", strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	var account phonewire.Account
	if err := d.send(req, &account); err != nil {
		return nil, err
	}
	// Keep the address that worked. Behind a port forward the server itself knows another one.
	account.Origin = origin
	d.state.Version, d.state.Account, d.state.Key = 1, account, pkcs8
	d.state.OTPNext = uint64(account.OTP.Counter)
	return d, d.save()
}
