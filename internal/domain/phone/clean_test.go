package phone_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/domain/phone"
)

// D-27
func TestADeviceNameIsShortAndPlain(t *testing.T) {
	for typed, want := range map[string]string{
		"  Kitchen tablet ": "Kitchen tablet", "": "", " ": "", "Zoë's 👩‍💻": "Zoë's 👩‍💻", strings.Repeat("é", 50): strings.Repeat("é", 50),
	} {
		if got, err := phone.CleanName(typed); got != want || err != nil {
			t.Errorf("%q became %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{strings.Repeat("é", 51), "two\nlines", "a\x00b", "turned \u202e around", "no text \xff"} {
		if got, err := phone.CleanName(typed); !errors.Is(err, phone.ErrNameInvalid) {
			t.Errorf("%q became %q, %v", typed, got, err)
		}
	}
}
