// Package id makes the identifiers and tokens of the program.
//
// Object keys have the shape of the Admin API: two letters for the type and 18 characters of [A-Z0-9]
// (WIRE-1). Clients treat every key except the integration key as opaque.
//
// Every function takes its source of randomness as an argument and panics when it cannot be read.
package id

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
)

// Prefixes of object keys, one for each kind of object.
const (
	Application = "DI"
	User        = "DU"
	Phone       = "DP"
	BypassCode  = "DB"
	Activation  = "DV" // never leaves the server
	Enrollment  = "DE" // never leaves the server
	Mail        = "DM" // never leaves the server
	Log         = "DL" // never leaves the server
	Browser     = "DR" // a remembered browser; never leaves the server
)

const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Key makes an object key of 20 characters: the prefix and 18 of [A-Z0-9].
func Key(rand io.Reader, prefix string) string { return prefix + pick(rand, keyAlphabet, 18) }

// ApplicationSecret makes a secret key of 40 characters. Every SDK checks for this length.
func ApplicationSecret(rand io.Reader) string { return pick(rand, secretAlphabet, 40) }

// UUID makes a version 4 UUID (RFC 9562), the shape of a txid. It is a name, not a secret.
func UUID(rand io.Reader) string {
	var b [16]byte
	mustRead(rand, b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Token makes an unguessable token of n random bytes, in base64url without padding.
func Token(rand io.Reader, n int) string {
	b := make([]byte, n)
	mustRead(rand, b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digits makes n uniformly random decimal digits.
func Digits(rand io.Reader, n int) string { return pick(rand, "0123456789", n) }

func pick(rand io.Reader, alphabet string, n int) string {
	out := make([]byte, n)
	// Reject bytes beyond the largest multiple of the alphabet's length: no bias.
	limit := 256 - 256%len(alphabet)
	buf := make([]byte, n+8)
	for i := 0; i < n; {
		mustRead(rand, buf)
		for _, b := range buf {
			if int(b) < limit && i < n {
				out[i] = alphabet[int(b)%len(alphabet)]
				i++
			}
		}
	}
	return string(out)
}

// Crockford writes the first chars*5 bits of b in Crockford's base32, which has no I, L, O and U.
// b must hold that many bits.
func Crockford(b []byte, chars int) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	n := new(big.Int).SetBytes(b)
	n.Rsh(n, uint(len(b)*8-chars*5))
	out := make([]byte, chars)
	for i := chars - 1; i >= 0; i-- {
		out[i] = alphabet[new(big.Int).And(n, big.NewInt(31)).Int64()]
		n.Rsh(n, 5)
	}
	return string(out)
}

// mustRead panics when the system has no randomness, because nothing safe can follow.
func mustRead(rand io.Reader, b []byte) {
	if _, err := io.ReadFull(rand, b); err != nil {
		panic(fmt.Errorf("no randomness: %w", err))
	}
}
