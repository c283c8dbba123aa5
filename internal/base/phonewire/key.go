package phonewire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
)

// ErrSignature reports a signature that is missing, malformed or not made by the key over the text.
var ErrSignature = errors.New("phone signature does not verify")

// ErrKey reports a public key that is not a P-256 key in SubjectPublicKeyInfo form.
var ErrKey = errors.New("phone key is not a P-256 public key")

// maxSPKI is generous: a P-256 key in SubjectPublicKeyInfo form has 91 bytes.
const maxSPKI = 128

// KeyID names a public key: base64url of the SHA-256 of its SubjectPublicKeyInfo (DER), 43 characters.
func KeyID(spki []byte) string {
	sum := sha256.Sum256(spki)
	return encode(sum[:])
}

// ParseKey reads the SubjectPublicKeyInfo (DER) of a P-256 key. One key has one accepted encoding, and
// therefore one key id. The error is ErrKey.
func ParseKey(spki []byte) (*ecdsa.PublicKey, error) {
	if len(spki) > maxSPKI {
		return nil, ErrKey
	}
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, ErrKey
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	again, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || !bytes.Equal(again, spki) {
		return nil, ErrKey
	}
	return key, nil
}

// Sign returns the wire form of a signature over text: base64url of r||s. The key must be on P-256.
func Sign(rand io.Reader, key *ecdsa.PrivateKey, text []byte) (string, error) {
	sum := sha256.Sum256(text)
	r, s, err := ecdsa.Sign(rand, key, sum[:])
	if err != nil {
		return "", err
	}
	var raw [64]byte
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return encode(raw[:]), nil
}

// Verify checks a signature in wire form over text. The error is ErrKey or ErrSignature.
func Verify(spki, text []byte, signature string) error {
	key, err := ParseKey(spki)
	if err != nil {
		return err
	}
	raw, err := decode(signature)
	if err != nil || len(raw) != 64 {
		return ErrSignature
	}
	sum := sha256.Sum256(text)
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	if !ecdsa.Verify(key, sum[:], r, s) {
		return ErrSignature
	}
	return nil
}

// encode is base64url without padding.
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode refuses every spelling except the one that encode makes.
func decode(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
