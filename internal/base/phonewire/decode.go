package phonewire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxBody is the largest body the server reads, in bytes.
const MaxBody = 16 << 10

// ErrBody reports JSON that is malformed, has an unknown or repeated field, or something after its end.
var ErrBody = errors.New("body is not the JSON object this call takes")

// Decode reads one JSON object into v. It refuses unknown fields, fields that repeat in any capitalization, and
// trailing data, so that no two readers understand a body differently. The error is ErrBody.
func Decode(body []byte, v any) error {
	if !utf8.Valid(body) {
		return ErrBody
	}
	if err := noRepeats(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %v", ErrBody, err)
	}
	return nil
}

// noRepeats walks one flat object. A nested value is an error too, because no request of the protocol has one.
func noRepeats(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ErrBody
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ErrBody
		}
		key := strings.ToLower(name.(string))
		if seen[key] {
			return fmt.Errorf("%w: a field stands twice", ErrBody)
		}
		seen[key] = true
		value, err := d.Token()
		if _, nested := value.(json.Delim); err != nil || nested {
			return ErrBody
		}
	}
	if _, err := d.Token(); err != nil {
		return ErrBody
	}
	if d.More() {
		return ErrBody
	}
	return nil
}
