// Package secret keeps values that must not be printed and the keys that protect them at rest.
//
// Recoverable secrets (application secrets, passcode seeds, bodies of mails with links) are sealed with
// AES-256-GCM. The associated data is purpose and row identity, so a ciphertext that is moved to another row or
// column does not open. Values that only need to be recognized (links, sessions, activation codes) are kept as
// HMAC-SHA-256 digests, and short codes that people type as Argon2id digests.
package secret

import (
	"crypto/subtle"
	"log/slog"
)

// Text is a secret string. It prints, logs and marshals as "[secret]"; only Reveal returns it.
type Text struct{ s string }

// NewText wraps s.
func NewText(s string) Text { return Text{s} }

// Reveal returns the secret itself.
func (t Text) Reveal() string { return t.s }

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t.s == "" }

// String, GoString, MarshalText and LogValue all hide the secret.
func (Text) String() string               { return "[secret]" }
func (Text) GoString() string             { return "[secret]" }
func (Text) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
func (Text) LogValue() slog.Value         { return slog.StringValue("[secret]") }

// Equal compares in constant time. An empty value equals nothing, not even another empty one.
func Equal(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}
