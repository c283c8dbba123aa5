package enroll

import (
	"net/mail"
	"strings"
	"unicode"
)

// CleanAddress accepts exactly one bare mail address (RFC 5322 addr-spec, at most 254 bytes) and nothing
// that could become a header or a second recipient (AC-051). ErrMailAddress.
func CleanAddress(typed string) (string, error) {
	typed = strings.TrimSpace(typed)
	if len(typed) > 254 || strings.ContainsFunc(typed, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("<>,;:\"()\\", r)
	}) {
		return "", ErrMailAddress
	}
	a, err := mail.ParseAddress(typed)
	if err != nil || a.Address != typed || a.Name != "" {
		return "", ErrMailAddress
	}
	_, domain, ok := strings.Cut(typed, "@")
	if !ok || domain == "" || strings.HasPrefix(domain, "[") {
		return "", ErrMailAddress
	}
	return typed, nil
}
