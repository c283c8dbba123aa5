package application_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/domain/application"
)

// People decide by this name on the prompt, on the phone and in mails: nothing in it may steer or hide what is around it.
func TestAnApplicationsNameShowsWhatItIs(t *testing.T) {
	for _, bad := range []string{"", " ", "Pay\u202eroll", "Pay\u2066roll", "Payroll\u200f", "Pay\u200broll", "Pay\u00adroll", "\ufeffPayroll", "\u3164", "Pay\u2028roll",
		"Pay\nroll", "Pay\x1broll", "Pay\u009broll", "Pay\ue000roll", "Pay\xffroll", strings.Repeat("é", 101)} {
		if got, err := application.CleanName(bad); !errors.Is(err, application.ErrNameInvalid) {
			t.Errorf("%q is taken as %q, %v", bad, got, err)
		}
	}
	for _, good := range []string{"Payroll", " Payroll of Northfield ", "می\u200cخواهم", "क्\u200dष", "👩\u200d💻 Desk", "❤\ufe0f", strings.Repeat("é", 100)} {
		if got, err := application.CleanName(good); err != nil || got != strings.TrimSpace(good) {
			t.Errorf("%q is taken as %q, %v", good, got, err)
		}
	}
}
