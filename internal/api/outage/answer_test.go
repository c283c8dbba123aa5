package outage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// One place can answer 5xx; nothing else in the doors of signed requests names a status of that kind.
func TestOnlyAnOutageIs503(t *testing.T) {
	for _, folder := range []string{"attempt", "auth", "hosts", "menu", "outage", "reply", "signed", "unix"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if path == filepath.Join("..", "outage", "answer.go") {
				want = 1
			}
			named := 0
			for _, word := range []string{"StatusInternalServerError", "StatusBadGateway", "StatusServiceUnavailable", "StatusGatewayTimeout", "StatusNotImplemented", "Status: 5"} {
				named += strings.Count(string(text), word)
			}
			if given := strings.Count(string(text), "errUnavailable.With"); named != want || given != want {
				t.Errorf("%s names %d statuses of 5xx and gives one in %d places, want %d", path, named, given, want)
			}
		}
	}
}
