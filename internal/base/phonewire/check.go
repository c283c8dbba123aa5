package phonewire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrField reports a body with a field out of its range.
var ErrField = errors.New("field out of range")

// Check tests the shape of an activation, and that its own key signed it for host. The error is
// ErrField, ErrKey or ErrSignature.
func (a Activation) Check(host string) error {
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"code", a.Code, 128}, {"platform", a.Platform, 64}, {"model", a.Model, 128},
		{"name", a.Name, 256}, {"app_version", a.AppVersion, 64},
	} {
		if err := plain(f.name, f.value, f.max); err != nil {
			return err
		}
	}
	if a.Code == "" {
		return fmt.Errorf("%w: code", ErrField)
	}
	if raw, err := decode(a.Instance); err != nil || a.Instance != "" && len(raw) != sha256.Size {
		return fmt.Errorf("%w: instance", ErrField)
	}
	spki, err := a.SPKI()
	if err != nil {
		return err
	}
	return Verify(spki, a.Text(host), a.Signature)
}

// SPKI decodes the public key to DER. The error is ErrKey.
func (a Activation) SPKI() ([]byte, error) {
	spki, err := decode(a.PublicKey)
	if err != nil {
		return nil, ErrKey
	}
	if _, err := ParseKey(spki); err != nil {
		return nil, err
	}
	return spki, nil
}

// Check tests the shape of an answer, and that the key signed it. The error is ErrField, ErrKey
// or ErrSignature. It does not compare the answer with its request; flow/mobile does.
func (a Answer) Check(spki []byte) error {
	for _, f := range []struct{ name, value string }{
		{"transaction", a.Transaction}, {"application", a.Application}, {"user", a.User}, {"phone", a.Phone},
	} {
		if err := plain(f.name, f.value, 64); err != nil {
			return err
		}
	}
	switch {
	case a.Transaction == "" || a.Phone == "" || a.User == "":
		return fmt.Errorf("%w: transaction, user or phone is empty", ErrField)
	case a.Decision != Approve && a.Decision != Deny:
		return fmt.Errorf("%w: decision", ErrField)
	case a.Reason != NoReason && a.Reason != Mistake && a.Reason != Fraud:
		return fmt.Errorf("%w: reason", ErrField)
	case a.Decision == Approve && a.Reason != NoReason:
		return fmt.Errorf("%w: an approval has no reason", ErrField)
	case a.Decision == Deny && a.Number != "":
		return fmt.Errorf("%w: a denial has no number", ErrField)
	case len(a.Number) > 6 || strings.Trim(a.Number, "0123456789") != "":
		return fmt.Errorf("%w: number", ErrField)
	case a.Counter < 1 || a.Counter > maxSafe || a.Expires < 1 || a.Expires > maxSafe:
		return fmt.Errorf("%w: counter or expires", ErrField)
	}
	return Verify(spki, a.Text(), a.Signature)
}

// maxSafe is the largest integer that a JavaScript phone holds exactly.
const maxSafe = 1<<53 - 1

// Check tests the shape of a subscription. The error is ErrField. Which hosts an endpoint may name is the
// server's policy and not tested here (AC-043).
func (s Subscription) Check() error {
	switch s.Permission {
	case "granted", "denied", "default", "unsupported":
	default:
		return fmt.Errorf("%w: permission", ErrField)
	}
	if s.Endpoint == "" {
		if s.P256DH != "" || s.Auth != "" {
			return fmt.Errorf("%w: keys without an endpoint", ErrField)
		}
		return nil
	}
	if err := plain("endpoint", s.Endpoint, 2048); err != nil {
		return err
	}
	if !strings.HasPrefix(s.Endpoint, "https://") && !strings.HasPrefix(s.Endpoint, "http://") {
		return fmt.Errorf("%w: endpoint", ErrField)
	}
	if key, err := decode(s.P256DH); err != nil || len(key) != 65 || key[0] != 4 {
		return fmt.Errorf("%w: p256dh", ErrField)
	}
	if auth, err := decode(s.Auth); err != nil || len(auth) != 16 {
		return fmt.Errorf("%w: auth", ErrField)
	}
	return nil
}

// Check tests a new name: 1 to 256 bytes of printable text. The error is ErrField.
func (r Rename) Check() error {
	if strings.TrimSpace(r.Name) == "" {
		return fmt.Errorf("%w: name", ErrField)
	}
	return plain("name", r.Name, 256)
}

// Check tests the name of a device: 1 to 256 bytes of printable text. The error is ErrField.
func (r Report) Check() error {
	if strings.TrimSpace(r.Device) == "" {
		return fmt.Errorf("%w: device", ErrField)
	}
	return plain("device", r.Device, 256)
}

// plain accepts at most max bytes of UTF-8 without control characters, line separators and marks that change
// the direction of writing. name is the field, for the error.
func plain(name, value string, max int) error {
	if len(value) > max || !utf8.ValidString(value) {
		return fmt.Errorf("%w: %s", ErrField, name)
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("%w: %s", ErrField, name)
		}
	}
	return nil
}

// NormalizeCode tidies a code that was typed or pasted. A typed code has eight characters of Crockford's
// base32. Case, spaces and dashes do not matter in it; O counts as 0, I and L as 1. The result is its one
// spelling, without the dash. Any other code comes from a link and is only trimmed.
func NormalizeCode(code string) string {
	code = strings.TrimSpace(code)
	short := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\u2010' || r == '\u2011' || r == '\u2013' || r == '\u00a0':
			return -1
		case r == 'o' || r == 'O':
			return '0'
		case r == 'i' || r == 'I' || r == 'l' || r == 'L':
			return '1'
		}
		return unicode.ToUpper(r)
	}, code)
	if len(short) == 8 && strings.Trim(short, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == "" {
		return short
	}
	return code
}

// OneLine makes a foreign text safe to show on one line. Control characters, invisible marks and marks that
// change the direction of writing become spaces, and a run of spaces becomes one. A text of more than max
// characters is cut and ends with an ellipsis.
func OneLine(text string, max int) string {
	text = straight(text)
	if utf8.RuneCountInString(text) <= max {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:max-1])) + "…"
}

// BothEnds is OneLine for a text whose end matters as much as its start, such as a command. A text that is too
// long loses its middle, and an ellipsis stands there.
func BothEnds(text string, max int) string {
	text = straight(text)
	if utf8.RuneCountInString(text) <= max {
		return text
	}
	runes, half := []rune(text), (max-3)/2
	return strings.TrimSpace(string(runes[:max-3-half])) + " … " + strings.TrimSpace(string(runes[len(runes)-half:]))
}

// straight keeps the printable characters of a text and makes one space of everything between them.
func straight(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // tabs and line ends, invisible and direction marks, spaces of all widths
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}
