package user

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/base/id"
)

// MaxName is the longest name, in code points.
const MaxName = 256

// Normalize gives the one canonical spelling of a name (RULE-32, AC-009): trimmed, NFKC,
// lower case. Control, format (zero-width, bidirectional), other invisible and private characters and names
// longer than MaxName are refused with ErrNameInvalid. It is idempotent.
func Normalize(name string) (string, error) {
	if len(name) > 4*MaxName || !utf8.ValidString(name) {
		return "", ErrNameInvalid
	}
	name = strings.TrimFunc(name, unicode.IsSpace)
	for i := 0; i < 4; i++ { // NFKC and lower-casing can each undo the other for a few characters
		next := strings.TrimFunc(norm.NFKC.String(strings.ToLower(norm.NFKC.String(name))), unicode.IsSpace)
		if next == name {
			break
		}
		name = next
	}
	n := 0
	for _, r := range name {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == utf8.RuneError || r == '|' {
			return "", ErrNameInvalid
		}
		n++
	}
	if n == 0 || n > MaxName {
		return "", ErrNameInvalid
	}
	return name, nil
}

// LooksLikeID reports a name of the shape of a person's ID, in either case. Nobody new is called so: who is asked for by
// one or the other would not be the one meant.
func LooksLikeID(name string) bool {
	if len(name) != 20 || !strings.EqualFold(name[:2], id.User) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// Simple takes DOMAIN\name and name@domain down to name (C-24), also where one side is missing: alice\ and @alice are
// alice. The input must be normalized. A name of nothing but such signs stays as it is.
func Simple(name string) string {
	parts := strings.Split(name, `\`)
	slices.Reverse(parts)
	for _, behind := range []bool{false, true} { // a name in front of an @ before one behind it
		for _, part := range parts {
			if behind {
				part = strings.TrimLeftFunc(part, func(r rune) bool { return r == '@' || unicode.IsSpace(r) })
			}
			bare, _, _ := strings.Cut(part, "@")
			if bare = strings.TrimSpace(bare); bare != "" {
				return bare
			}
		}
	}
	return name
}
