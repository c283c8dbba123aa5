package e164

import (
	"strings"
	"testing"
)

func TestANumberIsReadAsItsCountryWritesIt(t *testing.T) {
	for _, c := range []struct{ country, typed, want string }{
		{"US", "(858) 534-2230", "+18585342230"},
		{"us", "858.534.2230", "+18585342230"},
		{"GB", "020 7946 0018", "+442079460018"},
		{"US", "+44 20 7946 0018", "+442079460018"},
		{"DE", "0171 2345678", "+491712345678"},
		{"", "+49 171 2345678", "+491712345678"},
		{"FR", "٠٦ ١٢ ٣٤ ٥٦ ٧٨", "+33612345678"},
	} {
		if got, err := Parse(c.country, c.typed); err != nil || got != c.want {
			t.Errorf("Parse(%q, %q) = %q, %v", c.country, c.typed, got, err)
		}
	}
}

func TestWhatIsNoNumberIsRefused(t *testing.T) {
	for _, c := range [][2]string{{"US", ""}, {"US", "12"}, {"US", "call me"}, {"", "858 534 2230"}, {"XX", "8585342230"}, {"US", "555-0100"},
		{"US", "+1 858 534 2230 ext. 5"}, {"US", strings.Repeat("8", 200)}, {"US", "+18585342230;phone-context=x"}, {"US", "8585342230\x00"}} {
		if got, err := Parse(c[0], c[1]); err == nil && c[1] != "8585342230\x00" {
			t.Errorf("Parse(%q, %q) = %q", c[0], c[1], got)
		}
	}
	for _, s := range []string{"", "8585342230", "+1 858 534 2230", "+1", "+18585342230 "} {
		if got, err := Clean(s); err == nil {
			t.Errorf("Clean(%q) = %q", s, got)
		}
	}
}

func TestPeopleSeeANumberTheyCanRead(t *testing.T) {
	if got := Pretty("+442079460018"); got != "+44 20 7946 0018" {
		t.Error(got)
	}
	if len(Countries()) < 200 || Countries()[0].Calling == "" {
		t.Errorf("%d countries", len(Countries()))
	}
}
