package phoneapp_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"rsc.io/qr"
)

var update = flag.Bool("update", false, "write test/qr.json anew")

// grid is a code for the tests of the app's reader. Each string is one row; # is black.
type grid struct {
	Text  string   `json:"text"`
	Level int      `json:"level"`
	Rows  []string `json:"rows"`
}

// The reader in assets/qr.js is tested with codes that the server's own writer makes.
func TestTheCodesOfTheReadersTestAreThoseTheServerDraws(t *testing.T) {
	var want []grid
	for _, text := range []string{"7KQM2XWN", "12345678901", "https://sign.example/a/hM3_Yx-0aVbQ2cD4eF6g8h",
		"https://countersign.example.org/a/hM3_Yx-0aVbQ2cD4eF6g8h", "Ünïcode 📱", strings.Repeat("long-text ", 11), strings.Repeat("0123456789abcdef", 8)} {
		for level := qr.L; level <= qr.H; level++ {
			code, err := qr.Encode(text, level)
			if err != nil {
				t.Fatal(err)
			}
			if code.Size > 57 {
				continue
			}
			g := grid{Text: text, Level: int(level)}
			for y := range code.Size {
				var row strings.Builder
				for x := range code.Size {
					if code.Black(x, y) {
						row.WriteByte('#')
					} else {
						row.WriteByte('.')
					}
				}
				g.Rows = append(g.Rows, row.String())
			}
			want = append(want, g)
		}
	}
	if *update {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("test/qr.json", append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("test/qr.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []grid
	if err := json.Unmarshal(raw, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("test/qr.json is not what the writer draws (%v)", err)
	}
}
