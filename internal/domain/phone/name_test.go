package phone_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/internal/domain/phone"
)

func TestASecondPhoneOfTheSameNameGetsANumber(t *testing.T) {
	all := []phone.Phone{{ID: "1", Name: "My phone"}, {ID: "2", Name: "my phone 2"}, {ID: "3", Name: strings.Repeat("é", 50)}}
	for _, c := range []struct{ name, self, want string }{
		{"My phone", "", "My phone 3"},
		{"MY PHONE", "", "MY PHONE 3"},
		{"My phone", "1", "My phone"},
		{"My phone 2", "1", "My phone 2 2"},
		{"Pixel 8", "", "Pixel 8"},
	} {
		if got := phone.FreeName(c.name, all, c.self); got != c.want {
			t.Errorf("FreeName(%q, self %q) = %q, want %q", c.name, c.self, got, c.want)
		}
	}
	got := phone.FreeName(all[2].Name, all, "")
	if !strings.HasSuffix(got, " 2") || utf8.RuneCountInString(got) != 50 {
		t.Errorf("a full name became %q", got)
	}
	if _, err := phone.CleanName(got); err != nil {
		t.Errorf("%q: %v", got, err)
	}
}

func TestTwoPhonesNeverReadTheSameInAList(t *testing.T) {
	all := []phone.Phone{
		{ID: "1", Name: "My phone", Number: "+18585342230"}, {ID: "2", Name: "My phone", Number: "+18585342231"},
		{ID: "3", Name: "My phone", Model: "Pixel 8"}, {ID: "4", Name: "My phone", Model: "Pixel 8"}, {ID: "5", Name: "Tablet", Number: "+18585342230"},
	}
	labels := phone.Labels(all)
	for id, want := range map[string]string{"1": "My phone (…2230)", "2": "My phone (…2231)", "3": "My phone (Pixel 8)", "4": "My phone (2)", "5": "Tablet"} {
		if labels[id] != want {
			t.Errorf("phone %s is shown as %q, want %q", id, labels[id], want)
		}
	}
}
