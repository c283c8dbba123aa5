package phonewire

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"io"
	"regexp"
	"strconv"
	"time"
)

// Window is how far the time of a request may lie before or after the server's.
const Window = 5 * time.Minute

// ErrAuthorization reports a missing or malformed Authorization header.
var ErrAuthorization = errors.New("authorization header is not in the phone protocol's form")

// Authorization is the header of a signed request.
type Authorization struct {
	KeyID     string
	Time      int64  // unix milliseconds by the phone's clock, corrected by the server_time of earlier answers
	Nonce     string // base64url of 16 random bytes, used once
	Signature string // over RequestText
}

var authorizationForm = regexp.MustCompile(
	`^Countersign-Phone keyid="([A-Za-z0-9_-]{43})",time="([1-9][0-9]{0,14})",nonce="([A-Za-z0-9_-]{22})",signature="([A-Za-z0-9_-]{86})"$`)

// ParseAuthorization reads the header. Exactly one spelling is accepted. The error is ErrAuthorization.
func ParseAuthorization(header string) (Authorization, error) {
	m := authorizationForm.FindStringSubmatch(header)
	if m == nil {
		return Authorization{}, ErrAuthorization
	}
	t, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return Authorization{}, ErrAuthorization
	}
	for _, part := range []string{m[1], m[3], m[4]} {
		if _, err := decode(part); err != nil {
			return Authorization{}, ErrAuthorization
		}
	}
	return Authorization{KeyID: m[1], Time: t, Nonce: m[3], Signature: m[4]}, nil
}

// String is the header's value.
func (a Authorization) String() string {
	return `Countersign-Phone keyid="` + a.KeyID + `",time="` + strconv.FormatInt(a.Time, 10) +
		`",nonce="` + a.Nonce + `",signature="` + a.Signature + `"`
}

// Verify checks the signature over the request that carries the header. spki is the public key in DER; target
// is path and query. The error is ErrSignature or ErrKey. The caller checks time and nonce.
func (a Authorization) Verify(spki []byte, method, host, target string, body []byte) error {
	if KeyID(spki) != a.KeyID {
		return ErrSignature
	}
	return Verify(spki, RequestText(method, host, target, a.Time, a.Nonce, body), a.Signature)
}

// Authorize signs a request and returns its header. now is the phone's best estimate of the server's time.
func Authorize(rand io.Reader, key *ecdsa.PrivateKey, method, host, target string, now time.Time, body []byte) (Authorization, error) {
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return Authorization{}, err
	}
	var raw [16]byte
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		return Authorization{}, err
	}
	a := Authorization{KeyID: KeyID(spki), Time: now.UnixMilli(), Nonce: encode(raw[:])}
	a.Signature, err = Sign(rand, key, RequestText(method, host, target, a.Time, a.Nonce, body))
	return a, err
}
