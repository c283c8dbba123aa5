package pushtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// claims are the claims of a VAPID token (RFC 8292 2).
type claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"`
}

// verify checks an Authorization header of RFC 8292 and returns its claims and its key (base64url). It is written
// from the RFC with the standard library alone, because it must not share mistakes with the library that the
// product uses. origin is the push service's own scheme, host and port.
func verify(header, origin string, now time.Time) (claims, string, error) {
	rest, ok := strings.CutPrefix(header, "vapid ")
	if !ok {
		return claims{}, "", errors.New("no vapid authorization")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	raw, err := base64.RawURLEncoding.DecodeString(fields["k"])
	if err != nil || len(raw) != 65 || raw[0] != 4 {
		return claims{}, "", errors.New("vapid k is not an uncompressed point")
	}
	if _, err := ecdh.P256().NewPublicKey(raw); err != nil {
		return claims{}, "", fmt.Errorf("vapid k: %w", err)
	}
	pieces := strings.Split(fields["t"], ".")
	if len(pieces) != 3 {
		return claims{}, "", errors.New("vapid t is not a JWT")
	}
	var head struct{ Typ, Alg string }
	if err := decodeJSON(pieces[0], &head); err != nil || head.Alg != "ES256" || head.Typ != "JWT" {
		return claims{}, "", fmt.Errorf("vapid JWT header %+v, %v", head, err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(pieces[2])
	if err != nil || len(signature) != 64 {
		return claims{}, "", errors.New("vapid signature is not 64 bytes")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return claims{}, "", fmt.Errorf("vapid key: %w", err)
	}
	digest := sha256.Sum256([]byte(pieces[0] + "." + pieces[1]))
	if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return claims{}, "", errors.New("vapid signature is wrong")
	}
	var c claims
	if err := decodeJSON(pieces[1], &c); err != nil {
		return claims{}, "", err
	}
	return c, fields["k"], checkClaims(c, origin, now)
}

// checkClaims tests the claims by RFC 8292 2 and 2.1. Expiry may be at most 12 hours from now: the RFC allows 24,
// and the product's library uses half of it.
func checkClaims(c claims, origin string, now time.Time) error {
	if c.Audience != origin {
		return fmt.Errorf("vapid aud %q is not %q", c.Audience, origin)
	}
	left := time.Unix(c.Expires, 0).Sub(now)
	if left <= 0 || left > 12*time.Hour+time.Second {
		return fmt.Errorf("vapid exp is %v from now", left)
	}
	sub, err := url.Parse(c.Subject)
	if err != nil || (sub.Scheme != "https" && sub.Scheme != "mailto") || strings.Count(c.Subject, "mailto:") > 1 {
		return fmt.Errorf("vapid sub %q", c.Subject)
	}
	return nil
}

func decodeJSON(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// decrypt opens a body of one aes128gcm record (RFC 8188 2) with the keys of RFC 8291 3.3 and 3.4, and returns
// the payload without its padding. The header before the record is salt (16 bytes), record size (4), length of
// the sender's key (1) and that key (65).
func decrypt(p *phone, body []byte) ([]byte, error) {
	if len(body) < 21+65 || body[20] != 65 {
		return nil, errors.New("no aes128gcm header with a key of 65 bytes")
	}
	salt, size, sender, sealed := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:86], body[86:]
	if len(sealed) > int(size) {
		return nil, errors.New("more than one record")
	}
	theirs, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := p.key.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(p.key.PublicKey().Bytes()) + string(sender)
	ikm, err := hkdf.Key(sha256.New, shared, p.auth, info, 32)
	if err != nil {
		return nil, err
	}
	content, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("the last record is not marked as the last")
	}
	return plain[:len(plain)-1], nil
}
