package application_test

import (
	"strings"
	"testing"

	"countersign/internal/domain/application"
)

func TestAHostNameIsCleanShortAndOneForAllSpellings(t *testing.T) {
	for told, want := range map[string]string{
		"Web1.Example.EDU.": "web1.example.edu", " web1 ": "web1", "": "", "10.0.0.5": "10.0.0.5", "fe80::1": "fe80::1", "a_b-c": "a_b-c",
		"\x1b[2J<b>ü\x00": "??2j?b???", strings.Repeat("A", 9000): strings.Repeat("a", 253), "\xff\xfe": "??",
	} {
		if got := application.CleanHost(told); got != want {
			t.Errorf("%q: %q, want %q", told, got, want)
		}
	}
}
