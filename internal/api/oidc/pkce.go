package oidc

import (
	"crypto/sha256"
	"encoding/base64"

	"countersign/internal/base/secret"
)

// challengeShaped: an S256 challenge is 32 bytes in base64url (RFC 7636 4.2).
func challengeShaped(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == sha256.Size && len(s) == 43
}

// answers reports whether the verifier is the one of the challenge. Both or neither: a verifier
// without challenge means that somebody took the challenge off the request (RFC 9700 2.1.1).
func answers(verifier, challenge string) bool {
	if challenge == "" || verifier == "" {
		return challenge == "" && verifier == ""
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return secret.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge))
}
