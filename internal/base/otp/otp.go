// Package otp computes one-time codes: HOTP (RFC 4226) and TOTP (RFC 6238), and writes the
// otpauth:// address that authenticator apps read.
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
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Algorithm is the hash below the HMAC, spelled as otpauth:// addresses spell it.
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

// HOTP is the code for one counter (RFC 4226 5.3). digits is 6 to 8.
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

// Step is the number of whole periods since 1970, the moving factor of TOTP. Times before 1970
// count as 1970.
func Step(t time.Time, period time.Duration) uint64 {
	if period < time.Second {
		period = 30 * time.Second
	}
	return uint64(max(t.Unix(), 0)) / uint64(period/time.Second)
}

// TOTP is the code for a moment (RFC 6238 4.2).
func TOTP(alg Algorithm, secret []byte, t time.Time, period time.Duration, digits int) string {
	return HOTP(alg, secret, Step(t, period), digits)
}

// Encode writes a secret as base32 without padding.
func Encode(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// Decode reads base32 as people copy it: any case, spaces and dashes, with or without padding.
func Decode(text string) ([]byte, error) {
	text = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "=", "").Replace(text))
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(secret) == 0 {
		return nil, fmt.Errorf("secret is not base32")
	}
	return secret, nil
}

// Key is what an authenticator app needs.
type Key struct {
	Type      string // "totp" or "hotp"
	Issuer    string
	Account   string // the user's name
	Secret    []byte
	Algorithm Algorithm
	Digits    int
	Period    time.Duration // totp
	Counter   uint64        // hotp
}

// URL is the otpauth:// address (Key Uri Format of Google Authenticator's wiki).
func (k Key) URL() string {
	q := []string{"secret=" + Encode(k.Secret), "issuer=" + escape(k.Issuer),
		"algorithm=" + string(k.Algorithm), "digits=" + strconv.Itoa(k.Digits)}
	if k.Type == "hotp" {
		q = append(q, "counter="+strconv.FormatUint(k.Counter, 10))
	} else {
		q = append(q, "period="+strconv.Itoa(int(k.Period/time.Second)))
	}
	return "otpauth://" + k.Type + "/" + escape(k.Issuer) + ":" + escape(k.Account) + "?" + strings.Join(q, "&")
}

// escape writes %20 for a space: several apps show a plus sign as it stands.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
