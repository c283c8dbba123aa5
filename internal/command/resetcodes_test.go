package command

import (
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/phone"
)

// RULE-43
func TestTheHelpDeskSeesWhetherCodesAreTaken(t *testing.T) {
	app := phone.Phone{KeyID: "k", OTP: phone.OTP{Type: "hotp"}}
	for want, g := range map[string]account.Guesses{"on": {InARow: 49, Chance: 499_999}, "half_way": {InARow: 50},
		"off": {InARow: 100, Off: time.Unix(1, 0)}} {
		p := app
		p.Guesses = g
		if got := codesOf(p); got != want {
			t.Errorf("%+v is shown as %q, not %q", g, got, want)
		}
	}
	if got := codesOf(phone.Phone{KeyID: "k"}); got != "" {
		t.Errorf("an app without codes is shown as %q", got)
	}
	if got := (account.Guesses{Chance: 504_000}).Percent(); got != 50 {
		t.Errorf("half of the chance is shown as %d %%", got)
	}
	for _, key := range []string{"on", "half_way", "off"} {
		if label("codes."+key) == "command.label.codes."+key {
			t.Errorf("no word for %s", key)
		}
	}
}
