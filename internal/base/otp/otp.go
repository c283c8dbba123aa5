// Package otp computes one-time codes: HOTP (RFC 4226) and TOTP (RFC 6238).
package otp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
	"time"
)

// Algorithm is the hash below the HMAC.
type Algorithm string

// The three algorithms of RFC 6238. Phones get SHA1, the only one that every app reads.
const (
	SHA1   Algorithm = "SHA1"
	SHA256 Algorithm = "SHA256"
	SHA512 Algorithm = "SHA512"
)

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return sha1.New
}

// HOTP returns the code for one counter (RFC 4226 5.3). digits is 6 to 8; the code has leading zeros.
func HOTP(alg Algorithm, secret []byte, counter uint64, digits int) string {
	mac := hmac.New(alg.hash(), secret)
	var moving [8]byte
	binary.BigEndian.PutUint64(moving[:], counter)
	mac.Write(moving[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// Step returns the number of whole periods since 1970, which is the moving factor of TOTP. Times before 1970
// count as 1970. A period below one second counts as 30 seconds.
func Step(t time.Time, period time.Duration) uint64 {
	if period < time.Second {
		period = 30 * time.Second
	}
	return uint64(max(t.Unix(), 0)) / uint64(period/time.Second)
}

// TOTP returns the code for a moment (RFC 6238 4.2).
func TOTP(alg Algorithm, secret []byte, t time.Time, period time.Duration, digits int) string {
	return HOTP(alg, secret, Step(t, period), digits)
}

// Encode writes a secret as base32 without padding (RFC 4648 6).
func Encode(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// Decode reads base32 as people copy it: in any case, with spaces and dashes, with or without padding. An
// empty secret is an error too.
func Decode(text string) ([]byte, error) {
	text = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "=", "").Replace(text))
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(secret) == 0 {
		return nil, fmt.Errorf("secret is not base32")
	}
	return secret, nil
}
