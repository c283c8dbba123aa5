package control_test

import (
	"testing"

	"countersign/internal/domain/phone"
	"countersign/internal/site/control"
)

func TestADeviceIsKnownByWhatItSaysOrByWhatThePersonSaid(t *testing.T) {
	for want, d := range map[string]phone.Phone{
		"tablet":   {Type: phone.Tablet, Platform: "Android", Model: "Pixel 8"},
		"computer": {Platform: "Linux"},
		"phone":    {Type: phone.Mobile, Platform: "Android", Model: "Pixel 8"},
	} {
		if got := control.Kind(d); got != want {
			t.Errorf("%+v is a %s", d, got)
		}
	}
	if control.Kind(phone.Phone{Model: "iPad"}) != "tablet" {
		t.Error("an iPad is no tablet")
	}
	for want, d := range map[string]phone.Phone{"Pixel 8 · Android": {Model: "Pixel 8", Platform: "Android"}, "iOS": {Model: "iOS", Platform: "iOS"}, "iPhone": {Model: "iPhone"}, "": {}} {
		if got := control.Model(d); got != want {
			t.Errorf("%+v is %q", d, got)
		}
	}
}

func TestAMailAddressIsShownSoThatOnlyItsOwnerKnowsIt(t *testing.T) {
	for address, want := range map[string]string{"ana@example.edu": "a…@example.edu", "äna@example.edu": "ä…@example.edu", "@example.edu": "…", "": "…", "a@b@c": "a…@c"} {
		if got := control.Masked(address); got != want {
			t.Errorf("%s is shown as %s", address, got)
		}
	}
}
